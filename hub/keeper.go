package hub

import (
	"context"
	"time"
)

// tailsAtOnce is how many rooms one look at the log's tails covers.
const tailsAtOnce = 100

// keep compares the live rooms with the log at a slow pace, and lets go of rooms
// that have been empty for a while. It runs until the hub is closed.
func (h *Hub) keep() {
	tick := time.NewTicker(h.cfg.TailCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.letGo(time.Now())
			for _, r := range h.liveRooms() {
				r.agePartsTo(time.Now())
			}
			h.compareTails()
		case <-h.ctx.Done():
			return
		}
	}
}

// compareTails starts a catch-up in each room that stands behind the log. What a
// dying leader committed may never have been published again, and then nothing
// else would tell.
func (h *Hub) compareTails() {
	rooms := h.liveRooms()
	for len(rooms) > 0 {
		n := min(tailsAtOnce, len(rooms))
		if err := h.compareSome(rooms[:n]); err != nil {
			h.cfg.Fault("", err)
			return
		}
		rooms = rooms[n:]
	}
}

func (h *Hub) compareSome(rooms []*liveRoom) error {
	ctx, cancel := context.WithTimeout(h.ctx, catchUpRead)
	defer cancel()
	names := make([]string, len(rooms))
	for i, r := range rooms {
		names[i] = r.name
	}
	tails, err := h.cfg.Log.Tails(ctx, names)
	if err != nil {
		return err
	}
	for i, r := range rooms {
		if at := r.info().At; tails[i].Seq > at.Seq || tails[i].Epoch != at.Epoch {
			r.Suspect()
		}
	}
	return nil
}

// letGo closes the rooms that have been without a member for long enough.
func (h *Hub) letGo(now time.Time) {
	for _, r := range h.liveRooms() {
		h.mu.Lock()
		idle := r.idle(now, h.cfg.EmptyLinger)
		if idle {
			delete(h.rooms, r.name)
		}
		h.mu.Unlock()
		if idle {
			r.shut()
		}
	}
}

// idle reports whether the room may be let go of, and if so bars it from new
// members.
func (r *liveRoom) idle(now time.Time, linger time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members.size() > 0 || r.flow.running || r.catchUp.running || now.Sub(r.members.empty) < linger {
		return false
	}
	r.catchUp.shut = true
	return true
}

// LiveRooms is the number of rooms that the hub holds in memory, those that have
// just become empty included.
func (h *Hub) LiveRooms() int { return len(h.liveRooms()) }
