package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// ResumePage is how many missed events one Join gives at the most. Who missed
// more is not live yet and joins again from the last one.
const ResumePage = 500

// MaxMembers is how many users a join or presence reply names; the count tells of
// the rest.
const MaxMembers = 500

// MaxReplyBytes bounds the events of one answer, the first one apart: a page of
// large events ends early, and says that there is more.
const MaxReplyBytes = 1 << 20

const (
	readTries = 5
	readPause = 50 * time.Millisecond
)

// JoinRequest asks for a room.
type JoinRequest struct {
	Room     string
	Since    *Position // resume after it; a Seq of 0 with an empty Epoch is the room's beginning
	History  int       // without Since, and after a reset: so many of the newest events
	Presence bool      // tell who is here, and of changes
}

// Joined is the answer to a JoinRequest.
type Joined struct {
	At      Position    // where the room stood when the session became live, or the last event given
	Live    bool        // false: there is more; join again with Since at the last event
	Events  []Item      // ascending
	More    bool        // older events exist before Events
	Reset   ResetReason // not empty: not exactly the rest, but the newest events
	Members []room.Member
	Count   int
}

// Join makes s a member of a room. respond is called with the answer, before
// anything newer can reach the outlet, and after all that it covers has; it must
// only encode it and send it the same way, and not call the hub.
// Without an error, respond was called.
func (s *Session) Join(ctx context.Context, req JoinRequest, respond func(Joined)) error {
	if err := s.mayJoin(req); err != nil {
		return err
	}
	for range readTries {
		r, err := s.hub.live(ctx, req.Room)
		if err != nil {
			return err
		}
		j := joining{room: r, session: s, req: req, respond: respond}
		if req.Since != nil {
			err = j.resume(ctx)
		} else {
			err = j.newest(ctx, "")
		}
		if !errors.Is(err, errRoomShut) && !errors.Is(err, errStale) {
			return err
		}
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
			return unavailable(ctx.Err())
		}
	}
	return room.Errorf(room.CodeUnavailable, "the log gave no consistent answer; try again")
}

// errStale: the log's answer was older than what is known; ask again.
var errStale = errors.New("the log's answer was stale")

func (s *Session) mayJoin(req JoinRequest) error {
	if err := room.CheckName(req.Room); err != nil {
		return err
	}
	verbs := []room.Verb{room.VerbJoin}
	if req.Since != nil || req.History > 0 {
		verbs = append(verbs, room.VerbHistory)
	}
	if req.Presence {
		verbs = append(verbs, room.VerbPresence)
	}
	return allow(s.Caller(), req.Room, verbs...)
}

func allow(caller room.Caller, name string, verbs ...room.Verb) error {
	for _, v := range verbs {
		if !caller.Grants.Allow(name, v) {
			return room.Errorf(room.CodeForbidden, "the grants do not cover %q in this room", v)
		}
	}
	return nil
}

// joining is one Join under way.
type joining struct {
	room    *liveRoom
	session *Session
	req     JoinRequest
	respond func(Joined)
}

// resume gives what came after Since and goes live, or gives the next part of it,
// or says that it cannot.
func (j *joining) resume(ctx context.Context) error {
	since := *j.req.Since
	at, missed, covered := j.room.since(since.Seq)
	switch {
	case since.Epoch != at.Epoch && (since.Seq != 0 || since.Epoch != ""):
		return j.newest(ctx, ResetEpoch)
	case since.Seq > at.Seq:
		return j.ahead(ctx, since, at)
	case covered && len(missed) <= ResumePage && oldestWithin(missed) == len(missed):
		return j.live(Position{Epoch: at.Epoch, Seq: since.Seq}, nil, false)
	}
	return j.part(ctx, since, at)
}

