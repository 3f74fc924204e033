package yjs

import (
	"slices"
	"sort"
)

// span is a run of clocks.
type span struct{ clock, end uint64 }

// maxLeaf bounds how many spans are moved when one comes between two others.
const maxLeaf = 128

// rangeSet is a set of clocks of one client: ascending spans that do not touch, in
// leaves that are never empty.
type rangeSet struct{ leaves [][]span }

// spans gives all spans in order.
func (rs *rangeSet) spans(yield func(span) bool) {
	for _, leaf := range rs.leaves {
		for _, s := range leaf {
			if !yield(s) {
				return
			}
		}
	}
}

// clone gives a copy.
func (rs *rangeSet) clone() *rangeSet {
	leaves := make([][]span, len(rs.leaves))
	for i, leaf := range rs.leaves {
		leaves[i] = slices.Clone(leaf)
	}
	return &rangeSet{leaves: leaves}
}

// count is the number of spans.
func (rs *rangeSet) count() (n int) {
	for _, leaf := range rs.leaves {
		n += len(leaf)
	}
	return n
}

// seek gives the place of the first span that ends at clock or behind it. The leaf is
// len(leaves) if there is none.
func (rs *rangeSet) seek(clock uint64) (leaf, i int) {
	leaf = sort.Search(len(rs.leaves), func(i int) bool {
		l := rs.leaves[i]
		return l[len(l)-1].end >= clock
	})
	if leaf < len(rs.leaves) {
		l := rs.leaves[leaf]
		i = sort.Search(len(l), func(i int) bool { return l[i].end >= clock })
	}
	return leaf, i
}

// at reports whether a clock is in the set, and up to where that stays so.
func (rs *rangeSet) at(clock uint64) (in bool, until uint64) {
	leaf, i := rs.seek(clock + 1)
	if leaf == len(rs.leaves) {
		return false, maxSafe + 1
	}
	s := rs.leaves[leaf][i]
	if s.clock > clock {
		return false, s.clock
	}
	return true, s.end
}

// add puts the clocks from clock to end into the set, and tells each run of them that
// was not there.
func (rs *rangeSet) add(clock, end uint64, fresh func(span)) {
	leaf, i := rs.seek(clock)
	if leaf == len(rs.leaves) {
		fresh(span{clock, end})
		rs.push(span{clock, end})
		return
	}
	if rs.leaves[leaf][i].clock > end {
		fresh(span{clock, end})
		rs.insert(leaf, i, span{clock, end})
		return
	}
	joined := span{min(clock, rs.leaves[leaf][i].clock), end}
	at := clock // up to here all has been told
	first := true
	for leaf < len(rs.leaves) && rs.leaves[leaf][i].clock <= end {
		s := rs.leaves[leaf][i]
		if s.clock > at {
			fresh(span{at, s.clock})
		}
		at = max(at, s.end)
		joined.end = max(joined.end, s.end)
		if first { // stays, and becomes the joined one
			first = false
			rs.leaves[leaf][i] = joined
			leaf, i = rs.after(leaf, i)
			continue
		}
		leaf, i = rs.remove(leaf, i)
	}
	if at < end {
		fresh(span{at, end})
	}
	leaf, i = rs.seek(joined.clock + 1)
	rs.leaves[leaf][i].end = joined.end
}

// after gives the place of the next span.
func (rs *rangeSet) after(leaf, i int) (int, int) {
	if i+1 < len(rs.leaves[leaf]) {
		return leaf, i + 1
	}
	return leaf + 1, 0
}

// remove takes a span out, and gives the place of the one behind it.
func (rs *rangeSet) remove(leaf, i int) (int, int) {
	rs.leaves[leaf] = slices.Delete(rs.leaves[leaf], i, i+1)
	switch l := rs.leaves[leaf]; {
	case len(l) == 0:
		rs.leaves = slices.Delete(rs.leaves, leaf, leaf+1)
		return leaf, 0
	case i == len(l):
		return leaf + 1, 0
	}
	return leaf, i
}

// push puts a span behind all others.
func (rs *rangeSet) push(s span) {
	last := len(rs.leaves) - 1
	if last < 0 || len(rs.leaves[last]) >= maxLeaf {
		rs.leaves = append(rs.leaves, []span{s})
		return
	}
	rs.leaves[last] = append(rs.leaves[last], s)
}

// insert puts a span before the one at a place, and parts a leaf that is full.
func (rs *rangeSet) insert(leaf, i int, s span) {
	if l := rs.leaves[leaf]; len(l) >= maxLeaf {
		half := len(l) / 2
		rs.leaves[leaf] = slices.Clone(l[:half])
		rs.leaves = slices.Insert(rs.leaves, leaf+1, slices.Clone(l[half:]))
		if i > half {
			leaf, i = leaf+1, i-half
		}
	}
	rs.leaves[leaf] = slices.Insert(rs.leaves[leaf], i, s)
}
