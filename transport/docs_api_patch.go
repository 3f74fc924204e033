package transport

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// maxOperations bounds what one PATCH does.
const maxOperations = 500

// patchRequest is a list of operations that are carried out in one transaction, or not
// at all.
type patchRequest struct {
	Operations []operation `json:"operations"`
	As         *author     `json:"as"`
}

// operation is one change. Path begins with the name of a root; then come the keys and
// indices that lead to the type that is changed.
type operation struct {
	Op         string         `json:"op"`
	Path       []any          `json:"path"`
	Index      uint64         `json:"index"`
	Length     uint64         `json:"length"`
	Text       string         `json:"text"`
	Attributes map[string]any `json:"attributes"`
	Delta      []deltaOp      `json:"delta"`
	Key        *string        `json:"key"`
	Value      any            `json:"value"`
	Values     []any          `json:"values"`
	Nodes      []view.Node    `json:"nodes"`
	Shared     bool           `json:"shared"`
}

// operations are the ops that there are, and of which kind the type must be.
var operations = map[string]struct {
	kind yjs.TypeRef
	run  func(*operation, *view.Edit, view.Type) error
}{
	"text.insert":  {yjs.TypeText, (*operation).insertText},
	"text.embed":   {yjs.TypeText, (*operation).insertEmbed},
	"text.delete":  {yjs.TypeText, (*operation).remove},
	"text.format":  {yjs.TypeText, (*operation).formatText},
	"text.replace": {yjs.TypeText, (*operation).replaceText},
	"text.delta":   {yjs.TypeText, (*operation).applyDelta},
	"map.set":      {yjs.TypeMap, (*operation).set},
	"map.delete":   {yjs.TypeMap, (*operation).unset},
	"array.insert": {yjs.TypeArray, (*operation).insertValues},
	"array.push":   {yjs.TypeArray, (*operation).pushValues},
	"array.delete": {yjs.TypeArray, (*operation).remove},
	"xml.insert":   {yjs.TypeXMLFragment, (*operation).insertNodes},
	"xml.push":     {yjs.TypeXMLFragment, (*operation).pushNodes},
	"xml.delete":   {yjs.TypeXMLFragment, (*operation).remove},
	"xml.set":      {yjs.TypeXMLFragment, (*operation).set},
	"xml.unset":    {yjs.TypeXMLFragment, (*operation).unset},
}

// docPatch carries out operations.
func (a *api) docPatch(ctx context.Context, req *docRequest) (any, error) {
	var ask patchRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	if err := req.speakFor(ask.As); err != nil {
		return nil, err
	}
	if req.key != "" {
		return nil, room.Errorf(room.CodeBadRequest, "Idempotency-Key: an edit that comes twice cannot be told; leave it out, or send an update with POST, which may come twice")
	}
	if n := len(ask.Operations); n == 0 || n > maxOperations {
		return nil, room.Errorf(room.CodeBadRequest, "operations: are %d; give 1 to %d", n, maxOperations)
	}
	if err := req.pay(len(ask.Operations) / 10); err != nil {
		return nil, err
	}
	return req.edited(a.docs().Edit(ctx, req.caller, req.doc, func(v *view.Doc, e *view.Edit) error {
		for i := range ask.Operations {
			if ctx.Err() != nil {
				return room.Errorf(room.CodeUnavailable, "the operations took too long; nothing was changed; send fewer at once")
			}
			if err := ask.Operations[i].apply(v, e); err != nil {
				return atOperation(i, err)
			}
		}
		return nil
	}))
}

// atOperation says which operation failed.
func atOperation(i int, err error) error {
	err = docError(err)
	if e, ok := errors.AsType[*room.Error](err); ok {
		return room.Errorf(e.Code, "operations[%d]: %s; nothing was changed", i, e.Message)
	}
	return fmt.Errorf("operation %d: %w", i, err)
}

func (o *operation) apply(v *view.Doc, e *view.Edit) error {
	known, ok := operations[o.Op]
	if !ok {
		return room.Errorf(room.CodeBadRequest, "op: there is none called %.32q", o.Op)
	}
	if len(o.Path) == 0 {
		return room.Errorf(room.CodeBadRequest, "path: is missing; begin it with the name of a root")
	}
	name, ok := o.Path[0].(string)
	if !ok || name == "" {
		return room.Errorf(room.CodeBadRequest, "path: begins with a %T; begin it with the name of a root", o.Path[0])
	}
	t, filled := guessed(v, name, "")
	// A root that is empty is what the operation needs, unless it has the name that
	// editors have for XML.
	if !filled && len(o.Path) == 1 && kindName(t.Kind()) != "xml" {
		t = t.As(known.kind)
	}
	t, err := walk(t, o.Path[1:])
	if err != nil {
		return err
	}
	if got, want := kindName(t.Kind()), kindName(known.kind); got != want {
		return room.Errorf(room.CodeBadRequest, "op: %s is for %s, and at the path is %s", o.Op, want, got)
	}
	return known.run(o, e, t)
}
