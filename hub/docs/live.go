package docs

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
)

// liveDoc is a document that somebody has open on this instance.
type liveDoc struct {
	// static after construction
	docs   *Docs
	name   string
	opened chan struct{} // closed when it is open, or could not be opened
	origin document.Origin

	mu      sync.Mutex // guards what follows
	state   *document.State
	at      hub.Position // the newest record that is in state
	acked   uint64       // the newest record of this instance that the log has
	ready   bool         // it was opened
	lost    *room.Error  // why it is no more; nil: it is
	blobs   []string     // where the last snapshot and the records behind it are kept, if not in the log
	seats   []*Seat      // never changed in place
	empty   time.Time    // since when there is no seat
	tried   bool         // to compact it before it is let go of
	flow    flow
	queue   queue
	catchUp catchUp
	aware   awareness
	news    news
	version versioned
	moved   chan struct{} // closed when at has changed, if somebody waits for that
	born    time.Time
	stop    []func() // end the subscriptions
}

func newLiveDoc(d *Docs, name string) *liveDoc {
	l := &liveDoc{
		docs: d, name: name, opened: make(chan struct{}), empty: time.Now(), born: time.Now(),
		state: document.New(d.cfg.Limits.yjs()),
	}
	_, _ = rand.Read(l.origin[:]) // it never fails
	l.catchUp.running = true      // until it is open
	return l
}

// broken is why the document is no more, or nil.
func (l *liveDoc) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	return nil
}

// fail ends the document on this instance: what it had not stored is refused, its
// peers are told, and whoever opens it again has it read from the log. Editors keep
// what they have written, and bring it again.
func (l *liveDoc) fail(why *room.Error) {
	l.docs.drop(l)
	l.mu.Lock()
	if l.lost != nil {
		l.mu.Unlock()
		return
	}
	l.lost = why
	l.hasMoved()
	seats := l.seats
	l.seats = nil
	waiting := l.queue.abandon()
	l.mu.Unlock()
	for _, p := range waiting {
		p.tell(why)
	}
	for _, s := range seats {
		s.lose(why)
	}
	l.docs.life.Start(l.shut) // else Close does
}

// shut ends the subscriptions of a document that is no longer in the registry.
func (l *liveDoc) shut() {
	<-l.opened
	l.mu.Lock()
	stop := l.stop
	l.stop = nil
	l.mu.Unlock()
	for _, s := range stop {
		s()
	}
}

// idle reports whether the document may be let go of, and if so bars it from new
// seats.
func (l *liveDoc) idle(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return true
	}
	busy := len(l.seats) > 0 || l.queue.busy || l.catchUp.running || l.flow.running || l.news.due()
	if busy || !l.docs.leaving.Load() && now.Sub(l.empty) < l.docs.cfg.EmptyLinger {
		return false
	}
	l.lost = errLetGo
	return true
}

// errLetGo ends a document that nobody has open. Whoever comes at that moment tries
// again.
var errLetGo = room.Errorf(room.CodeUnavailable, "the document was being let go of; try again")

// seat adds a peer.
func (l *liveDoc) seat(s *Seat) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.lost != nil:
		return l.lost
	case l.state.Gone != nil && s.peer != nil:
		return goneError(l.state.Gone)
	case len(l.seats) >= l.docs.cfg.Limits.Peers:
		return room.Errorf(room.CodeLimitReached, "%d have this document open, which is the limit", len(l.seats))
	}
	l.seats, l.tried = append(slices.Clone(l.seats), s), false
	return nil
}

func goneError(d *document.Deleted) *room.Error {
	return room.Errorf(room.CodeNotFound, "the document was deleted at %s; make a new one with POST /api/docs, and drop the copy", d.At.UTC().Format(time.RFC3339))
}

func (l *liveDoc) unseat(s *Seat) {
	l.mu.Lock()
	l.seats = slices.DeleteFunc(slices.Clone(l.seats), func(o *Seat) bool { return o == s })
	if len(l.seats) == 0 {
		l.empty = time.Now()
	}
	l.leaveAwareness(s)
	l.mu.Unlock()
	l.flush()
}
