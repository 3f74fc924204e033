package transport

import (
	"context"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// yjsPeer is the protocol of y-websocket, for one peer: one document on a connection,
// named by the path, and the token in the query. It has no acks; but an update comes
// back to its sender once it is saved, which newer clients take for one.
type yjsPeer struct {
	*conn
	window      window // of updates that the log is to answer
	name, token string // as they came; token is dropped once it was looked at

	// set by greet
	session *hub.Session // guarded by mu, but for the reader
	seat    *docs.Seat   // as session
}

func (p *yjsPeer) path() string { return "/yjs/" }

func (p *yjsPeer) accepts() (kind websocket.MessageType, most int) {
	return websocket.MessageBinary, p.srv.cfg.Docs.Limits().Update + messageRoom
}

// greet lets the peer in, and asks it for what the hub lacks of the document. Who may
// only read is told so before they write something that nobody gets.
func (p *yjsPeer) greet(ctx context.Context) bool {
	err := p.enter(ctx)
	if err != nil {
		p.refuse(room.AsError(err))
		return false
	}
	p.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: p.seat.StateVector()})
	if err := p.seat.Access().Require(document.MayWrite); err != nil {
		p.deny(room.AsError(err))
	}
	p.sayAwareness()
	return true
}

func (p *yjsPeer) enter(ctx context.Context) error {
	p.allow(admissionWait + connectTimeout)
	if err := p.srv.welcome(ctx); err != nil {
		return err
	}
	who, err := p.srv.introduce(p.sock.RemoteAddr().String(), p.token, "")
	p.token = ""
	if err != nil {
		return err
	}
	session, err := p.srv.cfg.Hub.Connect(who.Caller(), docOutlet{p.conn, p.regrant})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.session = session
	p.mu.Unlock()
	seat, err := p.srv.cfg.Docs.Open(ctx, session.Caller(), p.name, p)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.seat = seat
	p.mu.Unlock()
	if p.bye.Load() != nil {
		p.gone() // it may have been called before there was a seat
	}
	p.regrant(session.Caller()) // and so may this
	p.expireAt(who.Expires)
	return nil
}

// regrant ends the connection of somebody who is banned from its document.
func (p *yjsPeer) regrant(caller room.Caller) {
	p.mu.Lock()
	seat := p.seat
	p.mu.Unlock()
	if seat != nil && seat.Regrant(caller) == document.NoAccess {
		p.refuse(room.Errorf(room.CodeForbidden, bannedFrom))
	}
}

// handle serves one message.
func (p *yjsPeer) handle(ctx context.Context, data []byte) bool {
	if !p.limit.wait(ctx) {
		return false
	}
	m, err := yjs.DecodeMessage(data, p.srv.docLimits())
	if err != nil {
		p.refuse(room.Errorf(room.CodeBadRequest, "message: %v", err))
		return false
	}
	switch m.Type {
	case yjs.MessageSync:
		err = p.sync(ctx, m)
	case yjs.MessageAwareness:
		err = p.seat.Awareness(m.Data)
	case yjs.MessageQueryAwareness:
		p.sayAwareness()
	default:
		err = room.Errorf(room.CodeBadRequest, "message: a client does not send messages of type %d", m.Type)
	}
	if err != nil {
		p.refuse(room.AsError(err))
	}
	return err == nil
}

func (p *yjsPeer) sync(ctx context.Context, m yjs.Message) error {
	if m.Sync == yjs.SyncStep1 {
		diff, err := p.seat.Diff(m.Data)
		if err == nil {
			p.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep2, Data: diff})
		}
		return err
	}
	if err := p.window.enter(ctx, 1); err != nil {
		return err
	}
	echo := m.Sync == yjs.SyncUpdate || len(m.Data) > 0 && m.Data[0] > 0
	p.seat.Apply(m.Data, func(err *room.Error) {
		defer p.window.leave(1)
		switch {
		case err == nil && echo:
			p.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: m.Data})
		case err == nil:
		case err.Code == room.CodeForbidden: // it may still read
			p.deny(err)
		default:
			p.refuse(err)
		}
	})
	return nil
}

// say sends a message to this peer alone.
func (p *yjsPeer) say(m yjs.Message) {
	frame, _ := binaryFrame(m.Encode())
	p.out.reply(frame)
}

func (p *yjsPeer) sayAwareness() {
	if states := p.seat.States(); states != nil {
		p.say(yjs.Message{Type: yjs.MessageAwareness, Data: states})
	}
}

// deny says that something is not allowed. The client shows it, and stays.
func (p *yjsPeer) deny(err *room.Error) {
	p.say(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthDenied, Data: []byte(documentText(err))})
}

// refuse ends the connection and says why.
func (p *yjsPeer) refuse(err *room.Error) {
	p.conn.say(goodbye{code: docCode(err), reason: documentText(err), retryAfter: err.RetryAfter}, false)
}

// farewell says why in the protocol, if the peer is not to come back, and closes.
func (p *yjsPeer) farewell(g goodbye) []byte {
	code, reason := stayAway(g.code), g.reason
	if reason == "" {
		reason = g.code.Name()
	}
	var frames []byte
	if code >= 4400 && code < 4500 {
		frames, _ = binaryFrame(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthDenied, Data: []byte(reason)}.Encode())
	}
	return append(frames, closeFrame(code, reason)...)
}

var pingControl = []byte{finPing, 0}

func (p *yjsPeer) pulse() pulse {
	return pulse{frame: pingControl, every: p.srv.cfg.Limits.Ping, wait: p.srv.cfg.Limits.PongWait}
}

func (p *yjsPeer) lags() { p.endDropping(wire.CloseSlow) }

func (p *yjsPeer) settle() <-chan struct{} { return p.window.settle() }

func (p *yjsPeer) gone() {
	p.mu.Lock()
	session, seat := p.session, p.seat
	p.mu.Unlock()
	if seat != nil {
		seat.Close()
	}
	if session != nil {
		session.Close(hub.ReasonGone)
	}
}

// Dialect is how frames of y-websocket are made; see docs.Peer.
func (p *yjsPeer) Dialect() docs.Dialect { return yjsDialect{} }

// Deliver sends what happens in the document; see docs.Peer.
func (p *yjsPeer) Deliver(f docs.Frames) { p.out.round(docFrames{f}, 0) }

// Lost ends the connection, whose only document is no more; see docs.Peer.
func (p *yjsPeer) Lost(why *room.Error) { p.refuse(why) }

// yjsDialect makes frames of y-websocket.
type yjsDialect struct{}

// Append is docs.Dialect's.
func (yjsDialect) Append(dst []byte, m *docs.Message) []byte {
	start := len(dst)
	switch m.Kind {
	case docs.MessageUpdate:
		dst = yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: m.Data}.Append(openFrame(dst, finBinary))
	case docs.MessageAwareness:
		dst = yjs.Message{Type: yjs.MessageAwareness, Data: m.Data}.Append(openFrame(dst, finBinary))
	default:
		return dst
	}
	dst, _ = sealFrame(dst, start)
	return dst
}

// docLimits are the bounds of what is decoded of editors.
func (s *Server) docLimits() yjs.Limits {
	l := s.cfg.Docs.Limits()
	return yjs.Limits{MaxBytes: l.Update + messageRoom, MaxStates: l.Clients, MaxStateBytes: l.Awareness}
}

// wait pays for a message, however long that takes: who sends too fast is read from
// more slowly, and nothing is lost. It is false if ctx ends before.
func (l *limiter) wait(ctx context.Context) bool { return l.tokens.Wait(ctx) == nil }
