package view

import (
	"maps"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// cursor is a place between two items of a text, and the attributes that hold there.
type cursor struct {
	edit        *Edit
	node        *node
	left, right *item
	current     map[string]any
}

// seek gives the place at an index, which is not beyond the end.
func (e *Edit) seek(t Type, index uint64) *cursor {
	c := &cursor{edit: e, node: t.node, right: t.node.start, current: map[string]any{}}
	for c.right != nil && index > 0 {
		if c.right.visible() {
			if index < c.right.Len {
				e.doc.split(c.right, index)
			}
			index -= c.right.Len
		}
		c.forward()
	}
	return c
}

func (c *cursor) forward() {
	if c.right.Ref == yjs.RefFormat && !c.right.deleted {
		update(c.current, c.right)
	}
	c.left, c.right = c.right, c.right.right
}

// put inserts an item, and goes behind it.
func (c *cursor) put(s yjs.Struct) (*item, error) {
	it, err := c.edit.insert(c.node, nil, c.left, c.right, s)
	if err != nil {
		return nil, err
	}
	c.right = it
	c.forward()
	return it, nil
}

// insert puts text or an embed that has exactly these attributes.
func (c *cursor) insert(v any, attributes map[string]any) error {
	if v == "" {
		return nil
	}
	attributes = maps.Clone(attributes)
	if attributes == nil {
		attributes = map[string]any{}
	}
	for key := range c.current {
		if _, given := attributes[key]; !given {
			attributes[key] = nil
		}
	}
	before, err := c.begin(attributes)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		_, err = c.put(stringContent(v))
	case New:
		var s yjs.Struct
		var it *item
		if s, err = c.edit.content(v); err != nil {
			return err
		}
		if it, err = c.put(s); err == nil {
			err = c.edit.fill(it.child, v)
		}
	default:
		var text []byte
		if text, err = c.edit.json(v); err != nil {
			return err
		}
		_, err = c.put(yjs.Struct{Ref: yjs.RefEmbed, Len: 1, Content: yjs.Content{Data: text}})
	}
	if err != nil {
		return err
	}
	return c.restore(before)
}

// begin makes attributes hold from here on, and gives what those it had to change were
// before.
func (c *cursor) begin(attributes map[string]any) (before map[string]any, err error) {
	for key, v := range attributes {
		attributes[key] = numbers(v)
	}
	for c.right != nil && (c.right.deleted || c.right.Ref == yjs.RefFormat &&
		equal(attributes[string(c.right.Content.Key)], parseJSON(c.right.Content.Data))) {
		c.forward()
	}
	before = map[string]any{}
	for _, key := range sortedKeys(attributes) {
		if now := c.current[key]; !equal(now, attributes[key]) {
			before[key] = now
			if err := c.mark(key, attributes[key]); err != nil {
				return nil, err
			}
		}
	}
	return before, nil
}

func (c *cursor) mark(key string, v any) error {
	text, err := c.edit.json(v)
	if err != nil {
		return err
	}
	_, err = c.put(formatContent(key, text))
	return err
}

// restore makes attributes hold again that held before, unless what follows does.
func (c *cursor) restore(before map[string]any) error {
	for c.right != nil {
		if !c.right.deleted {
			key := string(c.right.Content.Key)
			v, there := before[key]
			if c.right.Ref != yjs.RefFormat || !there || !equal(v, parseJSON(c.right.Content.Data)) {
				break
			}
			delete(before, key)
		}
		c.forward()
	}
	for _, key := range sortedKeys(before) {
		if err := c.mark(key, before[key]); err != nil {
			return err
		}
	}
	return nil
}

// format sets attributes on n units, and goes behind them. What set the same ones
// between is deleted.
func (c *cursor) format(n uint64, attributes map[string]any) error {
	attributes = maps.Clone(attributes)
	if attributes == nil {
		attributes = map[string]any{}
	}
	before, err := c.begin(attributes)
	if err != nil {
		return err
	}
	for c.right != nil {
		if n == 0 && (len(before) == 0 || c.right.visible()) {
			break
		}
		switch {
		case c.right.deleted:
		case c.right.Ref == yjs.RefFormat:
			if c.overrides(attributes, before, n) {
				return c.restore(before)
			}
		default:
			if n < c.right.Len {
				c.edit.doc.split(c.right, n)
			}
			n -= c.right.Len
		}
		c.forward()
	}
	return c.restore(before)
}

// overrides deletes the mark at the cursor if it sets one of the attributes, and notes
// what is to hold behind. It reports whether the mark ends what is to be formatted.
func (c *cursor) overrides(attributes, before map[string]any, n uint64) (end bool) {
	key := string(c.right.Content.Key)
	v, given := attributes[key]
	if !given {
		return false
	}
	if there := parseJSON(c.right.Content.Data); equal(v, there) {
		delete(before, key)
	} else if n == 0 {
		return true
	} else {
		before[key] = there
	}
	c.edit.doc.delete(c.right)
	return false
}

// delete deletes n units, and the marks that have become needless by it.
func (c *cursor) delete(n uint64) {
	start, held := c.right, maps.Clone(c.current)
	for n > 0 && c.right != nil {
		if c.right.visible() {
			if n < c.right.Len {
				c.edit.doc.split(c.right, n)
			}
			n -= c.right.Len
			c.edit.doc.delete(c.right)
		}
		c.forward()
	}
	if start != nil {
		c.tidy(start, held)
	}
}

// tidy deletes marks of a stretch in which nothing is left: those that a later one
// overrides, and those that set what held at its beginning.
func (c *cursor) tidy(start *item, held map[string]any) {
	last := map[string]*item{}
	end := start
	for ; end != nil && !end.visible(); end = end.right {
		if end.Ref == yjs.RefFormat && !end.deleted {
			last[string(end.Content.Key)] = end
		}
	}
	passed := false // the cursor
	for it := start; it != end; it = it.right {
		passed = passed || it == c.right
		if it.deleted || it.Ref != yjs.RefFormat {
			continue
		}
		key, v := string(it.Content.Key), parseJSON(it.Content.Data)
		if last[key] == it && !equal(held[key], v) {
			if !passed {
				update(c.current, it)
			}
			continue
		}
		c.edit.doc.delete(it)
		if !passed && equal(c.current[key], v) && !equal(held[key], v) {
			c.unmark(key, held[key])
		}
	}
}

func (c *cursor) unmark(key string, v any) {
	if v == nil {
		delete(c.current, key)
	} else {
		c.current[key] = v
	}
}
