package docs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// at gives a document for a caller who may do with it what is wanted.
func (d *Docs) at(ctx context.Context, caller room.Caller, name string, want document.Access) (*liveDoc, error) {
	if err := room.CheckDocName(name); err != nil {
		return nil, err
	}
	if err := document.AccessOf(caller.Grants, name).Require(want); err != nil {
		return nil, err
	}
	for range openTries {
		l, err := d.of(ctx, name)
		if !errors.Is(err, errLetGo) {
			return l, err
		}
	}
	return nil, errLetGo
}

// existing is at, for a document that there is.
func (d *Docs) existing(ctx context.Context, caller room.Caller, name string, want document.Access) (*liveDoc, error) {
	l, err := d.at(ctx, caller, name, want)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.state.Gone != nil:
		return nil, goneError(l.state.Gone)
	case !l.state.Made:
		return nil, room.Errorf(room.CodeNotFound, "there is no document of this name")
	}
	return l, nil
}

// Info says what a document is like.
type Info struct {
	At         hub.Position
	Generation int
	Peers      int
	Size       int       // bytes of the update that is the whole document
	Edited     time.Time // when the last edit came; zero: none has
	Versions   int
	Comments   int
	Authors    map[uint64]document.Author
}

// info describes the document. mu is held.
func (l *liveDoc) info(update []byte) Info {
	info := Info{
		At: l.at, Generation: l.state.Generation, Peers: len(l.seats), Size: len(update), Edited: l.state.Edited,
		Versions: len(l.state.Versions), Comments: len(l.state.Comments), Authors: map[uint64]document.Author{},
	}
	for client, a := range l.state.Authors {
		info.Authors[client] = a
	}
	return info
}

// Read gives the whole document, as an update of version 1, and what it is like.
func (d *Docs) Read(ctx context.Context, caller room.Caller, name string) ([]byte, Info, error) {
	l, err := d.existing(ctx, caller, name, document.MayRead)
	if err != nil {
		return nil, Info{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	update := l.state.Store.Snapshot()
	return update, l.info(update), nil
}

// Edited is what became of an edit.
type Edited struct {
	At      hub.Position
	Changed bool
}

// Edit changes a document in one transaction, as fn says on a view of what is in it
// now, and returns when the log has it. What others write at the same time stays, as
// between any two editors. A document that there is none of is begun.
func (d *Docs) Edit(ctx context.Context, caller room.Caller, name string, fn func(*view.Doc, *view.Edit) error) (Edited, error) {
	l, err := d.at(ctx, caller, name, document.MayWrite)
	if err != nil {
		return Edited{}, err
	}
	l.mu.Lock()
	gone, update := l.state.Gone, l.state.Store.Snapshot()
	client := freshClient(l.state.Store)
	l.mu.Unlock()
	if gone != nil {
		return Edited{}, goneError(gone)
	}
	v, err := view.OpenUpdate(update, d.cfg.Limits.view())
	if err != nil {
		return Edited{}, room.Errorf(room.CodeTooLarge, "document: %v", err)
	}
	e, err := v.Edit(client)
	if err != nil {
		return Edited{}, room.Errorf(room.CodeTooLarge, "document: %v", err)
	}
	if err := fn(v, e); err != nil {
		return Edited{}, err
	}
	made := e.Update()
	if made == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return Edited{At: l.at}, nil
	}
	return l.merge(ctx, caller, made)
}

// freshClient draws an id that nobody has written under: of 32 bits, as Yjs 13 has them.
func freshClient(s *yjs.Store) uint64 {
	known, err := yjs.DecodeStateVector(s.StateVector(), yjs.Limits{})
	if err != nil {
		panic(err) // the store has made it
	}
	for {
		if id := uint64(rand.Uint32()); known[id] == 0 && id > 0 {
			return id
		}
	}
}

// Merge takes an update of version 1 from somebody who has no seat, and returns when
// the log has it.
func (d *Docs) Merge(ctx context.Context, caller room.Caller, name string, update []byte) (Edited, error) {
	l, err := d.at(ctx, caller, name, document.MayWrite)
	if err != nil {
		return Edited{}, err
	}
	l.mu.Lock()
	gone := l.state.Gone
	l.mu.Unlock()
	if gone != nil {
		return Edited{}, goneError(gone)
	}
	if len(update) > d.cfg.Limits.Update {
		return Edited{}, room.Errorf(room.CodeTooLarge, "update: is %d bytes long; at most %d are taken at once", len(update), d.cfg.Limits.Update)
	}
	return l.merge(ctx, caller, update)
}

// merge takes an update and waits for the log.
func (l *liveDoc) merge(ctx context.Context, caller room.Caller, update []byte) (Edited, error) {
	fresh, err := l.brings(update)
	if err != nil {
		return Edited{}, badUpdate(err)
	}
	answer := make(chan *room.Error, 1)
	if err := l.edit(edit{update: update, user: caller.User, name: caller.Name, done: func(err *room.Error) { answer <- err }}); err != nil {
		return Edited{}, err
	}
	select {
	case err := <-answer:
		if err != nil {
			return Edited{}, err
		}
	case <-ctx.Done():
		return Edited{}, room.Errorf(room.CodeUnavailable, "the log gave no answer in time; the edit may be stored")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return Edited{At: hub.Position{Epoch: l.at.Epoch, Seq: max(l.at.Seq, l.acked)}, Changed: fresh}, nil
}

// List gives the names of a room's documents that the caller may read. Some of them may
// have been deleted.
func (d *Docs) List(ctx context.Context, caller room.Caller, of string) ([]string, error) {
	if err := room.CheckName(of); err != nil {
		return nil, err
	}
	names, err := d.cfg.Log.List(ctx, of)
	if err != nil {
		return nil, d.cannot(err)
	}
	readable := names[:0]
	for _, name := range names {
		if document.AccessOf(caller.Grants, name) >= document.MayRead {
			readable = append(readable, name)
		}
	}
	return readable, nil
}
