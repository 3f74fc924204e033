package transport

import (
	"context"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// hocuspocusDoc is one document that a connection has open. It is the docs.Peer of its
// seat.
type hocuspocusDoc struct {
	// static after it was opened
	on                *hocuspocus
	dialect           hocuspocusDialect
	document, session string
	guest             bool
	tokenless         bool // it was opened before a token came; the reader's

	mu    sync.Mutex  // guards what follows, but for the reader, who alone sets seat
	seat  *docs.Seat  // nil while it is being opened
	timer *time.Timer // looks when the token ends
	over  bool
}

// sit takes the seat. It is false if the document has ended since.
func (d *hocuspocusDoc) sit(seat *docs.Seat) bool {
	d.mu.Lock()
	d.seat = seat
	over := d.over
	d.mu.Unlock()
	if over {
		seat.Close()
	}
	return !over
}

// taken is the seat, or nil while there is none.
func (d *hocuspocusDoc) taken() *docs.Seat {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seat
}

func (d *hocuspocusDoc) ended() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// handle serves a message about the document.
func (d *hocuspocusDoc) handle(ctx context.Context, f yjs.HocuspocusFrame) bool {
	var err error
	switch f.Type {
	case yjs.MessageSync, yjs.MessageSyncReply:
		err = d.sync(ctx, f.Message)
	case yjs.MessageAwareness:
		err = d.seat.Awareness(f.Data)
	case yjs.MessageQueryAwareness:
		d.sayAwareness()
	case yjs.MessageStateless:
		if err = d.seat.Stateless(f.Data); err != nil && room.AsError(err).Code == room.CodeForbidden {
			err = nil // there is no word for it, and the document is still theirs to read
		}
	case yjs.MessageClose:
		d.on.drop(d)
	default:
		err = room.Errorf(room.CodeBadRequest, "message: a client does not send messages of type %d", f.Type)
	}
	if err != nil {
		d.fail(room.AsError(err))
	}
	return true
}

// sync answers a state vector with what is missing, and asks in turn: the client counts
// the answer to that as a change that waits to be saved.
func (d *hocuspocusDoc) sync(ctx context.Context, m yjs.Message) error {
	if m.Sync == yjs.SyncStep1 {
		diff, err := d.seat.Diff(m.Data)
		if err != nil {
			return err
		}
		d.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep2, Data: diff})
		if m.Type == yjs.MessageSync {
			d.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: d.seat.StateVector()})
		}
		return nil
	}
	if err := d.on.window.enter(ctx, 1); err != nil {
		return err
	}
	d.seat.Apply(m.Data, func(err *room.Error) {
		defer d.on.window.leave(1)
		d.say(yjs.Message{Type: yjs.MessageSyncStatus, Saved: err == nil})
		if err != nil && err.Code != room.CodeForbidden { // who may only read goes on reading
			d.fail(err)
		}
	})
	return nil
}

// renew takes a new token. What it grants holds from now on.
func (d *hocuspocusDoc) renew(token string) error {
	if token == "" && d.guest {
		return nil // a guest's time is the connection's
	}
	claims, err := d.on.srv.verify(token)
	if err != nil {
		return err
	}
	if user := d.seat.Caller().User; claims.User != user {
		return room.Errorf(room.CodeUnauthorized, "sub: the new token is for another user; open the document anew to change user")
	}
	caller := claims.Caller()
	if _, err := d.on.session(caller); err != nil { // so that the new token can be revoked
		return err
	}
	if err := d.seat.Regrant(caller).Require(document.MayRead); err != nil {
		return err
	}
	d.granted(claims.Expires)
	return nil
}

// granted says what the peer may do, and until when.
func (d *hocuspocusDoc) granted(until time.Time) {
	d.mu.Lock()
	if d.timer != nil {
		d.timer.Stop()
	}
	if !d.over && !until.IsZero() {
		d.timer = time.AfterFunc(time.Until(until), d.ask)
	}
	d.mu.Unlock()
	d.say(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthGranted, Data: []byte(mayWrite(d.seat.Access()))})
	d.sayAwareness()
}

// ask asks for a new token, the old one being over. Without one the document is closed.
func (d *hocuspocusDoc) ask() {
	d.mu.Lock()
	if d.over {
		d.mu.Unlock()
		return
	}
	d.timer = time.AfterFunc(d.on.srv.cfg.Identity.Grace, func() {
		d.end(room.Errorf(room.CodeTokenExpired, "the token is over, and no new one came"))
	})
	d.mu.Unlock()
	d.say(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthToken})
}

// say sends a message about the document to this peer alone.
func (d *hocuspocusDoc) say(m yjs.Message) {
	d.on.send(yjs.HocuspocusFrame{Document: d.document, Session: d.session, Message: m})
}

func (d *hocuspocusDoc) sayAwareness() {
	if states := d.seat.States(); states != nil {
		d.say(yjs.Message{Type: yjs.MessageAwareness, Data: states})
	}
}

// fail ends the document for this peer, or the whole connection where that is to come
// back.
func (d *hocuspocusDoc) fail(err *room.Error) {
	if err.Code.Retryable() {
		d.on.refuse(err)
		return
	}
	d.end(err)
}

// end closes the document for this peer, and says why.
func (d *hocuspocusDoc) end(err *room.Error) {
	if !d.leave() {
		return
	}
	reason := []byte(documentText(err))
	d.say(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthDenied, Data: reason})
	d.say(yjs.Message{Type: yjs.MessageClose, Data: reason})
}

// leave gives the seat up. It is false if that was done before.
func (d *hocuspocusDoc) leave() bool {
	d.mu.Lock()
	was, seat := !d.over, d.seat
	d.over = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	if was && seat != nil {
		seat.Close()
	}
	return was
}

// Dialect is how frames about the document are made; see docs.Peer.
func (d *hocuspocusDoc) Dialect() docs.Dialect { return d.dialect }

// Deliver sends what happens in the document; see docs.Peer.
func (d *hocuspocusDoc) Deliver(f docs.Frames) { d.on.out.round(docFrames{f}, 0) }

// Lost says that the document is no more; see docs.Peer.
func (d *hocuspocusDoc) Lost(why *room.Error) { d.fail(why) }
