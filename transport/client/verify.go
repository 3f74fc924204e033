package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/transport/wire"
)

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
