package hubtest

import (
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// faultyAppend is one append on its way to the wrapped Log, and what shall happen
// to it.
type faultyAppend struct {
	room    string
	records []hub.Record
	done    func([]hub.Ack)

	delay   time.Duration // before it is stored
	answer  time.Duration // after it was stored
	refused bool
	failed  bool // stored, and answered with an error
}

var errInjected = errors.New("a fault was injected")

// Append passes the records on, unless their fate is another; see hub.Log.
func (f *Faulty) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return hub.ErrClosed
	}
	r := f.room(room)
	a := f.fate(r, room, records, done)
	// A goroutine is needed where something waits, or the order would be lost.
	waits := a.delay > 0 || a.refused || len(r.queue) > 0
	if !waits {
		f.tasks.Add(1) // held until the wrapped Log has answered
		f.mu.Unlock()
		err := f.log.Append(room, records, func(acks []hub.Ack) { f.finish(a, acks) })
		if err != nil {
			f.tasks.Done()
		}
		return err
	}
	r.queue = append(r.queue, a)
	if len(r.queue) == 1 {
		f.tasks.Go(func() { f.passOn(r) })
	}
	f.mu.Unlock()
	return nil
}

// fate decides about an append. mu is held.
func (f *Faulty) fate(r *faultyRoom, room string, records []hub.Record, done func([]hub.Ack)) *faultyAppend {
	a := &faultyAppend{room: room, records: records, done: done}
	if f.hit(r.appends, Delay) {
		a.delay = f.some(r.appends)
	}
	switch {
	case f.hit(r.appends, Refusal):
		a.refused = true
	case f.hit(r.appends, StoredError):
		a.failed = true
	case f.hit(r.appends, LostAck):
		a.failed, a.answer = true, f.plan.AckTimeout
	case f.hit(r.appends, SlowAck):
		a.answer = f.some(r.appends)
	}
	return a
}

// passOn takes what waits in a room to the wrapped Log, one after the other.
func (f *Faulty) passOn(r *faultyRoom) {
	for {
		f.mu.Lock()
		a := r.queue[0]
		f.mu.Unlock()
		f.pause(a.delay)
		if a.refused {
			a.done(failure(a, errInjected))
		} else {
			f.tasks.Add(1)
			if err := f.log.Append(a.room, a.records, func(acks []hub.Ack) { f.finish(a, acks) }); err != nil {
				f.tasks.Done()
				a.done(failure(a, err))
			}
		}
		f.mu.Lock()
		r.queue = r.queue[1:]
		empty := len(r.queue) == 0
		f.mu.Unlock()
		if empty {
			return
		}
	}
}

// finish answers an append that the wrapped Log has answered.
func (f *Faulty) finish(a *faultyAppend, acks []hub.Ack) {
	if a.failed {
		acks = failure(a, errInjected)
	}
	if a.answer <= 0 {
		defer f.tasks.Done()
		a.done(acks)
		return
	}
	go func() {
		defer f.tasks.Done()
		timer := time.NewTimer(a.answer)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-f.ctx.Done():
		}
		a.done(acks)
	}()
}

func failure(a *faultyAppend, err error) []hub.Ack {
	acks := make([]hub.Ack, len(a.records))
	for i := range acks {
		acks[i].Err = fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	return acks
}
