package client

import (
	"context"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// Ack is the hub's word that an event is stored, and where.
type Ack struct {
	Position
	Duplicate bool // it had been stored before, under the same id
}

// Receipt stands for an event on its way. It is settled once, with an Ack or an
// error.
type Receipt struct {
	// static after Post
	out   *outbox
	draft Draft
	size  int
	done  chan struct{}

	// written before done is closed
	ack Ack
	err error

	// guarded by out.mu
	settled  bool
	launched bool // it was given to a connection

	// owned by the outbox's pump
	sent sending
}

// sending is what is known of an event that was given to a connection.
type sending struct {
	link *link // nil: never
	at   time.Time
	user string
	base *Position // a position that surely lies before it; nil: none is known
}

// ID is the id under which the event is published.
func (r *Receipt) ID() string { return r.draft.ID }

// Done is closed when the receipt is settled; Result then does not wait.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Result waits until the receipt is settled.
func (r *Receipt) Result() (Ack, error) {
	<-r.done
	return r.ack, r.err
}

// Wait waits until the receipt is settled or ctx ends. In that case the event is
// taken back if it was not sent yet; if it was, the error is ErrUnknownOutcome,
// and sending it again under the same ID shows what has become of it.
func (r *Receipt) Wait(ctx context.Context) (Ack, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		r.out.abandon(r, context.Cause(ctx))
	}
	return r.Result()
}

// Send publishes an event and waits for the hub's ack, through disconnects if need
// be. The error is an *Error if the hub has refused it.
func (r *Room) Send(ctx context.Context, d Draft) (Ack, error) {
	receipt, err := r.Post(ctx, d)
	if err != nil {
		return Ack{}, err
	}
	return receipt.Wait(ctx)
}

// Post puts an event into the outbox and gives the receipt for it. It waits only
// while the outbox is full. Events of one room are published in the order in
// which Post was called, many at a time when many wait; should the hub refuse or
// fail one of them, those behind it are published all the same.
func (r *Room) Post(ctx context.Context, d Draft) (*Receipt, error) {
	if d.Kind == "" {
		d.Kind = room.KindMessage
	}
	if d.ID == "" {
		d.ID = newID()
	}
	if err := CheckDraft(r.name, d); err != nil {
		return nil, err
	}
	receipt := &Receipt{out: r.out, draft: d, size: frameSize(&d), done: make(chan struct{})}
	if err := r.client.budget.take(ctx, receipt.size); err != nil {
		return nil, fmt.Errorf("the outbox is full: %w", err)
	}
	r.out.add(receipt)
	return receipt, nil
}
