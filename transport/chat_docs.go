package transport

import (
	"context"
	"sync"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// chatDocs are the documents that a peer of the chat has open. Most have none, and no
// chatDocs either.
type chatDocs struct {
	chat *chat // static

	// owned by the reader
	parts docParts

	mu   sync.Mutex // guards what follows
	open map[string]*chatDoc
	over bool // the connection is: nothing is opened any more
}

// document runs a command about a document. It is false for any other.
func (c *chat) document(ctx context.Context, cmd wire.Command) (ours bool, err error) {
	switch body := cmd.Body.(type) {
	case *wire.DocOpen:
		return true, c.documents().opens(ctx, cmd.ID, body)
	case *wire.DocUpdate:
		return true, c.documents().update(ctx, cmd.ID, body)
	case *wire.DocAwareness:
		d, err := c.documents().opened(body.Doc)
		if err != nil {
			return true, err
		}
		return true, d.seat.Awareness(body.Update)
	case *wire.DocClose:
		return true, c.documents().closes(cmd.ID, body)
	}
	return false, nil
}

// documents gives the peer's, for the reader alone.
func (c *chat) documents() *chatDocs {
	if c.docs == nil {
		d := &chatDocs{chat: c, open: make(map[string]*chatDoc)}
		c.mu.Lock()
		c.docs = d
		c.mu.Unlock()
		if c.bye.Load() != nil {
			d.close() // gone may have been called before there were any
		}
	}
	return c.docs
}

// opens opens a document, or brings the copies of one that is open together again.
func (d *chatDocs) opens(ctx context.Context, id uint64, cmd *wire.DocOpen) error {
	doc, err := d.opened(cmd.Doc)
	if err != nil {
		if doc, err = d.sit(ctx, cmd.Doc); err != nil {
			return err
		}
	}
	sv := cmd.SV
	if sv == nil {
		sv = emptyStateVector
	}
	diff, err := doc.seat.Diff(sv)
	if err != nil {
		d.leave(doc)
		return err
	}
	doc.answer(id, diff)
	return nil
}

var emptyStateVector = []byte{0}

// sit takes a seat at a document.
func (d *chatDocs) sit(ctx context.Context, name string) (*chatDoc, error) {
	all := d.chat.srv.cfg.Docs
	if all == nil {
		return nil, room.Errorf(room.CodeNotFound, "this hub has no documents")
	}
	d.mu.Lock()
	n := len(d.open)
	d.mu.Unlock()
	if n >= wire.MaxDocs {
		return nil, room.Errorf(room.CodeLimitReached, "this connection has %d documents open, which is the limit; close one first", n)
	}
	doc := &chatDoc{on: d, name: name}
	seat, err := all.Open(ctx, d.chat.session.Caller(), name, doc)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	doc.seat = seat
	late := d.over || doc.lost
	if !late {
		d.open[name] = doc
	}
	d.mu.Unlock()
	// An order may have come while the document was being opened.
	if !late && seat.Regrant(d.chat.session.Caller()) == document.NoAccess {
		d.leave(doc)
		return nil, room.Errorf(room.CodeForbidden, bannedFrom)
	}
	if late {
		seat.Close()
		return nil, room.Errorf(room.CodeUnavailable, "the document was closed while it was being opened; try again")
	}
	return doc, nil
}

// opened gives a document that is open.
func (d *chatDocs) opened(name string) (*chatDoc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if doc := d.open[name]; doc != nil {
		return doc, nil
	}
	return nil, room.Errorf(room.CodeNotJoined, "this connection does not have the document open; send doc_open first")
}

func (d *chatDocs) closes(id uint64, cmd *wire.DocClose) error {
	doc, err := d.opened(cmd.Doc)
	if err != nil {
		return err
	}
	d.leave(doc)
	d.chat.reply(id, wire.DocClosed{Doc: cmd.Doc})
	return nil
}

// leave gives a seat up.
func (d *chatDocs) leave(doc *chatDoc) {
	d.forget(doc)
	doc.seat.Close()
}

// forget takes a document out of the list. It is false if it was not there.
func (d *chatDocs) forget(doc *chatDoc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[doc.name] != doc {
		return false
	}
	delete(d.open, doc.name)
	return true
}

// close gives all seats up: the connection is over.
func (d *chatDocs) close() {
	d.mu.Lock()
	open := d.open
	d.open, d.over = nil, true
	d.mu.Unlock()
	for _, doc := range open {
		doc.seat.Close()
	}
}

// update takes an update, or a piece of one, and answers when the log has it.
func (d *chatDocs) update(ctx context.Context, id uint64, cmd *wire.DocUpdate) error {
	doc, err := d.opened(cmd.Doc)
	if err != nil {
		d.parts = docParts{}
		return err
	}
	update, err := d.parts.take(cmd, d.chat.srv.cfg.Docs.Limits().Update)
	if err != nil || cmd.More {
		return err
	}
	if err := d.chat.window.enter(ctx, 1); err != nil {
		return err
	}
	doc.seat.Apply(update, func(err *room.Error) {
		d.chat.window.leave(1)
		if err != nil {
			d.chat.failCommand(id, err)
			return
		}
		at := doc.seat.At()
		d.chat.reply(id, wire.DocSaved{Doc: doc.name, Epoch: at.Epoch, Seq: at.Seq})
	})
	return nil
}

// regrant takes what a new token grants, for the reader.
func (d *chatDocs) regrant(caller room.Caller, why string) {
	d.mu.Lock()
	open := make([]*chatDoc, 0, len(d.open))
	for _, doc := range d.open {
		open = append(open, doc)
	}
	d.mu.Unlock()
	for _, doc := range open {
		before := doc.seat.Access()
		switch now := doc.seat.Regrant(caller); now {
		case before:
		case document.NoAccess:
			doc.end(room.Errorf(room.CodeForbidden, "%s", why))
		default:
			doc.push(wire.DocAccessPush{Doc: doc.name, Access: accessName(now)})
		}
	}
}

// docParts are the pieces of an update that is not whole yet: one update for a connection, so that
// it can hold no more than one update's bytes.
type docParts struct {
	doc  string
	data []byte
}

// take adds a piece, and gives the update once it is whole.
func (p *docParts) take(cmd *wire.DocUpdate, most int) ([]byte, error) {
	if cmd.Offset == 0 {
		*p = docParts{doc: cmd.Doc}
	}
	size := len(p.data) + len(cmd.Update)
	switch {
	case cmd.Offset != len(p.data) || cmd.Doc != p.doc:
		*p = docParts{}
		return nil, room.Errorf(room.CodeUnavailable, "offset: this piece does not continue what came before it; send the whole update again")
	case size > most:
		*p = docParts{}
		return nil, room.Errorf(room.CodeTooLarge, "update: is longer than %d bytes, and no more are taken at once", most)
	case size == len(cmd.Update):
		p.data = cmd.Update
	default:
		p.data = append(p.data, cmd.Update...)
	}
	if cmd.More {
		return nil, nil
	}
	whole := p.data
	*p = docParts{}
	return whole, nil
}
