package hub

import (
	"context"
	"time"
)

// tailsAtOnce is how many rooms one look at the log's tails covers. Who has more looks at
// the next ones the next time, so that the log answers each instance for at most 400 rooms
// a second, and a room's turn comes every 12.5 s for each 5,000 rooms.
const tailsAtOnce = 2000

// keep compares the live rooms with the log at a slow pace, and lets go of rooms
// that have been empty for a while. It runs until the hub is closed.
func (h *Hub) keep() {
	tick := time.NewTicker(h.cfg.TailCheck)
	defer tick.Stop()
	var turn []*liveRoom // those whose turn is still to come
	for {
		select {
		case <-tick.C:
			h.letGo(time.Now())
			rooms := h.liveRooms()
			for _, r := range rooms {
				r.agePartsTo(time.Now())
			}
			if len(turn) == 0 {
				turn = rooms
			}
			turn = h.compareTails(turn)
		case <-h.ctx.Done():
			return
		}
	}
}

// compareTails starts a catch-up in each room that stands behind the log, of the first
// of those given, and gives the others. What a dying leader committed may never have been
// published again, and then nothing else would tell.
func (h *Hub) compareTails(rooms []*liveRoom) (rest []*liveRoom) {
	if len(rooms) == 0 {
		return nil
	}
	n := min(tailsAtOnce, len(rooms))
	switch err := h.compareSome(rooms[:n]); {
	case err != nil:
		h.cfg.Fault("", err)
		return rooms // their turn is still to come
	case n == len(rooms):
		return nil
	}
	return rooms[n:]
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
