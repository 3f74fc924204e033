package hub

import (
	"slices"
	"time"
)

const (
	// traceAround is how long before and after an event a cut belongs to its trace:
	// who is slow is cut for what has waited for some seconds.
	traceAround = 30 * time.Second
	// clockDoubt is how far the clocks of the log and of an instance may differ: what
	// was stored so shortly after an instance began to remember may be from before.
	clockDoubt = 10 * time.Second
	// maxTraceCuts is how many cuts an instance tells of.
	maxTraceCuts = 100
)

// traceQuery asks an instance for what it knows of an event.
type traceQuery struct {
	Room   string   `json:"room"`
	Of     Position `json:"of"`
	Stored int64    `json:"stored"` // when, in Unix milliseconds, as far as that is known
}

// traceHere gives what this instance knows of an event.
func (h *Hub) traceHere(q traceQuery) *TracePart {
	pending := h.pending(q) // first: a round that is over by then is remembered
	p := h.past
	p.mu.Lock()
	defer p.mu.Unlock()
	part := &TracePart{
		Instance: h.others.id, Name: h.cfg.Name,
		Since: TraceSince{Acks: p.acks.since, Rounds: p.rounds.since, Cuts: p.cuts.since},
		Acked: p.ackOf(q), Round: p.roundOf(q),
	}
	around := q.Stored
	switch {
	case part.Round != nil:
		part.Delivery, around = DeliveryBrought, part.Round.At
	case pending:
		part.Delivery = DeliveryPending
	case q.Stored > p.rounds.since+clockDoubt.Milliseconds():
		part.Delivery = DeliveryNone
	default:
		part.Delivery = DeliveryUnknown
	}
	part.Cuts, part.MoreCuts = p.cutsAround(q.Room, around)
	return part
}

// pending reports whether the room is live here and the event may yet be brought.
func (h *Hub) pending(q traceQuery) bool {
	r := h.known(q.Room)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.Epoch == q.Of.Epoch && r.at.Seq < q.Of.Seq {
		return true
	}
	for _, round := range []*Round{r.flow.flying, r.flow.all} {
		if round != nil && round.span.has(q.Of) {
			return true
		}
	}
	return false
}

// ackOf finds the first ack of an event. mu is held.
func (p *past) ackOf(q traceQuery) (found *TraceAck) {
	p.acks.each(func(at int64, a *pastAck) bool {
		if a.at == q.Of && a.room == q.Room {
			found = &TraceAck{At: at, Duplicate: a.duplicate}
		}
		return found == nil
	})
	return found
}

// roundOf finds the round that had an event. mu is held.
func (p *past) roundOf(q traceQuery) (found *TraceRound) {
	p.rounds.each(func(at int64, r *pastRound) bool {
		if r.events.has(q.Of) && r.room == q.Room {
			found = &TraceRound{At: at, Took: r.took.Microseconds(), Members: r.members, Waiting: r.waiting}
		}
		return found == nil
	})
	return found
}

// cutsAround gives the cuts of a room's members around a time. mu is held.
func (p *past) cutsAround(name string, at int64) (cuts []TraceCut, more bool) {
	p.cuts.each(func(then int64, c *TraceCut) bool {
		if max(then-at, at-then) > traceAround.Milliseconds() || !slices.Contains(c.rooms, name) {
			return true
		}
		if more = len(cuts) == maxTraceCuts; !more {
			cuts = append(cuts, *c)
		}
		return !more
	})
	return cuts, more
}
