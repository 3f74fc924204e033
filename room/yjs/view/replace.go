package view

import (
	"fmt"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// ReplaceJSON makes a map, an array or a text read as a value of JSON: an object, a list
// or a string. Types within stay types, and become what stands in their place, where
// both are of one kind; other values are plain ones. What is equal is left as it is.
func (e *Edit) ReplaceJSON(t Type, v any) error {
	if err := e.open(t); err != nil {
		return err
	}
	return e.replaceJSON(t, v, e.doc.limits.MaxDepth)
}

func (e *Edit) replaceJSON(t Type, v any, depth int) error {
	if depth == 0 {
		return errDeepValue
	}
	switch v := v.(type) {
	case map[string]any:
		if t.kind == yjs.TypeMap {
			return e.replaceKeys(t, v, depth)
		}
	case []any:
		if t.kind == yjs.TypeArray {
			return e.replaceElements(t, v, depth)
		}
	case string:
		if t.kind == yjs.TypeText || t.kind == yjs.TypeXMLText {
			return e.ReplaceText(t, v)
		}
	}
	return fmt.Errorf("view: a %T for a type of kind %d; a map takes an object, an array a list, a text a string: %w", v, t.kind, ErrType)
}

func (e *Edit) replaceKeys(t Type, entries map[string]any, depth int) error {
	for _, key := range sortedKeys(t.Entries()) {
		if _, stays := entries[key]; !stays {
			e.doc.delete(t.node.keys[key].last)
		}
	}
	for _, key := range sortedKeys(entries) {
		old, there := t.Get(key)
		if there && reads(old, entries[key]) {
			continue
		}
		if child, ok := old.(Type); ok && takes(child, entries[key]) {
			if err := e.replaceJSON(child, entries[key], depth-1); err != nil {
				return err
			}
			continue
		}
		if err := e.Set(t, key, entries[key]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) replaceElements(t Type, values []any, depth int) error {
	old, err := t.Values()
	if err != nil {
		return err
	}
	head := 0
	for head < min(len(old), len(values)) && reads(old[head], values[head]) {
		head++
	}
	tail := 0
	for tail < min(len(old), len(values))-head && reads(old[len(old)-1-tail], values[len(values)-1-tail]) {
		tail++
	}
	for head < min(len(old), len(values))-tail { // types that can become what is to stand there
		child, ok := old[head].(Type)
		if !ok || !takes(child, values[head]) {
			break
		}
		if err := e.replaceJSON(child, values[head], depth-1); err != nil {
			return err
		}
		head++
	}
	if err := e.Delete(t, uint64(head), uint64(len(old)-head-tail)); err != nil {
		return err
	}
	return e.Insert(t, uint64(head), values[head:len(values)-tail]...)
}

// takes reports whether a type can be made to read as a value.
func takes(t Type, v any) bool {
	switch v.(type) {
	case map[string]any:
		return t.kind == yjs.TypeMap
	case []any:
		return t.kind == yjs.TypeArray
	case string:
		return t.kind == yjs.TypeText
	}
	return false
}

// reads reports whether a value of the document reads as one of JSON.
func reads(old, v any) bool {
	t, ok := old.(Type)
	if !ok {
		return same(old, v)
	}
	if !takes(t, v) {
		return false
	}
	switch v := v.(type) {
	case string:
		return t.Text() == v
	case map[string]any:
		entries := t.Entries()
		for key, value := range v {
			if there, ok := entries[key]; !ok || !reads(there, value) {
				return false
			}
		}
		return len(entries) == len(v)
	case []any:
		i, equal := 0, t.Len() == uint64(len(v))
		t.each(func(e any) bool {
			equal = equal && i < len(v) && reads(e, v[i])
			i++
			return equal
		})
		return equal
	}
	return false
}

// Shared gives a value of JSON as what makes types of its objects and lists, so that
// several can edit within them; strings stay plain values.
func Shared(v any) any {
	switch v := v.(type) {
	case map[string]any:
		n := New{Kind: yjs.TypeMap, Entries: map[string]any{}}
		for key, value := range v {
			n.Entries[key] = Shared(value)
		}
		return n
	case []any:
		n := New{Kind: yjs.TypeArray}
		for _, value := range v {
			n.Items = append(n.Items, Shared(value))
		}
		return n
	}
	return v
}
