package docs

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// maxQueued is how many bytes of a document's edits may wait for the log. What comes
// beyond is refused, and its peer comes back with it.
const maxQueued = 32 << 20

// edit is an update on its way to the log.
type edit struct {
	update     []byte // nil: what has brought nothing new waits for what it has met
	user, name string
	from       *Seat // is not told of it, or nil
	done       func(*room.Error)
}

// waiter is whoever is told when something is stored, or why it is not.
type waiter struct{ done func(*room.Error) }

func (w waiter) tell(err *room.Error) {
	if w.done != nil {
		w.done(err)
	}
}

// queue holds a document's edits until the log has them. One record at a time is under
// way, and what gathers meanwhile is the next one: that keeps the order whatever fails,
// and makes many small edits few records.
type queue struct {
	busy    bool // a record, or a snapshot, is under way
	edits   []edit
	bytes   int
	flying  []edit // the record that is under way
	compact bool   // as soon as nothing is under way
}

// abandon gives all who wait.
func (q *queue) abandon() (waiting []waiter) {
	for _, list := range [][]edit{q.flying, q.edits} {
		for i := range list {
			waiting = append(waiting, waiter{list[i].done})
		}
	}
	*q = queue{busy: q.busy}
	return waiting
}

// checkFrom is from how many bytes on an update can have more structs or deletes, of two
// bytes or more each, than one may have.
const checkFrom = 1_000_000

// brings reports whether an update would change the document.
func (l *liveDoc) brings(update []byte) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Store.Brings(update)
}

// edit takes an update in, tells the others, and queues it. On an error nothing was
// done, and done is not called.
func (l *liveDoc) edit(e edit) *room.Error {
	if err := l.take(&e); err != nil {
		return err
	}
	l.flush()
	l.store()
	return nil
}

func (l *liveDoc) take(e *edit) *room.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	if l.queue.bytes > maxQueued {
		return room.Errorf(room.CodeUnavailable, "too much waits to be stored in this document; try again")
	}
	if err := l.fits(e.update); err != nil {
		return err
	}
	l.beforeAuthor(e.user)
	change, err := l.state.Edit(e.update, document.Author{User: e.user, Name: e.name})
	if err != nil {
		return badUpdate(err)
	}
	if change.Any() {
		l.docs.counter.edits.Add(1)
		l.state.Edited = time.Now().UTC().Truncate(time.Millisecond)
		l.version.edited = true
		l.tell(Message{Kind: MessageUpdate, Data: e.update, from: e.from})
	} else {
		e.update = nil
	}
	l.queue.edits = append(l.queue.edits, *e)
	l.queue.bytes += len(e.update)
	return nil
}

// fits refuses an update that the document has no room for, or that is not of it.
// mu is held.
func (l *liveDoc) fits(update []byte) *room.Error {
	if len(update) > checkFrom {
		if err := yjs.Check(update, l.docs.cfg.Limits.yjs()); err != nil {
			return badUpdate(err)
		}
	}
	if most := l.docs.cfg.Limits.Document; len(update) > 1<<10 || l.state.Since.Bytes > most/2 {
		if size := l.state.Store.Size(); size+len(update) > most {
			return room.Errorf(room.CodeTooLarge, "document: holds %d bytes, and at most %d may be; take something out, or begin another one", size, most)
		}
	}
	if len(l.state.Former) == 0 {
		return nil
	}
	stray := false
	err := yjs.EachStruct(update, l.docs.cfg.Limits.yjs(), func(s *yjs.Struct) {
		if _, former := l.state.Former[s.ID.Client]; former && s.Ref != yjs.RefSkip {
			stray = true
		}
	})
	switch {
	case err != nil:
		return badUpdate(err)
	case stray:
		return errStray
	}
	return nil
}

