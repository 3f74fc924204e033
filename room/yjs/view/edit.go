package view

import (
	"fmt"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Edit is one transaction: what is inserted, deleted and formatted on a view until its
// update is taken. A method that gives an error has changed nothing.
//
// The caller gives the client id. It has to be one that nobody else inserts under, and
// that was not used on another view unless what was inserted there is in this one:
// clocks go on from what the view knows.
type Edit struct {
	doc     *Doc
	client  uint64
	structs []yjs.Struct
	deletes []yjs.Range
}

// New is a shared type to be made where a value is inserted.
type New struct {
	// Kind is the type.
	Kind yjs.TypeRef
	// Name is that of an XML element or hook.
	Name string
	// Entries are the values of a map, or the attributes of an XML element.
	Entries map[string]any
	// Items are the elements of an array, or the children of an XML element or
	// fragment, which are New.
	Items []any
	// Delta is the content of a text or XML text.
	Delta []Op
}

// Edit begins a transaction. One at a time can be open on a view: the one before it, if
// there is any, records nothing more.
func (d *Doc) Edit(client uint64) (*Edit, error) {
	if client > maxSafe {
		return nil, fmt.Errorf("view: client id %d; at most 2^53-1 is allowed: %w", client, ErrRange)
	}
	d.edit = &Edit{doc: d, client: client}
	return d.edit, nil
}

// Update ends the transaction and gives it as an update of version 1, or nil if nothing
// was changed.
func (e *Edit) Update() []byte {
	if e.doc.edit == e {
		e.doc.edit = nil
	}
	if len(e.structs) == 0 && len(e.deletes) == 0 {
		return nil
	}
	u := yjs.Update{Structs: e.structs, Deletes: e.deletes}
	return u.EncodeV1()
}

// deleted records that an item was deleted.
func (e *Edit) deleted(it *item) {
	e.deletes = append(e.deletes, yjs.Range{Client: it.ID.Client, Clock: it.ID.Clock, Len: it.Len})
}

// open refuses an edit whose update was taken, a type of another view, and one that is
// deleted.
func (e *Edit) open(t Type) error {
	switch {
	case e.doc.edit != e:
		return fmt.Errorf("view: the edit has ended; begin another: %w", ErrType)
	case t.doc != e.doc:
		return fmt.Errorf("view: a type of another view: %w", ErrType)
	case t.node.gone():
		return fmt.Errorf("view: the type was deleted: %w", ErrRange)
	}
	return nil
}

// insert makes an item between two neighbours, of a list or of a key.
func (e *Edit) insert(parent *node, key *entry, left, right *item, s yjs.Struct) (*item, error) {
	d := e.doc
	s.ID = yjs.ID{Client: e.client, Clock: d.state(e.client)}
	s.HasSub = key != nil
	if left != nil {
		s.HasOrigin, s.Origin = true, left.LastID()
	}
	if right != nil {
		s.HasRightOrigin, s.RightOrigin = true, right.ID
	}
	if left == nil && right == nil {
		if s.Parent = (yjs.Parent{Kind: yjs.ParentRoot, Root: []byte(parent.name)}); parent.item != nil {
			s.Parent = yjs.Parent{Kind: yjs.ParentItem, ID: parent.item.ID}
		}
		if key != nil {
			s.Sub = []byte(key.key)
		}
	}
	it := newItem(&s)
	it.parent, it.entry, it.left, it.right = parent, key, left, right
	c := d.client(e.client)
	c.items = append(c.items, it)
	c.next, c.end = len(c.items), it.End()
	e.structs = append(e.structs, s)
	return it, d.integrate(it)
}

// content gives a value as the content of an item, and how many units it has.
func (e *Edit) content(v any) (yjs.Struct, error) {
	depth := e.doc.limits.MaxDepth
	switch v := v.(type) {
	case []byte:
		return yjs.Struct{Ref: yjs.RefBinary, Len: 1, Content: yjs.Content{Data: v}}, nil
	case New:
		return yjs.Struct{Ref: yjs.RefType, Len: 1, Content: yjs.Content{Type: v.Kind, Key: []byte(v.Name)}}, nil
	case Subdoc:
		options, err := appendAnyObject(nil, v.Options, depth)
		return yjs.Struct{Ref: yjs.RefDoc, Len: 1, Content: yjs.Content{Key: []byte(v.GUID), Data: options}}, err
	}
	data, err := appendAny(nil, v, depth)
	return yjs.Struct{Ref: yjs.RefAny, Len: 1, Content: yjs.Content{Data: data}}, err
}

// check refuses a value that cannot be inserted, before anything is.
func (e *Edit) check(v any, depth int) error {
	n, ok := v.(New)
	if !ok {
		if s, ok := v.(Subdoc); ok && !utf8.ValidString(s.GUID) {
			return fmt.Errorf("view: the name of a subdocument is not UTF-8: %w", ErrType)
		}
		_, err := e.content(v)
		return err
	}
	if depth == 0 {
		return fmt.Errorf("view: types to be inserted are nested beyond Limits.MaxDepth: %w", ErrTooDeep)
	}
	if err := n.check(); err != nil {
		return err
	}
	for key, v := range n.Entries {
		if !utf8.ValidString(key) {
			return fmt.Errorf("view: a key that is not UTF-8: %w", ErrType)
		}
		if err := e.check(v, depth-1); err != nil {
			return err
		}
	}
	for _, v := range n.Items {
		if err := e.check(v, depth-1); err != nil {
			return err
		}
	}
	return e.checkDelta(n.Delta, 0, depth-1)
}

// check refuses what a type of this kind cannot have.
func (n *New) check() error {
	list := n.Kind == yjs.TypeArray || n.Kind == yjs.TypeXMLElement || n.Kind == yjs.TypeXMLFragment
	text := n.Kind == yjs.TypeText || n.Kind == yjs.TypeXMLText
	switch {
	case n.Kind > yjs.TypeXMLText:
		return fmt.Errorf("view: a new type of kind %d; it should be 0 to 6: %w", n.Kind, ErrType)
	case len(n.Items) > 0 && !list:
		return fmt.Errorf("view: items for a new type of kind %d, which has no list of them: %w", n.Kind, ErrType)
	case len(n.Delta) > 0 && !text:
		return fmt.Errorf("view: a delta for a new type of kind %d, which is no text: %w", n.Kind, ErrType)
	case !utf8.ValidString(n.Name):
		return fmt.Errorf("view: a name that is not UTF-8: %w", ErrType)
	}
	if n.Kind != yjs.TypeXMLElement && n.Kind != yjs.TypeXMLFragment {
		return nil
	}
	for _, v := range n.Items {
		if child, ok := v.(New); !ok || child.Kind < yjs.TypeXMLElement {
			return fmt.Errorf("view: a child of XML that is a %T; it should be a New of an XML type: %w", v, ErrType)
		}
	}
	return nil
}

// fill inserts what a new type holds. All of it has been checked.
func (e *Edit) fill(n *node, v New) error {
	t := Type{doc: e.doc, node: n, kind: v.Kind}
	for _, key := range sortedKeys(v.Entries) {
		if err := e.set(n, key, v.Entries[key]); err != nil {
			return err
		}
	}
	if err := e.insertAfter(n, nil, v.Items); err != nil {
		return err
	}
	return e.apply(t, v.Delta)
}
