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

const (
	// maxHeld is how many entries are kept while the log is read; what comes beyond is
	// read as well.
	maxHeld = 1024
	// readAgain is how long a document waits to read the log that could not be read.
	readAgain = 500 * time.Millisecond
)

// catchUp reads from the log what the watch has not brought.
type catchUp struct {
	running bool
	again   bool        // something was missed while it ran
	held    []hub.Entry // came while it ran
}

// Entry takes the next entry of the log; see hub.Watcher.
func (l *liveDoc) Entry(e hub.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch c := &l.catchUp; {
	case l.lost != nil || e.Seq <= l.at.Seq && !c.running:
	case c.running && len(c.held) >= maxHeld:
		c.again = true
	case c.running:
		c.held = append(c.held, e)
	case e.Prev > l.at.Seq || !l.takeEntry(e):
		c.held = append(c.held, e)
		l.startCatchUp()
	}
}

// Flush brings to the peers what the entries brought; see hub.Watcher. A compaction may
// have waited for them.
func (l *liveDoc) Flush() {
	l.flush()
	l.store()
}

// Suspect reads the log, because entries may have been missed; see hub.Watcher.
func (l *liveDoc) Suspect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.startCatchUp()
}

// startCatchUp has the log read by a goroutine. mu is held.
func (l *liveDoc) startCatchUp() {
	if l.catchUp.running {
		l.catchUp.again = true
		return
	}
	l.catchUp.running = l.docs.life.Start(l.readOn)
}

// readOn reads what is missing, until nothing is.
func (l *liveDoc) readOn() {
	for l.broken() == nil && l.docs.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(l.docs.ctx, l.docs.cfg.OpenWait)
		err := l.readRest(ctx)
		cancel()
		if err == nil && l.endCatchUp() {
			break
		}
		if err != nil {
			l.docs.cfg.Fault(l.name, err)
			l.docs.pause(readAgain)
		}
	}
	l.flush()
	l.store() // a compaction may have waited for it
}

// endCatchUp takes what was held, and reports whether all is there.
func (l *liveDoc) endCatchUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.catchUp
	held := c.held
	c.held = nil
	for _, e := range held {
		switch {
		case e.Seq <= l.at.Seq:
		case c.again || e.Prev > l.at.Seq || !l.takeEntry(e):
			c.again = true
		}
	}
	if c.again {
		c.again = false
		return false
	}
	c.running = false
	return true
}

// open reads the document from the log.
func (l *liveDoc) open() {
	defer close(l.opened)
	d := l.docs
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.OpenWait)
	defer cancel()
	if err := l.subscribe(); err != nil {
		l.fail(d.cannot(err))
		return
	}
	select {
	case d.openings <- struct{}{}:
		defer func() { <-d.openings }()
	case <-ctx.Done():
		l.fail(d.cannot(ctx.Err()))
		return
	}
	for {
		err := l.readRest(ctx)
		if err == nil {
			err = l.checkWhole(ctx)
		}
		if err != nil {
			d.cfg.Fault(l.name, fmt.Errorf("open: %w", err))
			l.fail(d.cannot(err))
			return
		}
		if l.endCatchUp() {
			if err := l.unreadable(); err != nil {
				l.fail(d.cannot(err))
				return
			}
			l.mu.Lock()
			l.ready = true
			l.compactIfDue()
			l.mu.Unlock()
			l.store()
			return
		}
	}
}

// subscribe begins to hear of the document.
func (l *liveDoc) subscribe() error {
	stop, err := l.docs.cfg.Log.Watch(l.name, l)
	if err != nil {
		return err
	}
	l.hold(stop)
	if l.docs.cfg.Bus == nil {
		return nil
	}
	if stop, err = l.docs.cfg.Bus.Subscribe(l.name, l.hear); err != nil {
		return err
	}
	l.hold(stop)
	return nil
}

func (l *liveDoc) hold(stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = append(l.stop, stop)
}

