package docs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
)

// A document is begun once. Two that were begun apart, from the same text, would hold
// it twice when they meet; so whoever seeds one does it here, where only the first
// succeeds, and whoever deletes one leaves a mark that keeps old copies out.

// Create makes a document with what update, of version 1, brings, or an empty one. It
// fails with CodeConflict if there is one.
func (d *Docs) Create(ctx context.Context, caller room.Caller, name string, update []byte) (hub.Position, error) {
	l, err := d.at(ctx, caller, name, document.MayWrite)
	if err != nil {
		return hub.Position{}, err
	}
	if _, err := document.New(d.cfg.Limits.yjs()).Edit(update, document.Author{}); len(update) > 0 && err != nil {
		return hub.Position{}, badUpdate(err)
	}
	l.mu.Lock()
	made, last := l.state.Made, l.at.Seq
	stray := l.fits(update)
	l.mu.Unlock()
	switch {
	case made:
		return hub.Position{}, errMade
	case len(update) > 0 && stray != nil:
		return hub.Position{}, stray
	}
	entry, _, err := l.encode(ctx, &document.Record{Kind: document.KindNote, Note: document.Note{Created: &document.Created{
		User: caller.User, Name: caller.Name, At: time.Now(), Update: update,
	}}})
	if err != nil {
		return hub.Position{}, d.cannot(err)
	}
	at, err := d.cfg.Log.Swap(ctx, name, last, entry, false)
	if errors.Is(err, hub.ErrStale) {
		return hub.Position{}, errMade
	}
	if err != nil {
		return hub.Position{}, d.cannot(err)
	}
	return at, l.reach(ctx, at.Seq)
}

var errMade = room.Errorf(room.CodeConflict, "there is a document of this name; it was not changed")

// deleteTries is how often a document is deleted that is edited meanwhile.
const deleteTries = 20

// Delete ends a document, on every instance, and removes what was stored of it. What is
// kept is that it was deleted, by whom, and which clients had written in it: their
// copies are refused when they come back.
func (d *Docs) Delete(ctx context.Context, caller room.Caller, name string) error {
	var err error
	for range deleteTries {
		var l *liveDoc
		if l, err = d.existing(ctx, caller, name, document.MayWrite); err != nil {
			return err
		}
		if err = l.delete(ctx, caller.User); !errors.Is(err, hub.ErrStale) {
			break
		}
		if err := l.reach(ctx, l.tail()); err != nil {
			return err
		}
	}
	if err != nil {
		return d.cannot(err)
	}
	return nil
}

// tail is the newest sequence that is known to be in the log, or the one behind what is
// in the document.
func (l *liveDoc) tail() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.acked, l.at.Seq)
}

func (l *liveDoc) delete(ctx context.Context, user string) error {
	l.mu.Lock()
	last, end := l.at.Seq, l.state.End(user, time.Now().UTC().Truncate(time.Millisecond))
	blobs := l.blobs
	for _, v := range l.state.Versions {
		blobs = append(blobs, v.Blob)
	}
	l.mu.Unlock()
	entry, _, err := l.encode(ctx, &document.Record{Kind: document.KindDeleted, Deleted: end})
	if err != nil {
		return err
	}
	at, err := l.docs.cfg.Log.Swap(ctx, l.name, last, entry, false)
	if err != nil {
		return err
	}
	l.fail(goneError(&end))
	if err := l.docs.cfg.Log.Erase(ctx, l.name, at.Seq-1); err != nil {
		return fmt.Errorf("the document is deleted, and what was stored of it could not be removed yet: %w", err)
	}
	for _, blob := range blobs {
		if err := l.docs.cfg.Blobs.Delete(ctx, blob); err != nil {
			return fmt.Errorf("the document is deleted, and what was stored of it could not be removed yet: %w", err)
		}
	}
	return nil
}
