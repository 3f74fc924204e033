package hub

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Memory is a Log that keeps everything in memory and loses it with the process.
// It is for tests and for hubs that need no history.
type Memory struct {
	opts MemoryOptions // static after construction
	done chan struct{} // closed when run has ended
	wake chan struct{} // holds one token while there is something to do

	mu     sync.Mutex // guards what follows
	epoch  string
	seq    uint64
	rooms  map[string]*memoryRoom
	ids    []memoryID // by age; what dedup knows
	todo   []func()   // waits for run
	closed bool

	touched []*memoryWatch // were brought entries and no Flush; owned by run
}

// MemoryOptions bound a Memory. Each has a default.
type MemoryOptions struct {
	Window    time.Duration // how long an id is known; 2 min
	Queue     int           // appends that may wait; 10,000
	MaxRecord int           // bytes of one record; 1 MiB
	Keep      int           // entries kept in each room, the newest; 0: all
}

// memoryID is an id that was stored in a room, and when it is forgotten.
type memoryID struct {
	room, id string
	until    time.Time
}

// NewMemory makes an empty Log with the default bounds. Close ends its goroutine.
func NewMemory() *Memory { return NewMemoryWith(MemoryOptions{}) }

// NewMemoryWith makes an empty Log. Close ends its goroutine.
func NewMemoryWith(opts MemoryOptions) *Memory {
	if opts.Window <= 0 {
		opts.Window = 2 * time.Minute
	}
	if opts.Queue <= 0 {
		opts.Queue = 10_000
	}
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = 1 << 20
	}
	m := &Memory{
		opts: opts, done: make(chan struct{}), wake: make(chan struct{}, 1),
		epoch: uuid.NewString(), rooms: make(map[string]*memoryRoom),
	}
	go m.run()
	return m
}

// run does, one after the other, what is queued. It alone calls watchers and the
// done functions of appends, and holds no lock when it does.
func (m *Memory) run() {
	defer close(m.done)
	for range m.wake {
		m.mu.Lock()
		todo, closed := m.todo, m.closed
		m.todo = nil
		m.mu.Unlock()
		for _, do := range todo {
			do()
		}
		m.flush()
		if closed {
			return
		}
	}
}

// queue leaves something to run. mu is held.
func (m *Memory) queue(do func()) {
	m.todo = append(m.todo, do)
	m.signal()
}

func (m *Memory) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Append queues the records; run stores them. See Log.
func (m *Memory) Append(room string, records []Record, done func([]Ack)) error {
	for _, rec := range records {
		if len(rec.Data) > m.opts.MaxRecord {
			return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(rec.Data), m.opts.MaxRecord)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case len(m.todo) >= m.opts.Queue:
		return fmt.Errorf("%w: %d appends wait already", ErrBusy, len(m.todo))
	}
	m.queue(func() { m.store(room, records, done) })
	return nil
}

// store gives the records their places and tells everybody.
func (m *Memory) store(name string, records []Record, done func([]Ack)) {
	m.mu.Lock()
	r := m.room(name)
	now := time.Now()
	m.forget(now)
	acks := make([]Ack, len(records))
	var stored []Entry
	for i, rec := range records {
		if seq, known := r.ids[rec.ID]; known {
			acks[i] = Ack{Position: Position{m.epoch, seq}, Duplicate: true}
			continue
		}
		m.seq++
		stored = append(stored, r.add(m.seq, rec.Data, m.opts.Keep))
		acks[i] = Ack{Position: Position{m.epoch, m.seq}}
		if rec.ID != "" {
			r.ids[rec.ID] = m.seq
			m.ids = append(m.ids, memoryID{name, rec.ID, now.Add(m.opts.Window)})
		}
	}
	watchers := r.watchers
	m.mu.Unlock()
	m.bring(watchers, stored)
	done(acks)
}

// bring tells watchers of what was stored. Only run calls it.
func (m *Memory) bring(watchers []*memoryWatch, stored []Entry) {
	for _, w := range watchers {
		for _, e := range stored {
			if w.on.Load() {
				w.Entry(e)
			}
		}
		if len(stored) > 0 && !slices.Contains(m.touched, w) {
			m.touched = append(m.touched, w)
		}
	}
}

// flush ends what was brought in one go.
func (m *Memory) flush() {
	for _, w := range m.touched {
		if w.on.Load() {
			w.Flush()
		}
	}
	clear(m.touched)
	m.touched = m.touched[:0]
}

// forget lets go of the ids whose window is over. mu is held.
func (m *Memory) forget(now time.Time) {
	n := 0
	for n < len(m.ids) && !m.ids[n].until.After(now) {
		if r := m.rooms[m.ids[n].room]; r != nil {
			delete(r.ids, m.ids[n].id)
		}
		n++
	}
	m.ids = m.ids[n:]
}

// room finds or makes a room. mu is held.
func (m *Memory) room(name string) *memoryRoom {
	r := m.rooms[name]
	if r == nil {
		r = &memoryRoom{ids: make(map[string]uint64)}
		m.rooms[name] = r
	}
	return r
}

// Watch delivers what is stored from now on; see Log.
func (m *Memory) Watch(room string, w Watcher) (stop func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	watch := &memoryWatch{Watcher: w}
	watch.on.Store(true)
	m.room(room).watch(watch)
	return func() {
		watch.on.Store(false)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.room(room).unwatch(watch)
	}, nil
}

// Health is nil until the Log is closed.
func (m *Memory) Health() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Close stores what is queued and ends.
func (m *Memory) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.signal()
	m.mu.Unlock()
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memoryWatch is one Watch call.
type memoryWatch struct {
	Watcher
	on atomic.Bool // false after stop
}
