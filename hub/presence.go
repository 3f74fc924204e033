package hub

import (
	"sync"
	"time"
)

// rosterQueue holds the rooms whose roster has something to tell.
type rosterQueue struct {
	wake chan struct{} // holds one token while rooms is not empty

	mu    sync.Mutex // guards what follows; taken last
	rooms map[*liveRoom]struct{}
}

func newRosterQueue() rosterQueue {
	return rosterQueue{wake: make(chan struct{}, 1), rooms: make(map[*liveRoom]struct{})}
}

func (q *rosterQueue) add(r *liveRoom) {
	q.mu.Lock()
	q.rooms[r] = struct{}{}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *rosterQueue) take() map[*liveRoom]struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	rooms := q.rooms
	q.rooms = make(map[*liveRoom]struct{})
	return rooms
}

// tellRoster notes that observers have something to hear. mu is held.
func (r *liveRoom) tellRoster() {
	if r.roster.Dirty() {
		r.hub.rosters.add(r)
	}
}

// tellPresence tells observers who came and who went, gathered for a moment, so
// that a hundred joins cost one frame a member. It runs until the hub is closed.
func (h *Hub) tellPresence() {
	for {
		select {
		case <-h.rosters.wake:
		case <-h.ctx.Done():
			return
		}
		select {
		case <-time.After(h.cfg.PresenceDelay):
		case <-h.ctx.Done():
			return
		}
		for r := range h.rosters.take() {
			r.tellChanges()
		}
	}
}

func (r *liveRoom) tellChanges() {
	defer r.Flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	push := PresencePush{Room: r.name, Count: r.roster.Count()}
	for _, c := range r.roster.Changes() {
		if c.Join {
			push.Joined = append(push.Joined, c.Member)
		} else {
			push.Left = append(push.Left, c.Member)
		}
	}
	if r.members.watching > 0 && len(push.Joined)+len(push.Left) > 0 {
		r.tellWatchers(push)
	}
}
