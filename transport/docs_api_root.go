package transport

import (
	"slices"
	"strings"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// rootKinds are the names that a request has for the kinds of types.
var rootKinds = map[string]yjs.TypeRef{
	"text": yjs.TypeText, "map": yjs.TypeMap, "array": yjs.TypeArray, "xml": yjs.TypeXMLFragment,
}

// kindName is rootKinds the other way, for any type.
func kindName(kind yjs.TypeRef) string {
	switch kind {
	case yjs.TypeText, yjs.TypeXMLText:
		return "text"
	case yjs.TypeMap:
		return "map"
	case yjs.TypeArray:
		return "array"
	}
	return "xml"
}

// usualRoots are the names under which editors keep what people write, in the order in
// which they are looked for: Tiptap, ProseMirror, BlockNote, Lexical, then the names
// that the guides of text editors have.
var usualRoots = []struct {
	name string
	kind yjs.TypeRef
}{
	{"default", yjs.TypeXMLFragment},
	{"prosemirror", yjs.TypeXMLFragment},
	{"document-store", yjs.TypeXMLFragment},
	{"root", yjs.TypeXMLText},
	{"codemirror", yjs.TypeText},
	{"monaco", yjs.TypeText},
	{"quill", yjs.TypeText},
	{"content", yjs.TypeText},
	{"text", yjs.TypeText},
	{"t", yjs.TypeText},
}

// guessed gives a root as what it seems to be. Of one that is empty, as after somebody
// has deleted all of it, its name says what it was, or how it is asked for.
func guessed(v *view.Doc, name, format string) (t view.Type, filled bool) {
	if t, filled = v.Guess(name); filled {
		return t, true
	}
	for _, usual := range usualRoots {
		if usual.name == name {
			return t.As(usual.kind), false
		}
	}
	switch format {
	case "text", "delta", "authors":
		return t.As(yjs.TypeText), false
	case "html", "markdown":
		return t.As(yjs.TypeXMLFragment), false
	}
	return t, false
}

// pickRoot gives the root that a request is about: ?root= and ?type=, else one with a
// usual name, else the only one. It is false if the document has none.
func (req *docRequest) pickRoot(v *view.Doc) (t view.Type, there bool, err error) {
	name := req.query.Get("root")
	if name != "" {
		t, err = req.typed(v, name)
		return t, true, err
	}
	roots := v.Roots()
	for _, usual := range usualRoots {
		if slices.Contains(roots, usual.name) {
			name = usual.name
			break
		}
	}
	switch {
	case name != "":
	case len(roots) == 1:
		name = roots[0]
	case len(roots) == 0:
		return v.XML("default"), false, nil
	default:
		return t, false, room.Errorf(room.CodeBadRequest, "root: is missing, and the document has several: %.400s; name one of them", strings.Join(roots, ", "))
	}
	t, err = req.typed(v, name)
	return t, true, err
}

// typed gives a root as the kind that the request says, or as what it seems to be.
func (req *docRequest) typed(v *view.Doc, name string) (view.Type, error) {
	t, known := guessed(v, name, req.query.Get("format"))
	asked := req.query.Get("type")
	if asked == "" {
		return t, nil
	}
	kind, ok := rootKinds[asked]
	if !ok {
		return t, room.Errorf(room.CodeBadRequest, "type: is %.20q; give text, map, array or xml", asked)
	}
	if known && t.Kind() != kind {
		return t, room.Errorf(room.CodeBadRequest, "type: is %s, and the root %.64q seems to be %s", asked, name, kindName(t.Kind()))
	}
	return t.As(kind), nil
}

// walk goes from a root down a path of keys and indices.
func walk(t view.Type, path []any) (view.Type, error) {
	for i, step := range path {
		var v any
		var ok bool
		switch step := step.(type) {
		case string:
			v, ok = t.Get(step)
		case float64:
			if step >= 0 && step == float64(uint64(step)) {
				v, ok = t.At(uint64(step))
			}
		default:
			return t, room.Errorf(room.CodeBadRequest, "path: step %d is neither a key nor an index", i+1)
		}
		if !ok {
			return t, room.Errorf(room.CodeBadRequest, "path: there is no %.64v at step %d", step, i+1)
		}
		if t, ok = v.(view.Type); !ok {
			return t, room.Errorf(room.CodeBadRequest, "path: what is at step %d is a plain value, and nothing can be edited within it; replace it", i+1)
		}
	}
	return t, nil
}
