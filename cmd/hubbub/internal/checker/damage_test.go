package checker_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// damage is one thing that a faulty hub does. do spoils a good history, and is
// false where it finds no place for that.
type damage struct {
	name   string
	want   checker.Verdict
	only   bool // nothing else is found
	linear bool // Porcupine finds it, too
	do     func(*checker.History, *rand.Rand) bool
}

func damages() []damage {
	return []damage{
		{"lost at the head", checker.LostHead, true, true, lose(func(n, _ int) int { return 0 })},
		{"lost in the middle", checker.LostMiddle, true, true, lose(func(n, r int) int { return 1 + r%(n-2) })},
		{"lost at the tail", checker.LostTail, true, true, lose(func(n, _ int) int { return n - 1 })},
		{"doubled", checker.Doubled, false, true, double},
		{"misplaced", checker.Misplaced, false, true, misplace},
		{"reordered", checker.Reordered, false, true, reorder},
		{"phantom", checker.Phantom, false, true, phantom},
		{"altered", checker.Altered, false, false, alter},
		{"refused and stored", checker.RefusedStored, false, true, refuse},
		{"final history out of order", checker.Disorder, false, false, disorder},
		{"delivered twice", checker.Twice, true, false, twice},
		{"delivered out of order", checker.OutOfOrder, true, false, swapped},
		{"hole", checker.Hole, true, false, hole},
		{"hole in a resume", checker.Hole, true, false, holeInJoin},
		{"resume cut short", checker.WrongResume, false, false, shortJoin},
		{"resume overlaps", checker.Twice, true, false, overlap},
		{"resume into another epoch", checker.WrongResume, false, false, otherEpoch},
		{"newest are too few", checker.WrongResume, true, false, fewNewest},
		{"reset without a cause", checker.NeedlessReset, false, false, needlessReset},
		{"content differs", checker.Differs, true, false, differ},
		{"delivered, then gone", checker.Vanished, true, false, vanished},
		{"outside of a room", checker.Stray, false, false, stray},
		{"left behind", checker.Behind, true, false, behind},
		{"stale history", checker.StaleRead, false, true, staleRead},
		{"hole in a page", checker.WrongPage, true, true, holeInPage},
		{"page of the wrong place", checker.WrongPage, false, false, wrongPage},
	}
}

// pick chooses a room that has some events, and gives its history.
func pick(h *checker.History, rng *rand.Rand, least int) (string, checker.Final, bool) {
	var rooms []string
	for name, f := range h.Final {
		if len(f.Entries) >= least {
			rooms = append(rooms, name)
		}
	}
	if len(rooms) == 0 {
		return "", checker.Final{}, false
	}
	slices.Sort(rooms)
	name := rooms[rng.IntN(len(rooms))]
	return name, h.Final[name], true
}

// everywhere changes every view of a room's events, the final history too.
func everywhere(h *checker.History, room string, change func([]checker.Entry) []checker.Entry) {
	f := h.Final[room]
	f.Entries = change(slices.Clone(f.Entries))
	h.Final[room] = f
	for i := range h.Tracks {
		if h.Tracks[i].Room != room {
			continue
		}
		var steps []checker.Step
		for _, s := range h.Tracks[i].Steps {
			switch s.Kind {
			case checker.Event:
				for _, e := range change([]checker.Entry{s.Entry}) {
					steps = append(steps, checker.Step{Kind: checker.Event, Entry: e})
				}
				continue
			case checker.Joined:
				s.Join.Entries = change(slices.Clone(s.Join.Entries))
			}
			steps = append(steps, s)
		}
		h.Tracks[i].Steps = steps
	}
	for i := range h.Reads {
		if h.Reads[i].Room == room {
			h.Reads[i].Entries = change(slices.Clone(h.Reads[i].Entries))
		}
	}
}

func acked(h *checker.History, room string, e checker.Entry) bool {
	return slices.ContainsFunc(h.Publishes, func(p checker.Publish) bool {
		return p.Room == room && p.User == e.User && p.ID == e.ID && p.Outcome == checker.Acked
	})
}

// lose takes an acknowledged event out of the log before anybody has seen it.
func lose(which func(n, r int) int) func(*checker.History, *rand.Rand) bool {
	return func(h *checker.History, rng *rand.Rand) bool {
		room, f, ok := pick(h, rng, 4)
		if !ok {
			return false
		}
		gone := f.Entries[which(len(f.Entries), rng.IntN(1000))]
		if !acked(h, room, gone) {
			return false
		}
		everywhere(h, room, func(entries []checker.Entry) []checker.Entry {
			return slices.DeleteFunc(entries, func(e checker.Entry) bool { return e.Seq == gone.Seq })
		})
		h.Reads = nil // they count what is gone, and are checked elsewhere
		standWhereYouAre(h, room)
		return true
	}
}

