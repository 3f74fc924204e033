package view

import (
	"fmt"
	"slices"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Type is a shared type in a view. It is a handle: what is edited through one handle
// is seen through all.
type Type struct {
	doc  *Doc
	node *node
	kind yjs.TypeRef
}

// Kind says as what the type is read.
func (t Type) Kind() yjs.TypeRef { return t.kind }

// Name is the name of an XML element or hook, or of a root type.
func (t Type) Name() string {
	if t.node.item != nil {
		return string(t.node.item.Content.Key)
	}
	return t.node.name
}

// Len is the length of the type's list: UTF-16 code units of text, elements of an
// array, children of an XML element. What stands under keys is not counted.
func (t Type) Len() uint64 { return t.node.length }

// items gives the items of the list.
func (t Type) items(yield func(*item) bool) {
	for it := t.node.start; it != nil; it = it.right {
		if !yield(it) {
			return
		}
	}
}

// each hands out the elements of the list, until yield wants no more.
func (t Type) each(yield func(any) bool) {
	for it := range t.items {
		if it.visible() && !t.doc.each(it, yield) {
			return
		}
	}
}

// Values gives the elements of an array, or the children of an XML fragment. More than
// an eighth of Limits.MaxOutput are refused.
func (t Type) Values() ([]any, error) {
	if most := t.doc.limits.MaxOutput / 8; t.node.length > uint64(most) {
		return nil, tooLarge("the array has too many elements", most)
	}
	out := make([]any, 0, t.node.length)
	t.each(func(v any) bool {
		out = append(out, v)
		return true
	})
	return out, nil
}

// At gives the element at an index, and false if there is none.
func (t Type) At(index uint64) (any, bool) {
	for it := range t.items {
		if !it.visible() {
			continue
		}
		if index < it.Len {
			return t.doc.at(it, index), true
		}
		index -= it.Len
	}
	return nil, false
}

// Get gives the value of a key, of a map or an attribute, and false if it has none.
func (t Type) Get(key string) (any, bool) {
	e := t.node.keys[key]
	if e == nil || e.last == nil || !e.last.visible() {
		return nil, false
	}
	return t.doc.at(e.last, e.last.Len-1), true
}

// Entries gives the keys that have a value, and the value of each.
func (t Type) Entries() map[string]any {
	out := map[string]any{}
	for key := range t.node.keys {
		if v, ok := t.Get(key); ok {
			out[key] = v
		}
	}
	return out
}

// Text gives the characters of a text, without embeds. It is bounded by the size of
// the document.
func (t Type) Text() string {
	var out []byte
	for it := range t.items {
		if it.Ref == yjs.RefString && !it.deleted {
			out = append(out, it.Content.Data...)
		}
	}
	return string(out)
}

// String gives what toString of Yjs does: the characters of a text, the tags of XML,
// without escaping anything.
func (t Type) String() (string, error) {
	o := t.doc.output()
	o.typeString(t)
	out, err := o.done()
	return string(out), err
}

// JSON gives what JSON.stringify makes of toJSON of Yjs, but for the keys of objects,
// which are sorted. XML is a string there; see Node for a better form.
func (t Type) JSON() ([]byte, error) {
	o := t.doc.output()
	o.typeJSON(t)
	return o.done()
}

func (o *output) typeJSON(t Type) {
	switch t.kind {
	case yjs.TypeArray:
		o.list(t.each)
	case yjs.TypeMap, yjs.TypeXMLHook:
		o.object(t.Entries())
	case yjs.TypeText:
		o.quoted(t.Text())
	default:
		inner := &output{most: o.most, depth: o.depth}
		inner.typeString(t)
		if o.err == nil {
			o.err = inner.err
		}
		o.quoted(string(inner.buf))
	}
}

// Resolve gives the type that an item holds, by the item's id.
func (d *Doc) Resolve(id yjs.ID) (Type, bool) {
	if id.Clock >= d.state(id.Client) {
		return Type{}, false
	}
	it := d.find(id)
	if it.child == nil || it.deleted {
		return Type{}, false
	}
	return Type{doc: d, node: it.child, kind: it.Content.Type}, true
}

func (t Type) want(kinds ...yjs.TypeRef) error {
	for _, k := range kinds {
		if t.kind == k {
			return nil
		}
	}
	return fmt.Errorf("view: a type of kind %d, which has no such operation; it takes kinds %v: %w", t.kind, kinds, ErrType)
}

// Subdocs gives the names (GUIDs) of the documents within the document, in order.
func (d *Doc) Subdocs() []string {
	guids := []string{}
	for _, c := range d.clients {
		for _, it := range c.items {
			if it.Ref == yjs.RefDoc && !it.deleted {
				guids = append(guids, string(it.Content.Key))
			}
		}
	}
	slices.Sort(guids)
	return slices.Compact(guids)
}

// As gives the same type read as another kind.
func (t Type) As(kind yjs.TypeRef) Type {
	t.kind = kind
	return t
}
