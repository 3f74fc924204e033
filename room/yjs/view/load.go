package view

import (
	"math"
	"slices"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// loader makes items of a snapshot, parted wherever one of them refers into another, so
// that none has to be parted while they are integrated.
type loader struct {
	doc      *Doc
	snapshot []byte
	known    yjs.StateVector

	total  int
	counts map[uint64]int      // of each client's structs
	cuts   map[uint64][]uint64 // for each client, the clocks before which there is a border
	slab   []item              // to be used
}

func (d *Doc) load(snapshot []byte, known yjs.StateVector) error {
	l := loader{doc: d, snapshot: snapshot, known: known, counts: map[uint64]int{}, cuts: map[uint64][]uint64{}}
	if err := l.each(l.survey); err != nil {
		return err
	}
	for client, clocks := range l.cuts {
		slices.Sort(clocks)
		l.cuts[client] = slices.Compact(clocks)
	}
	for client, n := range l.counts {
		d.client(client).items = make([]*item, 0, n)
	}
	if err := l.each(l.put); err != nil {
		return err
	}
	if l.total > d.limits.MaxItems {
		return tooLarge("the document has too many items", d.limits.MaxItems)
	}
	return nil
}

// each decodes the structs that are no longer waiting for others.
func (l *loader) each(do func(*yjs.Struct)) error {
	// The store has checked all this before, under limits of its own.
	const most = math.MaxInt32
	checked := yjs.Limits{MaxBytes: most, MaxStructs: most, MaxDeletes: most, MaxDepth: most}
	return yjs.EachStruct(l.snapshot, checked, func(s *yjs.Struct) {
		if s.Ref != yjs.RefSkip && s.ID.Clock < l.known[s.ID.Client] {
			do(s)
		}
	})
}

// survey counts a struct, and notes where its origins want a border.
func (l *loader) survey(s *yjs.Struct) {
	l.total++
	l.counts[s.ID.Client]++
	if s.HasOrigin {
		l.cuts[s.Origin.Client] = append(l.cuts[s.Origin.Client], s.Origin.Clock+1)
	}
	if s.HasRightOrigin {
		l.cuts[s.RightOrigin.Client] = append(l.cuts[s.RightOrigin.Client], s.RightOrigin.Clock)
	}
}

// put makes the items of a struct, unless there are too many.
func (l *loader) put(s *yjs.Struct) {
	c := l.doc.client(s.ID.Client)
	at := l.within(s)
	l.total += len(at)
	switch {
	case l.total > l.doc.limits.MaxItems:
	case len(at) == 0:
		c.items = append(c.items, l.item(s))
	default:
		for _, part := range s.Split(at) {
			c.items = append(c.items, l.item(&part))
		}
	}
}

func (l *loader) item(s *yjs.Struct) *item {
	if len(l.slab) == 0 {
		l.slab = make([]item, min(l.total, 1024))
	}
	it := &l.slab[0]
	l.slab = l.slab[1:]
	it.init(s)
	return it
}

// within gives the borders that are in a struct, counted from its beginning.
func (l *loader) within(s *yjs.Struct) (at []uint64) {
	if s.Len == 1 || s.Ref == yjs.RefGC {
		return nil
	}
	clocks := l.cuts[s.ID.Client]
	i, _ := slices.BinarySearch(clocks, s.ID.Clock+1)
	for ; i < len(clocks) && clocks[i] < s.End(); i++ {
		at = append(at, clocks[i]-s.ID.Clock)
	}
	return at
}
