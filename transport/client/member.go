package client

import (
	"context"
	"errors"
	"sync"

	"github.com/hubbub-im/hubbub/room"
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
	r.deliver(&Presence{Joined: p.Joined, Left: p.Left, Count: p.Count}, lasting)
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

// follow keeps the membership alive: whenever the room is not live and the queue
// has space, it joins from where the room was left.
func (m *member) follow() {
	for try := 0; ; {
		l, err := m.room.client.waitLink(m.ctx)
		if err != nil || !m.awaitTurn() {
			return
		}
		err = m.join(l)
		wait, again := retryable(err)
		switch {
		case err == nil, lost(err):
			try = 0
			continue
		case errors.Is(err, ErrForbidden) && m.goBlind():
			continue
		case !again:
			m.end(err)
			return
		}
		if sleep(m.ctx, backoff(try, wait)) != nil {
			return
		}
		try++
	}
}

// awaitTurn waits until there is something to ask for and a place to put it. It is
// false when the membership has ended.
func (m *member) awaitTurn() bool {
	for {
		m.mu.Lock()
		due := !m.live && m.space()
		m.mu.Unlock()
		if m.ctx.Err() != nil {
			return false
		}
		if due {
			return true
		}
		select {
		case <-m.stale:
		case <-m.ctx.Done():
		}
	}
}

// goBlind notes that the caller may not read history: once it has been in the
// room, it goes on with what comes next. It is false if that cannot be the cause.
func (m *member) goBlind() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blind || m.req.since != nil || m.req.history != nil || !m.began {
		return false
	}
	m.blind = true
	return true
}

// join asks the hub for the next part of the room and takes it.
func (m *member) join(l *link) error {
	cmd := &wire.Join{Room: m.room.name, Presence: m.req.presence}
	m.mu.Lock()
	if m.began && !m.anew && !m.blind {
		cmd.Since = new(m.at)
	}
	if !m.blind {
		cmd.History = m.req.history
		if m.anew && cmd.History == nil {
			cmd.History = new(wire.DefaultHistory)
		}
	}
	m.mu.Unlock()
	answer := make(chan error, 1)
	l.send(cmd, func(reply any, err error) {
		switch body := reply.(type) {
		case *wire.Joined:
			err = m.joined(body)
		case *wire.Error:
			err = answered("join "+m.room.name, body)
		}
		answer <- err
	})
	return <-answer // comes at the latest with the end of the link
}

// joined takes the reply to a join, on the reader's goroutine: what it pushes next
// comes after it.
func (m *member) joined(j *wire.Joined) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.ctx.Err() != nil:
		return m.ended()
	case j.Reset != nil:
		m.gap(GapReason(j.Reset.Reason), j)
	case m.anew: // the gap was announced by the push
	case m.blind && m.at != (Position{Epoch: j.Epoch, Seq: j.Seq}):
		m.gap(GapForbidden, j)
	}
	if !m.began || m.anew || m.blind || j.Reset != nil {
		m.at = Position{Epoch: j.Epoch} // Events are the newest ones, whatever was before
	}
	m.at.Epoch = j.Epoch // a join from the beginning did not know it
	if !j.Live && len(j.Events) == 0 {
		return &Error{Op: "join " + m.room.name, Code: room.CodeInternal, Message: "the hub said that there is more, and gave nothing"}
	}
	m.began, m.anew = true, false
	for _, it := range j.Events {
		if it.Seq > m.at.Seq {
			m.take(it)
		}
	}
	if j.Live {
		m.at.Seq = max(m.at.Seq, j.Seq)
		m.live = true
		if j.Members != nil {
			m.put(&Members{List: j.Members})
		}
	}
	m.once()
	return nil
}

// gap announces that what follows does not join on. mu is held.
func (m *member) gap(why GapReason, j *wire.Joined) {
	m.put(&Gap{Reason: why, Since: m.at, At: Position{Epoch: j.Epoch, Seq: j.Seq}})
}

// once lets Join return. mu is held.
func (m *member) once() {
	select {
	case <-m.joinedOnce:
	default:
		close(m.joinedOnce)
	}
}
