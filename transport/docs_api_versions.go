package transport

import (
	"context"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

type versionsAnswer struct {
	Doc      string          `json:"doc"`
	Versions []versionAnswer `json:"versions"`
}

// versionAnswer describes a version.
type versionAnswer struct {
	ID    string    `json:"id"`
	Name  string    `json:"name,omitempty"`
	At    time.Time `json:"at"`
	Seq   uint64    `json:"seq"`
	User  string    `json:"user,omitempty"`
	Users []string  `json:"users"`
	Size  int       `json:"size"`
}

func versionOf(v *document.Version) versionAnswer {
	return versionAnswer{v.ID, v.Name, v.At, v.Seq, v.User, append([]string{}, v.Users...), v.Size}
}

// nameRequest gives a version a name.
type nameRequest struct {
	Name *string `json:"name"`
	As   *author `json:"as"`
}

func (req *docRequest) named() (string, error) {
	var ask nameRequest
	if err := req.envelope(&ask); err != nil {
		return "", err
	}
	if ask.Name == nil {
		return "", room.Errorf(room.CodeBadRequest, "name: is missing")
	}
	return *ask.Name, req.speakFor(ask.As)
}

func (a *api) docVersions(ctx context.Context, req *docRequest) (any, error) {
	versions, err := a.docs().Versions(ctx, req.caller, req.doc)
	if err != nil {
		return nil, err
	}
	answer := versionsAnswer{Doc: req.doc, Versions: []versionAnswer{}}
	for i := range versions {
		answer.Versions = append(answer.Versions, versionOf(&versions[i]))
	}
	return answer, nil
}

func (a *api) docMakeVersion(ctx context.Context, req *docRequest) (any, error) {
	name, err := req.named()
	if err != nil {
		return nil, err
	}
	v, err := a.docs().MakeVersion(ctx, req.caller, req.doc, name)
	return versionOf(&v), err
}

func (a *api) docNameVersion(ctx context.Context, req *docRequest) (any, error) {
	name, err := req.named()
	if err != nil {
		return nil, err
	}
	v, err := a.docs().NameVersion(ctx, req.caller, req.doc, req.id, name)
	return versionOf(&v), err
}

func (a *api) docDropVersion(ctx context.Context, req *docRequest) (any, error) {
	if err := a.docs().DropVersion(ctx, req.caller, req.doc, req.id); err != nil {
		return nil, err
	}
	return deleteAnswer{true}, nil
}

// docVersion describes a version, or gives it in a form if one is asked for.
func (a *api) docVersion(ctx context.Context, req *docRequest) (any, error) {
	v, update, err := a.docs().Version(ctx, req.caller, req.doc, req.id)
	if err != nil {
		return nil, err
	}
	if !req.query.Has("format") {
		return versionOf(&v), nil
	}
	_, info, err := a.docs().Read(ctx, req.caller, req.doc)
	if err != nil {
		return nil, err
	}
	return req.show(update, info.Authors)
}

func (a *api) docRestore(ctx context.Context, req *docRequest) (any, error) {
	return req.edited(a.docs().Restore(ctx, req.caller, req.doc, req.id))
}

type diffAnswer struct {
	Doc  string    `json:"doc"`
	From string    `json:"from"`
	To   string    `json:"to"`
	Root string    `json:"root"`
	Runs []diffRun `json:"runs"`
}

// current names the document as it is now, where a version could stand.
const current = "current"

// docDiff compares the text of two versions, or of one with what is there now.
func (a *api) docDiff(ctx context.Context, req *docRequest) (any, error) {
	answer := diffAnswer{Doc: req.doc, From: req.query.Get("from"), To: req.query.Get("to")}
	if answer.From == "" {
		return nil, room.Errorf(room.CodeBadRequest, "from: is missing; give the id of a version")
	}
	if answer.To == "" {
		answer.To = current
	}
	if err := req.pay(9); err != nil { // what comparing costs
		return nil, err
	}
	from, root, err := a.versionText(ctx, req, answer.From)
	if err != nil {
		return nil, err
	}
	if root != "" { // both are of one root
		req.query.Set("root", root)
	}
	to, other, err := a.versionText(ctx, req, answer.To)
	if err != nil {
		return nil, err
	}
	answer.Root = max(root, other)
	answer.Runs = diffTexts(from, to)
	return answer, nil
}

// versionText gives the text of a version, and the root that it is of.
func (a *api) versionText(ctx context.Context, req *docRequest, id string) (text, root string, err error) {
	var update []byte
	if id == current {
		update, _, err = a.docs().Read(ctx, req.caller, req.doc)
	} else {
		_, update, err = a.docs().Version(ctx, req.caller, req.doc, id)
	}
	if err != nil {
		return "", "", err
	}
	v, err := view.OpenUpdate(update, view.Limits{})
	if err != nil {
		return "", "", err
	}
	t, there, err := req.pickRoot(v)
	if err != nil || !there {
		return "", "", err
	}
	text, err = plainText(t)
	return text, t.Name(), err
}
