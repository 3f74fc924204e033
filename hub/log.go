package hub

import (
	"context"
	"errors"
	"time"
)

// Log is the durable, ordered record of every room. It is the order: nothing
// durable reaches a member before the Log has given it a sequence number.
//
// Two forms exist: Memory in this package, and the one on JetStream in
// hub/bridge. hubtest.TestLog is the contract as a test; both pass it.
type Log interface {
	// Append stores records of one room, in their order and next to one another
	// as seen by that room, and calls done once when each is as safe as the
	// Log's ack level says, or has failed. Appends to one room by one goroutine
	// are stored in the order of the calls, as long as none fails.
	//
	// Append does not wait for storage. It returns an error, and never calls
	// done, if the append cannot be queued (ErrBusy, ErrClosed). done runs on a
	// goroutine of the Log and must not block.
	//
	// A record whose ID was stored before in the same room, within the Log's
	// dedup window, is not stored again: its Ack is the first one's, with
	// Duplicate set. After ErrUnavailable a record may still have been stored:
	// repeat it with the same ID to find out.
	Append(room string, records []Record, done func([]Ack)) error

	// Watch begins to deliver the room's new entries to w, until stop is called.
	// An entry that is stored after Watch has returned is delivered, or the loss
	// shows: by the Prev of a later entry, or by a call of w.Suspect. stop
	// returns at once; a call to w that is under way may still finish.
	Watch(room string, w Watcher) (stop func(), err error)

	// Tail gives the position of the room's last entry, or sequence 0 for a room
	// that has none, with the epoch that the sequence belongs to.
	Tail(ctx context.Context, room string) (Position, error)

	// Tails is Tail for many rooms in one go; an answer for each, in order.
	Tails(ctx context.Context, rooms []string) ([]Position, error)

	// Read gives a page of stored entries in ascending order.
	Read(ctx context.Context, room string, r Range) (Page, error)

	// Stored gives when an entry was stored, by the log's own clock, or the zero time
	// if the room has none with this sequence.
	Stored(ctx context.Context, room string, seq uint64) (time.Time, error)

	// Health is nil while the Log can store; else it is the reason why not, fit
	// to be shown to the operator and, as text, to publishers. It does no I/O.
	Health() error

	// Close stops accepting, waits until ctx ends for what is under way, and
	// lets go of everything.
	Close(ctx context.Context) error
}

// Record is one thing to store.
type Record struct {
	ID   string // dedup id, at most 128 bytes; its scope is the room. Empty: none.
	Data []byte // must not be changed after Append
}

// Ack is the answer to one record.
type Ack struct {
	Position
	Duplicate bool  // stored before; Position is the first one's
	Err       error // nil, or why it is not acknowledged: wraps one of the errors below
}

// Position is a place in a room's order. Sequences are comparable within one
// epoch only. They ascend within a room, and are not contiguous.
type Position struct {
	Epoch string
	Seq   uint64
}

// Entry is one stored record, with its place.
type Entry struct {
	Seq  uint64
	Prev uint64 // the sequence before it in this room, as the Log knew it when it was stored
	Data []byte // must not be changed
}

// Range says which entries of a room to read.
type Range struct {
	After  uint64 // only entries with a higher sequence
	Before uint64 // only entries with a lower sequence; 0: no bound
	Limit  int    // at most so many, 1 to MaxPage
	Newest bool   // of those in the range the newest ones, else the oldest
}

// MaxPage is the largest Limit of a Range.
const MaxPage = 1000

// MaxPageBytes bounds what one Page may carry in Data; a page that reaches it is
// cut there, at the end away from where reading began, and says More.
const MaxPageBytes = 4 << 20

// Page is the answer to Read.
type Page struct {
	Entries []Entry // ascending; Prev is 0 where the Log does not know it
	Epoch   string
	More    bool   // the range holds further entries beyond the Limit
	Floor   uint64 // entries at or below it may have been trimmed; 0: none were
}

// Watcher receives a room's new entries. Its methods are called by one goroutine
// at a time for a room, must not block, and must not call the Log.
type Watcher interface {
	// Entry brings the next entry. It can be one that was seen, and it can leave
	// a hole: the receiver compares Prev with the last sequence that it has seen,
	// and only Prev above that one is a hole.
	Entry(e Entry)
	// Flush says that the entries brought since the last Flush are all that the Log
	// has at hand: what it delivers in one go is to be one round. Each Entry is
	// followed by a Flush before the Log waits for more, whatever else it does.
	Flush()
	// Suspect says that entries may have been missed (the connection was lost,
	// the receiver was too slow, the log has a new leader or a new epoch): the
	// receiver compares its last sequence with Tail.
	Suspect()
}

// The errors of a Log. What it returns wraps one of them.
var (
	// ErrUnavailable: the log cannot do it now, or gave no answer in time.
	ErrUnavailable = errors.New("the log is unavailable")
	// ErrBusy: too much is queued already.
	ErrBusy = errors.New("the log is busy")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrTooLarge: a record is larger than the log takes.
	ErrTooLarge = errors.New("the record is too large for the log")
)

// Bus carries what is not kept: typing, broadcasts, presence. It delivers at most
// once, to whoever is subscribed at that moment, this instance included.
type Bus interface {
	// Publish sends data to all subscribers of the room, on every instance.
	Publish(room string, data []byte) error
	// Subscribe calls fn, one call at a time for a room, until stop is called.
	// fn must not block, and must not change data.
	Subscribe(room string, fn func(data []byte)) (stop func(), err error)
}
