package checker

import (
	"math"
	"time"
)

// sent is a message with all that is known of its attempts.
type sent struct {
	text    uint64
	first   time.Duration // when it was first sent
	acked   time.Duration // when it was first acknowledged; math.MaxInt64: never
	at      Position      // what the first ack said
	refused bool          // every attempt was
}

// message names a message.
type message struct {
	room string
	author
}

// publishes holds what was sent and acknowledged against the final history.
func (c *checking) publishes(attempts []Publish) {
	messages := make(map[message]*sent, len(attempts))
	for _, p := range attempts {
		c.attempt(messages, p)
	}
	c.Attempts, c.Messages = len(attempts), len(messages)
	for m, s := range messages {
		c.outcome(m, s)
	}
	for name, fr := range c.rooms {
		fr.settle()
		c.stored(name, fr, messages)
	}
	c.connections(attempts)
}

// attempt adds an attempt to what is known of its message, and checks its ack.
func (c *checking) attempt(messages map[message]*sent, p Publish) {
	m := message{p.Room, author{p.User, p.ID}}
	s := messages[m]
	if s == nil {
		s = &sent{text: p.Text, first: p.Sent, acked: math.MaxInt64, refused: true}
		messages[m] = s
	}
	s.first = min(s.first, p.Sent)
	s.refused = s.refused && p.Outcome == Refused
	if p.Outcome != Acked {
		return
	}
	if p.Duplicate {
		c.Duplicates++
	}
	if s.acked == math.MaxInt64 {
		s.at = p.At
	}
	s.acked = min(s.acked, p.Done)
	fr := c.room(p.Room)
	stands, there := fr.places[m.author]
	if there && p.At.Epoch == fr.Epoch {
		fr.acked(p.Done, stands)
		if e, ok := fr.at(p.At.Seq); !ok || (author{e.User, e.ID}) != m.author {
			c.add(Misplaced, p.Room, "%s of %s was acknowledged as %d and stands at %d", p.ID, p.User, p.At.Seq, stands)
		}
	}
}

// outcome checks that a message is there if it was acknowledged, and is not if it
// was refused.
func (c *checking) outcome(m message, s *sent) {
	fr := c.room(m.room)
	stands, there := fr.places[m.author]
	switch {
	case s.acked != math.MaxInt64:
		c.Acked++
		if !there {
			c.add(lostWhere(fr, s.at), m.room, "%s of %s, acknowledged as %d of epoch %s after %v; the room holds %d events, %s",
				m.id, m.user, s.at.Seq, s.at.Epoch, s.acked.Round(time.Millisecond), len(fr.Entries), span(fr))
		}
	case there && s.refused:
		c.add(RefusedStored, m.room, "%s of %s was refused each time and stands at %d", m.id, m.user, stands)
	case there:
		c.Unknown++
	}
}

// lostWhere tells where in the room's range a lost message had been.
func lostWhere(fr *finalRoom, at Position) Verdict {
	switch {
	case len(fr.Entries) == 0 || at.Epoch == fr.Epoch && at.Seq > fr.last():
		return LostTail
	case at.Epoch != fr.Epoch || at.Seq < fr.Entries[0].Seq:
		return LostHead // an older epoch lies before all of this one
	}
	return LostMiddle
}

// stored holds each event of a room against what was sent, and the room's order
// against the order of time: what was acknowledged before another was sent stands
// before it.
func (c *checking) stored(name string, fr *finalRoom, messages map[message]*sent) {
	var latest *sent // of those so far, the one that was sent last
	var latestAt Entry
	seen := make(map[author]bool, len(fr.Entries))
	for _, e := range fr.Entries {
		who := author{e.User, e.ID}
		s := messages[message{name, who}]
		if s == nil {
			c.add(Phantom, name, "%d: %s of %s", e.Seq, e.ID, e.User)
			continue
		}
		if e.Text != s.text {
			c.add(Altered, name, "%d: %s of %s", e.Seq, e.ID, e.User)
		}
		if seen[who] {
			continue // counted as doubled already
		}
		seen[who] = true
		if latest != nil && s.acked < latest.first {
			c.add(Reordered, name, "%s of %s was acknowledged after %v and stands at %d, behind %s of %s at %d, which was sent after %v only",
				e.ID, e.User, s.acked, e.Seq, latestAt.ID, latestAt.User, latestAt.Seq, latest.first)
		}
		if latest == nil || s.first > latest.first {
			latest, latestAt = s, e
		}
	}
}

// connections checks that what one connection sent to one room, and had
// acknowledged as new, stands in the order of sending. What failed ends the
// promise for that connection.
func (c *checking) connections(attempts []Publish) {
	type line struct{ conn, room string }
	last := map[line]Publish{}
	failed := map[line]bool{}
	for _, p := range attempts {
		l := line{p.Conn, p.Room}
		if p.Conn == "" || failed[l] || p.Outcome == Acked && p.Duplicate {
			continue
		}
		if p.Outcome != Acked {
			failed[l] = true
			continue
		}
		before, some := last[l]
		if some && before.At.Epoch == p.At.Epoch && before.At.Seq >= p.At.Seq {
			c.add(Reordered, p.Room, "connection %s sent %s, which was stored at %d, and then %s, at %d", p.Conn, before.ID, before.At.Seq, p.ID, p.At.Seq)
		}
		last[l] = p
	}
}
