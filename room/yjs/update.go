package yjs

import "slices"

// Range is a run of deleted units of one client.
type Range struct {
	Client, Clock, Len uint64
}

// Update is a decoded update. Structs stand in the order in which they came: those of
// one client together, by ascending clock and without a gap (there a Skip stands),
// clients usually in descending order. Nothing is left out but Skips of no length and
// other structs that cover no clock at all.
type Update struct {
	Structs []Struct
	Deletes []Range
}

// DecodeV1 decodes an update of version 1, which is what is sent over the network.
// The result aliases data. The error is an *Error.
func DecodeV1(data []byte, limits Limits) (*Update, error) {
	r := limits.withDefaults().reader(data)
	u := &Update{}
	r.structs(u.add)
	r.deletes(func(d Range) { u.Deletes = append(u.Deletes, d) })
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return u, nil
}

// add appends a struct. The list doubles, as it would grow more slowly by itself.
func (u *Update) add(s *Struct) {
	if len(u.Structs) == cap(u.Structs) {
		u.Structs = slices.Grow(u.Structs, max(4, len(u.Structs)))
	}
	u.Structs = append(u.Structs, *s)
}

// group is where the structs of one client begin in an update of version 1.
type group struct {
	client, clock uint64
	pos, structs  int
}

// structs reads all groups. The struct that is handed out is good until the next one.
func (r *reader) structs(each func(*Struct)) {
	var s Struct
	budget := r.limits.MaxStructs
	for n := r.count("clients", 3); n > 0 && r.err == nil; n-- {
		g := r.group(&budget)
		clock := g.clock
		for range g.structs {
			r.structV1(&s, ID{Client: g.client, Clock: clock})
			if r.err != nil {
				return
			}
			if s.Len > 0 {
				clock += s.Len
				each(&s)
			}
		}
	}
}

// group reads the head of a client's structs and takes their number off the budget.
func (r *reader) group(budget *int) group {
	at := r.pos
	n := r.uvarint()
	if n > uint64(*budget) {
		r.pos = at
		r.failf(TooLarge, "%d structs announced, beyond the %d of an update", n, r.limits.MaxStructs)
		return group{}
	}
	r.pos = at
	n = uint64(r.count("structs", 2))
	*budget -= int(n)
	id := r.id()
	return group{client: id.Client, clock: id.Clock, pos: r.pos, structs: int(n)}
}

// deletes reads the delete set. Ranges of no length are left out.
func (r *reader) deletes(each func(Range)) {
	budget := r.limits.MaxDeletes
	for n := r.count("clients of the delete set", 2); n > 0 && r.err == nil; n-- {
		client := r.safe("a client id")
		at := r.pos
		ranges := r.count("delete ranges", 2)
		if ranges > budget {
			r.pos = at
			r.failf(TooLarge, "%d delete ranges announced, beyond the %d of an update", ranges, r.limits.MaxDeletes)
			return
		}
		budget -= ranges
		for ; ranges > 0 && r.err == nil; ranges-- {
			d := Range{Client: client, Clock: r.safe("a clock"), Len: r.safe("a length")}
			r.checkEnd(d.Clock, d.Len)
			if r.err == nil && d.Len > 0 {
				each(d)
			}
		}
	}
}

// checkEnd refuses what ends beyond the last clock there can be.
func (r *reader) checkEnd(clock, length uint64) {
	if length > maxSafe-clock {
		r.failf(Malformed, "clock %d and length %d reach beyond 2^53-1", clock, length)
	}
}
