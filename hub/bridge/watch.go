package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	dispatchers   = 4       // goroutines that bring entries, each for a share of the rooms
	dispatchQueue = 1 << 14 // messages that may wait for one of them
	flushTimeout  = 5 * time.Second
)

// watches brings what is published again to the rooms' watchers. A room costs a
// subscription and no goroutine: a few dispatchers share the rooms.
type watches struct {
	log   *Log
	queue [dispatchers]chan *nats.Msg // static after construction
	stop  chan struct{}
	tasks sync.WaitGroup

	mu    sync.RWMutex        // guards what follows
	rooms map[string]*watched // by live subject
}

// watched is one room with watchers.
type watched struct {
	sub      *nats.Subscription
	watchers []*watch
}

type watch struct{ hub.Watcher }

func newWatches(l *Log) *watches {
	w := &watches{log: l, stop: make(chan struct{}), rooms: make(map[string]*watched)}
	for i := range w.queue {
		w.queue[i] = make(chan *nats.Msg, dispatchQueue)
	}
	return w
}

func (w *watches) start() {
	for _, queue := range w.queue {
		w.tasks.Go(func() { w.dispatch(queue) })
	}
}

// Watch subscribes to the room, and returns when the server knows; see hub.Log.
func (l *Log) Watch(room string, watcher hub.Watcher) (stop func(), err error) {
	if l.closed.Load() {
		return nil, hub.ErrClosed
	}
	p := l.partition(room)
	subject, one := l.cfg.liveSubject(p.n, room), &watch{watcher}
	if err := l.watches.add(subject, p.n, one); err != nil {
		return nil, fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	if err := l.live.FlushTimeout(flushTimeout); err != nil {
		l.watches.remove(subject, one)
		return nil, fmt.Errorf("%w: subscribe: %w", hub.ErrUnavailable, err)
	}
	return func() { l.watches.remove(subject, one) }, nil
}

func (w *watches) add(subject string, partition int, one *watch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[subject]
	if room == nil {
		sub, err := w.log.live.ChanSubscribe(subject, w.queue[partition%dispatchers])
		if err != nil {
			return err
		}
		room = &watched{sub: sub}
		w.rooms[subject] = room
	}
	room.watchers = append(room.watchers[:len(room.watchers):len(room.watchers)], one)
	return nil
}

func (w *watches) remove(subject string, one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[subject]
	if room == nil {
		return
	}
	kept := make([]*watch, 0, len(room.watchers))
	for _, o := range room.watchers {
		if o != one {
			kept = append(kept, o)
		}
	}
	if room.watchers = kept; len(kept) > 0 {
		return
	}
	delete(w.rooms, subject)
	if err := room.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		w.log.cfg.Fault(fmt.Errorf("unsubscribe: %w", err))
	}
}

// of gives a room's watchers. The slice is never changed.
func (w *watches) of(subject string) []*watch {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if room := w.rooms[subject]; room != nil {
		return room.watchers
	}
	return nil
}

func (w *watches) dispatch(queue chan *nats.Msg) {
	for {
		select {
		case msg := <-queue:
			w.deliver(msg)
		case <-w.stop:
			return
		}
	}
}

func (w *watches) deliver(msg *nats.Msg) {
	watchers := w.of(msg.Subject)
	if len(watchers) == 0 {
		return
	}
	e, err := decodeLive(msg)
	if err != nil {
		w.log.cfg.Fault(err)
	}
	for _, one := range watchers {
		if err != nil {
			one.Suspect()
		} else {
			one.Entry(e)
		}
	}
}

// decodeLive reads a message that the stream has published again.
func decodeLive(msg *nats.Msg) (hub.Entry, error) {
	seq, err := header(msg, "Nats-Sequence")
	if err != nil {
		return hub.Entry{}, err
	}
	prev, err := header(msg, "Nats-Last-Sequence")
	if err != nil {
		return hub.Entry{}, err
	}
	if seq == 0 || prev >= seq {
		return hub.Entry{}, fmt.Errorf("%s: sequence %d after %d", msg.Subject, seq, prev)
	}
	return hub.Entry{Seq: seq, Prev: prev, Data: msg.Data}, nil
}

// header reads a number out of a message's headers.
func header(msg *nats.Msg, name string) (uint64, error) {
	values := msg.Header[name]
	if len(values) == 0 {
		return 0, fmt.Errorf("%s: the header %s is missing", msg.Subject, name)
	}
	// A publisher may have sent one of the same name; the server's comes last.
	n, err := strconv.ParseUint(values[len(values)-1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: header %s: %w", msg.Subject, name, err)
	}
	return n, nil
}

// failed hears of errors on the watching connection: a receiver that was too slow
// has missed something.
func (w *watches) failed(sub *nats.Subscription, err error) {
	if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
		w.log.stats.slow.Add(1)
		for _, one := range w.of(sub.Subject) {
			one.Suspect()
		}
		return
	}
	w.log.cfg.Fault(err)
}

// suspectAll: anything may have been missed.
func (w *watches) suspectAll() {
	w.mu.RLock()
	var all []*watch
	for _, room := range w.rooms {
		all = append(all, room.watchers...)
	}
	w.mu.RUnlock()
	for _, one := range all {
		one.Suspect()
	}
}

func (w *watches) close() { close(w.stop) }
func (w *watches) wait()  { w.tasks.Wait() }
