package client

import (
	"context"
	"sync"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// maxQueued bounds the bytes of a room's events that wait to be read.
const maxQueued = 8 << 20

// member is one membership of a room, from Join to its end.
//
// The reader of the connection puts things into the queue, the application takes
// them out, and follow asks the hub for the next part whenever the room is not
// live and the queue has space.
type member struct {
	// static after newMember
	room       *Room
	req        joinRequest
	ctx        context.Context // ends with the membership; its cause says why
	cancel     context.CancelCauseFunc
	joinedOnce chan struct{} // closed when the hub has let the caller in
	ready      chan struct{} // holds a token while the queue holds something
	stale      chan struct{} // holds a token when follow has to look again

	mu     sync.Mutex // guards what follows
	at     Position   // what comes after it is still to be queued
	began  bool       // at is known
	live   bool       // pushes join on to at
	anew   bool       // the log was reset: join with history, not from at
	blind  bool       // the caller may not read what it has missed
	queue  []Incoming
	queued int // bytes
}

func newMember(r *Room, req joinRequest) *member {
	m := &member{
		room: r, req: req, joinedOnce: make(chan struct{}), ready: make(chan struct{}, 1), stale: make(chan struct{}, 1),
	}
	m.ctx, m.cancel = context.WithCancelCause(r.client.ctx)
	if req.since != nil {
		m.at, m.began = *req.since, true
	}
	return m
}

// end ends the membership; the first reason stands.
func (m *member) end(err error) {
	m.cancel(err)
}

// ended is why the membership has ended, or nil.
func (m *member) ended() error { return context.Cause(m.ctx) }

// nudge leaves a token in a channel that holds one.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// next takes the oldest thing out of the queue.
func (m *member) next(ctx context.Context) (Incoming, error) {
	for {
		m.mu.Lock()
		if len(m.queue) > 0 {
			in := m.queue[0]
			m.queue[0] = nil
			m.queue = m.queue[1:]
			m.queued -= weight(in)
			rest, hungry := len(m.queue) > 0, !m.live && m.space()
			m.mu.Unlock()
			if rest {
				nudge(m.ready)
			}
			if hungry {
				nudge(m.stale)
			}
			return in, nil
		}
		m.mu.Unlock()
		select {
		case <-m.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-m.ctx.Done():
			if m.empty() {
				return nil, m.ended()
			}
		}
	}
}

func (m *member) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue) == 0
}

// space reports whether the queue may take another page. mu is held.
func (m *member) space() bool {
	return len(m.queue) <= m.room.client.opts.RoomEvents/2 && m.queued <= maxQueued/2
}

func weight(in Incoming) int {
	if e, ok := in.(*Event); ok {
		return len(e.Raw) + 128
	}
	return 128
}

// put appends to the queue. mu is held.
func (m *member) put(in Incoming) {
	m.queue = append(m.queue, in)
	m.queued += weight(in)
	nudge(m.ready)
}

// full reports whether nothing more may be pushed into the queue. mu is held.
func (m *member) full() bool {
	return len(m.queue) >= m.room.client.opts.RoomEvents || m.queued >= maxQueued
}

// fallBehind stops taking pushes; follow catches up when there is space. mu is held.
func (m *member) fallBehind() {
	m.live = false
	nudge(m.stale)
}

// event takes a pushed event.
func (r *Room) event(p *wire.EventPush) {
	m := r.membership()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.live || p.Seq <= m.at.Seq:
		return
	case m.full():
		m.fallBehind()
		return
	}
	m.take(p.Item)
}

// take queues an event that comes after at. mu is held.
func (m *member) take(it wire.Item) {
	m.at.Seq = it.Seq
	e := decode(m.room.name, m.at, it.Event)
	m.put(e)
	m.room.out.met(e)
}

// urgency says what happens to something that does not fit into the queue.
type urgency bool

const (
	passing urgency = false // it is dropped
	lasting urgency = true  // the room falls behind and is joined anew
)

// deliver takes something that has no place in the order.
func (r *Room) deliver(in Incoming, u urgency) {
	m := r.membership()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.live:
	case !m.full():
		m.put(in)
	case u == lasting:
		m.fallBehind()
	}
}

// presence takes a change of who is here. One that was missed would leave a wrong
// picture for ever.
func (r *Room) presence(p *wire.PresencePush) {
	r.deliver(&Presence{Joined: p.Joined, Left: p.Left, Members: p.Members, Partial: p.Partial, Count: p.Count}, lasting)
}

// reset takes the news that the log was reset. Pushes are not taken until the
// room was joined anew.
func (r *Room) reset(p *wire.ResetPush) {
	m := r.membership()
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(&Gap{Reason: GapReason(p.Reason), Since: m.at, At: Position{Epoch: p.Epoch, Seq: p.Seq}})
	m.anew = true
	m.fallBehind()
}

// expelled takes the news that the hub has ended the membership.
func (r *Room) expelled(p *wire.LeftPush) {
	if m := r.membership(); m != nil {
		m.end(&Error{Op: "membership of " + r.name, Code: p.Code, Message: p.Message})
	}
}

// unplugged notes that there is no connection any more.
func (r *Room) unplugged() {
	if m := r.membership(); m != nil {
		m.mu.Lock()
		m.fallBehind()
		m.mu.Unlock()
	}
}
