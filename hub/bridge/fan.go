package bridge

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// fanLanes is how many goroutines share the subjects of a fan.
	fanLanes = 4
	// laneQueue is how many messages may wait for one of them. What comes beyond is
	// lost, and the fan's owner is told by the connection's error handler.
	laneQueue = 1 << 12
	// A lane brings so much at the most before it settles.
	laneMessages = 256
	laneBytes    = 256 << 10
)

// fan brings the messages of many subjects to their receivers. A subject costs a
// subscription and no goroutine. The receivers of one subject are called by one
// goroutine at a time.
type fan[R comparable] struct {
	// static after construction
	nc      *nats.Conn
	deliver func(R, *nats.Msg)
	settle  func(R) // what was delivered is all that is at hand; nil if nobody minds
	doubt   func(R) // something may be missing; nil if nobody minds
	lanes   [fanLanes]lane[R]
}

// lane is the share of one goroutine, which runs while there is any subject.
type lane[R comparable] struct {
	fan   *fan[R]
	queue chan *nats.Msg
	wake  chan struct{} // holds one token while there are doubts

	touched []R // were delivered to and not settled; owned by the goroutine

	mu       sync.RWMutex // guards what follows
	subjects map[string]*fanned[R]
	doubts   map[string]bool
	closed   bool
	stop     chan struct{} // ends the goroutine
	done     chan struct{} // closed when it has ended
}

// fanned is one subject.
type fanned[R comparable] struct {
	sub       *nats.Subscription
	receivers []R // never changed in place
}

func newFan[R comparable](nc *nats.Conn, deliver func(R, *nats.Msg), settle, doubt func(R)) *fan[R] {
	f := &fan[R]{nc: nc, deliver: deliver, settle: settle, doubt: doubt}
	for i := range f.lanes {
		l := &f.lanes[i]
		l.fan, l.queue, l.wake = f, make(chan *nats.Msg, laneQueue), make(chan struct{}, 1)
		l.subjects, l.doubts = make(map[string]*fanned[R]), make(map[string]bool)
	}
	return f
}

func (f *fan[R]) lane(subject string) *lane[R] {
	return &f.lanes[partitionOf(subject, fanLanes)]
}

// add begins to bring a subject's messages to r.
func (f *fan[R]) add(subject string, r R) error {
	l := f.lane(subject)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return hub.ErrClosed
	}
	s := l.subjects[subject]
	if s == nil {
		sub, err := f.nc.ChanSubscribe(subject, l.queue)
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		s = &fanned[R]{sub: sub}
		l.subjects[subject] = s
		l.start()
	}
	s.receivers = append(slices.Clone(s.receivers), r)
	return nil
}

// start runs the lane's goroutine if it does not. mu is held.
func (l *lane[R]) start() {
	if l.stop != nil {
		return
	}
	stop, done, before := make(chan struct{}), make(chan struct{}), l.done
	l.stop, l.done = stop, done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		l.run(stop)
	}()
}

// remove ends it. It does not wait for a call that is under way.
func (f *fan[R]) remove(subject string, r R) error {
	l := f.lane(subject)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subjects[subject]
	if s == nil {
		return nil
	}
	s.receivers = slices.DeleteFunc(slices.Clone(s.receivers), func(o R) bool { return o == r })
	if len(s.receivers) > 0 {
		return nil
	}
	delete(l.subjects, subject)
	delete(l.doubts, subject)
	if len(l.subjects) == 0 {
		close(l.stop)
		l.stop = nil
	}
	if err := s.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// close lets go of everything and waits for the goroutines.
func (f *fan[R]) close() {
	for i := range f.lanes {
		l := &f.lanes[i]
		l.mu.Lock()
		l.closed = true
		for _, s := range l.subjects {
			_ = s.sub.Unsubscribe() // the connection may be gone
		}
		clear(l.subjects)
		if l.stop != nil {
			close(l.stop)
			l.stop = nil
		}
		done := l.done
		l.mu.Unlock()
		if done != nil {
			<-done
		}
	}
}

func (l *lane[R]) run(stop chan struct{}) {
	for {
		select {
		case msg := <-l.queue:
			l.bring(msg)
		case <-l.wake:
			for _, r := range l.doubted() {
				l.fan.doubt(r)
			}
		case <-stop:
			return
		}
	}
}

// bring delivers a message and, up to a bound, what waits behind it, and settles.
func (l *lane[R]) bring(msg *nats.Msg) {
	messages, bytes := 0, 0
	for msg != nil {
		l.deliver(msg)
		messages, bytes = messages+1, bytes+len(msg.Data)
		msg = nil
		if messages < laneMessages && bytes < laneBytes {
			select {
			case msg = <-l.queue:
			default:
			}
		}
	}
	for _, r := range l.touched {
		l.fan.settle(r)
	}
	clear(l.touched)
	l.touched = l.touched[:0]
}

func (l *lane[R]) deliver(msg *nats.Msg) {
	for _, r := range l.receivers(msg.Subject) {
		l.fan.deliver(r, msg)
		if l.fan.settle != nil && !slices.Contains(l.touched, r) {
			l.touched = append(l.touched, r)
		}
	}
}

func (l *lane[R]) receivers(subject string) []R {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if s := l.subjects[subject]; s != nil {
		return s.receivers
	}
	return nil
}

// doubted takes the receivers who are to be told that something may be missing.
func (l *lane[R]) doubted() (all []R) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for subject := range l.doubts {
		if s := l.subjects[subject]; s != nil {
			all = append(all, s.receivers...)
		}
	}
	clear(l.doubts)
	return all
}

// suspectOne is suspect for one subject.
func (f *fan[R]) suspectOne(subject string) {
	l := f.lane(subject)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subjects[subject] != nil {
		l.doubts[subject] = true
		l.rouse()
	}
}

// rouse has the doubts told. mu is held.
func (l *lane[R]) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// suspect has the receivers of every subject that which picks told that something
// may be missing.
func (f *fan[R]) suspect(which func(subject string) bool) {
	for i := range f.lanes {
		l := &f.lanes[i]
		l.mu.Lock()
		for subject := range l.subjects {
			if which(subject) {
				l.doubts[subject] = true
			}
		}
		if len(l.doubts) > 0 {
			l.rouse()
		}
		l.mu.Unlock()
	}
}
