package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room/document"
)

// compactAgain is after how many more records a document is compacted that could not be.
const compactAgain = 50

// compactBytes is how many bytes of records, beside the size of the snapshot before
// them, are compacted however few they are.
const compactBytes = 1 << 20

// holdForCompaction puts a snapshot in the place of all records, in a goroutine, or
// waits until the watch has brought the last of them, which it would take away. Edits
// wait meanwhile. It is false where that would take longer: the log is being read. mu
// is held, and nothing is under way.
func (l *liveDoc) holdForCompaction() bool {
	if l.catchUp.running {
		return false
	}
	if l.at.Seq < l.acked {
		return true
	}
	q := &l.queue
	q.compact = false
	if !l.docs.life.Start(l.compact) {
		return false
	}
	q.busy = true
	return true
}

// compact makes the snapshot and swaps it in.
func (l *liveDoc) compact() {
	err := l.swapSnapshot()
	switch {
	case err == nil:
		l.docs.counter.compactions.Add(1)
	case errors.Is(err, hub.ErrStale):
		l.docs.counter.stale.Add(1)
	default:
		l.docs.cfg.Fault(l.name, fmt.Errorf("compact: %w", err))
	}
	l.mu.Lock()
	l.queue.busy = false
	if err != nil { // not at once
		l.state.Since.Records, l.state.Since.Bytes = max(l.docs.cfg.CompactEvery-compactAgain, 0), 0
	}
	l.mu.Unlock()
	l.store()
}

func (l *liveDoc) swapSnapshot() error {
	d := l.docs
	select {
	case d.compacts <- struct{}{}:
		defer func() { <-d.compacts }()
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(d.ctx, blobTimeout)
	defer cancel()
	if err := l.keepBroken(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	last, snapshot, vector := l.at.Seq, l.state.Snapshot(), l.state.Store.StateVector()
	l.mu.Unlock()
	if err := d.proof(&snapshot, vector); err != nil {
		return err
	}
	entry, blob, err := l.encode(ctx, &document.Record{Kind: document.KindSnapshot, Snapshot: snapshot})
	if err != nil {
		return err
	}
	at, err := d.cfg.Log.Swap(ctx, l.name, last, entry, true)
	if err != nil {
		if blob != "" && errors.Is(err, hub.ErrStale) {
			err = errors.Join(err, d.cfg.Blobs.Delete(ctx, blob))
		}
		return err
	}
	l.mu.Lock()
	l.acked = max(l.acked, at.Seq)
	l.state.Base = max(l.state.Base, at.Seq)
	l.mu.Unlock()
	return nil
}

// proof reads a snapshot as whoever opens the document will, before anything is removed
// for it.
func (d *Docs) proof(snapshot *document.Snapshot, vector []byte) error {
	again := document.New(d.cfg.Limits.yjs())
	again.Apply(1, len(snapshot.Update), &document.Record{Kind: document.KindSnapshot, Snapshot: *snapshot})
	if again.Unreadable != nil {
		return fmt.Errorf("the snapshot does not read: %w", again.Unreadable)
	}
	if !bytes.Equal(again.Store.StateVector(), vector) {
		return errors.New("the snapshot reads as another document")
	}
	return nil
}

// keepBroken stores the records that could not be taken in where a person can look at
// them: the snapshot takes them out of the log.
func (l *liveDoc) keepBroken(ctx context.Context) error {
	l.mu.Lock()
	broken := l.state.Broken
	l.mu.Unlock()
	for _, b := range broken {
		page, err := l.docs.cfg.Log.Read(ctx, l.name, hub.Range{After: b.Seq - 1, Before: b.Seq + 1, Limit: 1})
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := l.docs.cfg.Blobs.Put(ctx, fmt.Sprintf("broken/%s/%d", l.name, e.Seq), e.Data); err != nil {
				return err
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Broken = l.state.Broken[min(len(broken), len(l.state.Broken)):]
	return nil
}
