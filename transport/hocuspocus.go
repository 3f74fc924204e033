package transport

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	// maxDocsPerConn is how many documents one socket may have open.
	maxDocsPerConn = 2000
	// maxStranger is the size of a message before any document is open: one with a
	// name and a token, or the first state vector of a document that is not.
	maxStranger = 64 << 10
	// heartbeat is how often a client of Hocuspocus 4 hears from the hub. It takes a
	// socket for dead that was silent for 30 s.
	heartbeat = 15 * time.Second
)

// hocuspocus is the protocol of that name, for one peer: many documents on a
// connection, each opened by a token of its own. What one of them is refused is told in
// its own name, since the clients do not look at close codes.
type hocuspocus struct {
	*conn
	window window // of updates that the log is to answer

	// owned by the reader
	refused map[string]bool // names that were refused, whose further messages say nothing new

	// guarded by mu, but for the reader, who alone changes it
	open     map[string]*hocuspocusDoc // by name and session, as frames begin
	sessions map[string]*hub.Session   // by user and token
	beats    bool                      // the client knows the ping of one byte
}

func newHocuspocus(c *conn) protocol {
	return &hocuspocus{
		conn: c, window: newWindow(c.srv.cfg.Limits), open: make(map[string]*hocuspocusDoc), refused: make(map[string]bool), sessions: make(map[string]*hub.Session),
	}
}

func (p *hocuspocus) path() string { return "/hocuspocus" }

func (p *hocuspocus) accepts() (kind websocket.MessageType, most int) {
	if len(p.open) == 0 {
		return websocket.MessageBinary, maxStranger
	}
	return websocket.MessageBinary, p.srv.cfg.Docs.Limits().Update + messageRoom
}

// handle serves one message.
func (p *hocuspocus) handle(ctx context.Context, data []byte) bool {
	if !p.limit.wait(ctx) {
		return false
	}
	f, err := yjs.DecodeHocuspocus(data, p.srv.docLimits())
	if err != nil {
		p.refuse(room.Errorf(room.CodeBadRequest, "message: %v", err))
		return false
	}
	switch f.Type {
	case yjs.MessagePing:
		p.send(yjs.HocuspocusFrame{Message: yjs.Message{Type: yjs.MessagePong}})
		return true
	case yjs.MessagePong:
		return true // that it was heard is all it is for
	case yjs.MessageAuth:
		return p.authenticate(ctx, f)
	}
	key := documentKey(f)
	d := p.opened(key)
	switch {
	case d != nil:
		return d.handle(ctx, f)
	case f.Type == yjs.MessageSync && f.Sync == yjs.SyncStep1 && !p.refused[key]:
		return p.handleFirst(ctx, f, key)
	default:
		// Clients write while they wait for their token. Nothing is lost: they are asked
		// for all that the hub lacks once they are let in.
		return true
	}
}

// handleFirst serves a state vector that came before any token: clients of Hocuspocus 2
// send none if they have none. They are guests.
func (p *hocuspocus) handleFirst(ctx context.Context, f yjs.HocuspocusFrame, key string) bool {
	auth := f
	auth.Message = yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthToken}
	if !p.authenticate(ctx, auth) {
		return false
	}
	d := p.opened(key)
	if d == nil {
		return true
	}
	d.tokenless = true
	return d.handle(ctx, f)
}

// documentKey is what the frames of one document on this connection begin with.
func documentKey(f yjs.HocuspocusFrame) string {
	if f.Session == "" {
		return f.Document
	}
	return f.Document + "\x00" + f.Session
}

// authenticate opens a document, or takes a new token for one that is open.
func (p *hocuspocus) authenticate(ctx context.Context, f yjs.HocuspocusFrame) bool {
	if f.Auth != yjs.AuthToken {
		p.deny(f, room.Errorf(room.CodeBadRequest, "message: a client sends its token, and no answer to one"))
		return true
	}
	key := documentKey(f)
	d := p.opened(key)
	if d != nil && d.tokenless { // it was not a guest after all
		p.drop(d)
		d = nil
	}
	var err error
	if d != nil {
		err = d.renew(string(f.Data))
	} else {
		err = p.openDoc(ctx, f, key)
	}
	if err == nil {
		delete(p.refused, key)
		return true
	}
	switch e := room.AsError(err); {
	case e.Code.Retryable():
		p.refuse(e) // the client comes back, and asks again
		return false
	case d != nil:
		d.end(e)
	default:
		p.deny(f, e)
	}
	return true
}

// opened gives the document that is open under a key, or nil.
func (p *hocuspocus) opened(key string) *hocuspocusDoc {
	d := p.open[key]
	if d != nil && d.ended() {
		p.drop(d)
		p.refused[key] = true
		return nil
	}
	return d
}

// drop forgets a document.
func (p *hocuspocus) drop(d *hocuspocusDoc) {
	d.leave()
	p.mu.Lock()
	delete(p.open, d.dialect.key)
	p.mu.Unlock()
}

