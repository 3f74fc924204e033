package view

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// errStuck cannot come of a store, which keeps apart what refers to nothing known.
var errStuck = errors.New("view: items that wait for one another; a document has none")

// wait is a client whose items are integrated until its state is above a clock.
type wait struct {
	id    uint64
	above uint64
}

// integrateAll gives each item its place, and those it refers to before it. Clients come
// in descending order, as in Yjs: of what people type the order is the same in any case,
// but not of what somebody has forged.
func (d *Doc) integrateAll() error {
	busy := map[uint64]bool{}
	ids := slices.Sorted(maps.Keys(d.clients))
	slices.Reverse(ids)
	for _, id := range ids {
		stack := []wait{{id, ^uint64(0)}}
		busy[id] = true
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			c := d.clients[top.id]
			if c.next == len(c.items) || c.end > top.above {
				busy[top.id] = false
				stack = stack[:len(stack)-1]
				continue
			}
			it := c.items[c.next]
			if missing, ok := d.missing(it); ok {
				other := d.clients[missing.Client]
				if other == nil || busy[missing.Client] || other.next == len(other.items) {
					return errStuck
				}
				busy[missing.Client] = true
				stack = append(stack, wait{missing.Client, missing.Clock})
				continue
			}
			c.next++
			c.end = it.End()
			if err := d.place(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing gives a unit that an item refers to and that is not integrated yet.
func (d *Doc) missing(it *item) (yjs.ID, bool) {
	lacks := func(id yjs.ID) bool { return id.Clock >= d.state(id.Client) }
	switch {
	case it.HasOrigin && lacks(it.Origin):
		return it.Origin, true
	case it.HasRightOrigin && lacks(it.RightOrigin):
		return it.RightOrigin, true
	case it.Parent.Kind == yjs.ParentItem && lacks(it.Parent.ID):
		return it.Parent.ID, true
	}
	return yjs.ID{}, false
}

// place finds what an item stands in and beside, and integrates it.
func (d *Doc) place(it *item) error {
	if it.Ref == yjs.RefGC {
		return nil
	}
	if it.HasOrigin {
		it.left = d.find(it.Origin)
	}
	if it.HasRightOrigin {
		it.right = d.find(it.RightOrigin)
	}
	d.adopt(it)
	if it.parent == nil {
		it.left, it.right, it.child, it.deleted = nil, nil, nil, true
		return nil
	}
	return d.integrate(it)
}

// adopt finds the type and the key of an item. It has none if what it refers to is
// deleted with the type it was in, or is no type.
func (d *Doc) adopt(it *item) {
	switch {
	case it.left != nil && it.left.parent == nil || it.right != nil && it.right.parent == nil:
	case it.left != nil:
		it.parent, it.entry = it.left.parent, it.left.entry
	case it.right != nil:
		it.parent, it.entry = it.right.parent, it.right.entry
	case it.Parent.Kind == yjs.ParentRoot:
		it.parent = d.root(string(it.Parent.Root))
	case it.Parent.Kind == yjs.ParentItem:
		it.parent = d.find(it.Parent.ID).child
	}
	if it.parent != nil && it.left == nil && it.right == nil && it.HasSub {
		it.entry = it.parent.entry(string(it.Sub))
	}
}

// first gives where the list that an item stands in begins.
func (it *item) first() **item {
	if it.entry != nil {
		return &it.entry.first
	}
	return &it.parent.start
}

// integrate puts an item, whose left, right and parent are what it was inserted
// between and into, at its place.
func (d *Doc) integrate(it *item) error {
	if it.left == nil && (it.right == nil || it.right.left != nil) || it.left != nil && it.left.right != it.right {
		if err := d.resolve(it); err != nil {
			return err
		}
	}
	if it.left != nil {
		it.right = it.left.right
		it.left.right = it
	} else {
		first := it.first()
		it.right = *first
		*first = it
	}
	if it.right != nil {
		it.right.left = it
	} else if it.entry != nil {
		it.entry.last = it
		if it.left != nil {
			d.delete(it.left)
		}
	}
	if it.entry == nil && it.visible() {
		it.parent.length += it.Len
	}
	if it.parent.gone() || it.entry != nil && it.right != nil {
		d.delete(it)
	}
	return nil
}

// resolve finds the left neighbour of an item among those that others inserted at the
// same place. It passes an item that has the same origin if that one's client is
// lower, and one that was inserted behind an item which it passes too.
func (d *Doc) resolve(it *item) error {
	o := *it.first()
	if it.left != nil {
		o = it.left.right
	}
	d.before++
	d.conflict++
	for ; o != nil && o != it.right; o = o.right {
		if d.steps--; d.steps < 0 {
			return fmt.Errorf("view: too many inserts at one place to find their order in %d steps: %w", d.limits.MaxSteps, ErrTooLarge)
		}
		o.before, o.conflict = d.before, d.conflict
		if o.HasOrigin == it.HasOrigin && o.Origin == it.Origin {
			if o.ID.Client < it.ID.Client {
				it.left = o
				d.conflict++
			} else if o.HasRightOrigin == it.HasRightOrigin && o.RightOrigin == it.RightOrigin {
				return nil
			}
			continue
		}
		if !o.HasOrigin {
			return nil
		}
		origin := d.find(o.Origin)
		if origin.before != d.before {
			return nil
		}
		if origin.conflict != d.conflict {
			it.left = o
			d.conflict++
		}
	}
	return nil
}

// delete deletes an item, and all that is in it.
func (d *Doc) delete(it *item) {
	stack := []*item{it}
	for len(stack) > 0 {
		it := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if it.deleted {
			continue
		}
		if it.entry == nil && it.Countable() {
			it.parent.length -= it.Len
		}
		it.deleted = true
		if d.edit != nil {
			d.edit.deleted(it)
		}
		if it.child == nil {
			continue
		}
		for c := it.child.start; c != nil; c = c.right {
			stack = append(stack, c)
		}
		for _, e := range it.child.keys {
			stack = append(stack, e.last)
		}
	}
}
