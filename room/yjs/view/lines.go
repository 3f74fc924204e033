package view

import (
	"strings"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// lines gives a text that is no XML as blocks, a line each, in the way of Quill: a line
// is formatted by the attributes of the newline that ends it.
func (b *nodes) lines(t Type, depth int) ([]Node, error) {
	ops, err := t.Delta()
	if err != nil {
		return nil, err
	}
	var l liner
	for _, op := range ops {
		if err := b.spend(64 + 64*len(op.Attributes)); err != nil {
			return nil, err
		}
		text, ok := op.Insert.(string)
		if !ok {
			inserted, err := b.embed(op.Insert, depth)
			if err != nil {
				return nil, err
			}
			l.line = append(l.line, inserted...)
			continue
		}
		for {
			before, rest, ended := strings.Cut(text, "\n")
			if err := b.spend(len(before) + 64); err != nil {
				return nil, err
			}
			if before != "" {
				l.line = append(l.line, Node{Type: "text", Text: before, Marks: marks(op.Attributes)})
			}
			if !ended {
				break
			}
			l.end(op.Attributes)
			text = rest
		}
	}
	if len(l.line) > 0 {
		l.end(nil)
	}
	return l.blocks, nil
}

// embed gives what stands within text.
func (b *nodes) embed(v any, depth int) ([]Node, error) {
	switch v := v.(type) {
	case Type:
		if v.kind != yjs.TypeXMLElement && v.kind != yjs.TypeXMLText && v.kind != yjs.TypeText {
			return nil, nil
		}
		if depth == 0 {
			return nil, errDeepNode
		}
		if v.kind == yjs.TypeXMLElement {
			n, err := b.element(v, depth-1)
			return []Node{n}, err
		}
		return b.text(v, depth-1)
	case map[string]any:
		if src, ok := v["image"].(string); ok {
			return []Node{{Type: "image", Attrs: map[string]any{"src": src}}}, b.spend(len(src))
		}
		return []Node{{Type: "embed", Attrs: v}}, nil
	}
	return nil, nil
}

// liner makes blocks of lines.
type liner struct {
	blocks []Node
	line   []Node
}

// end ends a line, and joins it with the lines before it that are of the same block.
func (l *liner) end(attributes map[string]any) {
	line := l.line
	l.line = nil
	paragraph := Node{Type: "paragraph", Content: line}
	list, _ := attributes["list"].(string)
	switch header, _ := attributes["header"].(float64); {
	case header >= 1 && header <= 6:
		l.blocks = append(l.blocks, Node{Type: "heading", Attrs: map[string]any{"level": header}, Content: line})
	case set(attributes["code-block"]):
		code := l.join("codeBlock")
		if len(code.Content) > 0 {
			code.Content = append(code.Content, Node{Type: "text", Text: "\n"})
		}
		code.Content = append(code.Content, line...)
	case set(attributes["blockquote"]):
		quote := l.join("blockquote")
		quote.Content = append(quote.Content, paragraph)
	case list == "bullet" || list == "ordered":
		items := l.join(list + "List")
		items.Content = append(items.Content, Node{Type: "listItem", Content: []Node{paragraph}})
	case list == "checked" || list == "unchecked":
		items := l.join("taskList")
		checked := map[string]any{"checked": list == "checked"}
		items.Content = append(items.Content, Node{Type: "taskItem", Attrs: checked, Content: []Node{paragraph}})
	default:
		l.blocks = append(l.blocks, paragraph)
	}
}

func set(v any) bool { return v != nil && v != false }

// join gives the last block if it is of a type, or a new one of it.
func (l *liner) join(kind string) *Node {
	if n := len(l.blocks); n == 0 || l.blocks[n-1].Type != kind {
		l.blocks = append(l.blocks, Node{Type: kind})
	}
	return &l.blocks[len(l.blocks)-1]
}

// PlainText gives the characters of a node, with a newline between blocks and for a
// hard break.
func (n Node) PlainText(limits Limits) (string, error) {
	limits = limits.withDefaults()
	o := &output{most: limits.MaxOutput, depth: limits.MaxDepth}
	o.plain(n)
	out, err := o.done()
	return strings.TrimSuffix(string(out), "\n"), err
}

func (o *output) plain(n Node) {
	switch name(n.Type) {
	case "text":
		o.write(n.Text)
		return
	case "hardBreak":
		o.write("\n")
		return
	}
	o.nested(func() {
		ends := false
		for _, c := range n.Content {
			if o.plain(c); o.err != nil {
				return
			}
			ends = inline(c)
		}
		if ends || len(n.Content) == 0 && name(n.Type) == "paragraph" {
			o.write("\n")
		}
	})
}
