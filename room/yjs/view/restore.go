package view

import (
	"errors"
	"maps"
	"slices"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Restore makes the document read as it did in another view, one of an earlier state of
// it. What is in both stays the very same, so that what others write in it meanwhile
// stays too; what has come since is deleted, and what was deleted is inserted anew.
//
// Nothing has to be compared for that: a unit that is in both has the same id there and
// here, and those stand in one order in both.
func (e *Edit) Restore(old *Doc) error {
	names := map[string]bool{}
	for _, d := range []*Doc{e.doc, old} {
		for _, name := range d.Roots() {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		now := Type{doc: e.doc, node: e.doc.root(name), kind: yjs.TypeArray}
		then := Type{doc: old, node: old.root(name), kind: yjs.TypeArray}
		if now.node.hasText() || then.node.hasText() {
			now.kind, then.kind = yjs.TypeText, yjs.TypeText
		}
		if err := e.restore(now, then, e.doc.limits.MaxDepth); err != nil {
			return err
		}
	}
	return nil
}

// hasText reports whether there is anything in the list that only text has.
func (n *node) hasText() bool {
	for it := n.start; it != nil; it = it.right {
		if !it.deleted && (it.Ref == yjs.RefString || it.Ref == yjs.RefFormat || it.Ref == yjs.RefEmbed) {
			return true
		}
	}
	return false
}

// restore makes a type read as another of the same kind.
func (e *Edit) restore(now, then Type, depth int) error {
	if depth == 0 {
		return errDeepNode
	}
	if err := e.restoreKeys(now, then, depth); err != nil {
		return err
	}
	steps, err := script(now, then)
	if err != nil {
		return err
	}
	if now.kind == yjs.TypeText || now.kind == yjs.TypeXMLText {
		err = e.restoreText(now, then, steps)
	} else {
		err = e.restoreList(now, steps)
	}
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.kind == keep && s.now.it.child != nil {
			if err := e.restore(s.now.typ(now.doc), s.then.typ(then.doc), depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Edit) restoreKeys(now, then Type, depth int) error {
	old := then.Entries()
	for _, key := range sortedKeys(now.Entries()) {
		if _, stays := old[key]; !stays {
			e.doc.delete(now.node.keys[key].last)
		}
	}
	for _, key := range sortedKeys(old) {
		if v, ok := now.Get(key); ok && alike(v, old[key]) {
			if child, ok := v.(Type); ok {
				if err := e.restore(child, old[key].(Type), depth-1); err != nil {
					return err
				}
			}
			continue
		}
		v, err := copyValue(old[key], depth)
		if err == nil {
			err = e.check(v, depth)
		}
		if err == nil {
			err = e.set(now.node, key, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// alike reports whether two values of documents are equal, or types that one can make
// equal.
func alike(a, b any) bool {
	x, isType := a.(Type)
	y, both := b.(Type)
	if isType && both {
		return x.kind == y.kind && (x.node.item == nil || x.Name() == y.Name())
	}
	return isType == both && equal(a, b)
}

// errOrder: the two views are not of one document.
var errOrder = errors.New("view: the other document is not an earlier state of this one")
