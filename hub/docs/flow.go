package docs

import (
	"sync"
	"time"
)

const (
	// inlinePeers is up to how many peers are told by whoever has brought an edit.
	// Beyond it a goroutine of the document's own tells them, so that the editor's
	// connection is not held up.
	inlinePeers = 64
	// longestRest bounds how long that goroutine lets messages gather between two
	// rounds: half as long as the round has taken. What has gathered is one write to
	// each peer.
	longestRest = 5 * time.Millisecond
	// keptRound is the most memory, in bytes, that a round keeps for the next one.
	keptRound = 64 << 10
)

// flow is what a document has still to bring to its peers.
type flow struct {
	next    []Message
	running bool // somebody flushes, and will take what gathers meanwhile
}

// round is a row of messages on its way to the peers, in as many forms as they have.
type round struct {
	messages []Message
	forms    map[Dialect]*Frames
	own      Frames // for peers who are not told all of it
}

var rounds = sync.Pool{New: func() any { return &round{forms: make(map[Dialect]*Frames)} }}

// tell queues a message for the peers. It goes out with the next flush. mu is held.
func (l *liveDoc) tell(m Message) {
	if len(l.seats) > 0 {
		m.Doc = l.name
		l.flow.next = append(l.flow.next, m)
	}
}

// flush brings to the peers what was queued, or sees to it that somebody does. It must
// not be called with mu held.
func (l *liveDoc) flush() {
	l.mu.Lock()
	if l.flow.running || len(l.flow.next) == 0 {
		l.mu.Unlock()
		return
	}
	l.flow.running = true
	large := len(l.seats) > inlinePeers
	l.mu.Unlock()
	if !large || !l.docs.life.Start(l.flushLarge) {
		for l.flushRound() {
		}
	}
}

func (l *liveDoc) flushLarge() {
	for {
		begun := time.Now()
		if !l.flushRound() {
			return
		}
		l.docs.pause(min(time.Since(begun)/2, longestRest))
	}
}

// flushRound brings what has gathered. If that is nothing, it is false, and somebody
// else may flush.
func (l *liveDoc) flushRound() bool {
	l.mu.Lock()
	if len(l.flow.next) == 0 {
		l.flow.running = false
		l.mu.Unlock()
		return false
	}
	r := rounds.Get().(*round)
	r.messages, l.flow.next = append(r.messages, l.flow.next...), l.flow.next[:0]
	seats := l.seats // never changed in place
	l.mu.Unlock()
	for _, s := range seats {
		s.take(r)
	}
	r.free()
	return true
}

// frames gives what one peer is told.
func (r *round) frames(s *Seat) Frames {
	dialect := s.peer.Dialect()
	all := r.forms[dialect]
	if all == nil {
		all = new(Frames)
		r.forms[dialect] = all
		for i := range r.messages {
			m := &r.messages[i]
			all.buf = dialect.Append(all.buf, m)
			all.end(m.key)
		}
	}
	for i := range r.messages {
		if r.messages[i].from == s {
			return r.others(all, s)
		}
	}
	return *all
}

// others gives the frames but those of the peer's own messages.
func (r *round) others(all *Frames, s *Seat) Frames {
	r.own = Frames{r.own.buf[:0], r.own.ends[:0], r.own.keys[:0]}
	for i := range r.messages {
		if r.messages[i].from != s {
			frame, key := all.Frame(i)
			r.own.add(frame, key)
		}
	}
	return r.own
}

// free lets the round's memory be used again.
func (r *round) free() {
	size := cap(r.own.buf)
	for _, f := range r.forms {
		size += cap(f.buf)
	}
	clear(r.messages) // of what it refers to
	clear(r.forms)
	r.messages = r.messages[:0]
	if size <= keptRound {
		rounds.Put(r)
	}
}
