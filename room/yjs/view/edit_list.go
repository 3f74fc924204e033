package view

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Set gives a key of a map, or an attribute of an XML type, a value: one of a document,
// or a New, or any Go number.
func (e *Edit) Set(t Type, key string, v any) error {
	if err := e.openKeys(t); err != nil {
		return err
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("view: a key that is not UTF-8: %w", ErrType)
	}
	if err := e.check(v, e.doc.limits.MaxDepth); err != nil {
		return err
	}
	return e.set(t.node, key, v)
}

func (e *Edit) openKeys(t Type) error {
	if err := e.open(t); err != nil {
		return err
	}
	return t.want(yjs.TypeMap, yjs.TypeText, yjs.TypeXMLElement, yjs.TypeXMLHook, yjs.TypeXMLText)
}

func (e *Edit) set(n *node, key string, v any) error {
	s, err := e.content(v)
	if err != nil {
		return err
	}
	slot := n.entry(key)
	it, err := e.insert(n, slot, slot.last, nil, s)
	if err != nil {
		return err
	}
	if made, ok := v.(New); ok {
		return e.fill(it.child, made)
	}
	return nil
}

// Unset takes the value of a key away. A key that has none stays so.
func (e *Edit) Unset(t Type, key string) error {
	if err := e.openKeys(t); err != nil {
		return err
	}
	if slot := t.node.keys[key]; slot != nil && slot.last != nil {
		e.doc.delete(slot.last)
	}
	return nil
}

// Insert puts values before the element at an index of an array, or children of an XML
// type; the index is at most t.Len. Values are those of a document, New, or any Go
// numbers.
func (e *Edit) Insert(t Type, index uint64, values ...any) error {
	if err := e.openList(t, values); err != nil {
		return err
	}
	if index > t.Len() {
		return fmt.Errorf("view: index %d of a list of length %d: %w", index, t.Len(), ErrRange)
	}
	return e.insertAfter(t.node, e.before(t.node, index), values)
}

// before gives the item behind which something is inserted at an index, and parts it
// there. It stands left of what was deleted at that place.
func (e *Edit) before(n *node, index uint64) *item {
	if index == 0 {
		return nil
	}
	it := n.start
	for ; ; it = it.right {
		if !it.visible() {
			continue
		}
		if index <= it.Len {
			break
		}
		index -= it.Len
	}
	if index < it.Len {
		e.doc.split(it, index)
	}
	return it
}

// Push puts values at the end of an array, or of an XML type.
func (e *Edit) Push(t Type, values ...any) error {
	if err := e.openList(t, values); err != nil {
		return err
	}
	return e.insertAfter(t.node, t.node.end(), values)
}

func (n *node) end() (last *item) {
	for it := n.start; it != nil; it = it.right {
		last = it
	}
	return last
}

func (e *Edit) openList(t Type, values []any) error {
	if err := e.open(t); err != nil {
		return err
	}
	if err := t.want(yjs.TypeArray, yjs.TypeXMLElement, yjs.TypeXMLFragment); err != nil {
		return err
	}
	for _, v := range values {
		if err := e.check(v, e.doc.limits.MaxDepth); err != nil {
			return err
		}
	}
	return (&New{Kind: t.kind, Items: values}).check()
}

// insertAfter puts values, which have been checked, behind an item of a list, or at its
// beginning. Neighbours that are plain become one item, as Yjs makes them.
func (e *Edit) insertAfter(n *node, left *item, values []any) error {
	right := n.start
	if left != nil {
		right = left.right
	}
	var err error
	for len(values) > 0 {
		var s yjs.Struct
		if s, err = e.content(values[0]); err != nil {
			return err
		}
		took := 1
		for ; s.Ref == yjs.RefAny && took < len(values); took++ {
			next, err := e.content(values[took])
			if err != nil {
				return err
			}
			if next.Ref != yjs.RefAny {
				break
			}
			s.Content.Data = append(s.Content.Data, next.Content.Data...)
			s.Len++
		}
		if left, err = e.insert(n, nil, left, right, s); err != nil {
			return err
		}
		if made, ok := values[0].(New); ok {
			if err := e.fill(left.child, made); err != nil {
				return err
			}
		}
		values = values[took:]
	}
	return nil
}

// Delete deletes n elements of an array or XML type from an index on, or code units and
// embeds of a text.
func (e *Edit) Delete(t Type, index, n uint64) error {
	if err := e.open(t); err != nil {
		return err
	}
	if index > t.Len() || n > t.Len()-index {
		return fmt.Errorf("view: %d elements from index %d of a list of length %d: %w", n, index, t.Len(), ErrRange)
	}
	if n == 0 {
		return nil
	}
	if t.kind == yjs.TypeText || t.kind == yjs.TypeXMLText {
		if err := t.whole(index, index+n); err != nil {
			return err
		}
		e.seek(t, index).delete(n)
		return nil
	}
	it := t.node.start
	if left := e.before(t.node, index); left != nil {
		it = left.right
	}
	for ; n > 0; it = it.right {
		if !it.visible() {
			continue
		}
		if n < it.Len {
			e.doc.split(it, n)
		}
		e.doc.delete(it)
		n -= it.Len
	}
	return nil
}

// ReplaceMap makes a map hold these entries and no others. What is equal already is
// left as it is.
func (e *Edit) ReplaceMap(t Type, entries map[string]any) error {
	if err := e.openKeys(t); err != nil {
		return err
	}
	if err := e.check(New{Kind: yjs.TypeMap, Entries: entries}, e.doc.limits.MaxDepth); err != nil {
		return err
	}
	for _, key := range sortedKeys(t.Entries()) {
		if _, stays := entries[key]; !stays {
			e.doc.delete(t.node.keys[key].last)
		}
	}
	for _, key := range sortedKeys(entries) {
		if old, ok := t.Get(key); ok && same(old, entries[key]) {
			continue
		}
		if err := e.set(t.node, key, entries[key]); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether a value of the document is one that is to be set.
func same(old, v any) bool {
	if f, ok := number(v); ok {
		v = f
	}
	return reflect.DeepEqual(old, v)
}

// ReplaceList makes an array, or an XML type, hold these elements and no others. What
// is equal at both ends is left as it is.
func (e *Edit) ReplaceList(t Type, values []any) error {
	if err := e.openList(t, values); err != nil {
		return err
	}
	old, err := t.Values()
	if err != nil {
		return err
	}
	head := 0
	for head < len(old) && head < len(values) && same(old[head], values[head]) {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(values)-head && same(old[len(old)-1-tail], values[len(values)-1-tail]) {
		tail++
	}
	if err := e.Delete(t, uint64(head), uint64(len(old)-head-tail)); err != nil {
		return err
	}
	return e.Insert(t, uint64(head), values[head:len(values)-tail]...)
}

// stringContent is text as content.
func stringContent(s string) yjs.Struct {
	return yjs.Struct{Ref: yjs.RefString, Len: length(s), Content: yjs.Content{Data: []byte(s)}}
}

// length counts UTF-16 code units.
func length(s string) (n uint64) {
	for _, c := range s {
		if n++; c >= 0x10000 {
			n++
		}
	}
	return n
}

// formatContent is an attribute that begins or ends, as content.
func formatContent(key string, json []byte) yjs.Struct {
	return yjs.Struct{Ref: yjs.RefFormat, Len: 1, Content: yjs.Content{Key: []byte(key), Data: json}}
}
