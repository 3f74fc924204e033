package checker

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// ErrUndecided says that the time was over before Linearizable knew.
var ErrUndecided = errors.New("undecided")

// Linearizable asks Porcupine whether each room behaved like one log that one
// operation at a time is done on: append, which gives a sequence, and read, which
// gives what there is from some place on. A read may lag. What it finds is an
// error that names the room. Histories must be small: some hundred operations a
// room.
func Linearizable(h *History, lag, timeout time.Duration) error {
	for name, f := range h.Final {
		l, err := linearLog(h, name, f)
		if err != nil {
			return err
		}
		ops := l.operations(h, name, lag)
		switch porcupine.CheckOperationsTimeout(l.model(), ops, timeout) {
		case porcupine.Illegal:
			return fmt.Errorf("room %s: no order of its %d operations explains what was seen", name, len(ops))
		case porcupine.Unknown:
			return fmt.Errorf("room %s: %d operations: %w", name, len(ops), ErrUndecided)
		}
	}
	return nil
}

// logged is a place in the order that the clients' evidence adds up to: the final
// history, and what acks told besides. The model's state is how many of these
// have been appended.
type logged struct {
	seq uint64
	author
}

type linear struct {
	order []logged
	index map[logged]int
	final []Entry
}

func linearLog(h *History, room string, f Final) (*linear, error) {
	l := &linear{index: map[logged]int{}, final: f.Entries}
	bySeq := map[uint64]author{}
	note := func(seq uint64, a author) error {
		if have, taken := bySeq[seq]; taken && have != a {
			return fmt.Errorf("room %s: %d is %s of %s and %s of %s", room, seq, have.id, have.user, a.id, a.user)
		}
		bySeq[seq] = a
		return nil
	}
	for _, e := range f.Entries {
		if err := note(e.Seq, author{e.User, e.ID}); err != nil {
			return nil, err
		}
	}
	for _, p := range h.Publishes {
		if p.Room != room || p.Outcome != Acked {
			continue
		}
		if err := note(p.At.Seq, author{p.User, p.ID}); err != nil {
			return nil, err
		}
	}
	for seq, a := range bySeq {
		l.order = append(l.order, logged{seq, a})
	}
	slices.SortFunc(l.order, func(a, b logged) int { return int(int64(a.seq) - int64(b.seq)) })
	for i, at := range l.order {
		l.index[at] = i
	}
	return l, nil
}

// appended is what an append did: the place at which its message stands from then
// on at the latest.
type appended struct{ at int }

// pageRead is what a read gave: places, the first of which follows the place
// after, and whether the room ended with them.
type pageRead struct {
	after    int // how many places come before it
	places   []int
	complete bool
	broken   bool // it held something that has no place
}

// operations turns a room's part of the history into Porcupine's form. The final
// reading is the last of them.
func (l *linear) operations(h *History, room string, lag time.Duration) []porcupine.Operation {
	ops := l.appends(h, room)
	end := int64(0)
	for _, r := range h.Reads {
		if r.Room != room || r.Before > 0 {
			continue
		}
		end = max(end, int64(r.Done))
		ops = append(ops, porcupine.Operation{Input: l.pageRead(r), Call: int64(r.Sent - lag), Return: int64(r.Done)})
	}
	for _, p := range h.Publishes {
		end = max(end, int64(p.Done), int64(p.Sent))
	}
	last := Read{Room: room, FromStart: true, Entries: l.final}
	return append(ops, porcupine.Operation{Input: l.pageRead(last), Call: end + 1, Return: math.MaxInt64})
}

// appends gives an operation for each message that has a place. Its attempts count
// as one: it was stored after the first was sent, and before the first ack.
func (l *linear) appends(h *History, room string) []porcupine.Operation {
	var ops []porcupine.Operation
	index := map[author]int{} // in ops
	known := map[author]int{}
	for i, at := range l.order {
		known[at.author] = i
	}
	for _, p := range h.Publishes {
		who := author{p.User, p.ID}
		at, stored := known[who]
		if p.Room != room || p.Outcome == Refused || !stored {
			continue
		}
		returned := int64(math.MaxInt64)
		if p.Outcome == Acked {
			at, returned = l.index[logged{p.At.Seq, who}], int64(p.Done)
		}
		i, again := index[who]
		if !again {
			i = len(ops)
			index[who] = i
			ops = append(ops, porcupine.Operation{Input: appended{at}, Call: int64(p.Sent), Return: returned})
		}
		if p.Outcome == Acked {
			ops[i].Input = appended{at}
		}
		ops[i].Call, ops[i].Return = min(ops[i].Call, int64(p.Sent)), min(ops[i].Return, returned)
	}
	return ops
}

// pageRead says what a read gave in terms of places.
func (l *linear) pageRead(r Read) pageRead {
	p := pageRead{complete: !r.MoreAfter}
	for _, e := range r.Entries {
		i, ok := l.index[logged{e.Seq, author{e.User, e.ID}}]
		p.broken = p.broken || !ok
		p.places = append(p.places, i)
	}
	switch {
	case r.After > 0:
		p.after, _ = slices.BinarySearchFunc(l.order, r.After+1, func(at logged, seq uint64) int { return int(int64(at.seq) - int64(seq)) })
	case !r.FromStart && len(p.places) > 0:
		p.after = p.places[0] // the newest: it begins where it begins
	}
	return p
}

// model is the log itself. Its state is the number of places that are filled.
func (l *linear) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			filled := state.(int)
			switch in := input.(type) {
			case appended:
				switch {
				case in.at < filled:
					return true, filled
				case in.at == filled:
					return true, filled + 1
				}
				return false, filled
			case pageRead:
				return in.explainedBy(filled), filled
			}
			return false, filled
		},
	}
}

// explainedBy reports whether the read can have come from a log with so many
// places filled.
func (p pageRead) explainedBy(filled int) bool {
	for i, at := range p.places {
		if at != p.after+i || at >= filled {
			return false
		}
	}
	return !p.broken && (!p.complete || p.after+len(p.places) >= filled)
}
