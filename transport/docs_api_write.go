package transport

import (
	"context"
	"encoding/json"
	"math/rand/v2"

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
	t, _ := guessed(v, ask.Root, "")
	if err := c.replace(e, t, kindName(t.Kind()) == "xml"); err != nil {
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
		known := filled || req.query.Get("type") != "" || kindName(t.Kind()) == "xml"
		return c.replace(e, t, known)
	}))
}
