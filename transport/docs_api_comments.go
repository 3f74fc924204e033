package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

type commentsAnswer struct {
	Doc      string          `json:"doc"`
	Room     string          `json:"room"`
	Comments []commentAnswer `json:"comments"`
}

// commentAnswer is a comment: a thread of the room that begins with the message at Seq.
type commentAnswer struct {
	ID       string             `json:"id"`
	Room     string             `json:"room"`
	Seq      uint64             `json:"seq"`
	User     string             `json:"user"`
	At       time.Time          `json:"at"`
	Root     string             `json:"root"`
	Start    view.Position      `json:"start"`
	End      *view.Position     `json:"end,omitempty"`
	Quote    string             `json:"quote,omitempty"`
	Resolved *document.Resolved `json:"resolved,omitempty"`
	Place    *placeAnswer       `json:"place,omitempty"`
}

type placeAnswer struct {
	Start uint64 `json:"start"`
	End   uint64 `json:"end"`
}

func (req *docRequest) comment(c *document.Comment) commentAnswer {
	of, _ := room.DocRoom(req.doc)
	return commentAnswer{
		ID: c.ID, Room: of, Seq: c.Seq, User: c.User, At: c.At, Root: c.Root, Start: c.Start, End: c.End,
		Quote: c.Quote, Resolved: c.Resolved,
	}
}

func (a *api) docComments(ctx context.Context, req *docRequest) (any, error) {
	placed, err := a.docs().Comments(ctx, req.caller, req.doc)
	if err != nil {
		return nil, err
	}
	of, _ := room.DocRoom(req.doc)
	answer := commentsAnswer{Doc: req.doc, Room: of, Comments: []commentAnswer{}}
	for i := range placed {
		c := req.comment(&placed[i].Comment)
		if p := placed[i].Place; p != nil {
			c.Place = &placeAnswer{p.Start, p.End}
		}
		answer.Comments = append(answer.Comments, c)
	}
	return answer, nil
}

// commentRequest begins a comment.
type commentRequest struct {
	Text   string  `json:"text"`
	Anchor *anchor `json:"anchor"`
	As     *author `json:"as"`
}

// anchor says what a comment is about: by positions of Yjs, or by a root, a path in it
// and indices, which the hub makes positions of.
type anchor struct {
	Root  string    `json:"root"`
	Path  []any     `json:"path"`
	Start anchorEnd `json:"start"`
	End   anchorEnd `json:"end"`
}

// anchorEnd is one end of an anchor.
type anchorEnd struct {
	index    *uint64
	position *view.Position
}

// UnmarshalJSON takes a number, a position as Y.relativePositionToJSON gives it, or in
// base64 what Y.encodeRelativePosition gives.
func (p *anchorEnd) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '{':
		return json.Unmarshal(data, &p.position)
	case '"':
		var encoded []byte
		if err := json.Unmarshal(data, &encoded); err != nil {
			return err
		}
		position, err := view.DecodePosition(encoded)
		p.position = &position
		return err
	}
	return json.Unmarshal(data, &p.index)
}

// docComment begins a thread about a place in the document: a message of the room, said
// by the caller, and a note in the document that points to it.
func (a *api) docComment(ctx context.Context, req *docRequest) (any, error) {
	var ask commentRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	if err := req.speakFor(ask.As); err != nil {
		return nil, err
	}
	if err := req.author(); err != nil {
		return nil, err
	}
	if ask.Anchor == nil {
		return nil, room.Errorf(room.CodeBadRequest, "anchor: is missing; give root, start and end")
	}
	c, err := a.anchored(ctx, req, ask.Anchor)
	if err != nil {
		return nil, err
	}
	c.ID = req.commentID()
	if c.Seq, err = a.beginThread(ctx, req, &c, ask.Text); err != nil {
		return nil, err
	}
	c, err = a.docs().AddComment(ctx, req.caller, req.doc, c)
	return req.comment(&c), err
}

// commentID is a new one, or for an Idempotency-Key always the same.
func (req *docRequest) commentID() string {
	if req.key == "" {
		return uuid.NewString()
	}
	sum := sha256.Sum256([]byte(req.caller.User + "\x00" + req.doc + "\x00" + req.key))
	return hex.EncodeToString(sum[:16])
}

