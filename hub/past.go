package hub

import (
	"sync"
	"time"
)

// How much of the past an instance keeps in memory, to be asked for by a trace: about
// 700 KB in all, and the names of the rooms that those were in who were cut. What is
// older is forgotten, and all of it with the process.
const (
	pastRounds = 4096 // rounds that had events, of all rooms
	pastAcks   = 4096 // events that were published through this instance
	pastCuts   = 1024 // sessions that were cut because their peer was too slow
)

// past is what this instance did of late. It is written once a round, once an ack and
// once a cut, and never for a delivery.
type past struct {
	mu     sync.Mutex // guards what follows; taken last
	rounds lately[pastRound]
	acks   lately[pastAck]
	cuts   lately[TraceCut]
}

// pastRound is a round that brought events to the members of a room.
type pastRound struct {
	room    string
	events  span
	took    time.Duration
	members int // who were given it
	waiting int // of those, for whom it waits behind what they have not taken
}

// pastAck is an event that the log has acknowledged to this instance.
type pastAck struct {
	room      string
	at        Position
	duplicate bool
}

func newPast(now time.Time) *past {
	return &past{
		rounds: newLately[pastRound](pastRounds, now),
		acks:   newLately[pastAck](pastAcks, now),
		cuts:   newLately[TraceCut](pastCuts, now),
	}
}

// brought notes a round that was brought to its members.
func (p *past) brought(r *Round, begun time.Time, took time.Duration, members int) {
	round := pastRound{room: r.room, events: r.span, took: took, members: members, waiting: int(r.waiting.Load())}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rounds.add(begun.UnixMilli(), round)
}

// acked notes what the log has answered. The room's name is kept.
func (p *past) acked(name string, acks []Ack) {
	now := time.Now().UnixMilli()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ack := range acks {
		if ack.Err == nil {
			p.acks.add(now, pastAck{room: name, at: ack.Position, duplicate: ack.Duplicate})
		}
	}
}

// cut notes a session that was cut because its peer was too slow.
func (p *past) cut(c TraceCut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts.add(c.At, c)
}

// lately holds the newest of something, up to a number. It takes its memory at once.
type lately[T any] struct {
	items []dated[T] // a ring, once it is full
	next  int        // the oldest then
	since int64      // nothing that happened later is lacking; in Unix milliseconds
}

type dated[T any] struct {
	at   int64 // in Unix milliseconds
	what T
}

func newLately[T any](most int, now time.Time) lately[T] {
	return lately[T]{items: make([]dated[T], 0, most), since: now.UnixMilli()}
}

func (l *lately[T]) add(at int64, what T) {
	if len(l.items) < cap(l.items) {
		l.items = append(l.items, dated[T]{at, what})
		return
	}
	l.since = max(l.since, l.items[l.next].at)
	l.items[l.next] = dated[T]{at, what}
	l.next = (l.next + 1) % len(l.items)
}

// each goes through what there is, from the oldest on, until do is false.
func (l *lately[T]) each(do func(at int64, what *T) bool) {
	for i := range l.items {
		if d := &l.items[(l.next+i)%len(l.items)]; !do(d.at, &d.what) {
			return
		}
	}
}
