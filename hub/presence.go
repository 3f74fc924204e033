package hub

import (
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// largeDelay is how many times longer than others a large room gathers who comes and
// goes.
const largeDelay = 5

// rosterQueue holds the rooms whose roster has something to tell.
type rosterQueue struct {
	wake chan struct{} // holds one token while rooms is not empty

	mu    sync.Mutex              // guards what follows; taken last
	rooms map[*liveRoom]time.Time // when each is due
}

func newRosterQueue() rosterQueue {
	return rosterQueue{wake: make(chan struct{}, 1), rooms: make(map[*liveRoom]time.Time)}
}

// add has the room told of at a time, or earlier if it was due before.
func (q *rosterQueue) add(r *liveRoom, due time.Time) {
	q.mu.Lock()
	if was, waits := q.rooms[r]; !waits || due.Before(was) {
		q.rooms[r] = due
	}
	q.mu.Unlock()
	q.signal()
}

func (q *rosterQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives the rooms that are due, appended to rooms.
func (q *rosterQueue) take(rooms []*liveRoom, now time.Time) []*liveRoom {
	q.mu.Lock()
	defer q.mu.Unlock()
	for r, due := range q.rooms {
		if !due.After(now) {
			rooms = append(rooms, r)
			delete(q.rooms, r)
		}
	}
	if len(q.rooms) > 0 {
		q.signal()
	}
	return rooms
}

// tellRoster notes that observers have something to hear. mu is held.
func (r *liveRoom) tellRoster() {
	if fades, ok := r.roster.Fades(); ok {
		r.hub.rosters.add(r, fades)
	}
	if !r.roster.Dirty() {
		return
	}
	delay := r.hub.cfg.PresenceDelay
	if r.roster.Large() {
		delay *= largeDelay
	}
	r.hub.rosters.add(r, time.Now().Add(delay))
}

// shareRoster has the other instances told of a change that follows, and gives until
// when a user who leaves stays. mu is held.
func (r *liveRoom) shareRoster() (until time.Time) {
	others, now := r.hub.others.count() > 0, time.Now()
	r.roster.Share(others)
	if !others {
		return time.Time{}
	}
	r.hub.others.agenda.plan(r, now.Add(reportDelay), true)
	return now.Add(r.hub.cfg.LeaveGrace)
}

// tellPresence tells observers who came and who went, gathered for a moment, so
// that a hundred joins cost one frame a member. It runs until the hub is closed.
func (h *Hub) tellPresence() {
	var due []*liveRoom
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
		due = h.rosters.take(due[:0], time.Now())
		for i, r := range due {
			r.tellChanges()
			due[i] = nil
		}
	}
}

func (r *liveRoom) tellChanges() {
	defer r.Flush()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roster.Fade(time.Now())
	if fades, ok := r.roster.Fades(); ok {
		r.hub.rosters.add(r, fades)
	}
	news, ok := r.roster.News(r.hub.cfg.NamedMax)
	if r.members.watching > 0 && ok {
		r.tellWatchers(PresencePush{Room: r.name, News: news})
	}
}

// named is how many of the users are named to one who joins. mu is held.
func (r *liveRoom) named() int {
	if r.roster.Count() > r.hub.cfg.NamedMax {
		return room.Sample
	}
	return MaxMembers
}
