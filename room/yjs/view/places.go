package view

import "github.com/hubbub-im/hubbub/room/yjs"

// Place is where a position stands now.
type Place struct {
	Type  Type
	Index uint64
	Found bool // else what the position names is not there, or the type that it stood in is not
}

// Places is Index for many positions, in one pass over each type in which some stand.
func (d *Doc) Places(positions []Position) []Place {
	places := make([]Place, len(positions))
	wanted := map[*node]map[*item][]int{} // the positions that each item has, by type
	for i, p := range positions {
		if p.Item == nil {
			places[i].Type, places[i].Index, places[i].Found = d.Index(p)
			continue
		}
		if p.Item.Clock >= d.state(p.Item.Client) {
			continue
		}
		it := d.find(*p.Item)
		if it.parent == nil || it.parent.gone() || it.entry != nil {
			continue
		}
		if wanted[it.parent] == nil {
			wanted[it.parent] = map[*item][]int{}
		}
		wanted[it.parent][it] = append(wanted[it.parent][it], i)
	}
	for n, items := range wanted {
		before := uint64(0)
		for it := n.start; it != nil; it = it.right {
			for _, i := range items[it] {
				places[i] = Place{Type: d.typeOf(n), Index: before + it.offset(positions[i]), Found: true}
			}
			if it.visible() {
				before += it.Len
			}
		}
	}
	return places
}

// offset is how far into the item a position is that names a unit of it.
func (it *item) offset(p Position) uint64 {
	if !it.visible() {
		return 0
	}
	n := p.Item.Clock - it.ID.Clock
	if p.Assoc < 0 {
		n++
	}
	return n
}

// typeOf gives a node as what its item says that it is; a root as text.
func (d *Doc) typeOf(n *node) Type {
	t := Type{doc: d, node: n, kind: yjs.TypeText}
	if n.item != nil {
		t.kind = n.item.Content.Type
	}
	return t
}

// RootName gives the name of the root type that a type is, or is somewhere in.
func (t Type) RootName() string {
	n := t.node
	for n.item != nil {
		n = n.item.parent
	}
	return n.name
}
