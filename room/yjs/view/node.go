package view

import (
	"fmt"
	"regexp"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Node is a part of a rich document in the shape that ProseMirror and Tiptap have for
// it in JSON, of any schema: an element's name is its type, its attributes are attrs,
// and a text has the names of what it is formatted with as marks.
type Node struct {
	Type    string         `json:"type"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []Node         `json:"content,omitempty"`
	Marks   []Mark         `json:"marks,omitempty"`
	// Text is that of a node of type "text".
	Text string `json:"text,omitempty"`
}

// Mark is how a text is formatted.
type Mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// Node gives an XML type as a node: a fragment as one of type "doc", an element as
// itself. A text becomes a "doc": an XML text with its characters in it, any other with a
// block for each line, formatted as Quill formats lines.
func (t Type) Node() (Node, error) {
	b := nodes{budget: t.doc.limits.MaxOutput, most: t.doc.limits.MaxOutput}
	var n Node
	var err error
	switch t.kind {
	case yjs.TypeXMLElement:
		n, err = b.element(t, t.doc.limits.MaxDepth)
	case yjs.TypeXMLFragment:
		n.Type = "doc"
		n.Content, err = b.children(t, t.doc.limits.MaxDepth)
	case yjs.TypeText:
		n.Type = "doc"
		n.Content, err = b.lines(t, t.doc.limits.MaxDepth)
	case yjs.TypeXMLText:
		n.Type = "doc"
		n.Content, err = b.text(t, t.doc.limits.MaxDepth)
	default:
		err = t.want(yjs.TypeXMLElement, yjs.TypeXMLFragment, yjs.TypeText, yjs.TypeXMLText)
	}
	return n, err
}

// nodes builds nodes, up to a size.
type nodes struct{ budget, most int }

func (b *nodes) spend(n int) error {
	if b.budget -= n; b.budget < 0 {
		return tooLarge("what was asked for has too many bytes", b.most)
	}
	return nil
}

func (b *nodes) element(t Type, depth int) (n Node, err error) {
	n.Type = t.Name()
	if n.Attrs = plainEntries(t.Entries()); len(n.Attrs) == 0 {
		n.Attrs = nil
	}
	if err = b.spend(64 + len(n.Type) + 64*len(n.Attrs)); err != nil {
		return n, err
	}
	n.Content, err = b.children(t, depth)
	return n, err
}

func (b *nodes) children(t Type, depth int) (out []Node, err error) {
	if depth == 0 {
		return nil, errDeepNode
	}
	t.each(func(v any) bool {
		child, ok := v.(Type)
		if !ok {
			return true // no XML
		}
		switch child.kind {
		case yjs.TypeXMLText, yjs.TypeText:
			var texts []Node
			texts, err = b.text(child, depth-1)
			out = append(out, texts...)
		case yjs.TypeXMLElement:
			var n Node
			n, err = b.element(child, depth-1)
			out = append(out, n)
		case yjs.TypeXMLFragment:
			var inner []Node
			inner, err = b.children(child, depth-1)
			out = append(out, inner...)
		}
		return err == nil
	})
	return out, err
}

var errDeepNode = fmt.Errorf("view: the document is nested beyond Limits.MaxDepth: %w", ErrTooDeep)

// hashed is what y-prosemirror appends to the name of a mark that may overlap itself.
var hashed = regexp.MustCompile(`^(.+)--[A-Za-z0-9+/=]{8}$`)

func (b *nodes) text(t Type, depth int) (out []Node, err error) {
	ops, err := t.Delta()
	if err != nil {
		return nil, err
	}
	for _, op := range ops {
		var inserted []Node
		if text, ok := op.Insert.(string); ok {
			inserted = []Node{{Type: "text", Text: text}}
			err = b.spend(len(text))
		} else {
			inserted, err = b.embed(op.Insert, depth)
		}
		if err == nil {
			err = b.spend(64 + 64*len(op.Attributes))
		}
		if err != nil {
			return nil, err
		}
		for i := range inserted {
			inserted[i].Marks = append(inserted[i].Marks, marks(op.Attributes)...)
		}
		out = append(out, inserted...)
	}
	return out, nil
}

// marks gives attributes as marks, in the order of their names.
func marks(attributes map[string]any) (out []Mark) {
	for _, name := range sortedKeys(attributes) {
		m := Mark{Type: name}
		if parts := hashed.FindStringSubmatch(name); parts != nil {
			m.Type = parts[1]
		}
		switch v := attributes[name].(type) {
		case map[string]any:
			if len(v) > 0 {
				m.Attrs = v
			}
		case string:
			if name == "link" { // of Quill
				m.Attrs = map[string]any{"href": v}
			}
		}
		out = append(out, m)
	}
	return out
}

// plainEntries gives attributes without those that JSON has no form for.
func plainEntries(entries map[string]any) map[string]any {
	for key, v := range entries {
		switch v.(type) {
		case Type, Subdoc, Undefined, []byte:
			delete(entries, key)
		}
	}
	return entries
}

// JSON gives the node as a JSON text.
func (n Node) JSON(limits Limits) ([]byte, error) {
	limits = limits.withDefaults()
	o := &output{most: limits.MaxOutput, depth: 3 * limits.MaxDepth}
	o.json(n.value())
	return o.done()
}

func (n Node) value() any {
	v := map[string]any{"type": n.Type}
	if len(n.Attrs) > 0 {
		v["attrs"] = n.Attrs
	}
	if n.Type == "text" {
		v["text"] = n.Text
	}
	var content, marks []any
	for _, c := range n.Content {
		content = append(content, c.value())
	}
	for _, m := range n.Marks {
		mark := map[string]any{"type": m.Type}
		if len(m.Attrs) > 0 {
			mark["attrs"] = m.Attrs
		}
		marks = append(marks, mark)
	}
	if content != nil {
		v["content"] = content
	}
	if marks != nil {
		v["marks"] = marks
	}
	return v
}

// News gives what to insert into an XML fragment for the content of a node: elements,
// and an XML text for each run of text. It is what Edit.ReplaceList takes.
func (n Node) News() []any {
	var out []any
	var run []Op
	flush := func() {
		if len(run) > 0 {
			out = append(out, New{Kind: yjs.TypeXMLText, Delta: run})
			run = nil
		}
	}
	for _, c := range n.Content {
		if c.Type == "text" {
			run = append(run, Op{Insert: c.Text, Attributes: attributesOf(c.Marks)})
			continue
		}
		flush()
		out = append(out, New{Kind: yjs.TypeXMLElement, Name: c.Type, Entries: given(c.Attrs), Items: c.News()})
	}
	flush()
	return out
}

// given gives the attributes that are not null, as y-prosemirror keeps them.
func given(attrs map[string]any) map[string]any {
	out := map[string]any{}
	for key, v := range attrs {
		if v != nil {
			out[key] = v
		}
	}
	return out
}

func attributesOf(marks []Mark) map[string]any {
	out := map[string]any{}
	for _, m := range marks {
		attrs := m.Attrs
		if attrs == nil {
			attrs = map[string]any{}
		}
		out[m.Type] = attrs
	}
	return out
}
