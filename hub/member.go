package hub

import (
	"sync"
	"sync/atomic"
	"time"
)

// member is one session's stay in a room.
type member struct {
	// static after construction
	room    *liveRoom
	session *Session

	// guarded by the room's mu
	place int // its index in audience.list

	presence atomic.Bool // it has asked for presence; set with the room's mu held

	mu   sync.Mutex // guards what follows; held while the outlet takes a round
	next uint64     // the number of the next frame that it is to have
	gone bool       // it is to have nothing more
}

// take brings the frames of a round that the member has not had yet. It is false if
// there are none, or the peer is now too far behind.
func (m *member) take(r *Round) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := 0
	if m.next > r.first {
		from = int(m.next - r.first)
	}
	if m.gone || from >= r.Len() {
		return false
	}
	m.next = r.first + uint64(r.Len())
	return m.give(r, from)
}

// takeApart brings a round that is not numbered among the room's frames.
func (m *member) takeApart(r *Round) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.gone {
		m.give(r, 0)
	}
}

// give hands a round to the outlet. It is false if the peer is now too far behind. mu
// is held.
func (m *member) give(r *Round, from int) bool {
	if m.session.outlet.Deliver(r, from) {
		return true
	}
	m.gone = true
	m.session.wasSlow(m.room.name)
	return false
}

// depart makes sure that nothing of the room reaches the peer from now on.
func (m *member) depart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
}

// audience is the members of a room. The list does not change while a flush goes
// through it without the room's lock; who joins or leaves meanwhile waits for the
// end of that, and nobody waits with a lock held.
type audience struct {
	list         []*member
	joined, left []*member // to be brought into the list, in this order
	held         bool      // a flush goes through the list
	watching     int       // how many have asked for presence
	empty        time.Time // since when there is nobody
}

func (a *audience) size() int { return len(a.list) + len(a.joined) - len(a.left) }

func (a *audience) add(m *member) {
	if a.held {
		a.joined = append(a.joined, m)
		return
	}
	a.insert(m)
}

func (a *audience) insert(m *member) {
	m.place = len(a.list)
	a.list = append(a.list, m)
}

func (a *audience) remove(m *member) {
	a.watch(m, false)
	if a.held {
		a.left = append(a.left, m)
	} else {
		a.extract(m)
	}
	if a.size() == 0 {
		a.empty = time.Now()
	}
}

func (a *audience) extract(m *member) {
	last := len(a.list) - 1
	a.list[m.place], a.list[last].place = a.list[last], m.place
	a.list[last] = nil
	a.list = a.list[:last]
	if cap(a.list) > 16 && last < cap(a.list)/4 {
		a.list = append(make([]*member, 0, 2*last), a.list...)
	}
}

// watch notes whether a member wants presence.
func (a *audience) watch(m *member, wants bool) {
	switch had := m.presence.Swap(wants); {
	case wants && !had:
		a.watching++
	case !wants && had:
		a.watching--
	}
}

// hold gives the list, which stays as it is until release.
func (a *audience) hold() []*member {
	a.held = true
	return a.list
}

// release lets the list change again, and brings it up to date.
func (a *audience) release() {
	a.held = false
	for _, m := range a.joined {
		a.insert(m)
	}
	for _, m := range a.left {
		a.extract(m)
	}
	a.joined, a.left = nil, nil
}
