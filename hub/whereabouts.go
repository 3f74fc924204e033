package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// askPatience is how long the other instances may take to answer.
	askPatience = 500 * time.Millisecond
	// asksASecond bounds how often they are asked: each time costs each of them.
	asksASecond = 100
)

// query asks all instances for one room, or for a page of the rooms that have members.
type query struct {
	ID     uint64 `json:"id"`
	Room   string `json:"room,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	Cut    *cut   `json:"cut,omitempty"`
}

// cut names sessions that are to be ended.
type cut struct {
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
}

// answer is one instance's.
type answer struct {
	ID     uint64       `json:"id"`
	Report *room.Report `json:"report,omitempty"`
	Rooms  []RoomInfo   `json:"rooms,omitempty"`
	More   bool         `json:"more,omitempty"`
	Cut    int          `json:"cut,omitempty"`
}

// asks are the queries that wait for answers.
type asks struct {
	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[uint64]*asking
}

// asking is one of them.
type asking struct {
	missing []string // instances that have not answered
	answers []answer
	done    chan struct{} // closed when none is missing
}

func newAsks() asks { return asks{waiting: make(map[uint64]*asking)} }

func (a *asks) begin(of []string) (uint64, *asking) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	q := &asking{missing: of, done: make(chan struct{})}
	a.waiting[a.last] = q
	return a.last, q
}

func (a *asks) answered(by string, with answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.waiting[with.ID]
	if q == nil {
		return
	}
	i := slices.Index(q.missing, by)
	if i < 0 {
		return
	}
	q.missing = slices.Delete(q.missing, i, i+1)
	q.answers = append(q.answers, with)
	if len(q.missing) == 0 {
		close(q.done)
		delete(a.waiting, with.ID)
	}
}

// end gives what has come, and whether that is all.
func (a *asks) end(id uint64, q *asking) (answers []answer, whole bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
	return q.answers, len(q.missing) == 0
}

// pace lets so many a second pass.
type pace struct {
	mu    sync.Mutex // guards what follows
	since time.Time
	count int
}

func (p *pace) pass(now time.Time, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.since) >= time.Second {
		p.since, p.count = now, 0
	}
	p.count++
	return p.count <= most
}

// askAll asks the other instances and waits for their answers, for a bounded time.
// whole is false if one of them has not answered.
func (h *Hub) askAll(ctx context.Context, q query) (answers []answer, whole bool) {
	h.others.mu.Lock()
	there, doubtful := h.others.leases.There(), h.others.leases.Doubtful(time.Now())
	h.others.mu.Unlock()
	switch {
	case len(there) == 0:
		return nil, true
	case q.Cut == nil && !h.others.pace.pass(time.Now(), asksASecond):
		return nil, false
	}
	id, asking := h.others.asks.begin(there)
	q.ID = id
	over := time.NewTimer(askPatience)
	defer over.Stop()
	again := time.NewTicker(askPatience / 3) // the question or an answer may be lost
	defer again.Stop()
	for waiting := true; waiting; {
		h.write(allInstances, note{Kind: noteQuery, Query: &q})
		select {
		case <-again.C:
			continue
		case <-asking.done:
		case <-over.C:
		case <-ctx.Done():
		case <-h.ctx.Done():
		}
		waiting = false
	}
	answers, whole = h.others.asks.end(id, asking)
	return answers, whole && !doubtful
}

func (h *Hub) answerQuery(n note) {
	a := answer{ID: n.Query.ID}
	switch q := n.Query; {
	case q.Cut != nil:
		a.Cut = h.cut(*q.Cut)
	case q.Room != "":
		a.Report = h.fullOf(q.Room)
	default:
		a.Rooms, a.More = h.pageOfRooms(*q)
	}
	h.write(inboxOf(n.From), note{Kind: noteAnswer, Answer: &a})
}

// DisconnectEverywhere is Disconnect on all instances, of a user or of one session by its
// id. whole is false if one of them has
// not answered, so that more may be left.
func (h *Hub) DisconnectEverywhere(ctx context.Context, user, session string) (n int, whole bool) {
	which := cut{User: user, Session: session}
	n = h.cut(which)
	answers, whole := h.askAll(ctx, query{Cut: &which})
	for _, a := range answers {
		n += a.Cut
	}
	return n, whole
}

// Whereabouts says who is in a room, on all instances.
type Whereabouts struct {
	Members     []room.Member // at most as many as asked for, sorted by id
	On          [][]string    // the instances that each of them is with
	Users       int
	Connections int
	Shares      []room.Share // by instance
	// Incomplete says that an instance could not be heard in time, or has just begun
	// to tell of its members: there may be more of them.
	Incomplete bool
}

// Whereabouts looks who is in a room, and asks other instances if it has to. It is
// the caller's to check that whoever asks may see it.
func (h *Hub) Whereabouts(ctx context.Context, name string, limit int) Whereabouts {
	r := h.present(name)
	if r != nil {
		if w := h.look(r, limit); !w.Incomplete {
			return w
		}
	}
	answers, whole := h.askAll(ctx, query{Room: name})
	if r == nil {
		r = &liveRoom{hub: h} // for its roster
	} else {
		defer r.tellTaken()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range answers {
		if a.Report != nil {
			r.roster.Take(*a.Report, time.Now(), time.Now().Add(h.cfg.LeaveGrace))
		}
	}
	w := r.whereabouts(limit)
	w.Incomplete = !whole
	return w
}

// tellTaken tells observers what the answers to a query have brought.
func (r *liveRoom) tellTaken() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellRoster()
}

// look gives what is known of a room that is open here.
func (h *Hub) look(r *liveRoom, limit int) Whereabouts {
	now := time.Now()
	h.others.mu.Lock()
	alone, doubtful := h.others.leases.Others() == 0, h.others.leases.Doubtful(now)
	h.others.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.whereabouts(limit)
	w.Incomplete = !alone && (doubtful || now.Sub(r.began) < askTime || r.roster.Unsure())
	return w
}

// whereabouts gives what is known. mu is held.
func (r *liveRoom) whereabouts(limit int) Whereabouts {
	w := Whereabouts{Members: r.roster.Members(limit), Users: r.roster.Count(), Shares: r.roster.Shares(r.hub.others.id)}
	for _, s := range w.Shares {
		w.Connections += s.Conns
	}
	for _, m := range w.Members {
		w.On = append(w.On, r.roster.Where(m.User, r.hub.others.id))
	}
	return w
}

// RoomInfo says how many are in a live room, and where it stands.
type RoomInfo struct {
	Room     string       `json:"room"`
	Users    int          `json:"users"`  // on all instances
	Sessions int          `json:"conns"`  // on this one
	Shares   []room.Share `json:"shares"` // by instance
	At       Position     `json:"at"`
}

// Rooms lists the rooms that have members on this instance.
func (h *Hub) Rooms() []RoomInfo {
	var infos []RoomInfo
	for _, r := range h.liveRooms() {
		if info := r.info(); info.Sessions > 0 {
			infos = append(infos, info)
		}
	}
	return infos
}

// pageOfRooms lists rooms with members here, by name.
func (h *Hub) pageOfRooms(q query) (page []RoomInfo, more bool) {
	for _, r := range h.liveRooms() {
		if r.name > q.After && strings.HasPrefix(r.name, q.Prefix) {
			if info := r.info(); info.Sessions > 0 {
				page = append(page, info)
			}
		}
	}
	slices.SortFunc(page, func(a, b RoomInfo) int { return strings.Compare(a.Room, b.Room) })
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	return page, more
}

// RoomPage is a page of the rooms that have members on any instance.
type RoomPage struct {
	Rooms      []RoomInfo
	More       bool
	Incomplete bool // an instance could not be heard in time: there may be more
}

// RoomPage lists the rooms that have members on any instance, by name: those behind
// after that begin with prefix, at most limit of them.
func (h *Hub) RoomPage(ctx context.Context, prefix, after string, limit int) RoomPage {
	q := query{Prefix: prefix, After: after, Limit: limit}
	answers, whole := h.askAll(ctx, q)
	page := RoomPage{Incomplete: !whole}
	var all []RoomInfo
	all, page.More = h.pageOfRooms(q)
	for _, a := range answers {
		all, page.More = append(all, a.Rooms...), page.More || a.More
	}
	slices.SortStableFunc(all, func(a, b RoomInfo) int { return strings.Compare(a.Room, b.Room) })
	for _, info := range all {
		last := len(page.Rooms) - 1
		if last >= 0 && page.Rooms[last].Room == info.Room {
			page.Rooms[last].merge(info)
			continue
		}
		if len(page.Rooms) == limit {
			page.More = true
			break
		}
		page.Rooms = append(page.Rooms, info)
	}
	return page
}

// merge adds what another instance says of the room. Each knows best of its own.
func (i *RoomInfo) merge(other RoomInfo) {
	i.Users, i.Sessions = max(i.Users, other.Users), i.Sessions+other.Sessions
	if other.At.Epoch == i.At.Epoch {
		i.At.Seq = max(i.At.Seq, other.At.Seq)
	}
	for _, s := range other.Shares {
		if !slices.ContainsFunc(i.Shares, func(have room.Share) bool { return have.Instance == s.Instance }) {
			i.Shares = append(i.Shares, s)
		}
	}
	slices.SortFunc(i.Shares, func(a, b room.Share) int { return cmp.Compare(a.Instance, b.Instance) })
}
