package client

import (
	"errors"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

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