// part gives the next part of what came after since, and goes live if that is all.
func (j *joining) part(ctx context.Context, since, at Position) error {
	missed, err := j.room.missed(ctx, since.Seq)
	switch {
	case err != nil:
		return err
	case missed.epoch != at.Epoch:
		return errStale
	case missed.trimmed > since.Seq && since.Seq != 0:
		return j.newest(ctx, ResetTrimmed)
	case len(missed.items) == 0:
		return errStale // since lies before at, so there is something
	}
	last := Position{Epoch: missed.epoch, Seq: missed.last()}
	if !missed.more {
		if err := j.live(last, slices.Clone(missed.items), missed.trimmed > 0); !errors.Is(err, errStale) {
			return err
		}
	}
	j.respond(Joined{At: last, Events: missed.items})
	return nil
}

// ahead handles a Since beyond the room: the room may be a moment behind the log.
func (j *joining) ahead(ctx context.Context, since, at Position) error {
	tail, err := j.room.hub.cfg.Log.Tail(ctx, j.room.name)
	if err != nil {
		return unavailable(err)
	}
	if tail.Epoch == at.Epoch && tail.Seq >= since.Seq {
		j.room.Suspect()
		return errStale
	}
	return j.newest(ctx, ResetAhead)
}

// newest gives the newest events and goes live. why is set when that is not what
// was asked for.
func (j *joining) newest(ctx context.Context, why ResetReason) error {
	n := j.req.History
	if why != "" && n == 0 {
		n = 50
	}
	h, err := j.room.newest(ctx, n)
	if err != nil {
		return err
	}
	return j.attach(h.last, func(joined *Joined, rest []Item) {
		joined.Events = append(h.items, rest...)
		joined.More, joined.Reset = h.more, why
		// What came while the log was read makes them more than was asked for.
		if n := min(n, newestWithin(joined.Events)); n < len(joined.Events) {
			joined.Events, joined.More = joined.Events[len(joined.Events)-n:], true
		}
	})
}

// live joins items, the last of which is at last, with what the ring holds after
// it, and goes live.
func (j *joining) live(last Position, items []Item, more bool) error {
	return j.attach(last, func(joined *Joined, rest []Item) {
		joined.Events, joined.More = append(items, rest...), more
	})
}

// attach goes live if the room has come to last, and the ring holds everything
// after it; else errStale. (What was read from the log can be newer than what has
// come to the room: it would come once more.)
func (j *joining) attach(last Position, fill func(*Joined, []Item)) error {
	r := j.room
	r.mu.Lock()
	defer r.mu.Unlock()
	rest, ok := r.ring.after(last.Seq)
	if !ok || r.at.Epoch != last.Epoch || r.at.Seq < last.Seq {
		return errStale
	}
	if err := r.attach(j.session, j.req.Presence); err != nil {
		return err
	}
	joined := Joined{At: r.at, Live: true}
	fill(&joined, slices.Clone(rest))
	if j.req.Presence {
		joined.Members, joined.Count = r.roster.Members(r.named()), r.roster.Count()
	}
	j.respond(joined)
	return nil
}

// since gives where the room stands and, if the ring covers it, what came after
// seq.
func (r *liveRoom) since(seq uint64) (at Position, missed []Item, covered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	missed, covered = r.ring.after(seq)
	return r.at, slices.Clone(missed), covered
}

// oldestWithin is how many of the first items an answer may hold.
func oldestWithin(items []Item) int {
	size := 0
	for i, it := range items {
		if size += len(it.Event); size > MaxReplyBytes && i > 0 {
			return i
		}
	}
	return len(items)
}

// newestWithin is how many of the last items an answer may hold.
func newestWithin(items []Item) int {
	size := 0
	for n := range items {
		if size += len(items[len(items)-1-n].Event); size > MaxReplyBytes && n > 0 {
			return n
		}
	}
	return len(items)
}

func itemsOf(entries []Entry) []Item {
	items := make([]Item, len(entries))
	for i, e := range entries {
		items[i] = Item{Seq: e.Seq, Event: e.Data}
		if _, err := room.DecodeEvent(e.Data); err != nil {
			_, items[i].Event = standIn()
		}
	}
	return items
}