// readRest reads the log from where the document stands.
func (l *liveDoc) readRest(ctx context.Context) error {
	for {
		l.mu.Lock()
		at := l.at
		l.mu.Unlock()
		page, err := l.docs.cfg.Log.Read(ctx, l.name, hub.Range{After: at.Seq, Limit: hub.MaxPage})
		if err != nil {
			return err
		}
		if at.Epoch != "" && page.Epoch != at.Epoch {
			return l.renew(page.Epoch)
		}
		for _, e := range page.Entries {
			if err := l.readEntry(ctx, e); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.at.Epoch = page.Epoch
		l.mu.Unlock()
		if !page.More {
			return nil
		}
	}
}

// readEntry takes an entry that may be kept elsewhere.
func (l *liveDoc) readEntry(ctx context.Context, e hub.Entry) error {
	rec, blob, size, err := l.docs.record(ctx, e)
	if errors.Is(err, hub.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.setAside(e, err)
	} else {
		l.takeRecord(e.Seq, size, rec)
	}
	if blob != "" {
		l.blobs = append(l.blobs, blob)
	}
	l.at.Seq = max(l.at.Seq, e.Seq)
	l.hasMoved()
	return nil
}

// takeEntry takes an entry that the watch has brought. It is false for one whose record
// is kept elsewhere and has to be read. mu is held.
func (l *liveDoc) takeEntry(e hub.Entry) bool {
	rec, err := document.Decode(e.Data)
	switch {
	case err != nil:
		l.setAside(e, err)
	case rec.Origin == l.origin && l.takeOwn(e.Seq, len(e.Data), rec):
	case rec.Kind == document.KindElsewhere:
		return false
	default:
		l.takeRecord(e.Seq, len(e.Data), rec)
	}
	l.at.Seq = e.Seq
	l.hasMoved()
	return true
}

// takeOwn notes a record of this document's own, whose edits are in it already. It is
// false for one that brings something else. mu is held.
func (l *liveDoc) takeOwn(seq uint64, size int, rec *document.Record) bool {
	kind, blob := rec.Kind, ""
	if kind == document.KindElsewhere {
		kind, size, blob = rec.Elsewhere.Kind, rec.Elsewhere.Size, rec.Elsewhere.Blob
	}
	switch kind {
	case document.KindEdits:
		l.state.Stored(size)
		l.compactIfDue()
	case document.KindSnapshot:
		l.state.Replaced(seq, size)
		l.dropBlobs()
	default:
		return false
	}
	if blob != "" {
		l.blobs = append(l.blobs, blob)
	}
	return true
}

// compactIfDue has the document compacted once enough has gathered behind the snapshot:
// records, or bytes. mu is held.
func (l *liveDoc) compactIfDue() {
	if s := l.state; s.Since.Records >= l.docs.cfg.CompactEvery || s.Since.Bytes >= compactBytes+s.BaseBytes {
		l.queue.compact = true
	}
}

// unreadable is why the document cannot be opened, or nil: the snapshot that stands for
// its past is broken, and what is behind that is not the document.
func (l *liveDoc) unreadable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.state.Unreadable; err != nil {
		return room.Errorf(room.CodeUnavailable, "the snapshot on which this document stands cannot be read: %v: its disk is damaged. Keep your copy; the operator has to restore a backup", err)
	}
	return nil
}

// setAside passes over a record that cannot be taken in, and tells the operator. mu is
// held.
func (l *liveDoc) setAside(e hub.Entry, err error) {
	l.state.Stored(0)
	l.state.Break(e.Seq, err)
	if document.IsSnapshot(e.Data) {
		l.state.Unreadable = err
	}
	l.docs.counter.broken.Add(1)
	l.docs.cfg.Fault(l.name, fmt.Errorf("the record at %d was set aside: %w", e.Seq, err))
}

// takeRecord takes a record in, and tells the peers what it brings. mu is held.
func (l *liveDoc) takeRecord(seq uint64, size int, rec *document.Record) {
	s := l.state
	if rec.Kind == document.KindSnapshot {
		l.blobs = nil // whoever has stored it removes them
	}
	broken := len(s.Broken)
	fresh := s.Apply(seq, size, rec)
	for _, b := range s.Broken[min(broken, len(s.Broken)):] {
		l.docs.counter.broken.Add(1)
		l.docs.cfg.Fault(l.name, fmt.Errorf("a part of the record at %d was set aside: %w", b.Seq, b.Why))
	}
	for _, u := range fresh.Updates {
		l.tell(Message{Kind: MessageUpdate, Data: u})
	}
	if fresh.Known {
		l.tell(Message{Kind: MessageNotes, key: "notes"})
	}
	if fresh.Over && l.ready {
		gone := *s.Gone
		l.docs.life.Start(func() { l.fail(goneError(&gone)) })
	}
}

// renew begins the log anew: it has another epoch, and may have lost what was in it.
// All that is here goes into it again, as a snapshot.
func (l *liveDoc) renew(epoch string) error {
	l.mu.Lock()
	l.at = hub.Position{Epoch: epoch}
	l.acked, l.state.Base = 0, 0
	l.queue.compact = true
	l.catchUp.again = true
	l.mu.Unlock()
	l.docs.cfg.Fault(l.name, errors.New("the log was reset: what this instance has of the document is stored again"))
	return nil
}
