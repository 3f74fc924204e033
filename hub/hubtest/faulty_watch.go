package hubtest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// recentEntries is how many entries can be brought once more.
const recentEntries = 8

// faultyWatch stands between the wrapped Log and a watcher.
type faultyWatch struct {
	faulty *Faulty
	to     hub.Watcher

	mu      sync.Mutex // guards what follows
	dice    *rand.Rand
	queue   []delivery // waits, in order
	running bool       // a goroutine delivers the queue
	recent  []hub.Entry
	off     bool
}

// delivery is one call of a watcher's method.
type delivery struct {
	delay   time.Duration
	entry   hub.Entry
	suspect bool
}

// Watch puts the faults between the wrapped Log and w; see hub.Log.
func (f *Faulty) Watch(room string, w hub.Watcher) (stop func(), err error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, hub.ErrClosed
	}
	r := f.room(room)
	r.watches++
	watch := &faultyWatch{faulty: f, to: w, dice: newDice(f.seed, fmt.Sprint("watch", r.watches), room)}
	f.mu.Unlock()
	inner, err := f.log.Watch(room, watch)
	if err != nil {
		return nil, err
	}
	return func() {
		inner()
		watch.mu.Lock()
		defer watch.mu.Unlock()
		watch.off, watch.queue = true, nil
	}, nil
}

// Entry decides what becomes of an entry.
func (w *faultyWatch) Entry(e hub.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.faulty
	if f.hit(w.dice, Scare) {
		w.put(delivery{suspect: true})
	}
	if f.hit(w.dice, Gap) {
		w.confess(time.Duration(w.dice.Int64N(int64(f.plan.Silence))))
		return
	}
	d := delivery{entry: e}
	if f.hit(w.dice, Late) {
		d.delay = f.some(w.dice)
	}
	w.put(d)
	if w.recent = append(w.recent, e); len(w.recent) > recentEntries {
		w.recent = w.recent[1:]
	}
	if f.hit(w.dice, Duplicate) {
		w.put(delivery{entry: w.recent[w.dice.IntN(len(w.recent))]})
	}
}

// Flush is the deliverer's to call: what comes in one go is what it has at hand.
func (w *faultyWatch) Flush() {}

// Suspect passes it on.
func (w *faultyWatch) Suspect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(delivery{suspect: true})
}

// confess tells the watcher, some time later, that it has missed something. mu is
// held.
func (w *faultyWatch) confess(after time.Duration) {
	w.faulty.start(func() {
		w.faulty.pause(after)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.put(delivery{suspect: true})
	})
}

// put leaves a call to the goroutine that delivers. mu is held.
func (w *faultyWatch) put(d delivery) {
	if w.off {
		return
	}
	w.queue = append(w.queue, d)
	if !w.running {
		w.running = w.faulty.start(w.deliver)
	}
}

// start runs a goroutine that Close waits for, unless the Log is closed.
func (f *Faulty) start(do func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.tasks.Go(do)
	return true
}

// deliver calls the watcher until nothing waits, and flushes before it pauses.
func (w *faultyWatch) deliver() {
	brought := false // since the last flush
	for {
		w.mu.Lock()
		if len(w.queue) == 0 && !brought {
			w.running = false
			w.mu.Unlock()
			return
		}
		if len(w.queue) == 0 || w.queue[0].delay > 0 && brought {
			w.mu.Unlock()
			w.to.Flush()
			brought = false
			continue
		}
		d := w.queue[0]
		w.queue = w.queue[1:]
		w.mu.Unlock()
		w.faulty.pause(d.delay)
		w.mu.Lock()
		off := w.off
		w.mu.Unlock()
		switch {
		case off:
		case d.suspect:
			w.to.Suspect()
		default:
			w.to.Entry(d.entry)
			brought = true
		}
	}
}
