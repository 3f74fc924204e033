package hub

import "time"

// inlineMembers is up to how many members a room is flushed by the goroutine that
// brings the entries. Beyond it that would hold up the other rooms of the same
// goroutine, and a goroutine of the room's own is woken instead. Where the bound lies
// hardly shows: with 16, 64 and 256, `hubbub bench rooms --rooms 20 --rate 500` costs the
// same CPU for each delivery within a tenth, in rooms of 40 and of 160 (three rounds in
// turn, two shared cores).
const inlineMembers = 64

// inlineBytes is how large such a round may be: to compress what is larger takes as
// long as writing to many does.
const inlineBytes = 16 << 10

// flow is what a room has still to bring to its members.
type flow struct {
	count   uint64 // how many frames the room has had for all of its members
	all     *Round // gathers such frames; nil: there are none
	watched *Round // gathers those for the members who asked for presence; nil: none
	flying  *Round // is on its way to the members
	running bool   // somebody flushes, and will take what gathers meanwhile

	alarm *time.Timer // ends a rest; nil: there was none. Owned by whoever flushes
}

// tell encodes a push for every member. It goes out with the next flush. mu is held.
func (r *liveRoom) tell(p Push, at Position, key string) {
	if r.members.size() == 0 {
		return
	}
	f := &r.flow
	if f.all == nil {
		f.all = newRound(r.name, f.count)
	}
	f.all.add(r.hub.cfg.Codec, p, at, key)
	f.count++
}

// tellWatchers is tell for the members who have asked for presence. mu is held.
func (r *liveRoom) tellWatchers(p Push) {
	if r.flow.watched == nil {
		r.flow.watched = newRound(r.name, 0)
	}
	r.flow.watched.add(r.hub.cfg.Codec, p, Position{}, "")
}

// Flush brings what has gathered to the members, or sees to it that somebody does;
// see Watcher. It must not be called with mu held.
func (r *liveRoom) Flush() {
	r.mu.Lock()
	if r.flow.running || r.flow.all == nil && r.flow.watched == nil {
		r.mu.Unlock()
		return
	}
	r.flow.running = true
	large := r.members.size() > inlineMembers || r.flow.all != nil && len(r.flow.all.buf) > inlineBytes
	r.mu.Unlock()
	if !large || !r.hub.life.Start(r.flushLarge) {
		r.flush()
	}
}

// longestRest bounds how long a large room rests between two rounds.
const longestRest = 5 * time.Millisecond

// flushLarge is flush in a goroutine of the room's own. It lets frames gather first
// if the hub is set up so, which by default it is not: in `hubbub bench fanout` with
// 1,000 members 0, 1, 2 and 5 ms were ties, at 30 and at 300 messages a second (two
// rounds in turn, two shared cores, busy; before rooms rested).
//
// After each round it rests for half as long as that took. A busy room then has more
// frames in a round, and so fewer writes to each member, while one that is quiet never
// waits: who finds nobody at work begins at once.
func (r *liveRoom) flushLarge() {
	r.rest(r.hub.cfg.Linger)
	for {
		begun := time.Now()
		if !r.flushRound() {
			return
		}
		r.rest(min(time.Since(begun)/2, longestRest))
	}
}

// rest lets frames gather. Whoever flushes rests, so one at a time does.
func (r *liveRoom) rest(d time.Duration) {
	if d <= 0 {
		return
	}
	if r.flow.alarm == nil {
		r.flow.alarm = time.NewTimer(d)
	} else {
		r.flow.alarm.Reset(d)
	}
	select {
	case <-r.flow.alarm.C:
	case <-r.hub.ctx.Done():
		r.flow.alarm.Stop()
	}
}

// flush brings one round after another until nothing has gathered. One goroutine at
// a time does.
func (r *liveRoom) flush() {
	for r.flushRound() {
	}
}

// flushRound brings what has gathered. If that is nothing, it is false, and somebody
// else may flush.
func (r *liveRoom) flushRound() bool {
	r.mu.Lock()
	f := &r.flow
	all, watched := f.all, f.watched
	f.all, f.watched, f.flying = nil, nil, all
	if all == nil && watched == nil {
		f.running = false
		r.mu.Unlock()
		return false
	}
	members := r.members.hold()
	r.mu.Unlock()
	begun := time.Now()
	given := bring(members, all, watched)
	if all != nil {
		r.hub.counter.deliveries.Add(uint64(all.events * len(members)))
	}
	took := time.Since(begun)
	r.mu.Lock()
	if all != nil && all.events > 0 { // before it flies no more, see pending
		r.hub.past.brought(all, begun, took, given+all.early)
	}
	f.flying = nil
	r.members.release()
	r.mu.Unlock()
	for _, round := range []*Round{all, watched} {
		if round != nil {
			round.free()
		}
	}
	return true
}

// bring takes rounds to members, and gives how many were given the first.
func bring(members []*member, all, watched *Round) (given int) {
	for _, m := range members {
		if all != nil && m.take(all) {
			given++
		}
		if watched != nil && m.presence.Load() {
			m.takeApart(watched)
		}
	}
	return given
}

// bringUpTo gives a member at once what it would be given by the flushes that are
// under way or due. mu is held.
func (r *liveRoom) bringUpTo(m *member) {
	for _, round := range []*Round{r.flow.flying, r.flow.all} {
		if round != nil && m.take(round) {
			round.early++
		}
	}
}
