package checker

import (
	"slices"
	"sort"
	"time"
)

// Options say what a run may do.
type Options struct {
	// Lag is by how much a page of history may be older than what was acknowledged
	// before it was asked for.
	Lag time.Duration
	// Resets says that resets are expected: none counts as needless.
	Resets bool

	// Within is how long presence may take to be told.
	Within time.Duration
	// Unsettled are times in which presence is not judged, since something was broken
	// and may still be coming to light.
	Unsettled []Span
}

// Check judges a history.
func Check(h *History, opts Options) *Report {
	c := &checking{
		Report: &Report{Counts: map[Verdict]int{}}, opts: opts,
		rooms: map[string]*finalRoom{}, sums: map[place]uint64{},
	}
	for room, f := range h.Final {
		c.rooms[room] = c.index(room, f)
	}
	c.publishes(h.Publishes)
	for _, t := range h.Tracks {
		c.track(t)
	}
	for _, r := range h.Reads {
		c.read(r)
	}
	c.presence(h)
	return c.Report
}

// checking is one Check under way.
type checking struct {
	*Report
	opts  Options
	rooms map[string]*finalRoom
	sums  map[place]uint64 // content that was delivered and is not in the final history
}

// place is a position in a room.
type place struct {
	room string
	Position
}

// author names a message within its room.
type author struct{ user, id string }

// finalRoom is a room's final history, made fit for looking up.
type finalRoom struct {
	Final
	places  map[author]uint64 // the first place of each message
	acks    []ackedAt         // by time
	entries map[uint64]int    // index by sequence
}

// ackedAt says that at a time everything up to seq had been acknowledged.
type ackedAt struct {
	at  time.Duration
	seq uint64
}

// index looks through a final history by itself.
func (c *checking) index(room string, f Final) *finalRoom {
	fr := &finalRoom{
		Final:  f,
		places: make(map[author]uint64, len(f.Entries)), entries: make(map[uint64]int, len(f.Entries)),
	}
	for i, e := range f.Entries {
		if i > 0 && e.Seq <= f.Entries[i-1].Seq {
			c.add(Disorder, room, "%d stands after %d", e.Seq, f.Entries[i-1].Seq)
		}
		if first, seen := fr.places[author{e.User, e.ID}]; seen {
			c.add(Doubled, room, "%s of %s stands at %d and at %d", e.ID, e.User, first, e.Seq)
		} else {
			fr.places[author{e.User, e.ID}] = e.Seq
		}
		fr.entries[e.Seq] = i
	}
	return fr
}

// room gives a room's final history, an empty one if there is none.
func (c *checking) room(name string) *finalRoom {
	fr := c.rooms[name]
	if fr == nil {
		fr = c.index(name, Final{})
		c.rooms[name] = fr
	}
	return fr
}

// at gives the entry with a sequence.
func (f *finalRoom) at(seq uint64) (Entry, bool) {
	i, ok := f.entries[seq]
	if !ok {
		return Entry{}, false
	}
	return f.Entries[i], true
}

// after gives the index of the first entry above a sequence.
func (f *finalRoom) after(seq uint64) int {
	if i, ok := f.entries[seq]; ok {
		return i + 1
	}
	return sort.Search(len(f.Entries), func(i int) bool { return f.Entries[i].Seq > seq })
}

// last is the highest sequence, 0 if there is none.
func (f *finalRoom) last() uint64 {
	if len(f.Entries) == 0 {
		return 0
	}
	return f.Entries[len(f.Entries)-1].Seq
}

// acked notes an ack; settle must be called after the last one.
func (f *finalRoom) acked(at time.Duration, seq uint64) {
	f.acks = append(f.acks, ackedAt{at, seq})
}

// settle sorts the acks and makes their sequences the highest so far.
func (f *finalRoom) settle() {
	slices.SortFunc(f.acks, func(a, b ackedAt) int { return int(a.at - b.at) })
	for i := 1; i < len(f.acks); i++ {
		f.acks[i].seq = max(f.acks[i].seq, f.acks[i-1].seq)
	}
}

// ackedBefore is the highest sequence that had been acknowledged before a time.
func (f *finalRoom) ackedBefore(t time.Duration) uint64 {
	i := sort.Search(len(f.acks), func(i int) bool { return f.acks[i].at >= t })
	if i == 0 {
		return 0
	}
	return f.acks[i-1].seq
}
