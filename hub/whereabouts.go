package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// DisconnectEverywhere is Disconnect on all instances, of a user or of one session by its
// id. whole is false if one of them has
// not answered, so that more may be left.
func (h *Hub) DisconnectEverywhere(ctx context.Context, user, session string) (n int, whole bool) {
	which := cut{User: user, Session: session}
	n = h.cut(which)
	asked := h.askAll(ctx, query{Cut: &which})
	for _, a := range asked.answers {
		n += a.Cut
	}
	return n, asked.whole
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
	asked := h.askAll(ctx, query{Room: name})
	if r == nil {
		r = &liveRoom{hub: h} // for its roster
	} else {
		defer r.tellTaken()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range asked.answers {
		if a.Report != nil {
			r.roster.Take(*a.Report, time.Now(), time.Now().Add(h.cfg.LeaveGrace))
		}
	}
	w := r.whereabouts(limit)
	w.Incomplete = !asked.whole
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
	asked := h.askAll(ctx, q)
	page := RoomPage{Incomplete: !asked.whole}
	var all []RoomInfo
	all, page.More = h.pageOfRooms(q)
	for _, a := range asked.answers {
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
