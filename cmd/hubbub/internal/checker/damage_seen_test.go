package checker_test

import (
	"math/rand/v2"
	"slices"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// inTrack chooses a step for which a condition holds, and gives its track and its
// place there.
func inTrack(h *checker.History, rng *rand.Rand, fit func(t *checker.Track, i int) bool) (*checker.Track, int, bool) {
	type place struct{ track, step int }
	var places []place
	for t := range h.Tracks {
		for i := range h.Tracks[t].Steps {
			if fit(&h.Tracks[t], i) {
				places = append(places, place{t, i})
			}
		}
	}
	if len(places) == 0 {
		return nil, 0, false
	}
	p := places[rng.IntN(len(places))]
	return &h.Tracks[p.track], p.step, true
}

func isEvent(t *checker.Track, i int) bool {
	return i >= 0 && i < len(t.Steps) && t.Steps[i].Kind == checker.Event
}

func isResume(t *checker.Track, i int) bool {
	return t.Steps[i].Kind == checker.Joined && t.Steps[i].Join.Since != nil
}

func twice(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, isEvent)
	if ok {
		t.Steps = slices.Insert(t.Steps, i, t.Steps[i])
	}
	return ok
}

func swapped(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isEvent(t, i) && isEvent(t, i+1) })
	if ok {
		t.Steps[i], t.Steps[i+1] = t.Steps[i+1], t.Steps[i]
	}
	return ok
}

func hole(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isEvent(t, i) && isEvent(t, i+1) })
	if ok {
		t.Steps = slices.Delete(t.Steps, i, i+1)
	}
	return ok
}

func holeInJoin(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isResume(t, i) && len(t.Steps[i].Join.Entries) > 1 })
	if ok {
		j := t.Steps[i].Join
		j.Entries = j.Entries[1:]
	}
	return ok
}

func shortJoin(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isResume(t, i) && len(t.Steps[i].Join.Entries) > 0 })
	if ok {
		j := t.Steps[i].Join
		j.Entries = j.Entries[:len(j.Entries)-1]
	}
	return ok
}

// overlap gives the last event of a resume once more as a push.
func overlap(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool {
		return isResume(t, i) && t.Steps[i].Join.Live && len(t.Steps[i].Join.Entries) > 0
	})
	if ok {
		entries := t.Steps[i].Join.Entries
		t.Steps = slices.Insert(t.Steps, i+1, checker.Step{Kind: checker.Event, Entry: entries[len(entries)-1]})
	}
	return ok
}

func otherEpoch(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isResume(t, i) && t.Steps[i].Join.Since.Seq > 0 })
	if ok {
		t.Steps[i].Join.Since.Epoch = "e0"
	}
	return ok
}

func fewNewest(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool {
		return t.Steps[i].Kind == checker.Joined && t.Steps[i].Join.Since == nil && len(t.Steps[i].Join.Entries) > 1
	})
	if ok {
		j := t.Steps[i].Join
		j.Entries = j.Entries[1:]
	}
	return ok
}

func needlessReset(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, isResume)
	if ok {
		t.Steps[i].Join.Reset = "ahead"
	}
	return ok
}

func differ(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, isEvent)
	if ok {
		t.Steps[i].Entry.Sum++
	}
	return ok
}

// vanished gives an event behind the end of the room to one that is live there.
func vanished(h *checker.History, rng *rand.Rand) bool {
	t := &h.Tracks[rng.IntN(len(h.Tracks))]
	f := h.Final[t.Room]
	if len(f.Entries) == 0 {
		return false
	}
	t.Steps = append(t.Steps, checker.Step{Kind: checker.Event, Entry: checker.Entry{Seq: f.Entries[len(f.Entries)-1].Seq + 1}})
	return true
}

func stray(h *checker.History, rng *rand.Rand) bool {
	t, i, ok := inTrack(h, rng, func(t *checker.Track, i int) bool { return isEvent(t, i) && t.Steps[i+1:] != nil })
	if ok {
		t.Steps = slices.Insert(t.Steps, i, checker.Step{Kind: checker.Left})
	}
	return ok
}

func behind(h *checker.History, rng *rand.Rand) bool {
	t := &h.Tracks[rng.IntN(len(h.Tracks))]
	last := len(t.Steps) - 1
	if last < 0 || !isEvent(t, last) {
		return false
	}
	t.Steps = t.Steps[:last]
	return true
}

// staleRead takes the newest event off a page, which had been acknowledged.
func staleRead(h *checker.History, rng *rand.Rand) bool {
	var fit []int
	for i, r := range h.Reads {
		if r.Before == 0 && !r.MoreAfter && len(r.Entries) > 1 && ackedBy(h, r) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return false
	}
	r := &h.Reads[fit[rng.IntN(len(fit))]]
	r.Entries = r.Entries[:len(r.Entries)-1]
	return true
}

// ackedBy reports whether the last event of a page was acknowledged when the page
// was asked for.
func ackedBy(h *checker.History, r checker.Read) bool {
	e := r.Entries[len(r.Entries)-1]
	return slices.ContainsFunc(h.Publishes, func(p checker.Publish) bool {
		return p.Room == r.Room && p.User == e.User && p.ID == e.ID && p.Outcome == checker.Acked && p.Done < r.Sent
	})
}

func holeInPage(h *checker.History, rng *rand.Rand) bool {
	var fit []int
	for i, r := range h.Reads {
		if r.Before == 0 && len(r.Entries) > 2 {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return false
	}
	r := &h.Reads[fit[rng.IntN(len(fit))]]
	r.Entries = slices.Delete(slices.Clone(r.Entries), 1, 2)
	return true
}

// wrongPage leaves out the event next to the bound that was asked for.
func wrongPage(h *checker.History, rng *rand.Rand) bool {
	var fit []int
	for i, r := range h.Reads {
		if (r.Before > 0 || r.After > 0) && len(r.Entries) > 1 {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return false
	}
	r := &h.Reads[fit[rng.IntN(len(fit))]]
	if r.Before > 0 {
		r.Entries = r.Entries[:len(r.Entries)-1]
	} else {
		r.Entries = r.Entries[1:]
	}
	return true
}