func (p *hocuspocus) openDoc(ctx context.Context, f yjs.HocuspocusFrame, key string) error {
	if len(p.open) >= maxDocsPerConn {
		return room.Errorf(room.CodeForbidden, "this connection has %d documents open, which is the limit", len(p.open))
	}
	if err := p.welcome(ctx); err != nil {
		return err
	}
	who, err := p.srv.introduce(p.sock.RemoteAddr().String(), string(f.Data), "")
	if err != nil {
		return err
	}
	session, err := p.session(who.Caller())
	if err != nil {
		return err
	}
	d := &hocuspocusDoc{on: p, dialect: hocuspocusDialect{key}, document: f.Document, session: f.Session, guest: who.Guest}
	seat, err := p.srv.cfg.Docs.Open(ctx, who.Caller(), f.Document, d)
	if err != nil {
		return err
	}
	if !d.sit(seat) {
		return room.Errorf(room.CodeUnavailable, "the document was closed while it was being opened; try again")
	}
	p.mu.Lock()
	p.open[key] = d
	p.beats = p.beats || len(f.Version) > 0
	over := p.bye.Load() != nil
	p.mu.Unlock()
	if over {
		p.gone() // it may have been called before there was a seat
		return nil
	}
	p.expireAt(never) // tokens are the documents'
	d.granted(who.Expires)
	p.regrant(session.Caller()) // an order may have come while the document was being opened
	return nil
}

// welcome waits for the connection's turn, once.
func (p *hocuspocus) welcome(ctx context.Context) error {
	if len(p.sessions) > 0 {
		return nil
	}
	p.allow(admissionWait + connectTimeout)
	return p.srv.welcome(ctx)
}

// session makes the caller known to the hub, who may have to cut them off.
func (p *hocuspocus) session(caller room.Caller) (*hub.Session, error) {
	key := caller.User + "\x00" + caller.TokenID
	if s := p.sessions[key]; s != nil {
		return s, nil
	}
	s, err := p.srv.cfg.Hub.Connect(caller, docOutlet{p.conn, p.regrant})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.sessions[key] = s
	p.mu.Unlock()
	return s, nil
}

func (p *hocuspocus) send(f yjs.HocuspocusFrame) {
	frame, _ := binaryFrame(f.Encode())
	p.out.reply(frame)
}

// deny refuses a document that is not open.
func (p *hocuspocus) deny(f yjs.HocuspocusFrame, err *room.Error) {
	if len(p.refused) >= maxDocsPerConn {
		clear(p.refused)
	}
	p.refused[documentKey(f)] = true
	p.send(yjs.HocuspocusFrame{Document: f.Document, Session: f.Session, Message: yjs.Message{
		Type: yjs.MessageAuth, Auth: yjs.AuthDenied, Data: []byte(documentText(err)),
	}})
}

// refuse ends the connection.
func (p *hocuspocus) refuse(err *room.Error) {
	p.say(goodbye{code: docCode(err), reason: documentText(err), retryAfter: err.RetryAfter}, false)
}

// farewell closes. The clients do not look at why; people who look for it find it.
func (p *hocuspocus) farewell(g goodbye) []byte {
	if g.reason == "" {
		g.reason = g.code.Name()
	}
	return closeFrame(g.code, g.reason)
}

var beatFrame, _ = binaryFrame([]byte{byte(yjs.MessagePing)})

func (p *hocuspocus) pulse() pulse {
	l := p.srv.cfg.Limits
	if p.beats {
		return pulse{frame: beatFrame, every: heartbeat, wait: l.PongWait, steady: true}
	}
	return pulse{frame: pingControl, every: l.Ping, wait: l.PongWait}
}

// regrant ends the documents that a user is banned from.
func (p *hocuspocus) regrant(caller room.Caller) {
	p.mu.Lock()
	open := slices.Collect(maps.Values(p.open))
	p.mu.Unlock()
	for _, d := range open {
		if seat := d.taken(); seat != nil && seat.Caller().User == caller.User && seat.Regrant(caller) == document.NoAccess {
			d.end(room.Errorf(room.CodeForbidden, bannedFrom))
		}
	}
}

func (p *hocuspocus) lags() { p.endDropping(wire.CloseSlow) }

func (p *hocuspocus) settle() <-chan struct{} { return p.window.settle() }

func (p *hocuspocus) gone() {
	p.mu.Lock()
	open, sessions := p.open, p.sessions
	p.open, p.sessions = map[string]*hocuspocusDoc{}, map[string]*hub.Session{}
	p.mu.Unlock()
	for _, d := range open {
		d.leave()
	}
	for _, s := range sessions {
		s.Close(hub.ReasonGone)
	}
}

// mayWrite says in the protocol's words what a peer may do.
func mayWrite(a document.Access) string {
	if a == document.MayWrite {
		return "read-write"
	}
	return "readonly"
}

// hocuspocusDialect makes frames of a document that is open on a connection under a key.
type hocuspocusDialect struct{ key string }

// Append is docs.Dialect's.
func (h hocuspocusDialect) Append(dst []byte, m *docs.Message) []byte {
	f := yjs.HocuspocusFrame{Document: h.key}
	switch m.Kind {
	case docs.MessageUpdate:
		f.Message = yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: m.Data}
	case docs.MessageAwareness:
		f.Message = yjs.Message{Type: yjs.MessageAwareness, Data: m.Data}
	case docs.MessageStateless:
		f.Message = yjs.Message{Type: yjs.MessageStateless, Data: m.Data}
	default:
		return dst
	}
	start := len(dst)
	dst, _ = sealFrame(f.Append(openFrame(dst, finBinary)), start)
	return dst
}
