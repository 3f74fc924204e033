package docs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
)

// authorPause is how old the newest version must be for one to be made because somebody
// else begins to write.
const authorPause = time.Minute

// versioned is what a document knows of its versions to come.
type versioned struct {
	edited bool // on this instance, since the newest version
	making bool
}

// versionDue reports whether a version is to be made by time. mu is held.
func (l *liveDoc) versionDue(now time.Time) bool {
	every := l.docs.cfg.Versions.Every
	return every > 0 && l.version.edited && !l.version.making && l.lost == nil && now.Sub(l.lastVersion()) >= every
}

// lastVersion is when the newest version was made, or when this instance has opened a
// document that has none. mu is held.
func (l *liveDoc) lastVersion() time.Time {
	if n := len(l.state.Versions); n > 0 && l.state.Versions[n-1].At.After(l.born) {
		return l.state.Versions[n-1].At
	}
	return l.born
}

// beforeAuthor makes a version of what others have written, when somebody else begins
// to. mu is held, and the edit is not in the document yet.
func (l *liveDoc) beforeAuthor(user string) {
	v, s := &l.version, l.state
	if user == "" || len(s.Recent) == 0 || slices.Contains(s.Recent, user) || v.making || !v.edited ||
		l.docs.cfg.Versions.Every < 0 || time.Since(l.lastVersion()) < authorPause {
		return
	}
	l.startVersion()
}

// autoVersion makes a version by time.
func (l *liveDoc) autoVersion() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.version.making {
		l.startVersion()
	}
}

// startVersion makes a version of the document as it is, in a goroutine. mu is held.
func (l *liveDoc) startVersion() {
	v, update := l.nextVersion(document.Version{})
	l.version.making = l.docs.life.Start(func() {
		ctx, cancel := context.WithTimeout(l.docs.ctx, blobTimeout)
		defer cancel()
		if _, err := l.keepVersion(ctx, v, update); err != nil {
			l.docs.cfg.Fault(l.name, fmt.Errorf("make a version: %w", err))
		}
		l.mu.Lock()
		l.version.making = false
		l.mu.Unlock()
	})
}

// nextVersion describes the document as it is. mu is held.
func (l *liveDoc) nextVersion(v document.Version) (document.Version, []byte) {
	update := l.state.Store.Snapshot()
	v.ID, v.At, v.Seq, v.Size = uuid.NewString(), time.Now().UTC().Truncate(time.Millisecond), l.at.Seq, len(update)
	v.Users = slices.Clone(l.state.Recent)
	v.Blob = "version/" + l.name + "/" + v.ID
	l.version.edited = false
	return v, update
}

// keepVersion stores a version, and drops those that need not be kept any longer.
func (l *liveDoc) keepVersion(ctx context.Context, v document.Version, update []byte) (document.Version, error) {
	if err := l.docs.cfg.Blobs.Put(ctx, v.Blob, update); err != nil {
		return v, l.docs.cannot(err)
	}
	if err := l.note(ctx, document.Note{Version: &v}); err != nil {
		return v, err
	}
	return v, l.dropVersions(ctx)
}

// dropVersions removes the versions that the policy does not keep.
func (l *liveDoc) dropVersions(ctx context.Context) error {
	l.mu.Lock()
	old := l.docs.cfg.Versions.old(l.state.Versions, time.Now())
	l.mu.Unlock()
	if len(old) == 0 {
		return nil
	}
	var ids []string
	for _, v := range old {
		ids = append(ids, v.ID)
	}
	if err := l.note(ctx, document.Note{Drop: ids}); err != nil {
		return err
	}
	for _, v := range old {
		if err := l.docs.cfg.Blobs.Delete(ctx, v.Blob); err != nil {
			return l.docs.cannot(err)
		}
	}
	return nil
}

// old gives the versions that are not kept: those without a name that are too old, or
// too many.
func (p *VersionPolicy) old(versions []document.Version, now time.Time) (old []document.Version) {
	unnamed := 0
	for _, v := range slices.Backward(versions) {
		if v.Name != "" {
			continue
		}
		if unnamed++; unnamed > p.Most || now.Sub(v.At) > p.Keep {
			old = append(old, v)
		}
	}
	return old
}

// Versions lists the versions of a document, by age.
func (d *Docs) Versions(ctx context.Context, caller room.Caller, name string) ([]document.Version, error) {
	l, err := d.existing(ctx, caller, name, document.MayRead)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.state.Versions), nil
}

// MakeVersion keeps the document as it is under a name that a person gives.
func (d *Docs) MakeVersion(ctx context.Context, caller room.Caller, name, title string) (document.Version, error) {
	l, err := d.existing(ctx, caller, name, document.MayWrite)
	if err != nil {
		return document.Version{}, err
	}
	if err := checkTitle(title); err != nil {
		return document.Version{}, err
	}
	l.mu.Lock()
	n := len(l.state.Versions)
	v, update := l.nextVersion(document.Version{Name: title, User: caller.User})
	l.mu.Unlock()
	if n >= document.MaxVersions {
		return v, room.Errorf(room.CodeLimitReached, "the document has %d versions, which is the limit; remove some", n)
	}
	return l.keepVersion(ctx, v, update)
}

func checkTitle(title string) error {
	if title == "" || len(title) > document.MaxVersionName {
		return room.Errorf(room.CodeBadRequest, "name: is %d bytes long; give 1 to %d", len(title), document.MaxVersionName)
	}
	return nil
}

// Version gives a version and the update that is the whole document as it was then.
func (d *Docs) Version(ctx context.Context, caller room.Caller, name, id string) (v document.Version, update []byte, err error) {
	l, err := d.existing(ctx, caller, name, document.MayRead)
	if err != nil {
		return v, nil, err
	}
	if v, err = l.findVersion(id); err != nil {
		return v, nil, err
	}
	if update, err = d.cfg.Blobs.Get(ctx, v.Blob); err != nil {
		return v, nil, d.cannot(err)
	}
	return v, update, nil
}

func (l *liveDoc) findVersion(id string) (document.Version, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.state.Versions {
		if v.ID == id {
			return v, nil
		}
	}
	return document.Version{}, room.Errorf(room.CodeNotFound, "the document has no version %.64q", id)
}

// NameVersion gives a version another name. One that has a name is kept until it is
// removed; with an empty name it is kept as long as those that the hub makes.
func (d *Docs) NameVersion(ctx context.Context, caller room.Caller, name, id, title string) (document.Version, error) {
	l, err := d.existing(ctx, caller, name, document.MayWrite)
	if err != nil {
		return document.Version{}, err
	}
	v, err := l.findVersion(id)
	if err != nil {
		return v, err
	}
	if title != "" {
		if err := checkTitle(title); err != nil {
			return v, err
		}
	}
	v.Name = title
	return v, l.note(ctx, document.Note{Version: &v})
}

// DropVersion removes a version for good.
func (d *Docs) DropVersion(ctx context.Context, caller room.Caller, name, id string) error {
	l, err := d.existing(ctx, caller, name, document.MayWrite)
	if err != nil {
		return err
	}
	v, err := l.findVersion(id)
	if err != nil {
		return err
	}
	if err := l.note(ctx, document.Note{Drop: []string{v.ID}}); err != nil {
		return err
	}
	if err := d.cfg.Blobs.Delete(ctx, v.Blob); err != nil {
		return d.cannot(err)
	}
	return nil
}
