package transport

import (
	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// chat is the protocol hubbub.v1.json, of rooms and documents, for one peer. It is
// the hub.Outlet of its session.
type chat struct {
	*conn

	session *hub.Session // nil until the caller is known; guarded by mu, but for the reader, who alone sets it
	docs    *chatDocs    // nil until a document is asked for; guarded as session

	// owned by the reader
	guest     bool
	malformed uint8 // frames in a row

	window window // of events and edits that the log is to answer
}

func newChat(c *conn) protocol {
	return &chat{conn: c, window: newWindow(c.srv.cfg.Limits)}
}

func (c *chat) path() string { return "/ws" }

func (c *chat) accepts() (kind websocket.MessageType, most int) {
	if c.session == nil {
		return websocket.MessageText, wire.MaxConnectFrame
	}
	return websocket.MessageText, c.srv.cfg.Limits.Frame
}

// Deliver sends what a room brings; see hub.Outlet.
func (c *chat) Deliver(r *hub.Round, from int) bool { return c.out.round(r, from) }

// Lag says what waits for the peer; see hub.Outlet.
func (c *chat) Lag() hub.Lag { return c.out.behind() }

// End says goodbye for the hub; see hub.Outlet.
func (c *chat) End(why hub.Reason) {
	if why != hub.ReasonGone {
		c.endDropping(closeCode(why))
	}
}

// noLongerGranted and bannedFrom say why a document is closed.
const (
	noLongerGranted = "the new token no longer grants this document"
	bannedFrom      = "this user is banned from the document"
)

// Regrant takes documents away that the caller is banned from; see hub.Regranter.
func (c *chat) Regrant(caller room.Caller) {
	c.mu.Lock()
	docs := c.docs
	c.mu.Unlock()
	if docs != nil {
		docs.regrant(caller, bannedFrom)
	}
}

// farewell is a disconnect frame and the close frame, behind an error where there is
// one.
func (c *chat) farewell(g goodbye) []byte {
	var frames []byte
	if g.reason != "" {
		frames, _ = textFrame(0, wire.ErrorOf(room.Errorf(room.CodeBadRequest, "%s", g.reason)))
	}
	last, _ := textFrame(0, wire.DisconnectPush{
		Code: g.code, Reason: g.code.Name(), RetryAfterMS: g.retryAfter.Milliseconds(),
	})
	return append(append(frames, last...), closeFrame(g.code, g.code.Name())...)
}

var pingFrame, _ = textFrame(0, wire.PingPush{})

func (c *chat) pulse() pulse {
	return pulse{frame: pingFrame, every: c.srv.cfg.Limits.Ping, wait: c.srv.cfg.Limits.PongWait}
}

func (c *chat) lags() {
	if s := c.known(); s != nil {
		s.Close(hub.ReasonSlow)
		return
	}
	c.end(wire.CloseSlow, 0)
}

func (c *chat) settle() <-chan struct{} { return c.window.settle() }

// gone takes the peer out of its rooms and documents.
func (c *chat) gone() {
	c.mu.Lock()
	docs := c.docs
	c.mu.Unlock()
	if docs != nil {
		docs.close()
	}
	if s := c.known(); s != nil {
		s.Close(hub.ReasonGone)
	}
}

// known is the session, or nil while there is none.
func (c *chat) known() *hub.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// reply sends the answer to a command, if one is wanted.
func (c *chat) reply(id uint64, m wire.Message) {
	if id != 0 {
		c.send(id, m)
	}
}

// send sends what the peer has asked for.
func (c *chat) send(id uint64, m wire.Message) { c.out.reply(c.encode(id, m)) }

// encode makes a frame of what goes to this peer alone.
func (c *chat) encode(id uint64, m wire.Message) []byte { return c.fit(textFrame(id, m)) }

// fail answers with an error even if there is no id to answer under.
func (c *chat) fail(id uint64, err error) { c.send(id, wire.ErrorOf(err)) }

// failCommand answers a command with an error, if an answer is wanted.
func (c *chat) failCommand(id uint64, err error) {
	if id != 0 {
		c.fail(id, err)
	}
}

// refuse answers with an error and ends the connection.
func (c *chat) refuse(id uint64, err error, code wire.CloseCode) {
	c.fail(id, err)
	c.end(code, room.AsError(err).RetryAfter)
}