// anchored looks at the document and gives the comment that the anchor is for.
func (a *api) anchored(ctx context.Context, req *docRequest, at *anchor) (c document.Comment, err error) {
	if err := document.AccessOf(req.caller.Grants, req.doc).Require(document.MayComment); err != nil {
		return c, err
	}
	update, _, err := a.docs().Read(ctx, req.caller, req.doc)
	if err != nil {
		return c, err
	}
	v, err := view.OpenUpdate(update, view.Limits{})
	if err != nil {
		return c, err
	}
	if at.Start.index != nil {
		if err := at.byIndex(v); err != nil {
			return c, err
		}
	}
	if at.Start.position == nil {
		return c, room.Errorf(room.CodeBadRequest, "anchor.start: is missing; give an index in the root, or a relative position of Yjs")
	}
	c.Start, c.End = *at.Start.position, at.End.position
	end := c.Start
	if c.End != nil {
		end = *c.End
	}
	places := v.Places([]view.Position{c.Start, end})
	if !places[0].Found || !places[1].Found {
		return c, room.Errorf(room.CodeBadRequest, "anchor: names a place that the document does not have; send what was written to the hub first")
	}
	c.Root = places[0].Type.RootName()
	if places[0].Type.RootName() == places[1].Type.RootName() {
		c.Quote = quoted(places[0], places[1])
	}
	return c, nil
}

// byIndex makes positions of indices. They hold what is between them: what is written
// at either end stands outside.
func (at *anchor) byIndex(v *view.Doc) error {
	t, filled := v.Guess(at.Root)
	if !filled {
		return room.Errorf(room.CodeBadRequest, "anchor.root: there is nothing in %.64q", at.Root)
	}
	t, err := walk(t, at.Path)
	if err != nil {
		return err
	}
	start, err := t.Position(*at.Start.index, 0)
	if err != nil {
		return err
	}
	at.Start.position = &start
	if at.End.index == nil {
		return nil
	}
	if *at.End.index < *at.Start.index {
		return room.Errorf(room.CodeBadRequest, "anchor.end: %d is before the start, %d", *at.End.index, *at.Start.index)
	}
	end, err := t.Position(*at.End.index, -1)
	at.End.position = &end
	return err
}

// quoted gives the characters between two places of one text.
func quoted(start, end view.Place) string {
	if !isText(start.Type) || start.Index >= end.Index {
		return ""
	}
	ops, err := start.Type.Delta()
	if err != nil {
		return ""
	}
	var units []uint16
	for _, op := range ops {
		if text, ok := op.Insert.(string); ok {
			units = append(units, utf16.Encode([]rune(text))...)
		} else {
			units = append(units, 0xFFFC) // an embed is one unit
		}
	}
	n := uint64(len(units))
	text := string(utf16.Decode(units[min(start.Index, n):min(end.Index, n, start.Index+document.MaxQuote)]))
	for len(text) > document.MaxQuote {
		text = text[:strings.LastIndexFunc(text[:len(text)-1], func(rune) bool { return true })+1]
	}
	return text
}

// threadData is what the message that begins a thread has as data.
type threadData struct {
	Document string `json:"document"`
	Comment  string `json:"comment"`
	Quote    string `json:"quote,omitempty"`
}

// beginThread publishes the comment's text in the room, in the caller's name. Who may
// comment needs no right to publish for that.
func (a *api) beginThread(ctx context.Context, req *docRequest, c *document.Comment, text string) (uint64, error) {
	data, err := json.Marshal(threadData{req.doc, c.ID, c.Quote})
	if err != nil {
		return 0, err
	}
	if strings.TrimSpace(text) == "" {
		return 0, room.Errorf(room.CodeBadRequest, "text: is missing; say something")
	}
	of, _ := room.DocRoom(req.doc)
	caller := req.caller
	caller.Grants = room.Grants{of: {room.VerbPublish}}
	cmd := room.Command{Kind: room.KindMessage, ID: "comment/" + c.ID, Text: text, Data: data}
	outcomes, err := a.srv.publish(ctx, caller, of, []room.Command{cmd})
	if err != nil {
		return 0, err
	}
	if outcomes[0].Err != nil {
		return 0, outcomes[0].Err
	}
	return outcomes[0].At.Seq, nil
}

// resolveRequest settles a comment, or opens it again.
type resolveRequest struct {
	Resolved *bool   `json:"resolved"`
	As       *author `json:"as"`
}

func (a *api) docResolve(ctx context.Context, req *docRequest) (any, error) {
	var ask resolveRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	if err := req.speakFor(ask.As); err != nil {
		return nil, err
	}
	if err := req.author(); err != nil {
		return nil, err
	}
	if ask.Resolved == nil {
		return nil, room.Errorf(room.CodeBadRequest, "resolved: is missing; give true or false")
	}
	c, err := a.docs().ResolveComment(ctx, req.caller, req.doc, req.id, *ask.Resolved)
	return req.comment(&c), err
}

func (a *api) docWithdraw(ctx context.Context, req *docRequest) (any, error) {
	anybodys := req.server && req.caller.User == ""
	if err := a.docs().WithdrawComment(ctx, req.caller, req.doc, req.id, anybodys); err != nil {
		return nil, err
	}
	return deleteAnswer{true}, nil
}
