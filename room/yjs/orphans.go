package yjs

import "sort"

// run is a struct of a store, as far as it matters for whether the type that it stands
// in is deleted.
type run struct {
	clock uint64
	fate  fate
	dep   ID // whose run has the same fate, while that is not known
}

type fate uint8

const (
	unknown fate = iota
	lives
	orphaned // stands in a type that is deleted
)

// orphans knows which structs stand in a type that is deleted; it is nil if none does.
type orphans map[uint64][]run

// orphans finds them by what each item says that it stands in, or beside. That needs no
// order: an item stands in the type that its origin stands in.
func (s *Store) orphans() orphans {
	if !s.hasOrphans() {
		return nil
	}
	o := make(orphans, len(s.clients))
	for id, c := range s.clients {
		var runs []run
		c.structs(func(st *Struct) {
			runs = append(runs, s.run(st))
		})
		o[id] = runs
	}
	var path []*run
	for _, runs := range o {
		for i := range runs {
			path = o.settle(&runs[i], path[:0])
		}
	}
	return o
}

// hasOrphans looks whether any struct says itself that its type is deleted.
func (s *Store) hasOrphans() bool {
	found := false
	for _, c := range s.clients {
		c.structs(func(st *Struct) {
			found = found || st.Ref == RefGC || st.Parent.Kind == ParentItem && s.isDeleted(st.Parent.ID)
		})
	}
	return found
}

func (s *Store) isDeleted(id ID) bool {
	c := s.clients[id.Client]
	if c == nil {
		return false
	}
	in, _ := c.deleted.at(id.Clock)
	return in
}

func (s *Store) run(st *Struct) run {
	r := run{clock: st.ID.Clock}
	switch {
	case st.Ref == RefGC:
		r.fate = orphaned
	case st.HasOrigin:
		r.dep = st.Origin
	case st.HasRightOrigin:
		r.dep = st.RightOrigin
	case st.Parent.Kind == ParentRoot:
		r.fate = lives
	case s.isDeleted(st.Parent.ID):
		r.fate = orphaned
	default:
		r.dep = st.Parent.ID
	}
	return r
}

// settle finds the fate of a run, and of all that it depends on.
func (o orphans) settle(r *run, path []*run) []*run {
	for r.fate == unknown {
		path = append(path, r)
		r = o.find(r.dep)
	}
	for _, p := range path {
		p.fate = r.fate
	}
	return path
}

func (o orphans) find(id ID) *run {
	runs := o[id.Client]
	return &runs[sort.Search(len(runs), func(i int) bool { return runs[i].clock > id.Clock })-1]
}

// has reports whether the struct with an id stands in a type that is deleted.
func (o orphans) has(id ID) bool { return o != nil && o.find(id).fate == orphaned }

// structs gives all structs of a client. The one that is handed out is good until the
// next one.
func (c *client) structs(each func(*Struct)) {
	for i := range c.blocks {
		c.blocks[i].structs(c.id, func(s *Struct, _ int) bool {
			each(s)
			return true
		})
	}
}

// compact gives the structs of a client as small as they get, and what is deleted with
// what is orphaned.
func (c *client) compact(o orphans) (packed block, deleted *rangeSet) {
	deleted = &c.deleted
	if o != nil {
		deleted = c.deleted.clone()
	}
	c.structs(func(s *Struct) {
		if o.has(s.ID) {
			packed.add(&Struct{ID: s.ID, Len: s.Len, Ref: RefGC})
			deleted.add(s.ID.Clock, s.End(), func(span) {})
			return
		}
		eachPiece(s, &c.deleted, func(piece *Struct, dead bool) {
			if dead {
				piece.delete()
			}
			packed.add(piece)
		})
	})
	return packed, deleted
}
