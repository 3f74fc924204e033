package main_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// follower follows some rooms over raw connections, and comes and goes.
type follower struct {
	run   *run
	user  string
	rng   *rand.Rand
	rooms []*following
	slow  bool // it stops reading again and again

	// of the present connection
	conn  *rawConn
	asked map[uint64]asking // joins without an answer
}

// following is one room of a follower.
type following struct {
	at    position // up to where it has seen everything
	state membership
	track checker.Track
}

type membership int

const (
	out     membership = iota
	joining            // asked to join, or to go on joining
	live
	leaving
)

// asking is a join on its way.
type asking struct {
	room    *following
	since   *position
	history int
}

// follower makes the nth one.
func (r *run) follower(n int) func() {
	slow := r.load.stalls > 0 && n%r.load.stalls == 0
	if r.load.sdkShare > 0 && n%r.load.sdkShare == 1 && !slow {
		return r.sdkFollower(n)
	}
	f := &follower{run: r, user: fmt.Sprint("follower-", n), rng: r.rng("follower", n), slow: slow}
	for _, room := range r.followed(n, f.rng) {
		f.rooms = append(f.rooms, &following{track: checker.Track{Who: f.user, Room: room}})
	}
	return f.follow
}

// followed chooses up to four rooms. The first ones are followed by turns, so that
// none but the quiet ones is left out.
func (r *run) followed(n int, rng *rand.Rand) []string {
	loud := r.load.rooms - r.load.quiet
	var rooms []string
	for i := range min(4, loud) {
		rooms = append(rooms, r.room((n+i*(1+rng.IntN(3)))%loud))
	}
	return unique(rooms)
}

func unique(names []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			kept = append(kept, n)
		}
	}
	return kept
}

// follow runs connections until the follower is where all rooms have ended.
func (f *follower) follow() {
	defer func() {
		var tracks []checker.Track
		for _, r := range f.rooms {
			tracks = append(tracks, r.track)
		}
		f.run.keep(nil, tracks, nil)
	}()
	token := f.run.hub.token(f.user)
	for f.run.ctx.Err() == nil {
		conn, err := f.run.dial(token, f.slow)
		if err != nil {
			wait(f.run.ctx, time.Duration(1+f.rng.IntN(100))*time.Millisecond)
			continue
		}
		f.conn, f.asked = conn, map[uint64]asking{}
		arrived := f.serve()
		conn.close()
		conn.drain()
		if arrived {
			return // in the rooms to the end, as far as the checker is concerned
		}
		for _, r := range f.rooms {
			r.leftStep()
		}
	}
}

// leftStep notes that the room is left.
func (r *following) leftStep() {
	if r.state != out {
		r.track.Steps = append(r.track.Steps, checker.Step{Kind: checker.Left})
	}
	r.state = out
}

// serve runs one connection; it is true when the follower has arrived.
func (f *follower) serve() bool {
	for _, r := range f.rooms {
		if f.enter(r) != nil {
			return false
		}
	}
	next := time.NewTimer(f.pause())
	defer next.Stop()
	told := f.run.told
	for {
		if told == nil && f.arrived() {
			return true
		}
		select {
		case fr, ok := <-f.conn.frames:
			if !ok || f.take(&fr) != nil {
				return false
			}
		case <-next.C:
			if !f.move(told != nil) {
				return false
			}
			next.Reset(f.pause())
		case <-told:
			told = nil
		case <-f.run.ctx.Done():
			return false
		}
	}
}

// stallTime is how long a slow follower does not read: longer than the hub takes
// that from a peer, as hubFlagsOfHarsh have it.
const stallTime = 3 * time.Second

// tooSlow is the code of those who are cut for that.
const tooSlow = "3001"

func (f *follower) pause() time.Duration {
	return time.Duration(20+f.rng.IntN(600)) * time.Millisecond
}

// arrived reports whether every room is live and at its end.
func (f *follower) arrived() bool {
	for _, r := range f.rooms {
		if r.state != live || r.at.Seq < f.run.targets[r.track.Room].Seq {
			return false
		}
	}
	return true
}

