package hub

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// Reason says why a session was closed. It is an error, and what Queue.Next gives
// once the session is over.
type Reason string

// The reasons for which a session ends.
const (
	// ReasonGone: the peer went away, or the edge closed the session.
	ReasonGone Reason = "gone"
	// ReasonSlow: the peer read too slowly, and too much waited for it.
	ReasonSlow Reason = "slow"
	// ReasonShutdown: the hub goes down.
	ReasonShutdown Reason = "shutdown"
	// ReasonMoved: this instance is leaving, or cut off from the log, and the peer is to
	// go to another.
	ReasonMoved Reason = "moved"
	// ReasonDisconnected: somebody asked for it through Disconnect.
	ReasonDisconnected Reason = "disconnected"
	// ReasonBanned: the user was banned.
	ReasonBanned Reason = "banned"
	// ReasonRevoked: the token was revoked.
	ReasonRevoked Reason = "revoked"
)

// Error gives the reason's name.
func (r Reason) Error() string { return "session closed: " + string(r) }

// Session is one connected peer: its identity and its rooms. It reaches the peer
// through the outlet that the edge has given.
type Session struct {
	// static after construction
	hub    *Hub
	id     string
	outlet Outlet

	slow atomic.Bool // it was counted as slow

	mu     sync.Mutex // guards what follows; taken after a liveRoom's, never before
	caller room.Caller
	rooms  []*member // mostly one or a few, for which a map would be large
	closed bool
}

// ID is the session's own id, unique among all instances.
func (s *Session) ID() string { return s.id }

// Caller is who the session speaks for.
func (s *Session) Caller() room.Caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller
}

// send brings a push to this peer alone.
func (s *Session) send(name string, p Push) {
	r := newRound(name, 0)
	defer r.free()
	r.add(s.hub.cfg.Codec, p, Position{}, "")
	if !s.outlet.Deliver(r, 0) {
		s.wasSlow(name)
	}
}

// wasSlow counts a session whose peer was too slow, once, and keeps in mind why. The
// rooms are those that it may have left already.
func (s *Session) wasSlow(rooms ...string) {
	if !s.slow.CompareAndSwap(false, true) {
		return
	}
	s.hub.counter.slow.Add(1)
	lag := s.outlet.Lag()
	s.mu.Lock()
	user := s.caller.User
	for _, m := range s.rooms {
		if !slices.Contains(rooms, m.room.name) {
			rooms = append(rooms, m.room.name)
		}
	}
	s.mu.Unlock()
	s.hub.past.cut(TraceCut{
		At: time.Now().UnixMilli(), User: user, Connection: s.id, Why: lag.Why, Bytes: lag.Bytes, rooms: rooms,
	})
}

// Close ends the session, tells the outlet why and leaves the rooms. Only the first
// close counts.
func (s *Session) Close(why Reason) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	rooms := s.rooms
	s.rooms = nil
	s.mu.Unlock()
	if why == ReasonSlow {
		names := make([]string, len(rooms))
		for i, m := range rooms {
			names[i] = m.room.name
		}
		s.wasSlow(names...)
	}
	s.outlet.End(why)
	for _, m := range rooms {
		m.room.leave(m)
	}
	s.hub.mu.Lock()
	delete(s.hub.sessions, s.id)
	s.hub.mu.Unlock()
}

// Leave takes the session out of a room; it is false if it was not in it.
func (s *Session) Leave(name string) bool {
	s.mu.Lock()
	m := s.find(name)
	s.rooms = slices.DeleteFunc(s.rooms, func(o *member) bool { return o == m })
	s.mu.Unlock()
	if m == nil {
		return false
	}
	m.room.leave(m)
	return true
}

// Renew replaces the caller's name and grants, as a refreshed token gives them.
// Rooms that may no longer be joined are left, each with a LeftPush.
func (s *Session) Renew(caller room.Caller) error {
	if err := s.take(caller, "the new token no longer grants this room"); err != nil {
		return err
	}
	s.obey() // an order may have come since the token was looked at
	return nil
}

// take is Renew; why is said of rooms that are lost.
func (s *Session) take(caller room.Caller, why string) error {
	s.mu.Lock()
	if caller.User != s.caller.User {
		s.mu.Unlock()
		return room.Errorf(room.CodeUnauthorized, "sub: the new token is for another user; connect anew to change user")
	}
	s.caller = caller
	var lost []string
	for _, m := range s.rooms {
		if name := m.room.name; !caller.Grants.Allow(name, room.VerbJoin) {
			lost = append(lost, name)
		}
	}
	s.mu.Unlock()
	for _, name := range lost {
		if s.Leave(name) {
			s.send(name, LeftPush{Room: name, Why: room.Errorf(room.CodeForbidden, "%s", why)})
		}
	}
	return nil
}

// in reports whether the session is in the room.
func (s *Session) in(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(name) != nil
}

// find gives the stay in a room, or nil. mu is held.
func (s *Session) find(name string) *member {
	for _, m := range s.rooms {
		if m.room.name == name {
			return m
		}
	}
	return nil
}

// enter notes the room as joined, or finds that it was so again. It is called with
// the room's lock held.
func (s *Session) enter(r *liveRoom) (m *member, again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m = s.find(r.name)
	switch {
	case s.closed:
		return nil, false, ReasonGone
	case m == nil && len(s.rooms) >= s.hub.cfg.RoomsPerConn:
		return nil, false, room.Errorf(room.CodeLimitReached, "this connection is in %d rooms, which is the limit; leave one first", len(s.rooms))
	case !s.caller.Grants.Allow(r.name, room.VerbJoin):
		// The grants shrank while the join was under way.
		return nil, false, room.Errorf(room.CodeForbidden, "the grants do not cover %q in this room", room.VerbJoin)
	case m != nil:
		return m, true, nil
	}
	m = &member{room: r, session: s, next: r.flow.count}
	s.rooms = append(s.rooms, m)
	return m, false, nil
}
