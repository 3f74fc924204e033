package hub

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// Round is what a room brings to its members in one go: frames that were encoded
// once, next to one another in the same memory for everybody.
type Round struct {
	room  string
	first uint64 // the number of its first frame among all that the room has had
	buf   []byte // the frames as Codec.Append made them
	marks []mark // one for each frame

	events int  // how many of the frames are events
	span   span // which those are
	early  int  // members who were given it ahead of the others; guarded by the room's mu
	codec  Codec

	waiting atomic.Int32 // members for whom it waits behind what they have not taken

	mu      sync.Mutex // guards what follows
	kept    []byte     // a copy of buf that stays, once somebody has asked for it
	small   []byte     // the frames compressed, once somebody has asked for them
	smalled []int      // where each of those ends
}

// span is a row of a room's events in one epoch: those from first to last, of the
// sequences between which others may be other rooms'.
type span struct {
	epoch       string
	first, last uint64
}

// mark says what is known of one frame. It begins where the one before it ends.
type mark struct {
	message, end int
	at           Position
	key          string
}

// Frame is one message on its way to a peer. The same bytes go to every member, so
// nobody may change them.
type Frame struct {
	Data []byte   // the message, without what frames it on the wire
	Room string   // the room that the frame moves, or ""
	At   Position // where the room stands after it; Seq 0: it does not move
}

// keptRound is the most memory, in bytes, that a round keeps for the next one.
const keptRound = 64 << 10

var rounds = sync.Pool{New: func() any { return new(Round) }}

// newRound gives an empty round.
func newRound(room string, first uint64) *Round {
	r := rounds.Get().(*Round)
	r.room, r.first = room, first
	return r
}

// free lets the round's memory be used again. Nobody may hold any of it.
func (r *Round) free() {
	clear(r.marks) // of the strings that it refers to
	r.buf, r.marks, r.events, r.kept = r.buf[:0], r.marks[:0], 0, nil
	r.small, r.smalled, r.codec = r.small[:0], r.smalled[:0], nil
	r.span, r.early = span{}, 0
	r.waiting.Store(0)
	if cap(r.buf)+cap(r.small) <= keptRound {
		rounds.Put(r)
	}
}

// add encodes a push and appends it.
func (r *Round) add(c Codec, p Push, at Position, key string) {
	buf, message := c.Append(r.buf, p)
	r.buf, r.kept, r.codec = buf, nil, c
	r.smalled = r.smalled[:0]
	r.marks = append(r.marks, mark{message: message, end: len(buf), at: at, key: key})
	if e, event := p.(EventPush); event {
		r.events++
		r.span.add(Position{Epoch: at.Epoch, Seq: e.Seq})
	}
}

// add takes the next event. Where an epoch begins, those before it are left out.
func (s *span) add(at Position) {
	if s.first == 0 || s.epoch != at.Epoch {
		s.epoch, s.first = at.Epoch, at.Seq
	}
	s.last = at.Seq
}

// has reports whether an event is among them.
func (s *span) has(at Position) bool {
	return s.epoch == at.Epoch && s.first <= at.Seq && at.Seq <= s.last
}

// Waits says that the frames wait for a member, behind what it has not taken. An outlet
// calls it from Deliver, for the operator to see who lagged.
func (r *Round) Waits() { r.waiting.Add(1) }

// Len is the number of frames.
func (r *Round) Len() int { return len(r.marks) }

// Bytes gives the frames from number from on, ready for the wire. It may be used
// until Deliver returns.
func (r *Round) Bytes(from int) []byte { return r.buf[r.start(from):] }

// Frame gives frame i, ready for the wire, and its key: of several frames with the
// same key, which is not "", a peer that lags may be given only the last. It may be
// used until Deliver returns.
func (r *Round) Frame(i int) (data []byte, key string) {
	return r.buf[r.start(i):r.marks[i].end], r.marks[i].key
}

// Compressed is Bytes for peers who take compression. It is made once, for all of
// them.
func (r *Round) Compressed(from int) []byte {
	small, ends := r.compress()
	if from == 0 {
		return small
	}
	return small[ends[from-1]:]
}

// CompressedFrame is Frame for peers who take compression.
func (r *Round) CompressedFrame(i int) (data []byte, key string) {
	small, ends := r.compress()
	start := 0
	if i > 0 {
		start = ends[i-1]
	}
	return small[start:ends[i]], r.marks[i].key
}

func (r *Round) compress() (frames []byte, ends []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.smalled) == len(r.marks) {
		return r.small, r.smalled
	}
	r.small, r.smalled = r.small[:0], r.smalled[:0]
	for i, m := range r.marks {
		start := r.start(i)
		r.small = r.codec.Compress(r.small, r.buf[start:m.end], m.message-start)
		r.smalled = append(r.smalled, len(r.small))
	}
	return r.small, r.smalled
}

// Kept gives the message of frame i, to be kept. Everybody who asks shares one copy
// of the round.
func (r *Round) Kept(i int) Frame {
	r.mu.Lock()
	if r.kept == nil {
		r.kept = bytes.Clone(r.buf)
	}
	kept := r.kept
	r.mu.Unlock()
	m := r.marks[i]
	f := Frame{Data: kept[m.message:m.end:m.end], At: m.at}
	if m.at != (Position{}) {
		f.Room = r.room
	}
	return f
}

func (r *Round) start(i int) int {
	if i == 0 {
		return 0
	}
	return r.marks[i-1].end
}
