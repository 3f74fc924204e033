// Package yjs reads, keeps and writes the documents of Yjs as bytes: updates of
// version 1 and 2, state vectors, delete sets, and the messages that carry them
// (y-protocols' sync and awareness, the frames of y-websocket and Hocuspocus).
//
// Its centre is Store, which holds a document without building it: it knows which
// inserts and deletes there are, but not in which order the inserts stand. That is
// enough to receive, merge, compare, compact and hand out updates, and it costs a
// small part of what an integrated document does.
//
// The package is pure, as room is: no goroutine, lock, clock or I/O. Whatever it is
// given to decode may be hostile. Counts and lengths are checked against the bytes
// that are there before anything is allocated for them.
package yjs