// store sends what is queued to the log, if nothing is under way. It must not be called
// with mu held.
func (l *liveDoc) store() {
	l.mu.Lock()
	q := &l.queue
	if q.busy || l.lost != nil {
		l.mu.Unlock()
		return
	}
	if q.compact && l.holdForCompaction() {
		l.mu.Unlock()
		return
	}
	rec := l.nextRecord()
	flying := q.flying
	l.mu.Unlock()
	switch {
	case rec != nil:
		l.append(rec)
	case len(flying) > 0:
		l.stored(hub.Position{}) // they wait for nothing
	}
}

// nextRecord makes a record of what is queued, as much as a record takes. It is nil if
// nothing of that is new. mu is held.
func (l *liveDoc) nextRecord() *document.Record {
	q := &l.queue
	n, bytes := 0, 0
	for n < len(q.edits) && (bytes == 0 || bytes+len(q.edits[n].update) <= hub.MaxRecord/2) {
		bytes += len(q.edits[n].update)
		n++
	}
	if n == 0 {
		return nil
	}
	q.flying = append([]edit(nil), q.edits[:n]...)
	q.edits = append(q.edits[:0], q.edits[n:]...)
	q.bytes -= bytes
	q.busy = true
	rec := &document.Record{Kind: document.KindEdits, Origin: l.origin, Edits: document.Edits{At: time.Now(), Base: l.state.Base}}
	for i := range q.flying {
		e := &q.flying[i]
		if e.update == nil {
			continue
		}
		authors := &rec.Edits.Authors
		if last := len(*authors) - 1; last < 0 || (*authors)[last].User != e.user || (*authors)[last].Name != e.name {
			*authors = append(*authors, document.Authored{User: e.user, Name: e.name})
		}
		a := &(*authors)[len(*authors)-1]
		a.Updates = append(a.Updates, e.update)
	}
	if len(rec.Edits.Authors) == 0 {
		return nil
	}
	return rec
}

// append gives a record to the log. busy is set.
func (l *liveDoc) append(rec *document.Record) {
	data := rec.Encode()
	if len(data) > hub.MaxRecord {
		if !l.docs.life.Start(func() { l.appendLarge(rec.Kind, data) }) {
			l.fail(errGoingDown)
		}
		return
	}
	l.appendEntry(data)
}

func (l *liveDoc) appendEntry(data []byte) {
	err := l.docs.cfg.Log.Append(l.name, []hub.Record{{Data: data}}, func(acks []hub.Ack) {
		if err := acks[0].Err; err != nil {
			l.refused(err)
			return
		}
		l.stored(acks[0].Position)
	})
	if err != nil {
		l.refused(err)
	}
}

// refused ends the document: what was told to others is not in the log, and whoever has
// it is to bring it again.
func (l *liveDoc) refused(err error) {
	l.docs.counter.resets.Add(1)
	if !errors.Is(err, hub.ErrBusy) {
		l.docs.cfg.Fault(l.name, err)
	}
	l.fail(l.docs.cannot(err))
}

// stored tells those whose edits are in the log, and goes on.
func (l *liveDoc) stored(at hub.Position) {
	l.mu.Lock()
	q := &l.queue
	flying := q.flying
	q.flying, q.busy = nil, false
	l.acked = max(l.acked, at.Seq)
	for i := range flying {
		if flying[i].update != nil {
			l.news.note(flying[i].user, at, time.Now())
		}
	}
	l.mu.Unlock()
	for i := range flying {
		waiter{flying[i].done}.tell(nil)
	}
	l.store()
}

// appendLarge stores a record that is too large for the log as a blob, and in the log
// where that is.
func (l *liveDoc) appendLarge(kind document.Kind, data []byte) {
	ctx, cancel := context.WithTimeout(l.docs.ctx, blobTimeout)
	defer cancel()
	entry, _, err := l.elsewhere(ctx, kind, data)
	if err != nil {
		l.refused(err)
		return
	}
	l.appendEntry(entry)
}

// blobTimeout bounds the storing of a blob.
const blobTimeout = time.Minute
