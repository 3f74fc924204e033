package client

import (
	"errors"
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

// verify looks for the events of the batch that were given to another link, or so
// long ago that the hub may have forgotten their ids. Those that it meets in the
// room are settled. Those that may be there without being seen are settled as
// unknown; the rest can be sent again.
func (o *outbox) verify(l *link, batch []*Receipt) error {
	var doubtful []*Receipt
	for _, r := range batch {
		if r.sent.link != nil && (r.sent.link != l || time.Since(r.sent.at) > o.room.client.opts.DedupWindow) {
			doubtful = append(doubtful, r)
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	certain, err := o.search(l, doubtful)
	if err != nil {
		return err
	}
	for _, r := range o.unsettled(doubtful) {
		switch {
		case certain == provenAbsent:
			r.sent.at = time.Now()
		case certain == notReadable && time.Since(r.sent.at) <= o.room.client.opts.DedupWindow:
			// The hub still knows the id if it has stored the event.
		default:
			o.settle(r, Ack{}, fmt.Errorf("%w: the room does not reach back to where it was sent", ErrUnknownOutcome))
		}
	}
	return nil
}

// certainty says what it means that an event was not met.
type certainty int

const (
	provenAbsent certainty = iota // it is not stored
	notReadable                   // a part of the room could not be read
	otherEpoch                    // the log was reset since
)

// search reads the room from before the first of the receipts to its end, and
// settles those whose events it meets.
func (o *outbox) search(l *link, doubtful []*Receipt) (certainty, error) {
	base := doubtful[0].sent.base
	for _, r := range doubtful {
		if r.sent.base == nil {
			return notReadable, nil
		}
		if r.sent.base.Epoch == base.Epoch && r.sent.base.Seq < base.Seq {
			base = r.sent.base
		}
	}
	result := provenAbsent
	// The event at base itself comes first, to show that the room reaches back to it.
	for after, first := max(base.Seq, 1)-1, true; ; first = false {
		reply, err := l.call(o.room.client.ctx, "history of "+o.room.name, &wire.History{
			Room: o.room.name, Anchor: wire.AnchorAfter, Seq: after, Limit: wire.MaxHistory,
		})
		if errors.Is(err, ErrForbidden) {
			return notReadable, nil
		}
		if err != nil {
			return 0, err
		}
		page, ok := reply.(*wire.HistoryPage)
		switch {
		case !ok:
			return 0, fmt.Errorf("history of %s: the hub answered with %T", o.room.name, reply)
		case page.Epoch != base.Epoch:
			return otherEpoch, nil
		case first && !reaches(page, base.Seq):
			result = notReadable
		}
		for _, it := range page.Events {
			after = it.Seq
			o.recognise(doubtful, decode(o.room.name, Position{Epoch: page.Epoch, Seq: it.Seq}, it.Event))
		}
		if !page.MoreAfter || len(page.Events) == 0 {
			return result, nil
		}
	}
}

// reaches reports whether a page that was asked for from seq on begins there.
func reaches(page *wire.HistoryPage, seq uint64) bool {
	if seq == 0 {
		return !page.MoreBefore
	}
	return len(page.Events) > 0 && page.Events[0].Seq == seq
}

func (o *outbox) recognise(doubtful []*Receipt, e *Event) {
	if e.ID == "" {
		return
	}
	for _, r := range doubtful {
		if r.draft.ID == e.ID && r.sent.user == e.User {
			o.settle(r, Ack{Position: e.Position, Duplicate: true}, nil)
		}
	}
}
