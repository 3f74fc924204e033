package client

import (
	"fmt"
	"slices"
	"sync"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// batchBytes bounds the events of one batch, well below what a frame may have.
const batchBytes = 192 << 10

// outbox holds what is to be published in one room. While it holds something, one
// goroutine, the pump, sends it: one command after the other, each with all that
// has gathered, so that the order holds through any failure of a connection.
type outbox struct {
	room *Room

	mu      sync.Mutex // guards what follows
	waiting []*Receipt
	flying  map[string]*Receipt // by id: with the pump, and not settled
	pumping bool
	known   *Position // the newest position of the room that is known; nil: none
}

// add takes a receipt and makes sure that it is being sent.
func (o *outbox) add(r *Receipt) {
	o.mu.Lock()
	o.waiting = append(o.waiting, r)
	start := !o.pumping
	o.pumping = true
	o.mu.Unlock()
	if start && !o.room.client.spawn(o.pump) {
		o.mu.Lock()
		o.pumping = false
		left := o.waiting
		o.waiting = nil
		o.mu.Unlock()
		o.failAll(left, ErrClosed)
	}
}

// pump sends until nothing waits.
func (o *outbox) pump() {
	for {
		batch := o.next()
		if batch == nil {
			return
		}
		o.deliver(batch)
	}
}

// next hands the pump what one command may carry; nil ends the pump.
func (o *outbox) next() []*Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, bytes := 0, 0
	for n < len(o.waiting) && n < wire.MaxBatch {
		if bytes += o.waiting[n].size; n > 0 && bytes > batchBytes {
			break
		}
		n++
	}
	if n == 0 {
		o.pumping, o.waiting = false, nil
		return nil
	}
	if o.flying == nil {
		o.flying = make(map[string]*Receipt)
	}
	batch := append([]*Receipt(nil), o.waiting[:n]...)
	for _, r := range batch {
		o.flying[r.draft.ID] = r
	}
	clear(o.waiting[:n])
	o.waiting = o.waiting[n:]
	return batch
}

// settle gives a receipt its result. Only the first one counts.
func (o *outbox) settle(r *Receipt, ack Ack, err error) {
	o.mu.Lock()
	first := !r.settled
	r.settled = true
	if o.flying[r.draft.ID] == r {
		delete(o.flying, r.draft.ID)
	}
	if err == nil {
		o.learn(ack.Position)
	}
	o.mu.Unlock()
	if !first {
		return
	}
	r.ack, r.err = ack, err
	o.room.client.budget.give(r.size)
	close(r.done)
}

// learn takes a position that is stored. mu is held.
func (o *outbox) learn(p Position) {
	if o.known == nil || o.known.Epoch != p.Epoch || o.known.Seq < p.Seq {
		o.known = &p
	}
}

// met looks at an event of the room: one of our own that flies is stored, whatever
// becomes of its ack.
func (o *outbox) met(e *Event) {
	o.mu.Lock()
	o.learn(e.Position)
	r := o.flying[e.ID]
	o.mu.Unlock()
	if r != nil && e.ID != "" && e.User == o.room.client.User().ID {
		o.settle(r, Ack{Position: e.Position}, nil)
	}
}

// abandon settles a receipt for which nobody waits any more; it is not sent again.
func (o *outbox) abandon(r *Receipt, cause error) {
	o.mu.Lock()
	if i := slices.Index(o.waiting, r); i >= 0 {
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
	if r.launched {
		cause = fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
	}
	o.mu.Unlock()
	o.settle(r, Ack{}, cause)
}

// failAll settles what cannot be sent any more.
func (o *outbox) failAll(batch []*Receipt, cause error) {
	for _, r := range batch {
		err := cause
		if r.sent.link != nil {
			err = fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
		}
		o.settle(r, Ack{}, err)
	}
}
