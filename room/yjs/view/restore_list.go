package view

import "github.com/hubbub-im/hubbub/room/yjs"

// restoreList carries out the steps on an array or XML type, in one pass.
func (e *Edit) restoreList(t Type, steps []step) error {
	var left *item
	right := t.node.start
	for i := 0; i < len(steps); i++ {
		s := steps[i]
		if s.kind != insert {
			left, right = e.pass(left, right, s.now.it.Len, s.kind == drop)
			continue
		}
		var values []any
		for ; i < len(steps) && steps[i].kind == insert; i++ {
			var err error
			if values, err = steps[i].then.appendValues(values, e.doc); err != nil {
				return err
			}
		}
		i--
		for _, v := range values {
			if err := e.check(v, e.doc.limits.MaxDepth); err != nil {
				return err
			}
		}
		if err := e.insertAfter(t.node, left, values); err != nil {
			return err
		}
		if left = t.node.end(); right != nil {
			left = right.left
		}
	}
	return nil
}

// pass goes behind n visible units, which it may delete.
func (e *Edit) pass(left, right *item, n uint64, drop bool) (*item, *item) {
	for n > 0 {
		if right.visible() {
			if n < right.Len {
				e.doc.split(right, n)
			}
			n -= right.Len
			if drop {
				e.doc.delete(right)
			}
		}
		left, right = right, right.right
	}
	return left, right
}

// appendValues appends what has to be inserted for the units of a piece.
func (p *piece) appendValues(values []any, d *Doc) (out []any, err error) {
	d.each(p.it, func(v any) bool {
		v, err = copyValue(v, d.limits.MaxDepth)
		values = append(values, v)
		return err == nil
	})
	return values, err
}

// restoreText carries out the steps on a text, as one delta.
func (e *Edit) restoreText(t, then Type, steps []step) error {
	var delta []Op
	for _, s := range steps {
		var op Op
		switch s.kind {
		case keep:
			op = Op{Retain: s.now.it.Len, Attributes: changed(s.now.attributes, s.then.attributes)}
		case drop:
			op = Op{Delete: s.now.it.Len}
		case insert:
			v, err := s.then.inserted(then.doc)
			if err != nil {
				return err
			}
			op = Op{Insert: v, Attributes: s.then.attributes}
		}
		delta = appendOp(delta, op)
	}
	if err := e.checkDelta(delta, t.Len(), e.doc.limits.MaxDepth); err != nil {
		return err
	}
	return e.apply(t, delta)
}

// inserted gives what a piece of a text is as an insert. What no text has is an empty
// one.
func (p *piece) inserted(d *Doc) (any, error) {
	if p.it.Ref == yjs.RefString {
		return string(p.it.Content.Data), nil
	}
	v, err := copyValue(d.at(p.it, 0), d.limits.MaxDepth)
	if v == nil {
		v = ""
	}
	return v, err
}

// changed gives the attributes that have to be set on what has some for it to have
// others.
func changed(now, then map[string]any) map[string]any {
	var out map[string]any
	set := func(key string, v any) {
		if out == nil {
			out = map[string]any{}
		}
		out[key] = v
	}
	for key, v := range then {
		if !equal(now[key], v) {
			set(key, v)
		}
	}
	for key := range now {
		if _, stays := then[key]; !stays {
			set(key, nil)
		}
	}
	return out
}

// appendOp joins an Op with the one before it where that means the same.
func appendOp(delta []Op, op Op) []Op {
	if len(delta) == 0 {
		return append(delta, op)
	}
	last := &delta[len(delta)-1]
	before, ok := last.Insert.(string)
	text, both := op.Insert.(string)
	switch {
	case ok && both && equal(last.Attributes, op.Attributes):
		last.Insert = before + text
	case last.Delete > 0 && op.Delete > 0:
		last.Delete += op.Delete
	case last.Retain > 0 && op.Retain > 0 && equal(last.Attributes, op.Attributes):
		last.Retain += op.Retain
	default:
		return append(delta, op)
	}
	return delta
}
