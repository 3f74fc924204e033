package view

import "github.com/hubbub-im/hubbub/room/yjs"

// Copy gives a type as what has to be inserted for another that reads the same.
func (t Type) Copy() (New, error) { return t.copied(t.doc.limits.MaxDepth) }

func (t Type) copied(depth int) (n New, err error) {
	if depth == 0 {
		return n, errDeepNode
	}
	n.Kind = t.kind
	if t.kind == yjs.TypeXMLElement || t.kind == yjs.TypeXMLHook {
		n.Name = t.Name()
	}
	if len(t.node.keys) > 0 {
		n.Entries = t.Entries()
		for key, v := range n.Entries {
			if n.Entries[key], err = copyValue(v, depth); err != nil {
				return n, err
			}
		}
	}
	if t.kind == yjs.TypeText || t.kind == yjs.TypeXMLText {
		n.Delta, err = t.copyDelta(depth)
		return n, err
	}
	t.each(func(v any) bool {
		v, err = copyValue(v, depth)
		n.Items = append(n.Items, v)
		return err == nil
	})
	return n, err
}

func (t Type) copyDelta(depth int) ([]Op, error) {
	ops, err := t.Delta()
	for i := range ops {
		if err == nil {
			ops[i].Insert, err = copyValue(ops[i].Insert, depth)
		}
	}
	return ops, err
}

// copyValue gives a value of a document as one to be inserted.
func copyValue(v any, depth int) (any, error) {
	if t, ok := v.(Type); ok {
		return t.copied(depth - 1)
	}
	return v, nil
}
