package docs

import "github.com/hubbub-im/hubbub/room"

// Peer is how somebody who has a document open is reached; each edge brings its own.
// Its methods are called by any goroutine and must not block. Only Lost may close the
// seat.
type Peer interface {
	// Dialect is the form in which the peer is told of things.
	Dialect() Dialect
	// Deliver takes frames in that form. What the peer keeps of them it copies: their
	// memory is used again. A peer that lags too far behind sees to its own end.
	Deliver(f Frames)
	// Lost says, once, that the peer's seat is no more, and why. An error that may be
	// retried means: open it again later.
	Lost(why *room.Error)
}

// Dialect turns what happens in a document into frames. Dialects are compared with ==:
// peers who share one are given the same bytes.
type Dialect interface {
	// Append encodes m as a frame that is ready for the wire. It appends nothing where
	// the dialect has no word for it.
	Append(dst []byte, m *Message) []byte
}

// MessageKind says what a Message brings.
type MessageKind uint8

// The kinds of messages.
const (
	// MessageUpdate: Data is an update of version 1.
	MessageUpdate MessageKind = iota + 1
	// MessageAwareness: Data is an awareness update.
	MessageAwareness
	// MessageStateless: Data is a text of the application's.
	MessageStateless
	// MessageNotes: versions or comments have changed.
	MessageNotes
)

// Message is one thing that peers are told.
type Message struct {
	Kind MessageKind
	Doc  string
	Data []byte

	from *Seat  // who is not told, or nil
	key  string // of several with the same one a peer that lags needs only the last
}

// Frames are what one peer is given in one go.
type Frames struct {
	buf  []byte
	ends []int
	keys []string
}

// Len is the number of frames.
func (f Frames) Len() int { return len(f.ends) }

// Bytes gives the frames from number from on.
func (f Frames) Bytes(from int) []byte { return f.buf[f.start(from):] }

// Frame gives frame i, and its key: of several frames with the same key, which is not
// "", a peer that lags may be given only the last.
func (f Frames) Frame(i int) (data []byte, key string) {
	return f.buf[f.start(i):f.ends[i]], f.keys[i]
}

func (f Frames) start(i int) int {
	if i == 0 {
		return 0
	}
	return f.ends[i-1]
}

func (f *Frames) add(frame []byte, key string) {
	f.buf = append(f.buf, frame...)
	f.end(key)
}

// end notes that a frame was appended to buf.
func (f *Frames) end(key string) {
	f.ends, f.keys = append(f.ends, len(f.buf)), append(f.keys, key)
}
