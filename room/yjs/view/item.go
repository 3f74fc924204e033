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
