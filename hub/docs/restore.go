package docs

import (
	"bytes"
	"context"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// Restore makes a document read as it did in a version. That is one edit on what the
// document is now, never another document in its place: what others write at the same
// time stays. What was there before is kept as a version of its own, unless one has it
// already.
func (d *Docs) Restore(ctx context.Context, caller room.Caller, name, id string) (Edited, error) {
	l, err := d.existing(ctx, caller, name, document.MayWrite)
	if err != nil {
		return Edited{}, err
	}
	_, update, err := d.Version(ctx, caller, name, id)
	if err != nil {
		return Edited{}, err
	}
	old, err := view.OpenUpdate(update, d.cfg.Limits.view())
	if err != nil {
		return Edited{}, room.Errorf(room.CodeTooLarge, "version: %v", err)
	}
	if err := l.keepBefore(ctx, caller); err != nil {
		return Edited{}, err
	}
	return d.Edit(ctx, caller, name, func(_ *view.Doc, e *view.Edit) error { return e.Restore(old) })
}

// keepBefore makes a version of the document, unless the newest one is what it is.
func (l *liveDoc) keepBefore(ctx context.Context, caller room.Caller) error {
	l.mu.Lock()
	var newest document.Version
	if n := len(l.state.Versions); n > 0 {
		newest = l.state.Versions[n-1]
	}
	update := l.state.Store.Snapshot()
	l.mu.Unlock()
	if newest.Size == len(update) {
		if kept, err := l.docs.cfg.Blobs.Get(ctx, newest.Blob); err == nil && bytes.Equal(kept, update) {
			return nil
		}
	}
	l.mu.Lock()
	v, update := l.nextVersion(document.Version{User: caller.User})
	l.mu.Unlock()
	_, err := l.keepVersion(ctx, v, update)
	return err
}
