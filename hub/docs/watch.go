package docs

import (
	"fmt"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room/document"
)

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
