package client

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Doc is a copy of a Yjs document that is kept in step with the hub's. It knows the
// document as bytes; package room/yjs/view reads and edits it:
//
//	v, err := view.OpenUpdate(doc.Snapshot(), view.Limits{})
//	e, err := v.Edit(rand.Uint64N(1 << 32)) // an id that nobody else writes under
//	err = e.InsertText(v.Text("body"), 0, "hi", nil)
//	err = doc.Apply(ctx, e.Update())
type Doc struct {
	// static after OpenDoc
	client *Client
	name   string
	cancel context.CancelFunc
	ctx    context.Context // ends with the document, or the client

	mu      sync.Mutex // guards what follows
	store   *yjs.Store
	diff    []byte // the pieces of a diff that have come
	again   chan struct{}
	opened  chan struct{} // closed and replaced when link or err changes
	link    *link         // on which the copies have met; nil: they have not
	changed chan struct{} // closed and replaced when the copy changes
	err     error         // why the document is no more
}

// OpenDoc opens a document by its name, as "room/title", and waits until the copy is
// whole. A client has a document open once: ErrConflict says that it has already. Close
// gives it up.
func (c *Client) OpenDoc(ctx context.Context, name string) (*Doc, error) {
	d := &Doc{
		client: c, name: name, store: yjs.New(),
		again: make(chan struct{}, 1), opened: make(chan struct{}), changed: make(chan struct{}),
	}
	d.ctx, d.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	taken := c.docs[name] != nil
	if !taken {
		c.docs[name] = d
	}
	c.mu.Unlock()
	if taken {
		d.cancel()
		return nil, refused(d.op("open"), room.Errorf(room.CodeConflict, "this client has the document open; use that, or close it first"))
	}
	if !c.spawn(d.run) {
		d.Close()
		return nil, ErrClosed
	}
	if _, err := d.wait(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Name is the document's name.
func (d *Doc) Name() string { return d.name }

// Snapshot gives the whole document, as an update of version 1.
func (d *Doc) Snapshot() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.store.Snapshot()
}

// Changed gives a channel that is closed with the next change of the copy.
func (d *Doc) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Apply sends an update of version 1, and returns when the hub has stored it. It is sent
// again on a new connection for as long as there is no answer: applied twice it has its
// effect once.
func (d *Doc) Apply(ctx context.Context, update []byte) error {
	for try := 0; ; try++ {
		l, err := d.wait(ctx)
		if err == nil {
			err = d.apply(ctx, l, update)
		}
		wait, again := retryable(err)
		switch {
		case err == nil:
			return d.take(update)
		case lost(err):
			d.unplugged(l)
			continue
		case !again && !errors.Is(err, ErrNotJoined): // it is being opened again
			return err
		}
		if err := sleep(ctx, backoff(try, wait)); err != nil {
			return err
		}
	}
}

// Close gives the document up.
func (d *Doc) Close() {
	d.end(ErrClosed)
	c := d.client
	c.mu.Lock()
	ours := c.docs[d.name] == d
	if ours {
		delete(c.docs, d.name)
	}
	l := c.link
	c.mu.Unlock()
	if ours && l != nil {
		l.send(&wire.DocClose{Doc: d.name}, nil)
	}
}

func (d *Doc) op(verb string) string { return verb + " " + d.name }

// wait gives the link on which the document is open, as soon as there is one.
func (d *Doc) wait(ctx context.Context) (*link, error) {
	for {
		d.mu.Lock()
		l, opened, err := d.link, d.opened, d.err
		d.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case l != nil && l.alive():
			return l, nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-d.client.ctx.Done():
			return nil, context.Cause(d.client.ctx)
		}
	}
}

// apply sends an update on one link and waits for the answer.
func (d *Doc) apply(ctx context.Context, l *link, update []byte) error {
	last, offset := update, 0
	d.client.pieces.Lock() // those of two updates must not mix
	for ; len(last) > wire.DocPiece; offset += wire.DocPiece {
		l.send(&wire.DocUpdate{Doc: d.name, Update: last[:wire.DocPiece], Offset: offset, More: true}, nil)
		last = last[wire.DocPiece:]
	}
	answer := make(chan error, 1)
	l.send(&wire.DocUpdate{Doc: d.name, Update: last, Offset: offset}, func(reply any, err error) {
		if e, ok := reply.(*wire.Error); ok {
			err = answered(d.op("update"), e)
		}
		answer <- err
	})
	d.client.pieces.Unlock()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take takes an update into the copy.
func (d *Doc) take(update []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	change, err := d.store.Apply(update)
	if err != nil {
		return fmt.Errorf("%s: the hub took or sent an update that cannot be read: %w", d.op("update"), err)
	}
	if change.Any() {
		close(d.changed)
		d.changed = make(chan struct{})
	}
	return nil
}
