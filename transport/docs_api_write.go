package transport

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// editAnswer is what became of an edit.
type editAnswer struct {
	Doc     string `json:"doc"`
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
	Changed bool   `json:"changed"`
}

func (req *docRequest) edited(e docs.Edited, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return editAnswer{req.doc, e.At.Epoch, e.At.Seq, e.Changed}, nil
}

// createRequest makes a document. One of Update, Text, JSON and Delta has what it
// begins with, or none.
type createRequest struct {
	Doc      string          `json:"doc"`
	Update   []byte          `json:"update"`
	Root     string          `json:"root"`
	Text     *string         `json:"text"`
	JSON     json.RawMessage `json:"json"`
	Delta    json.RawMessage `json:"delta"`
	Shared   bool            `json:"shared"`
	IfAbsent bool            `json:"if_absent"`
	As       *author         `json:"as"`
}

type createAnswer struct {
	Doc     string `json:"doc"`
	Created bool   `json:"created"`
	Epoch   string `json:"epoch"`
	Seq     uint64 `json:"seq"`
}

func (a *api) docCreate(ctx context.Context, req *docRequest) (any, error) {
	var ask createRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	if err := req.speakFor(ask.As); err != nil {
		return nil, err
	}
	if err := room.CheckDocName(ask.Doc); err != nil {
		return nil, err
	}
	update, err := ask.seed()
	if err != nil {
		return nil, err
	}
	at, err := a.docs().Create(ctx, req.caller, ask.Doc, update)
	if err == nil {
		return createAnswer{ask.Doc, true, at.Epoch, at.Seq}, nil
	}
	if !ask.IfAbsent || room.AsError(err).Code != room.CodeConflict {
		return nil, err
	}
	_, info, readErr := a.docs().Read(ctx, req.caller, ask.Doc)
	if readErr != nil {
		return nil, err // it was the update that did not fit
	}
	return createAnswer{ask.Doc, false, info.At.Epoch, info.At.Seq}, nil
}

// seed gives what the document begins with, as an update.
func (ask *createRequest) seed() ([]byte, error) {
	given := 0
	for _, there := range []bool{len(ask.Update) > 0, ask.Text != nil, len(ask.JSON) > 0, len(ask.Delta) > 0} {
		if there {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, room.Errorf(room.CodeBadRequest, "body: has several of update, text, json and delta; give one")
	case given == 0 || len(ask.Update) > 0:
		return ask.Update, nil
	case ask.Root == "":
		return nil, room.Errorf(room.CodeBadRequest, "root: is missing; name the type that the content goes into, as the editor has it: default for Tiptap, prosemirror, document-store for BlockNote")
	}
	v, err := view.Open(yjs.New(), view.Limits{})
	if err != nil {
		return nil, err
	}
	e, err := v.Edit(uint64(rand.Uint32()))
	if err != nil {
		return nil, err
	}
	c := content{format: "json", body: ask.JSON, shared: ask.Shared}
	switch {
	case ask.Text != nil:
		c.format, c.body = "text", []byte(*ask.Text)
	case len(ask.Delta) > 0:
		c.format, c.body = "delta", ask.Delta
	}
	if err := c.replace(e, v.XML(ask.Root), false); err != nil {
		return nil, err
	}
	return e.Update(), nil
}

// docMerge takes an update of Yjs.
func (a *api) docMerge(ctx context.Context, req *docRequest) (any, error) {
	update := req.body
	switch v := req.query.Get("v"); v {
	case "", "1":
	case "2":
		var err error
		if update, err = yjs.ConvertV2ToV1(update, yjs.Limits{MaxBytes: 4 * a.docs().Limits().Update}); err != nil {
			return nil, err
		}
	default:
		return nil, room.Errorf(room.CodeBadRequest, "v: is %.20q; give 1 or 2", v)
	}
	return req.edited(a.docs().Merge(ctx, req.caller, req.doc, update))
}

type deleteAnswer struct {
	Deleted bool `json:"deleted"`
}

func (a *api) docDelete(ctx context.Context, req *docRequest) (any, error) {
	if err := a.docs().Delete(ctx, req.caller, req.doc); err != nil {
		return nil, err
	}
	return deleteAnswer{true}, nil
}

// docReplace makes a root hold what the body says, in one transaction.
func (a *api) docReplace(ctx context.Context, req *docRequest) (any, error) {
	c := content{format: req.query.Get("format"), body: req.body, shared: req.query.Get("shared") == "1"}
	if c.format == "" {
		c.format = map[string]string{typeText: "text", typeJSON: "json"}[req.kind]
	}
	if (c.format == "text") != (req.kind == typeText) {
		return nil, room.Errorf(room.CodeBadRequest, "format: is %.20q, and the body is %s; text is text/plain, json and delta are application/json", c.format, req.kind)
	}
	return req.edited(a.docs().Edit(ctx, req.caller, req.doc, func(v *view.Doc, e *view.Edit) error {
		t, there, err := req.pickRoot(v)
		if err != nil {
			return err
		}
		if !there {
			return room.Errorf(room.CodeBadRequest, "root: is missing, and the document is empty; name the type that the content goes into")
		}
		_, filled := v.Guess(t.Name())
		return c.replace(e, t, filled || req.query.Get("type") != "")
	}))
}

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
