package yjs

import (
	"cmp"
	"slices"
)

// scan is an update of version 1 that has been checked without being kept: where each
// client's structs begin, and the delete set.
type scan struct {
	data   []byte
	groups []group // by ascending client, then clock
	// past is how many groups of the same client, from this one on, are used up.
	past    []int32
	deletes int // where the delete set begins

	// behind is where the struct ends that next gave last, and how long it is.
	behind int
	length uint64

	checked Struct // scratch of read: the last struct of the update
}

// read checks an update from its first to its last byte.
func (sc *scan) read(data []byte, limits Limits) *Error {
	sc.data, sc.groups, sc.past = data, sc.groups[:0], sc.past[:0]
	r := newReader(data, limits)
	r.checkSize()
	budget := limits.MaxStructs
	s := &sc.checked
	for n := r.count("clients", 3); n > 0 && r.err == nil; n-- {
		g := r.group(&budget)
		id := ID{Client: g.client, Clock: g.clock}
		for range g.structs {
			if r.structV1(s, id); r.err != nil {
				return r.err
			}
			id.Clock += s.Len
		}
		if g.structs > 0 {
			sc.groups = append(sc.groups, g)
			sc.past = append(sc.past, 0)
		}
	}
	sc.deletes = r.pos
	r.deletes(func(Range) {})
	r.end()
	slices.SortStableFunc(sc.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.client, b.client), cmp.Compare(a.clock, b.clock))
	})
	return r.err
}

// single reports whether the update is of one struct, which is checked then.
func (sc *scan) single() bool { return len(sc.groups) == 1 && sc.groups[0].structs == 1 }

// eachDelete gives the ranges of the delete set.
func (sc *scan) eachDelete(each func(Range)) {
	if sc.deletes == len(sc.data)-1 {
		return // the one byte says that there is none
	}
	r := trusted(sc.data)
	r.limits.MaxDeletes = maxInt
	r.pos = sc.deletes
	r.deletes(each)
}

func (sc *scan) sources() int { return len(sc.groups) }

func (sc *scan) find(client uint64) int {
	first, found := slices.BinarySearchFunc(sc.groups, client, func(g group, client uint64) int { return cmp.Compare(g.client, client) })
	if !found {
		return -1
	}
	for i := first + int(sc.past[first]); i < len(sc.groups) && sc.groups[i].client == client; i++ {
		if sc.groups[i].structs > 0 {
			return i
		}
		sc.past[first]++
	}
	return -1
}

func (sc *scan) next(source int, s *Struct) bool {
	g := &sc.groups[source]
	if g.structs == 0 {
		return false
	}
	r := trusted(sc.data)
	r.pos = g.pos
	r.structV1(s, ID{Client: g.client, Clock: g.clock})
	sc.behind, sc.length = r.pos, s.Len
	return true
}

func (sc *scan) advance(source int) {
	g := &sc.groups[source]
	g.pos, g.clock, g.structs = sc.behind, g.clock+sc.length, g.structs-1
}