// move does something: it leaves a room, comes back to one, or cuts the
// connection, which is false. Towards the end it only comes back.
func (f *follower) move(restless bool) bool {
	r := f.rooms[f.rng.IntN(len(f.rooms))]
	if f.slow && restless {
		wait(f.run.ctx, stallTime)
	}
	switch n := f.rng.IntN(10); {
	case r.state == out || !restless:
		for _, r := range f.rooms {
			if r.state == out && f.enter(r) != nil {
				return false
			}
		}
	case n < 3 && r.state == live:
		if _, err := f.conn.send(object{"type": "leave", "room": r.track.Room}); err != nil {
			return false
		}
		r.state = leaving
	case n == 3:
		return false
	case n == 4:
		f.conn.under.cut.Store(true)
		f.run.torn.Add(1)
		_, err := f.conn.send(object{"type": "ping"})
		return err == nil
	case n == 5: // not read for a while: the hub has to hold, or to cut
		wait(f.run.ctx, time.Duration(f.rng.IntN(500))*time.Millisecond)
	}
	return true
}

// enter joins a room: mostly from where the follower was.
func (f *follower) enter(r *following) error {
	switch n := f.rng.IntN(20); {
	case n == 0:
		r.at = position{}
	case n == 1 || n == 2 && r.at == position{}:
		return f.join(asking{room: r, history: f.rng.IntN(200)})
	}
	since := r.at
	return f.join(asking{room: r, since: &since})
}

func (f *follower) join(a asking) error {
	cmd := object{"type": "join", "room": a.room.track.Room}
	if a.since != nil {
		cmd["since"] = *a.since
	}
	if a.history > 0 {
		cmd["history"] = a.history
	}
	a.room.state = joining
	id, err := f.conn.send(cmd)
	f.asked[id] = a
	return err
}

// take handles what the hub says.
func (f *follower) take(fr *frame) error {
	switch fr.Type {
	case "event":
		if r := f.find(fr.Room); r != nil {
			r.track.Steps = append(r.track.Steps, checker.Step{Kind: checker.Event, Entry: item{fr.Seq, fr.Event}.entry()})
			r.at.Seq = max(r.at.Seq, fr.Seq)
		}
	case "joined":
		return f.joined(fr)
	case "left":
		if r := f.find(fr.Room); r != nil {
			if fr.ID == 0 {
				f.run.complain("%s was put out of %s: %s %s", f.user, fr.Room, fr.code(), fr.Message)
			}
			r.leftStep()
		}
	case "reset":
		return f.reset(fr)
	case "disconnect":
		if fr.code() == tooSlow {
			f.run.slow.Add(1)
		}
	case "error":
		a, ours := f.asked[fr.ID]
		if !ours || fr.code() != "unavailable" {
			f.run.complain("%s: %s %s", f.user, fr.code(), fr.Message)
			return nil
		}
		delete(f.asked, fr.ID)
		a.room.state = out // and the next move comes back
	}
	return nil
}

func (f *follower) find(room string) *following {
	for _, r := range f.rooms {
		if r.track.Room == room {
			return r
		}
	}
	f.run.complain("%s heard of %s, where it never was", f.user, room)
	return nil
}

// joined takes the answer to a join, and asks for the next part if there is one.
func (f *follower) joined(fr *frame) error {
	a, ours := f.asked[fr.ID]
	delete(f.asked, fr.ID)
	if !ours {
		f.run.complain("%s was joined to %s without asking", f.user, fr.Room)
		return nil
	}
	r := a.room
	r.track.Steps = append(r.track.Steps, joinedStep(fr, a.since, a.history))
	r.at, r.state = position{fr.Epoch, fr.Seq}, live
	if !fr.Live {
		at := r.at
		return f.join(asking{room: r, since: &at})
	}
	return nil
}

// reset takes the news that the log was reset, and starts again.
func (f *follower) reset(fr *frame) error {
	r := f.find(fr.Room)
	if r == nil {
		return nil
	}
	r.track.Steps = append(r.track.Steps, checker.Step{Kind: checker.Reset, Join: &checker.Join{
		At: checker.Position{Epoch: fr.Epoch, Seq: fr.Seq}, Reset: fr.Reason,
	}})
	r.at = position{fr.Epoch, fr.Seq}
	return f.join(asking{room: r, history: 50})
}
