package hub

import (
	"context"
	"sync"

	"github.com/hubbub-im/hubbub/room"
)

// Reason says why a session was closed. It is an error, and what Next gives once
// the session is over.
type Reason string

// The reasons for which a session ends.
const (
	// ReasonGone: the peer went away, or the edge closed the session.
	ReasonGone Reason = "gone"
	// ReasonSlow: the peer read too slowly and its queue was full.
	ReasonSlow Reason = "slow"
	// ReasonShutdown: the hub goes down.
	ReasonShutdown Reason = "shutdown"
	// ReasonDisconnected: somebody asked for it through Disconnect.
	ReasonDisconnected Reason = "disconnected"
)

// Error gives the reason's name.
func (r Reason) Error() string { return "session closed: " + string(r) }

// Session is one connected peer: its identity, its rooms, and the frames that
// wait for it.
type Session struct {
	// static after construction
	hub   *Hub
	id    string
	queue *queue

	mu     sync.Mutex // guards what follows; taken after a liveRoom's, never before
	caller room.Caller
	rooms  map[string]*liveRoom
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

// Send queues a frame for the peer. A full queue closes the session with
// ReasonSlow: a slow peer hurts only itself.
func (s *Session) Send(f Frame) { s.put(f, false) }

// Reply queues what the peer has asked for: it may be larger than what is left of
// the queue. Whoever calls it has waited in Room before taking the request.
func (s *Session) Reply(f Frame) { s.put(f, true) }

func (s *Session) put(f Frame, asked bool) {
	if !s.queue.put(f, asked) && s.queue.close(ReasonSlow) {
		s.hub.counter.slow.Add(1)
	}
}

// Room waits until the peer has taken enough of what is queued for the answer to
// another request. A peer that asks faster than it reads is not cut, but waits.
func (s *Session) Room(ctx context.Context) error { return s.queue.room(ctx) }

// Next waits for frames and gives all that are queued, in buf if it is large
// enough. Its error is the Reason once the session is closed, or ctx's.
func (s *Session) Next(ctx context.Context, buf []Frame) ([]Frame, error) {
	return s.queue.take(ctx, buf)
}

// Close ends the session and leaves its rooms. Frames that still wait are
// dropped. Only the first close gives the reason.
func (s *Session) Close(why Reason) {
	s.queue.close(why)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	rooms := s.rooms
	s.rooms = nil
	s.mu.Unlock()
	for _, r := range rooms {
		r.leave(s)
	}
	s.hub.mu.Lock()
	delete(s.hub.sessions, s.id)
	s.hub.mu.Unlock()
}

// Leave takes the session out of a room; it is false if it was not in it.
func (s *Session) Leave(name string) bool {
	s.mu.Lock()
	r := s.rooms[name]
	delete(s.rooms, name)
	s.mu.Unlock()
	if r == nil {
		return false
	}
	r.leave(s)
	return true
}

// Renew replaces the caller's name and grants, as a refreshed token gives them.
// Rooms that may no longer be joined are left, each with a LeftPush.
func (s *Session) Renew(caller room.Caller) error {
	s.mu.Lock()
	if caller.User != s.caller.User {
		s.mu.Unlock()
		return room.Errorf(room.CodeUnauthorized, "sub: the new token is for another user; connect anew to change user")
	}
	s.caller = caller
	var lost []string
	for name := range s.rooms {
		if !caller.Grants.Allow(name, room.VerbJoin) {
			lost = append(lost, name)
		}
	}
	s.mu.Unlock()
	for _, name := range lost {
		if s.Leave(name) {
			why := room.Errorf(room.CodeForbidden, "the new token no longer grants this room")
			s.Send(Frame{Data: s.hub.cfg.Codec.Encode(LeftPush{Room: name, Why: why})})
		}
	}
	return nil
}

// in reports whether the session is in the room.
func (s *Session) in(name string) (*liveRoom, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rooms[name]
	return r, ok
}

// enter notes the room as joined. It is called with the room's lock held.
func (s *Session) enter(r *liveRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ReasonGone
	case s.rooms[r.name] == nil && len(s.rooms) >= s.hub.cfg.RoomsPerConn:
		return room.Errorf(room.CodeLimitReached, "this connection is in %d rooms, which is the limit; leave one first", len(s.rooms))
	case !s.caller.Grants.Allow(r.name, room.VerbJoin):
		// The grants shrank while the join was under way.
		return room.Errorf(room.CodeForbidden, "the grants do not cover %q in this room", room.VerbJoin)
	}
	s.rooms[r.name] = r
	return nil
}
