package docs

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// AddComment keeps a comment on a document. Its thread is a message of the room, at
// c.Seq, which there is already; its author is the caller. The same id once more
// replaces the comment if it is the caller's own.
func (d *Docs) AddComment(ctx context.Context, caller room.Caller, name string, c document.Comment) (document.Comment, error) {
	l, err := d.existing(ctx, caller, name, document.MayComment)
	if err != nil {
		return c, err
	}
	for len(c.Quote) > document.MaxQuote || !utf8.ValidString(c.Quote) {
		c.Quote = c.Quote[:min(len(c.Quote)-1, document.MaxQuote)]
	}
	c.User, c.At = caller.User, time.Now().UTC().Truncate(time.Millisecond)
	l.mu.Lock()
	n := len(l.state.Comments)
	l.mu.Unlock()
	if old, err := l.findComment(c.ID); err == nil && old.User != caller.User {
		return c, room.Errorf(room.CodeConflict, "id: somebody else's comment has it")
	}
	if n >= document.MaxComments {
		return c, room.Errorf(room.CodeLimitReached, "the document has %d comments, which is the limit; withdraw some", n)
	}
	return c, l.note(ctx, document.Note{Comment: &c})
}

func (l *liveDoc) findComment(id string) (document.Comment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.state.Comments {
		if c.ID == id {
			return c, nil
		}
	}
	return document.Comment{}, room.Errorf(room.CodeNotFound, "the document has no comment %.64q", id)
}

// ResolveComment settles a comment, or opens it again.
func (d *Docs) ResolveComment(ctx context.Context, caller room.Caller, name, id string, resolved bool) (document.Comment, error) {
	l, err := d.existing(ctx, caller, name, document.MayComment)
	if err != nil {
		return document.Comment{}, err
	}
	c, err := l.findComment(id)
	if err != nil || resolved == (c.Resolved != nil) {
		return c, err
	}
	c.Resolved = nil
	if resolved {
		c.Resolved = &document.Resolved{User: caller.User, At: time.Now().UTC().Truncate(time.Millisecond)}
	}
	return c, l.note(ctx, document.Note{Comment: &c})
}

// WithdrawComment removes a comment: one of the caller's own, or with anybody's set any.
// The messages of its thread stay in the room.
func (d *Docs) WithdrawComment(ctx context.Context, caller room.Caller, name, id string, anybodys bool) error {
	l, err := d.existing(ctx, caller, name, document.MayComment)
	if err != nil {
		return err
	}
	c, err := l.findComment(id)
	if err != nil {
		return err
	}
	if c.User != caller.User && !anybodys {
		return room.Errorf(room.CodeForbidden, "the comment is somebody else's; only its author may withdraw it")
	}
	return l.note(ctx, document.Note{Withdraw: id})
}

// Placed is a comment and where it stands now.
type Placed struct {
	document.Comment
	Place *Place // nil: what it was about is gone, with the type that it stood in
}

// Place is a stretch of a type. Both ends count in the type that holds them, which is
// the root itself or one somewhere within it.
type Place struct{ Start, End uint64 }

// Comments lists the comments on a document, by age, with their places in it as it is
// now.
func (d *Docs) Comments(ctx context.Context, caller room.Caller, name string) ([]Placed, error) {
	l, err := d.existing(ctx, caller, name, document.MayRead)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	comments, update := l.state.Comments, []byte(nil) // the list is never changed in place
	if len(comments) > 0 {
		update = l.state.Store.Snapshot()
	}
	l.mu.Unlock()
	if len(comments) == 0 {
		return nil, nil
	}
	v, err := view.OpenUpdate(update, d.cfg.Limits.view())
	if err != nil {
		return nil, room.Errorf(room.CodeTooLarge, "document: %v", err)
	}
	var positions []view.Position
	for _, c := range comments {
		end := c.Start
		if c.End != nil {
			end = *c.End
		}
		positions = append(positions, c.Start, end)
	}
	places := v.Places(positions)
	placed := make([]Placed, len(comments))
	for i, c := range comments {
		placed[i].Comment = c
		if start, end := places[2*i], places[2*i+1]; start.Found && end.Found {
			placed[i].Place = &Place{start.Index, max(start.Index, end.Index)}
		}
	}
	return placed, nil
}
