package view

import (
	"github.com/hubbub-im/hubbub/room/yjs"
)

// ReplaceNode makes an XML fragment or element hold the content of a node. What is
// equal is left as it is, elements of one name become one another, and of a text only
// what differs is replaced, so that what others write elsewhere in it stays.
func (e *Edit) ReplaceNode(t Type, n Node) error {
	items := n.News()
	if err := e.openList(t, items); err != nil {
		return err
	}
	return e.replaceXML(t, items, e.doc.limits.MaxDepth)
}

// replaceXML makes the children of a type these, which have been checked.
func (e *Edit) replaceXML(t Type, items []any, depth int) error {
	if depth == 0 {
		return errDeepNode
	}
	old, err := t.Values()
	if err != nil {
		return err
	}
	head := 0
	for head < min(len(old), len(items)) && readsAs(old[head], items[head]) {
		head++
	}
	tail := 0
	for tail < min(len(old), len(items))-head && readsAs(old[len(old)-1-tail], items[len(items)-1-tail]) {
		tail++
	}
	for head < min(len(old), len(items))-tail && canBecome(old[head], items[head]) {
		if err := e.become(old[head].(Type), items[head].(New), depth); err != nil {
			return err
		}
		head++
	}
	for tail < min(len(old), len(items))-head && canBecome(old[len(old)-1-tail], items[len(items)-1-tail]) {
		if err := e.become(old[len(old)-1-tail].(Type), items[len(items)-1-tail].(New), depth); err != nil {
			return err
		}
		tail++
	}
	if err := e.Delete(t, uint64(head), uint64(len(old)-head-tail)); err != nil {
		return err
	}
	return e.Insert(t, uint64(head), items[head:len(items)-tail]...)
}

// canBecome reports whether a child can be made to read as a new one.
func canBecome(old, v any) bool {
	t, ok := old.(Type)
	n, isNew := v.(New)
	return ok && isNew && t.kind == n.Kind && (n.Kind != yjs.TypeXMLElement || t.Name() == n.Name)
}

// readsAs reports whether a child reads as a new one.
func readsAs(old, v any) bool {
	if !canBecome(old, v) {
		return false
	}
	t, n := old.(Type), v.(New)
	if n.Kind == yjs.TypeXMLText {
		ops, err := t.Delta()
		return err == nil && len(changes(ops, n.Delta)) == 0
	}
	if t.Len() != uint64(len(n.Items)) || len(changed(t.Entries(), numbers(n.Entries).(map[string]any))) > 0 {
		return false
	}
	i, same := 0, true
	t.each(func(child any) bool {
		same = readsAs(child, n.Items[i])
		i++
		return same
	})
	return same
}

// become makes a child read as a new one.
func (e *Edit) become(t Type, n New, depth int) error {
	if n.Kind == yjs.TypeXMLText {
		ops, err := t.Delta()
		if err != nil {
			return err
		}
		return e.ApplyDelta(t, changes(ops, n.Delta))
	}
	set := changed(t.Entries(), numbers(n.Entries).(map[string]any))
	for _, key := range sortedKeys(set) {
		var err error
		if set[key] == nil {
			err = e.Unset(t, key)
		} else {
			err = e.Set(t, key, set[key])
		}
		if err != nil {
			return err
		}
	}
	return e.replaceXML(t, n.Items, depth-1)
}

// styled is a character, or an embed, with its attributes.
type styled struct {
	text       string
	embed      any
	attributes map[string]any
}

func (s *styled) len() uint64 {
	if s.embed != nil {
		return 1
	}
	return length(s.text)
}

func (s *styled) insert() any {
	if s.embed != nil {
		return s.embed
	}
	return s.text
}

// same reports whether two are the same, but for their attributes. No embed is another.
func (s *styled) same(o *styled) bool { return s.embed == nil && o.embed == nil && s.text == o.text }

func style(delta []Op) (out []styled) {
	for _, op := range delta {
		text, ok := op.Insert.(string)
		if !ok {
			out = append(out, styled{embed: op.Insert, attributes: op.Attributes})
		}
		for _, c := range text {
			out = append(out, styled{text: string(c), attributes: op.Attributes})
		}
	}
	return out
}

// changes gives the delta by which a text comes to be another; nothing if it is. What
// is equal at both ends stays.
func changes(from, to []Op) (delta []Op) {
	a, b := style(from), style(to)
	head := 0
	for head < min(len(a), len(b)) && a[head].same(&b[head]) {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail].same(&b[len(b)-1-tail]) {
		tail++
	}
	keep := func(a, b []styled) {
		for i := range a {
			delta = appendOp(delta, Op{Retain: a[i].len(), Attributes: changed(a[i].attributes, numbers(b[i].attributes).(map[string]any))})
		}
	}
	keep(a[:head], b[:head])
	for _, s := range a[head : len(a)-tail] {
		delta = appendOp(delta, Op{Delete: s.len()})
	}
	for _, s := range b[head : len(b)-tail] {
		delta = appendOp(delta, Op{Insert: s.insert(), Attributes: s.attributes})
	}
	keep(a[len(a)-tail:], b[len(b)-tail:])
	for n := len(delta); n > 0 && delta[n-1].Retain > 0 && len(delta[n-1].Attributes) == 0; n-- {
		delta = delta[:n-1]
	}
	return delta
}
