package docs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/hub/internal/life"
	"github.com/hubbub-im/hubbub/room"
)

// Docs are the documents of an instance. Its methods may be called by any goroutine.
type Docs struct {
	// static after construction
	cfg      Config
	ctx      context.Context // ends when Docs are closed
	cancel   context.CancelFunc
	life     life.Group
	openings chan struct{} // a token for each document that is being read
	compacts chan struct{} // a token for each that is being compacted
	counter  counters
	leaving  atomic.Bool // documents are let go of as soon as nobody has them open

	mu     sync.Mutex // guards what follows; taken before a document's
	closed bool
	live   map[string]*liveDoc
}

// New starts Docs. Close ends them.
func New(cfg Config) *Docs {
	cfg.setDefaults()
	d := &Docs{
		cfg: cfg, live: make(map[string]*liveDoc),
		openings: make(chan struct{}, cfg.Openings), compacts: make(chan struct{}, cfg.Compactions),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.life.Start(d.keep)
	return d
}

// Close ends every seat and waits for the goroutines. It leaves Log, Blobs and Bus to
// whoever made them; what was queued for the log still goes there.
func (d *Docs) Close() {
	d.mu.Lock()
	d.closed = true
	live := d.live
	d.live = map[string]*liveDoc{}
	d.mu.Unlock()
	for _, l := range live {
		l.fail(errGoingDown)
		l.announceRest()
	}
	d.cancel()
	d.life.End()
	for _, l := range live {
		l.shut()
	}
}

var errGoingDown = room.Errorf(room.CodeUnavailable, "the hub is going down")

// pause waits, or less where Docs are closed meanwhile.
func (d *Docs) pause(t time.Duration) {
	if t <= 0 {
		return
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.ctx.Done():
	}
}

// of gives the document of a name, opening it if it is not at hand. It waits until it
// is open, or ctx ends.
func (d *Docs) of(ctx context.Context, name string) (*liveDoc, error) {
	l, err := d.find(name)
	if err != nil {
		return nil, err
	}
	select {
	case <-l.opened:
		return l, l.broken()
	case <-ctx.Done():
		return nil, room.Errorf(room.CodeUnavailable, "the document could not be opened in time; try again")
	}
}

func (d *Docs) find(name string) (*liveDoc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errGoingDown
	}
	l := d.live[name]
	if l == nil {
		l = newLiveDoc(d, name)
		if !d.life.Start(l.open) {
			return nil, errGoingDown
		}
		d.live[name] = l
	}
	return l, nil
}

// drop takes a document out of the registry, if it still is the one there.
func (d *Docs) drop(l *liveDoc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[l.name] == l {
		delete(d.live, l.name)
	}
}

func (d *Docs) all() []*liveDoc {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*liveDoc, 0, len(d.live))
	for _, l := range d.live {
		all = append(all, l)
	}
	return all
}

// cannot turns an error of the log into what a caller is told, with the engine's own
// reason if it has one.
func (d *Docs) cannot(err error) *room.Error {
	if e, ok := errors.AsType[*room.Error](err); ok {
		return e
	}
	if reason := d.cfg.Log.Health(); reason != nil {
		return room.Errorf(room.CodeUnavailable, "the log cannot store or give documents now: %v; try again", reason)
	}
	return room.Errorf(room.CodeUnavailable, "the log cannot store or give this document now: %v; try again", err)
}

type counters struct {
	edits, refused, compactions, stale, broken, resets atomic.Uint64
}

// Stats is a moment's view of the documents, for metrics.
type Stats struct {
	Documents, Peers int

	Edits       uint64 // updates that brought something new, from editors of this instance
	Refused     uint64 // updates that were refused
	Compactions uint64
	Broken      uint64 // stored records that could not be taken in
	Resets      uint64 // documents whose editors were sent away because storing failed
}

// Stats counts.
func (d *Docs) Stats() Stats {
	st := Stats{
		Edits: d.counter.edits.Load(), Refused: d.counter.refused.Load(), Compactions: d.counter.compactions.Load(),
		Broken: d.counter.broken.Load(), Resets: d.counter.resets.Load(),
	}
	for _, l := range d.all() {
		st.Documents++
		l.mu.Lock()
		st.Peers += len(l.seats)
		l.mu.Unlock()
	}
	return st
}

// Health is nil while documents can be stored, else the reason why not.
func (d *Docs) Health() error { return d.cfg.Log.Health() }

// Limits are the bounds that documents and their editors are held to.
func (d *Docs) Limits() Limits { return d.cfg.Limits }
