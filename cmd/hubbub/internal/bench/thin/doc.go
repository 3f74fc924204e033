// Package thin is a WebSocket client for tens of thousands of connections on one
// thread, so that measuring costs less than what is measured: raw non-blocking
// sockets, epoll, one read buffer for all of them, and for each connection nothing
// that it does not need just then.
//
//	Loop.Dial ──connect, HTTP upgrade──▶ Handler.Opened
//	epoll ──read──▶ Frames.Next ──▶ Handler.Message     Conn.Send ──▶ one write a round
//	                                Handler.Closed, once
//
// Everything happens on the goroutine that is in Loop.Run; nothing here may be
// called from another while it runs. Linux only.
package thin
