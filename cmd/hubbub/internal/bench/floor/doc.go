// Package floor is the least that a server can do which still fans WebSocket
// messages out to rooms: one thread, epoll, no JSON, no log, no check of anything,
// the messages of a round gathered for each room, and one write a member and
// round. What it costs is the kernel's share: the floor under every hub on the
// machine. Linux only.
package floor
