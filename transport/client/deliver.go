package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// deliver sends a batch until each of its receipts is settled.
func (o *outbox) deliver(batch []*Receipt) {
	c := o.room.client
	for try := 0; ; try++ {
		l, err := c.waitLink(c.ctx)
		if batch = o.unsettled(batch); len(batch) == 0 {
			return
		}
		if err == nil {
			err = o.attempt(l, batch)
		}
		wait, again := retryable(err)
		switch {
		case err == nil:
			continue
		case lost(err):
			try = -1
			continue
		case !again:
			o.failAll(batch, err)
			return
		}
		if err := sleep(c.ctx, backoff(try, wait)); err != nil {
			o.failAll(batch, err)
			return
		}
	}
}

func (o *outbox) unsettled(batch []*Receipt) []*Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(batch, func(r *Receipt) bool { return r.settled })
}

// attempt sends what of the batch must be sent, on one link.
func (o *outbox) attempt(l *link, batch []*Receipt) error {
	if err := o.verify(l, batch); err != nil {
		return err
	}
	if err := o.getBearings(l); err != nil {
		return err
	}
	batch = o.launch(l, batch)
	switch len(batch) {
	case 0:
		return nil
	case 1:
		return o.publish(l, batch[0])
	}
	return o.batch(l, batch)
}

// launch gives what of the batch is still to be sent, and notes that it is.
func (o *outbox) launch(l *link, batch []*Receipt) []*Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	due := make([]*Receipt, 0, len(batch))
	for _, r := range batch {
		if r.settled {
			continue
		}
		if r.sent.link == nil {
			r.sent = sending{at: time.Now(), user: l.info.User, base: o.known}
		}
		r.sent.link = l
		r.launched = true
		due = append(due, r)
	}
	return due
}

func (o *outbox) op() string { return "publish in " + o.room.name }

func (o *outbox) publish(l *link, r *Receipt) error {
	reply, err := l.call(o.room.client.ctx, o.op(), &wire.Publish{Room: o.room.name, Event: r.draft})
	if err != nil {
		return err
	}
	ack, ok := reply.(*wire.Ack)
	if !ok {
		return fmt.Errorf("%s: the hub answered with %T", o.op(), reply)
	}
	o.settle(r, Ack{Position{Epoch: ack.Epoch, Seq: ack.Seq}, ack.Duplicate}, nil)
	return nil
}

// batch publishes several events. The error is the last of those that are worth
// another try.
func (o *outbox) batch(l *link, batch []*Receipt) error {
	cmd := &wire.Batch{Room: o.room.name, Events: make([]room.Command, len(batch))}
	for i, r := range batch {
		cmd.Events[i] = r.draft
	}
	reply, err := l.call(o.room.client.ctx, o.op(), cmd)
	if err != nil {
		return err
	}
	acks, ok := reply.(*wire.Acks)
	if !ok || len(acks.Acks) != len(batch) {
		return fmt.Errorf("%s: the hub did not answer each event of the batch", o.op())
	}
	var later error
	for i, a := range acks.Acks {
		if a.Error == nil {
			o.settle(batch[i], Ack{Position{Epoch: acks.Epoch, Seq: a.Seq}, a.Duplicate}, nil)
			continue
		}
		err := answered(o.op(), a.Error)
		if _, again := retryable(err); again {
			later = err
			continue
		}
		o.settle(batch[i], Ack{}, err)
	}
	return later
}

// getBearings finds out where the room stands before the first event is sent to
// it, so that it is known later where to look for it.
func (o *outbox) getBearings(l *link) error {
	o.mu.Lock()
	known := o.known != nil
	o.mu.Unlock()
	if known {
		return nil
	}
	reply, err := l.call(o.room.client.ctx, "positions", &wire.Positions{Rooms: []string{o.room.name}})
	if err != nil {
		return err
	}
	if positions, ok := reply.(*wire.PositionsReply); ok {
		if p, visible := positions.Positions[o.room.name]; visible {
			o.mu.Lock()
			o.learn(p)
			o.mu.Unlock()
		}
	}
	return nil
}
