package view

import (
	"slices"
	"sort"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// item is a struct with its place among others.
type item struct {
	yjs.Struct
	deleted bool

	// where it stands; without a parent it is what Yjs calls a GC
	parent      *node
	entry       *entry // of parent, if it is the value of a key
	left, right *item

	child *node // of a RefType

	before, conflict uint32 // stamps of integrate
}

// visible reports whether the units count and are there.
func (it *item) visible() bool { return !it.deleted && it.Countable() }

// node is a shared type: a list of items, and keys of which each has one.
type node struct {
	name   string // of a root
	item   *item  // that holds it, nil of a root
	start  *item
	keys   map[string]*entry
	length uint64 // of what is visible in the list
}

// gone reports whether the type is deleted.
func (n *node) gone() bool { return n.item != nil && n.item.deleted }

// entry is all that was ever set for a key. The last item has the value.
type entry struct {
	key         string
	first, last *item
}

func (n *node) entry(key string) *entry {
	e := n.keys[key]
	if e == nil {
		if n.keys == nil {
			n.keys = map[string]*entry{}
		}
		e = &entry{key: key}
		n.keys[key] = e
	}
	return e
}

// load makes items of a snapshot, parted wherever one of them refers into another, so
// that none has to be parted while they are integrated.
func (d *Doc) load(snapshot []byte, known yjs.StateVector) error {
	// The store has checked all this before, under limits of its own.
	const most = 1 << 40
	trusted := yjs.Limits{MaxBytes: most, MaxStructs: most, MaxDeletes: most, MaxDepth: most}
	cuts, counts := map[uint64][]uint64{}, map[uint64]int{}
	total := 0
	each := func(do func(*yjs.Struct)) error {
		return yjs.EachStruct(snapshot, trusted, func(s *yjs.Struct) {
			if s.Ref != yjs.RefSkip && s.ID.Clock < known[s.ID.Client] {
				do(s)
			}
		})
	}
	if err := each(func(s *yjs.Struct) {
		total++
		counts[s.ID.Client]++
		cut(cuts, s)
	}); err != nil {
		return err
	}
	for client, clocks := range cuts {
		slices.Sort(clocks)
		cuts[client] = slices.Compact(clocks)
	}
	for client, n := range counts {
		d.client(client).items = make([]*item, 0, n)
	}
	var slab []item
	put := func(c *client, s *yjs.Struct) {
		if len(slab) == 0 {
			slab = make([]item, min(total, 1024))
		}
		slab[0].init(s)
		c.items = append(c.items, &slab[0])
		slab = slab[1:]
	}
	extra := 0
	err := each(func(s *yjs.Struct) {
		c := d.client(s.ID.Client)
		at := within(cuts, s)
		if extra += len(at); total+extra > d.limits.MaxItems {
			return
		}
		if len(at) == 0 {
			put(c, s)
			return
		}
		for _, part := range s.Split(at) {
			put(c, &part)
		}
	})
	if total+extra > d.limits.MaxItems {
		return tooLarge("the document has too many items", d.limits.MaxItems)
	}
	return err
}

// cut notes for each client the clocks before which an origin wants a border.
func cut(cuts map[uint64][]uint64, s *yjs.Struct) {
	if s.HasOrigin {
		cuts[s.Origin.Client] = append(cuts[s.Origin.Client], s.Origin.Clock+1)
	}
	if s.HasRightOrigin {
		cuts[s.RightOrigin.Client] = append(cuts[s.RightOrigin.Client], s.RightOrigin.Clock)
	}
}

// within gives the cuts that are in a struct, counted from its beginning.
func within(cuts map[uint64][]uint64, s *yjs.Struct) (at []uint64) {
	if s.Len == 1 || s.Ref == yjs.RefGC {
		return nil
	}
	clocks := cuts[s.ID.Client]
	i, _ := slices.BinarySearch(clocks, s.ID.Clock+1)
	for ; i < len(clocks) && clocks[i] < s.End(); i++ {
		at = append(at, clocks[i]-s.ID.Clock)
	}
	return at
}

func newItem(s *yjs.Struct) *item {
	it := &item{}
	it.init(s)
	return it
}

func (it *item) init(s *yjs.Struct) {
	it.Struct = *s
	it.deleted = s.Ref == yjs.RefDeleted || s.Ref == yjs.RefGC
	if s.Ref == yjs.RefType {
		it.child = &node{item: it}
	}
}

func (d *Doc) client(id uint64) *client {
	c := d.clients[id]
	if c == nil {
		c = &client{}
		d.clients[id] = c
	}
	return c
}

// state is the clock behind the last integrated item of a client.
func (d *Doc) state(id uint64) uint64 {
	if c := d.clients[id]; c != nil {
		return c.end
	}
	return 0
}

// find gives the item that has an integrated unit.
func (d *Doc) find(id yjs.ID) *item {
	c := d.clients[id.Client]
	for i := c.near; i < min(c.near+3, len(c.items)); i++ { // people type in runs
		if it := c.items[i]; it.ID.Clock <= id.Clock && id.Clock < it.End() {
			c.near = i
			return it
		}
	}
	c.near = sort.Search(len(c.items), func(i int) bool { return c.items[i].ID.Clock > id.Clock }) - 1
	return c.items[c.near]
}

// split parts an item after n units, 0 < n < its length, and gives the second part.
func (d *Doc) split(it *item, n uint64) *item {
	second := &item{
		Struct: it.Struct, deleted: it.deleted,
		parent: it.parent, entry: it.entry, left: it, right: it.right,
	}
	second.Cut(n)
	it.Truncate(n)
	it.right = second
	if second.right != nil {
		second.right.left = second
	} else if second.entry != nil {
		second.entry.last = second
	}
	c := d.clients[it.ID.Client]
	i := sort.Search(len(c.items), func(i int) bool { return c.items[i].ID.Clock > it.ID.Clock })
	c.items = slices.Insert(c.items, i, second)
	c.next++
	return second
}
