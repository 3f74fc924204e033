// Package client is the Go SDK: a connection to a hub that heals itself, rooms
// that resume exactly, and an outbox that stores each message once.
//
//	c, err := client.Dial(ctx, client.Options{URL: "ws://127.0.0.1:8080"})
//	...
//	lobby := c.Room("lobby")
//	err = lobby.Join(ctx, client.Newest(20))
//	for event, err := range lobby.Events(ctx) { ... }
//	ack, err := lobby.Send(ctx, client.Text("hi"))
//
// # What it promises
//
// A joined room gives its events strictly in order and each one once, through any
// number of disconnects. Where exactly the rest cannot be given, a *Gap stands in
// the stream before the hole could be seen. Nothing is read ahead of a slow reader
// beyond a bound: a room that is not read falls behind and catches up later, and
// hurts neither other rooms nor the publishing.
//
// What is sent stays in the outbox until the hub has answered, in order for each
// room. After a disconnect it is sent again only when the room was read up to its
// end and the message was not met there, so that there is never a second copy,
// however long the disconnect took. Where that cannot be known, the answer is
// ErrUnknownOutcome.
//
// # Who owns which goroutine
//
// A Client runs one goroutine that keeps it connected. Each connection has a
// reader, a writer and a keeper; the reader alone hands frames to rooms, which is
// what keeps them in order, and it never waits. A joined room has one goroutine
// that asks for the next part of it, a room whose outbox holds something has one that
// sends it, and an open document has one that opens it on each connection. Close ends
// all of them and waits.
package client
