package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

func (a *api) docs() *docs.Docs { return a.srv.cfg.Docs }

const (
	defaultDocs = 50
	maxDocs     = 200
)

type docsAnswer struct {
	Room string      `json:"room"`
	Docs []docAnswer `json:"docs"`
	More bool        `json:"more"`
}

// docAnswer describes a document.
type docAnswer struct {
	Doc        string     `json:"doc"`
	Epoch      string     `json:"epoch"`
	Seq        uint64     `json:"seq"`
	Generation int        `json:"generation"`
	Size       int        `json:"size"`
	Edited     *time.Time `json:"edited,omitempty"`
	Peers      int        `json:"peers"`
	Versions   int        `json:"versions"`
	Comments   int        `json:"comments"`
}

func describe(name string, info docs.Info) docAnswer {
	d := docAnswer{
		Doc: name, Epoch: info.At.Epoch, Seq: info.At.Seq, Generation: info.Generation, Size: info.Size,
		Peers: info.Peers, Versions: info.Versions, Comments: info.Comments,
	}
	if info.Edited.Unix() > 0 {
		at := info.Edited.UTC()
		d.Edited = &at
	}
	return d
}

// docList lists a room's documents, by name.
func (a *api) docList(ctx context.Context, req *docRequest) (any, error) {
	limit, err := req.whole("limit", defaultDocs, maxDocs)
	if err != nil {
		return nil, err
	}
	answer := docsAnswer{Room: req.query.Get("room"), Docs: []docAnswer{}}
	names, err := a.docs().List(ctx, req.caller, answer.Room)
	if err != nil {
		return nil, err
	}
	if err := req.pay(min(len(names), limit) / 10); err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		if name <= req.query.Get("after") {
			continue
		}
		if len(answer.Docs) == limit {
			answer.More = true
			break
		}
		_, info, err := a.docs().Read(ctx, req.caller, name)
		if room.AsError(err).Code == room.CodeNotFound && err != nil {
			continue // it was deleted
		}
		if err != nil {
			return nil, err
		}
		answer.Docs = append(answer.Docs, describe(name, info))
	}
	return answer, nil
}

// docRead gives a document, or one of its versions, in the form that is asked for.
func (a *api) docRead(ctx context.Context, req *docRequest) (any, error) {
	update, info, err := a.docs().Read(ctx, req.caller, req.doc)
	if err != nil {
		return nil, err
	}
	req.place(info.At, info.Generation)
	if id := req.query.Get("version"); id != "" {
		if _, update, err = a.docs().Version(ctx, req.caller, req.doc, id); err != nil {
			return nil, err
		}
	}
	if req.query.Get("format") == "info" {
		return describe(req.doc, info), nil
	}
	return req.show(update, info.Authors)
}

// docFormats are the forms in which documents are given.
const docFormats = "json, text, delta, html, markdown, authors or yjs"

// show gives a document in the form that the request asks for.
func (req *docRequest) show(update []byte, authors map[uint64]document.Author) (any, error) {
	format := req.query.Get("format")
	if format == "yjs" {
		return req.showBytes(update)
	}
	v, err := view.OpenUpdate(update, view.Limits{})
	if err != nil {
		return nil, err
	}
	if (format == "" || format == "json") && req.query.Get("root") == "" {
		return rootsJSON(v)
	}
	t, _, err := req.pickRoot(v)
	if err != nil {
		return nil, err
	}
	switch format {
	case "", "json":
		return typeAsJSON(t)
	case "text":
		text, err := plainText(t)
		return raw{typeText + "; charset=utf-8", []byte(text)}, err
	case "delta":
		data, err := deltaOf(t)
		return json.RawMessage(data), err
	case "html", "markdown":
		return markup(t, format)
	case "authors":
		return authorsOf(t, authors)
	}
	return nil, room.Errorf(room.CodeBadRequest, "format: is %.20q; give %s", format, docFormats)
}

func (req *docRequest) showBytes(update []byte) (any, error) {
	switch v := req.query.Get("v"); v {
	case "", "1":
		return raw{typeBytes, update}, nil
	case "2":
		update, err := yjs.ConvertV1ToV2(update, yjs.Limits{})
		return raw{typeBytes, update}, err
	default:
		return nil, room.Errorf(room.CodeBadRequest, "v: is %.20q; give 1 or 2", v)
	}
}

// rootsJSON gives all roots as one object.
func rootsJSON(v *view.Doc) (any, error) {
	all := map[string]json.RawMessage{}
	for _, name := range v.Roots() {
		t, _ := guessed(v, name, "json")
		data, err := typeAsJSON(t)
		if err != nil {
			return nil, err
		}
		all[name] = data
	}
	return all, nil
}

// typeAsJSON gives a type as JSON: XML in the shape of ProseMirror.
func typeAsJSON(t view.Type) (json.RawMessage, error) {
	if kindName(t.Kind()) != "xml" {
		return t.JSON()
	}
	n, err := t.Node()
	if err != nil {
		return nil, err
	}
	return n.JSON(view.Limits{})
}

func isText(t view.Type) bool { return kindName(t.Kind()) == "text" }

// plainText gives the characters of a text, or of XML; of what has none, JSON that a
// person can read.
func plainText(t view.Type) (string, error) {
	switch kindName(t.Kind()) {
	case "text":
		return t.Text(), nil
	case "xml":
		n, err := t.Node()
		if err != nil {
			return "", err
		}
		return n.PlainText(view.Limits{})
	}
	data, err := t.JSON()
	if err != nil {
		return "", err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, data, "", "  "); err != nil {
		return "", err
	}
	return indented.String(), nil
}

func deltaOf(t view.Type) ([]byte, error) {
	if !isText(t) {
		return nil, room.Errorf(room.CodeBadRequest, "format: the root %.64q is %s, and only text has a delta; ask for json", t.Name(), kindName(t.Kind()))
	}
	return t.DeltaJSON()
}

func markup(t view.Type, format string) (any, error) {
	if k := kindName(t.Kind()); k != "xml" && k != "text" {
		return nil, room.Errorf(room.CodeBadRequest, "format: the root %.64q is %s, which has no %s; ask for json", t.Name(), k, format)
	}
	n, err := t.Node()
	if err != nil {
		return nil, err
	}
	if format == "markdown" {
		data, err := n.Markdown(view.Limits{})
		return raw{typeMarkdown + "; charset=utf-8", data}, err
	}
	data, err := n.HTML(view.Limits{})
	return raw{typeHTML + "; charset=utf-8", data}, err
}

type authorsAnswer struct {
	Runs []authoredRun `json:"runs"`
}

// authoredRun is text that one user has written.
type authoredRun struct {
	Text   string `json:"text"`
	Client uint64 `json:"client"`
	User   string `json:"user,omitempty"`
	Name   string `json:"name,omitempty"`
}

func authorsOf(t view.Type, authors map[uint64]document.Author) (any, error) {
	if k := kindName(t.Kind()); k != "xml" && k != "text" {
		return nil, room.Errorf(room.CodeBadRequest, "format: the root %.64q is %s, and authors are given of text; name another root", t.Name(), k)
	}
	runs, err := t.Authors()
	if err != nil {
		return nil, err
	}
	answer := authorsAnswer{Runs: []authoredRun{}}
	for _, r := range runs {
		by := authors[r.Client]
		answer.Runs = append(answer.Runs, authoredRun{strings.ToValidUTF8(r.Text, "\uFFFD"), r.Client, by.User, by.Name})
	}
	return answer, nil
}
