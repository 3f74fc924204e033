package view

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// InsertText puts text before the unit at an index of a text, at most t.Len. Without
// attributes (nil) it has those of what stands before it; otherwise exactly the given
// ones.
func (e *Edit) InsertText(t Type, index uint64, text string, attributes map[string]any) error {
	return e.insertText(t, index, text, attributes)
}

// InsertEmbed puts an embed into a text: a New, or a value that JSON has.
func (e *Edit) InsertEmbed(t Type, index uint64, embed any, attributes map[string]any) error {
	switch embed.(type) {
	case nil, string:
		return fmt.Errorf("view: a %T as an embed; text goes through InsertText: %w", embed, ErrType)
	}
	if attributes == nil {
		attributes = map[string]any{}
	}
	return e.insertText(t, index, embed, attributes)
}

func (e *Edit) insertText(t Type, index uint64, v any, attributes map[string]any) error {
	if err := e.openText(t, []Op{{Insert: v, Attributes: attributes}}); err != nil {
		return err
	}
	if index > t.Len() {
		return fmt.Errorf("view: index %d of a text of length %d: %w", index, t.Len(), ErrRange)
	}
	if err := t.whole(index); err != nil || v == "" {
		return err
	}
	c := e.seek(t, index)
	if attributes == nil {
		attributes = c.current
	}
	return c.insert(v, attributes)
}

// Format sets attributes on n units of a text from an index on, and takes those away
// whose value is nil.
func (e *Edit) Format(t Type, index, n uint64, attributes map[string]any) error {
	if err := e.openText(t, []Op{{Retain: n, Attributes: attributes}}); err != nil {
		return err
	}
	if index > t.Len() || n > t.Len()-index {
		return fmt.Errorf("view: %d units from index %d of a text of length %d: %w", n, index, t.Len(), ErrRange)
	}
	if err := t.whole(index, index+n); err != nil || n == 0 {
		return err
	}
	return e.seek(t, index).format(n, attributes)
}

// ApplyDelta changes a text by a delta.
func (e *Edit) ApplyDelta(t Type, delta []Op) error {
	if err := e.openText(t, delta); err != nil {
		return err
	}
	var borders []uint64
	at := uint64(0)
	for _, op := range delta {
		at += op.Retain + op.Delete
		borders = append(borders, at)
	}
	if err := t.whole(borders...); err != nil {
		return err
	}
	return e.apply(t, delta)
}

// whole refuses indices, in ascending order, that part a character of two code units.
// The halves would be lost for everybody, and by what changes nothing else for some.
func (t Type) whole(indices ...uint64) error {
	at := uint64(0)
	for it := range t.items {
		for len(indices) > 0 && indices[0] <= at {
			indices = indices[1:]
		}
		if len(indices) == 0 {
			return nil
		}
		if !it.visible() {
			continue
		}
		if it.Ref == yjs.RefString && indices[0] < at+it.Len {
			for _, c := range string(it.Content.Data) {
				if at++; c < 0x10000 {
					continue
				}
				for len(indices) > 0 && indices[0] < at {
					indices = indices[1:]
				}
				if len(indices) > 0 && indices[0] == at {
					return fmt.Errorf("view: index %d is within a character of two UTF-16 code units; %d is before it: %w", at, at-1, ErrRange)
				}
				at++
			}
			continue
		}
		at += it.Len
	}
	return nil
}

