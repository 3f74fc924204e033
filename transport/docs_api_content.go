package transport

import (
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// content is what a root is to hold.
type content struct {
	format string // text, json or delta
	body   []byte
	shared bool // objects and lists become types of their own
}

// replace makes a root hold it. Unless its kind is known, it is what the content needs.
func (c *content) replace(e *view.Edit, t view.Type, known bool) error {
	switch c.format {
	case "text":
		if !utf8.Valid(c.body) {
			return room.Errorf(room.CodeBadRequest, "body: is not UTF-8")
		}
		return c.text(t, known, func(t view.Type) error { return replaceText(e, t, string(c.body)) })
	case "delta":
		ops, err := decodeDelta(c.body)
		if err != nil {
			return err
		}
		return c.text(t, known, func(t view.Type) error { return e.ReplaceDelta(t, ops) })
	case "json":
		return c.replaceJSON(e, t, known)
	}
	return room.Errorf(room.CodeBadRequest, "format: is %.20q; a document is replaced by text, json or delta", c.format)
}

func (c *content) text(t view.Type, known bool, replace func(view.Type) error) error {
	if known && !isText(t) {
		return room.Errorf(room.CodeBadRequest, "root: %.64q is %s and no text; send json", t.Name(), kindName(t.Kind()))
	}
	return replace(t.As(yjs.TypeText))
}

// replaceText replaces the words that differ, so that what is said of the others, and
// what others write between them, stays where it is.
func replaceText(e *view.Edit, t view.Type, text string) error {
	var delta []view.Op
	length := uint64(0)
	for _, r := range diffTexts(t.Text(), text) {
		switch n := unitsOf(r.Text); r.Op {
		case opEqual:
			delta = append(delta, view.Op{Retain: n})
			length += n
		case opDelete:
			delta = append(delta, view.Op{Delete: n})
			length += n
		default:
			delta = append(delta, view.Op{Insert: r.Text})
		}
	}
	if length != t.Len() { // something is in it that is no character
		return e.ReplaceText(t, text)
	}
	return e.ApplyDelta(t, delta)
}

// unitsOf counts UTF-16 code units.
func unitsOf(s string) (n uint64) {
	for _, c := range s {
		n += uint64(max(utf16.RuneLen(c), 1))
	}
	return n
}

func (c *content) replaceJSON(e *view.Edit, t view.Type, known bool) error {
	var v any
	if err := json.Unmarshal(c.body, &v); err != nil {
		return bodyError(err)
	}
	if !known {
		t = t.As(kindOf(v))
	}
	if kindName(t.Kind()) == "xml" {
		n, err := decodeNode(c.body)
		if err != nil {
			return err
		}
		return e.ReplaceNode(t, n)
	}
	if c.shared && !known {
		return c.fill(e, t, v)
	}
	return e.ReplaceJSON(t, v)
}

// fill puts a value of JSON into an empty root, with types in it.
func (c *content) fill(e *view.Edit, t view.Type, v any) error {
	switch made, _ := view.Shared(v).(view.New); t.Kind() {
	case yjs.TypeMap:
		return e.ReplaceMap(t, made.Entries)
	case yjs.TypeArray:
		return e.ReplaceList(t, made.Items)
	}
	return e.ReplaceJSON(t, v)
}

// kindOf says as what a value of JSON is kept: ProseMirror's document as XML.
func kindOf(v any) yjs.TypeRef {
	switch v := v.(type) {
	case []any:
		return yjs.TypeArray
	case map[string]any:
		if v["type"] == "doc" {
			return yjs.TypeXMLFragment
		}
		return yjs.TypeMap
	}
	return yjs.TypeText
}

// decodeNode reads a document in the shape of ProseMirror.
func decodeNode(data []byte) (n view.Node, err error) {
	if err := json.Unmarshal(data, &n); err != nil {
		return n, bodyError(err)
	}
	if n.Type != "doc" {
		return n, room.Errorf(room.CodeBadRequest, `type: is %.32q; a document of ProseMirror has "type": "doc", and its blocks in content`, n.Type)
	}
	return n, checkNodes(n.Content)
}

// checkNodes refuses what no editor would have written.
func checkNodes(nodes []view.Node) error {
	for _, n := range nodes {
		switch {
		case n.Type == "":
			return room.Errorf(room.CodeBadRequest, "type: a node has none")
		case n.Type == "text" && (n.Text == "" || len(n.Content) > 0):
			return room.Errorf(room.CodeBadRequest, "text: a node of type text has characters, at least one, and no content")
		}
		if err := checkNodes(n.Content); err != nil {
			return err
		}
	}
	return nil
}

// deltaOp is an Op as JSON has it.
type deltaOp struct {
	Insert     any            `json:"insert"`
	Retain     uint64         `json:"retain"`
	Delete     uint64         `json:"delete"`
	Attributes map[string]any `json:"attributes"`
}

// decodeDelta reads a delta of Quill: a list, or an object that has it as ops.
func decodeDelta(data []byte) ([]view.Op, error) {
	var wrapped struct {
		Ops []deltaOp `json:"ops"`
	}
	err := json.Unmarshal(data, &wrapped.Ops)
	if err != nil {
		wrapped.Ops = nil
		err = json.Unmarshal(data, &wrapped)
	}
	if err != nil {
		return nil, bodyError(err)
	}
	ops := make([]view.Op, len(wrapped.Ops))
	for i, op := range wrapped.Ops {
		ops[i] = view.Op{Insert: op.Insert, Retain: op.Retain, Delete: op.Delete, Attributes: op.Attributes}
		if op.Insert == nil && op.Retain == 0 && op.Delete == 0 {
			return nil, room.Errorf(room.CodeBadRequest, "delta: part %d has neither insert nor retain nor delete", i)
		}
	}
	return ops, nil
}
