package transport

import (
	"math"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// lateness is what is known of a peer that lags. It is guarded by mu.
type lateness struct {
	told   bool        // late has been told
	excess excess      // what was too much, since it was cut
	waited uint32      // so many bytes did then
	watch  *time.Timer // without raw: calls look, while there is a backlog; nil: there never was one
}

// excess is a hub.Excess, in a byte: a connection has little room.
type excess uint8

const (
	excessNone excess = iota
	excessBytes
	excessAge
)

var excesses = [...]hub.Excess{excessBytes: hub.ExcessBytes, excessAge: hub.ExcessAge}

// lagging is false where a backlog may mean no more than that the goroutine has yet to
// run, as it must when to write is to wait. mu is held, and there is a backlog.
func (s *sender) lagging() bool {
	return s.raw != nil || s.lag.size() > 4*flushPiece || len(s.lag.latest) > 0
}

// brought is the end of round. mu is held.
func (s *sender) brought(r frames) bool {
	if !s.bounded() {
		return false
	}
	if s.lag != nil && s.lagging() {
		r.Waits()
	}
	return true
}

// bounded cuts a peer that lags too much. mu is held.
func (s *sender) bounded() bool {
	if s.lag == nil || s.lag.excess() <= s.most {
		return true
	}
	s.cut(excessBytes)
	return false
}

// behind says what waits for the peer, or did when that was too much.
func (s *sender) behind() hub.Lag {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.excess != excessNone:
		return hub.Lag{Bytes: int(s.waited), Why: excesses[s.excess]}
	case s.lag != nil:
		return hub.Lag{Bytes: s.lag.size()}
	}
	return hub.Lag{}
}

// cut lets nothing out any more but what has begun. The goroutine tells of it, which
// is woken for that, or look where it may not be: a Write that is cut short can be the
// end of a connection. mu is held.
func (s *sender) cut(why excess) {
	s.excess, s.waited = why, uint32(min(s.lag.size(), math.MaxInt32))
	s.state, s.held = sendCut, hold{}
	s.lag.cut()
	s.lighten()
	if s.raw != nil {
		_ = s.conn.SetWriteDeadline(longAgo)
	} else {
		s.watch.Reset(0)
	}
}
