package hub

import (
	"context"
	"errors"
)

// DocLog is the durable record of documents: a Log in which each document is what a
// room is to a Log of rooms, and whose past may be replaced by what it comes to.
// Its entries live in streams apart from the rooms'.
//
// A document is named "room/title", the room being all before the last slash, or
// "room" alone; see room.DocRoom. What was replaced or erased shows in no Floor, and
// in no Prev as a hole.
//
// Two forms exist, as of Log: Memory, and the one of hub/bridge.
// hubtest.TestDocLog is the contract as a test.
type DocLog interface {
	Log

	// Swap stores data as the document's next entry if its last one still is at
	// last, 0 being a document that has none; else it fails with ErrStale and nothing
	// is stored. With replace, all entries before it are gone once it is stored: a
	// reader finds it, with or without some that it replaces. It does not wait for
	// appends of the same document that are under way, which may make it stale. After
	// ErrUnavailable it may still have been stored.
	Swap(ctx context.Context, doc string, last uint64, data []byte, replace bool) (Position, error)

	// List gives the names of a room's documents that have entries, in no order.
	List(ctx context.Context, room string) ([]string, error)

	// Count is how many entries a document has, whether they can be read or not: an
	// engine may pass over one whose bytes are damaged as if it had never been.
	Count(ctx context.Context, doc string) (int, error)

	// Erase removes the document's entries up to a sequence, bytes and all.
	Erase(ctx context.Context, doc string, upTo uint64) error
}

// Blobs keeps what is too large for an entry of a DocLog. It is as durable as that.
// What is stored under a name is never changed.
type Blobs interface {
	// Put stores data; it is safe when Put returns.
	Put(ctx context.Context, name string, data []byte) error
	// Get gives what was stored, whole and unchanged, or ErrNoBlob.
	Get(ctx context.Context, name string) ([]byte, error)
	// Delete removes it. That it is not there is no error.
	Delete(ctx context.Context, name string) error
}

var (
	// ErrStale: the document has other entries than whoever swapped one knew of.
	ErrStale = errors.New("the document has changed meanwhile")
	// ErrNoBlob: nothing is stored under that name.
	ErrNoBlob = errors.New("there is no such blob")
)

// MaxRecord is the largest Data of a Record that every Log takes, in bytes.
const MaxRecord = 512 << 10
