package checker

import (
	"fmt"
	"slices"
	"time"
)

// Stay is a user's time in a room, as the user's own client knows it. All times are of
// the history's clock.
type Stay struct {
	Room, User string
	Asked      time.Duration // when the client began to come in
	In         time.Duration // when it was told that it is in
	Lost       time.Duration // from when on it could not be sure any more; 0: never
	Out        time.Duration // when it had left of its own will; 0: it had not
}

// Watch is what one observer was told of who is in a room.
type Watch struct {
	Who, Room string
	Steps     []Seen
	End       time.Duration // until when the observer looked
}

// Seen is one thing that an observer was told.
type Seen struct {
	At       time.Duration
	Blind    bool     // the observer hears nothing from now on
	All      bool     // Joined is everybody, in the place of what was told before
	Joined   []string // users
	LeftRoom []string
}

// Span is a time from one moment to another.
type Span struct{ From, To time.Duration }

// The verdicts on presence.
const (
	// Ghost: somebody who had left was shown for too long.
	Ghost Verdict = "ghost: shown long after leaving"
	// Missing: somebody who was there was not shown.
	Missing Verdict = "not shown though present"
	// JoinedTwice and LeftTwice: a join or leave of somebody who had been told to have
	// joined, or left, already.
	JoinedTwice Verdict = "joined twice"
	LeftTwice   Verdict = "left twice"
)

// user names a user in a room.
type user struct{ room, name string }

// presence holds what observers were told against what the users know themselves.
func (c *checking) presence(h *History) {
	there, gone := map[user][]Span{}, map[user][]Span{}
	byUser := map[user][]Stay{}
	for _, s := range h.Stays {
		who := user{s.Room, s.User}
		byUser[who] = append(byUser[who], s)
	}
	end := time.Duration(0)
	for _, w := range h.Watches {
		end = max(end, w.End)
	}
	for who, stays := range byUser {
		slices.SortFunc(stays, func(a, b Stay) int { return int(a.Asked - b.Asked) })
		there[who], gone[who] = c.whereabouts(stays, end)
	}
	for _, w := range h.Watches {
		c.watch(w, there, gone)
	}
}

// whereabouts gives the times at which a user must be shown, and must not.
func (c *checking) whereabouts(stays []Stay, end time.Duration) (there, gone []Span) {
	for i, s := range stays {
		lost := s.Lost
		if lost == 0 {
			lost = end
		}
		there = append(there, Span{s.In + c.opts.Within, lost})
		next := end
		if i+1 < len(stays) {
			next = stays[i+1].Asked
		}
		if s.Out > 0 {
			gone = append(gone, Span{s.Out + c.opts.Within, next})
		}
	}
	return minus(there, c.opts.Unsettled), minus(gone, c.opts.Unsettled)
}

// watch checks one observer.
func (c *checking) watch(w Watch, there, gone map[user][]Span) {
	seeing, shown := c.told(w)
	for who, spans := range gone {
		if who.room != w.Room {
			continue
		}
		if ghosts := meet(shown[who.name], spans); len(ghosts) > 0 {
			c.add(Ghost, w.Room, "%s was shown to %s %s", who.name, w.Who, told(ghosts))
		}
	}
	for who, spans := range there {
		if who.room != w.Room {
			continue
		}
		if missing := minus(meet(seeing, spans), shown[who.name]); len(missing) > 0 {
			c.add(Missing, w.Room, "%s was not shown to %s %s", who.name, w.Who, told(missing))
		}
	}
}

// gathered is how long a hub gathers who comes and goes: news from before a list may
// come behind it.
const gathered = time.Second

// told gives the times at which an observer saw, and at which each user was shown.
func (c *checking) told(w Watch) (seeing []Span, shown map[string][]Span) {
	shown = map[string][]Span{}
	since := map[string]time.Duration{} // who is shown, and from when on
	var sees bool
	var from time.Duration
	hide := func(name string, at time.Duration) {
		shown[name] = append(shown[name], Span{since[name], at})
		delete(since, name)
	}
	blind := func(at time.Duration) {
		for name := range since {
			hide(name, at)
		}
		if sees && from+c.opts.Within < at { // a list may lack those whom its hub has yet to hear of
			seeing = append(seeing, Span{from + c.opts.Within, at})
		}
		sees = false
	}
	for _, s := range w.Steps {
		switch {
		case s.Blind:
			blind(s.At)
			continue
		case s.All:
			blind(s.At)
			sees, from = true, s.At
		case !sees:
			continue
		}
		for _, name := range s.LeftRoom {
			if _, is := since[name]; !is {
				if s.At-from < gathered {
					continue
				}
				c.add(LeftTwice, w.Room, "%s was told after %v that %s left, who was not shown", w.Who, s.At, name)
				continue
			}
			hide(name, s.At)
		}
		for _, name := range s.Joined {
			if _, is := since[name]; is {
				if s.At-from < gathered {
					continue
				}
				c.add(JoinedTwice, w.Room, "%s was told after %v that %s joined, who was shown already", w.Who, s.At, name)
				continue
			}
			since[name] = s.At
		}
	}
	blind(w.End)
	return seeing, shown
}

func told(spans []Span) string {
	s := spans[0]
	return fmt.Sprintf("for %v, from %v on (%d times)", s.To-s.From, s.From, len(spans))
}

// meet gives the times that are in both lists.
func meet(a, b []Span) (both []Span) {
	for _, x := range a {
		for _, y := range b {
			if s := (Span{max(x.From, y.From), min(x.To, y.To)}); s.From < s.To {
				both = append(both, s)
			}
		}
	}
	return both
}

// minus gives the times of a that are not in b.
func minus(a, b []Span) []Span {
	rest := slices.DeleteFunc(slices.Clone(a), func(s Span) bool { return s.From >= s.To })
	for _, cut := range b {
		var left []Span
		for _, s := range rest {
			for _, piece := range []Span{{s.From, min(s.To, cut.From)}, {max(s.From, cut.To), s.To}} {
				if piece.From < piece.To {
					left = append(left, piece)
				}
			}
		}
		rest = left
	}
	return rest
}
