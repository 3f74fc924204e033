package hub_test

import (
	"fmt"
	"slices"
	"time"
)

// presenceTruth is when a user had a connection in a room, and what an observer is
// held against.
type presenceTruth struct {
	stays []span
	kills []time.Duration // when connections ended with their instance, unsaid
	// unsaid is when connections ended whose instance was killed before it was heard to
	// say so.
	unsaid []time.Duration
}

// span is a time from the start of a run; to is exclusive, and open without an end.
type span struct{ from, to time.Duration }

const open = time.Duration(1 << 60) // more than any run takes

// here reports whether the user was connected during all of a span.
func (p *presenceTruth) here(s span) bool {
	for _, stay := range p.union() {
		if stay.from <= s.from && s.to <= stay.to {
			return true
		}
	}
	return false
}

// away reports whether the user was away during all of a span.
func (p *presenceTruth) away(s span) bool {
	for _, stay := range p.stays {
		if stay.from < s.to && s.from < stay.to {
			return false
		}
	}
	return true
}

// union joins stays that overlap.
func (p *presenceTruth) union() []span {
	var all []span
	rest := append([]span(nil), p.stays...)
	for len(rest) > 0 {
		first := 0
		for i, s := range rest {
			if s.from < rest[first].from {
				first = i
			}
		}
		s := rest[first]
		rest = append(rest[:first], rest[first+1:]...)
		if n := len(all); n > 0 && s.from <= all[n-1].to {
			all[n-1].to = max(all[n-1].to, s.to)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// gaps are the times between stays.
func (p *presenceTruth) gaps() []span {
	all := p.union()
	gaps := []span{{-open, open}}
	for _, s := range all {
		gaps[len(gaps)-1].to = s.from
		gaps = append(gaps, span{s.to, open})
	}
	return gaps
}

func (p *presenceTruth) killedAt(t time.Duration) bool {
	for _, k := range p.kills {
		if k == t {
			return true
		}
	}
	return false
}

// sight is something that an observer was told of a user.
type sight struct {
	at    time.Duration
	joins bool
}

// bounds are what an observer may expect.
type bounds struct {
	clean, dead time.Duration // until a leave is seen, said and unsaid
	come        time.Duration // until a join is seen
	grace       time.Duration // an absence that is shorter is not told
	until       time.Duration // when the observer stopped looking
	excused     []span        // when the network was cut, and a while after
}

func (b *bounds) isExcused(s span) bool {
	for _, e := range b.excused {
		if e.from < s.to && s.from < e.to {
			return true
		}
	}
	return false
}

// check holds what an observer saw of one user against the truth. It gives what is
// wrong: a doubled join or leave, a ghost, a missed join, a missed leave, a flap.
func (b *bounds) check(truth *presenceTruth, here bool, began time.Duration, seen []sight) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	var shown []span
	if here {
		shown = append(shown, span{began, open})
	}
	joined := false
	for _, s := range seen {
		switch is := len(shown) > 0 && shown[len(shown)-1].to == open; {
		case s.joins && joined && is:
			bad("doubled join at %v", s.at)
		case s.joins && !is:
			shown = append(shown, span{s.at, open})
		case !s.joins && !is:
			bad("doubled leave at %v", s.at)
		case !s.joins:
			shown[len(shown)-1].to = s.at
			if !b.gone(truth, s.at) {
				bad("flap: a leave at %v", s.at)
			}
		}
		joined = s.joins
	}
	return append(wrong, b.late(truth, began, shown)...)
}

// gone reports whether the user was away for long enough for a leave to be told at t.
func (b *bounds) gone(truth *presenceTruth, t time.Duration) bool {
	if b.isExcused(span{t - b.dead, t}) {
		return true
	}
	told := &presenceTruth{} // but for stays that are too short to be told
	for _, s := range truth.union() {
		if s.to-s.from > 250*time.Millisecond {
			told.stays = append(told.stays, s)
		}
	}
	for _, gap := range told.gaps() {
		least := b.grace
		if truth.killedAt(gap.from) {
			least = b.dead / 2
		}
		if gap.from < t && gap.to > t-b.dead && min(gap.to, t)-gap.from >= least {
			return true
		}
	}
	return false
}

// late gives what was shown too long or too late.
func (b *bounds) late(truth *presenceTruth, began time.Duration, shown []span) (wrong []string) {
	display := &presenceTruth{stays: shown}
	for _, gap := range truth.gaps() {
		bound := b.clean
		for _, k := range append(slices.Clone(truth.kills), truth.unsaid...) {
			if k <= gap.from {
				bound = max(bound, k+b.dead-gap.from)
			}
		}
		s := span{max(gap.from+bound, began+b.come), min(gap.to, b.until)}
		if gap.from == -open {
			s.from = began
		}
		if s.from < s.to && gap.from < open && !b.isExcused(s) && !display.away(s) {
			wrong = append(wrong, fmt.Sprintf("ghost, or a missed leave: shown within %v to %v", s.from, s.to))
		}
	}
	for _, stay := range truth.union() {
		s := span{max(stay.from, began) + b.come, min(stay.to, b.until)}
		if s.from < s.to && !b.isExcused(s) && !display.here(s) {
			wrong = append(wrong, fmt.Sprintf("missed: not shown from %v to %v", s.from, s.to))
		}
	}
	return wrong
}
