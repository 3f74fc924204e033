package docs

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room/document"
)

// elsewhere stores a record as a blob, and gives the entry that stands for it.
func (l *liveDoc) elsewhere(ctx context.Context, kind document.Kind, data []byte) (entry []byte, blob string, err error) {
	blob = "record/" + l.name + "/" + uuid.NewString()
	if err := l.docs.cfg.Blobs.Put(ctx, blob, data); err != nil {
		return nil, "", fmt.Errorf("store a record of %d bytes: %w", len(data), err)
	}
	rec := document.Record{
		Kind: document.KindElsewhere, Origin: l.origin,
		Elsewhere: document.Elsewhere{Blob: blob, Size: len(data), Kind: kind},
	}
	return rec.Encode(), blob, nil
}

// record decodes an entry, and fetches it from where it is.
func (d *Docs) record(ctx context.Context, e hub.Entry) (rec *document.Record, blob string, size int, err error) {
	rec, err = document.Decode(e.Data)
	if err != nil || rec.Kind != document.KindElsewhere {
		return rec, "", len(e.Data), err
	}
	blob = rec.Elsewhere.Blob
	data, err := d.cfg.Blobs.Get(ctx, blob)
	if err != nil {
		err = fmt.Errorf("read a record of %d bytes: %w", rec.Elsewhere.Size, err)
		if rec.Elsewhere.Kind == document.KindSnapshot {
			err = fmt.Errorf("%w: %w", errSnapshot, err)
		}
		return nil, blob, 0, err
	}
	rec, err = document.Decode(data)
	return rec, blob, len(data), err
}

// encode gives the entry for a record, which may be stored elsewhere: then blob names
// that.
func (l *liveDoc) encode(ctx context.Context, rec *document.Record) (entry []byte, blob string, err error) {
	rec.Origin = l.origin
	data := rec.Encode()
	if len(data) <= hub.MaxRecord {
		return data, "", nil
	}
	return l.elsewhere(ctx, rec.Kind, data)
}

// dropBlobs removes the blobs of records that a snapshot has replaced. mu is held.
func (l *liveDoc) dropBlobs() {
	old := l.blobs
	l.blobs = nil
	if len(old) == 0 {
		return
	}
	l.docs.life.Start(func() {
		ctx, cancel := context.WithTimeout(l.docs.ctx, blobTimeout)
		defer cancel()
		for _, blob := range old {
			if err := l.docs.cfg.Blobs.Delete(ctx, blob); err != nil {
				l.docs.cfg.Fault(l.name, fmt.Errorf("remove what a snapshot has replaced: %w", err))
			}
		}
	})
}