// standWhereYouAre makes joins say where their events end, as a hub would that
// knows nothing of what is gone.
func standWhereYouAre(h *checker.History, room string) {
	for _, t := range h.Tracks {
		var at uint64
		for i, s := range t.Steps {
			switch {
			case t.Room != room:
			case s.Kind == checker.Event:
				at = s.Entry.Seq
			case s.Kind == checker.Joined:
				j := *s.Join
				if j.Since != nil && *j.Since != (checker.Position{}) {
					j.Since = &checker.Position{Epoch: worldEpoch, Seq: at}
				}
				switch n := len(j.Entries); {
				case n > 0:
					j.At.Seq = j.Entries[n-1].Seq
				case j.Since != nil:
					j.At.Seq = j.Since.Seq
				}
				if j.Since == nil {
					j.History = len(j.Entries)
				}
				at = j.At.Seq
				t.Steps[i].Join = &j
			}
		}
	}
}

func double(h *checker.History, rng *rand.Rand) bool {
	room, f, ok := pick(h, rng, 1)
	if !ok {
		return false
	}
	again := f.Entries[rng.IntN(len(f.Entries))]
	again.Seq = f.Entries[len(f.Entries)-1].Seq + 1
	f.Entries = append(f.Entries, again)
	h.Final[room] = f
	return true
}

func misplace(h *checker.History, rng *rand.Rand) bool {
	from := rng.IntN(len(h.Publishes) + 1)
	for i := range h.Publishes[:from] {
		if p := &h.Publishes[from-1-i]; p.Outcome == checker.Acked {
			p.At.Seq++
			return true
		}
	}
	return false
}

// reorder exchanges two events in all views, the second of which was sent when
// the first had been acknowledged.
func reorder(h *checker.History, rng *rand.Rand) bool {
	room, f, ok := pick(h, rng, 2)
	if !ok {
		return false
	}
	i := rng.IntN(len(f.Entries) - 1)
	a, later := f.Entries[i], f.Entries[i+1:]
	j := slices.IndexFunc(later, func(e checker.Entry) bool { return happenedBefore(h, room, a, e) })
	if j < 0 {
		return false
	}
	b := later[j]
	exchange := func(e checker.Entry) checker.Entry {
		switch e.Seq {
		case a.Seq:
			e = b
			e.Seq = a.Seq
		case b.Seq:
			e = a
			e.Seq = b.Seq
		}
		return e
	}
	everywhere(h, room, func(entries []checker.Entry) []checker.Entry {
		for i := range entries {
			entries[i] = exchange(entries[i])
		}
		return entries
	})
	for i := range h.Publishes {
		if p := &h.Publishes[i]; p.Room == room && p.Outcome == checker.Acked {
			switch p.At.Seq {
			case a.Seq:
				p.At.Seq = b.Seq
			case b.Seq:
				p.At.Seq = a.Seq
			}
		}
	}
	return true
}

// happenedBefore reports whether a was acknowledged before b was first sent.
func happenedBefore(h *checker.History, room string, a, b checker.Entry) bool {
	acked, sent := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for _, p := range h.Publishes {
		switch {
		case p.Room != room:
		case p.User == a.User && p.ID == a.ID && p.Outcome == checker.Acked:
			acked = min(acked, p.Done)
		case p.User == b.User && p.ID == b.ID:
			sent = min(sent, p.Sent)
		}
	}
	return acked < sent
}

func phantom(h *checker.History, rng *rand.Rand) bool {
	room, f, ok := pick(h, rng, 1)
	if !ok {
		return false
	}
	f.Entries = append(f.Entries, checker.Entry{Seq: f.Entries[len(f.Entries)-1].Seq + 1, User: "nobody", ID: "ghost"})
	h.Final[room] = f
	return true
}

func alter(h *checker.History, rng *rand.Rand) bool {
	room, f, ok := pick(h, rng, 1)
	if !ok {
		return false
	}
	f.Entries[rng.IntN(len(f.Entries))].Text++
	h.Final[room] = f
	return true
}

func refuse(h *checker.History, rng *rand.Rand) bool {
	room, f, ok := pick(h, rng, 1)
	if !ok {
		return false
	}
	e := f.Entries[rng.IntN(len(f.Entries))]
	for i := range h.Publishes {
		if p := &h.Publishes[i]; p.Room == room && p.User == e.User && p.ID == e.ID {
			p.Outcome = checker.Refused
		}
	}
	return true
}

func disorder(h *checker.History, rng *rand.Rand) bool {
	_, f, ok := pick(h, rng, 2)
	if !ok {
		return false
	}
	i := rng.IntN(len(f.Entries) - 1)
	f.Entries[i], f.Entries[i+1] = f.Entries[i+1], f.Entries[i]
	return true
}
