package transport

import (
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

func (o *operation) insertText(e *view.Edit, t view.Type) error {
	if o.Text == "" {
		return room.Errorf(room.CodeBadRequest, "text: is missing")
	}
	return e.InsertText(t, o.Index, o.Text, o.Attributes)
}

func (o *operation) insertEmbed(e *view.Edit, t view.Type) error {
	return e.InsertEmbed(t, o.Index, o.Value, o.Attributes)
}

func (o *operation) formatText(e *view.Edit, t view.Type) error {
	if len(o.Attributes) == 0 {
		return room.Errorf(room.CodeBadRequest, "attributes: are missing; null takes one away")
	}
	return e.Format(t, o.Index, o.Length, o.Attributes)
}

// replaceText inserts behind what it replaces and then deletes that, so that the text
// has the attributes of what it replaces.
func (o *operation) replaceText(e *view.Edit, t view.Type) error {
	end := o.Index + o.Length
	if end < o.Index || end > t.Len() {
		return room.Errorf(room.CodeBadRequest, "length: %d units from index %d of a text of length %d", o.Length, o.Index, t.Len())
	}
	if err := e.InsertText(t, end, o.Text, o.Attributes); err != nil {
		return err
	}
	return e.Delete(t, o.Index, o.Length)
}

func (o *operation) applyDelta(e *view.Edit, t view.Type) error {
	ops := make([]view.Op, len(o.Delta))
	for i, op := range o.Delta {
		ops[i] = view.Op{Insert: op.Insert, Retain: op.Retain, Delete: op.Delete, Attributes: op.Attributes}
	}
	return e.ApplyDelta(t, ops)
}

// remove deletes a stretch; one thing if no length is given.
func (o *operation) remove(e *view.Edit, t view.Type) error {
	if o.Length == 0 {
		return room.Errorf(room.CodeBadRequest, "length: is 0 or missing")
	}
	return e.Delete(t, o.Index, o.Length)
}

func (o *operation) key() (string, error) {
	if o.Key == nil {
		return "", room.Errorf(room.CodeBadRequest, "key: is missing")
	}
	return *o.Key, nil
}

// shared gives a value as it is to be inserted.
func (o *operation) shared(v any) any {
	if o.Shared {
		return view.Shared(v)
	}
	return v
}

func (o *operation) set(e *view.Edit, t view.Type) error {
	key, err := o.key()
	if err != nil {
		return err
	}
	if t.Kind() == yjs.TypeXMLFragment {
		return errNoAttributes
	}
	return e.Set(t, key, o.shared(o.Value))
}

func (o *operation) unset(e *view.Edit, t view.Type) error {
	key, err := o.key()
	if err != nil {
		return err
	}
	if t.Kind() == yjs.TypeXMLFragment {
		return errNoAttributes
	}
	return e.Unset(t, key)
}

var errNoAttributes = room.Errorf(room.CodeBadRequest, "path: leads to a fragment, which has no attributes; go on to an element")

func (o *operation) all() ([]any, error) {
	if len(o.Values) == 0 {
		return nil, room.Errorf(room.CodeBadRequest, "values: are missing")
	}
	values := make([]any, len(o.Values))
	for i, v := range o.Values {
		values[i] = o.shared(v)
	}
	return values, nil
}

func (o *operation) insertValues(e *view.Edit, t view.Type) error {
	values, err := o.all()
	if err != nil {
		return err
	}
	return e.Insert(t, o.Index, values...)
}

func (o *operation) pushValues(e *view.Edit, t view.Type) error {
	values, err := o.all()
	if err != nil {
		return err
	}
	return e.Push(t, values...)
}

func (o *operation) news() ([]any, error) {
	if len(o.Nodes) == 0 {
		return nil, room.Errorf(room.CodeBadRequest, "nodes: are missing")
	}
	return view.Node{Content: o.Nodes}.News(), checkNodes(o.Nodes)
}

func (o *operation) insertNodes(e *view.Edit, t view.Type) error {
	nodes, err := o.news()
	if err != nil {
		return err
	}
	return e.Insert(t, o.Index, nodes...)
}

func (o *operation) pushNodes(e *view.Edit, t view.Type) error {
	nodes, err := o.news()
	if err != nil {
		return err
	}
	return e.Push(t, nodes...)
}