func (e *Edit) apply(t Type, delta []Op) error {
	if len(delta) == 0 {
		return nil
	}
	c := e.seek(t, 0)
	for _, op := range delta {
		var err error
		switch {
		case op.Insert != nil:
			err = c.insert(op.Insert, op.Attributes)
		case op.Retain > 0:
			err = c.format(op.Retain, op.Attributes)
		default:
			c.delete(op.Delete)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) openText(t Type, delta []Op) error {
	if err := e.open(t); err != nil {
		return err
	}
	if err := t.want(yjs.TypeText, yjs.TypeXMLText); err != nil {
		return err
	}
	return e.checkDelta(delta, t.Len(), e.doc.limits.MaxDepth)
}

// checkDelta refuses a delta that cannot be applied to a text of a length.
func (e *Edit) checkDelta(delta []Op, length uint64, depth int) error {
	for _, op := range delta {
		if op.Retain > length || op.Delete > length-op.Retain {
			return fmt.Errorf("view: a delta retains or deletes beyond the end of the text: %w", ErrRange)
		}
		length -= op.Retain + op.Delete
		given := 0
		for _, there := range []bool{op.Insert != nil, op.Retain > 0, op.Delete > 0} {
			if there {
				given++
			}
		}
		if given > 1 {
			return fmt.Errorf("view: an Op that is several things; it should be one of Insert, Retain and Delete: %w", ErrType)
		}
		for key, v := range op.Attributes {
			if _, err := e.json(v); err != nil {
				return err
			}
			if !utf8.ValidString(key) {
				return fmt.Errorf("view: an attribute's name is not UTF-8: %w", ErrType)
			}
		}
		if err := e.checkInsert(op.Insert, depth); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) checkInsert(v any, depth int) error {
	switch v := v.(type) {
	case New:
		return e.check(v, depth)
	case string:
		if !utf8.ValidString(v) {
			return fmt.Errorf("view: text that is not UTF-8: %w", ErrType)
		}
		return nil
	}
	_, err := e.json(v)
	return err
}

// json gives a value of an attribute or an embed, which have to be of JSON.
func (e *Edit) json(v any) ([]byte, error) {
	if _, err := appendAny(nil, v, e.doc.limits.MaxDepth); err != nil {
		return nil, err
	}
	v = numbers(v)
	o := e.doc.output()
	o.json(v)
	return o.done()
}

// numbers gives a value with the numbers of Go as JavaScript has them.
func numbers(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = numbers(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = numbers(v[k])
		}
		return out
	}
	if f, ok := number(v); ok {
		return f
	}
	return v
}

// ReplaceText makes a text hold these characters and nothing else. What is equal at
// both ends is left as it is, if the text has neither attributes nor embeds.
func (e *Edit) ReplaceText(t Type, text string) error {
	if err := e.openText(t, []Op{{Insert: text}}); err != nil {
		return err
	}
	old := t.Text()
	head, tail := 0, 0
	if t.plain() {
		head = commonPrefix(old, text)
		tail = commonSuffix(old[head:], text[head:])
	}
	if err := e.Delete(t, length(old[:head]), t.Len()-length(old[:head])-length(old[len(old)-tail:])); err != nil {
		return err
	}
	return e.InsertText(t, length(old[:head]), text[head:len(text)-tail], nil)
}

// ReplaceDelta makes a text hold what a delta of inserts says, and nothing else.
func (e *Edit) ReplaceDelta(t Type, delta []Op) error {
	if err := e.openText(t, nil); err != nil {
		return err
	}
	if err := e.checkDelta(delta, 0, e.doc.limits.MaxDepth); err != nil {
		return err
	}
	if err := e.Delete(t, 0, t.Len()); err != nil {
		return err
	}
	return e.apply(t, delta)
}

// plain reports whether all there is in a text is characters.
func (t Type) plain() bool {
	for it := range t.items {
		if !it.deleted && it.Ref != yjs.RefString {
			return false
		}
	}
	return true
}

// commonPrefix gives how many bytes two texts have in common, whole characters only.
func commonPrefix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && (n < len(a) && !utf8.RuneStart(a[n]) || n < len(b) && !utf8.RuneStart(b[n])) {
		n--
	}
	return n
}

func commonSuffix(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	for n > 0 && !utf8.RuneStart(a[len(a)-n]) {
		n--
	}
	return n
}

// equal compares values of attributes.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
