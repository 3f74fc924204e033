package transport

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	connectTimeout = 5 * time.Second  // from the handshake to the connect command
	writeTimeout   = 10 * time.Second // for one frame to leave
	maxMalformed   = 3                // frames in a row
)

// serveWS is GET /ws. Origin and query were checked by guard.
func (s *Server) serveWS(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // it would be taken for frames
		s.writeError(w, r, room.Errorf(room.CodeBadRequest, "body: a request that opens a WebSocket has none"))
		return
	}
	h := &limitHijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{wire.Subprotocol},
		InsecureSkipVerify: true, // the origin is guard's to check
	})
	if err != nil {
		return // Accept has answered
	}
	s.conns.Add(1)
	defer s.conns.Done()
	c := newConn(s, ws, h.conn)
	if offered := r.Header.Get("Sec-WebSocket-Protocol"); offered != "" && ws.Subprotocol() == "" {
		c.refuse(0, room.Errorf(room.CodeBadRequest, "Sec-WebSocket-Protocol: does not offer %s", wire.Subprotocol), wire.CloseBadProtocol)
		c.release()
		return
	}
	c.serve(r.Context())
}

// serve runs the connection: this goroutine reads, and owns the writer and the
// timers.
func (c *conn) serve(ctx context.Context) {
	defer c.release()
	defer c.survive()
	c.ws.SetReadLimit(wire.MaxConnectFrame)
	if !c.connect(ctx) {
		return
	}
	c.ws.SetReadLimit(int64(c.srv.cfg.Limits.Frame))
	c.tasks.Go(c.write)
	c.watchSilence()
	for {
		if err := c.session.Room(ctx); err != nil {
			c.end(closeCode(err), 0)
			return
		}
		data, ok := c.read(ctx)
		if !ok || !c.handle(ctx, data) {
			return
		}
	}
}

// read gives the next frame. It is false when the connection is over.
func (c *conn) read(ctx context.Context) ([]byte, bool) {
	kind, data, err := c.ws.Read(ctx)
	fault, bad := errors.AsType[frameError](err)
	switch {
	case bad:
		c.refuse(0, room.Errorf(room.CodeBadRequest, "%v", fault), wire.CloseBadProtocol)
		return nil, false
	case err != nil:
		return nil, false
	case kind != websocket.MessageText:
		c.refuse(0, room.Errorf(room.CodeBadRequest, "frame: is binary; send text"), wire.CloseBadProtocol)
		return nil, false
	case !utf8.Valid(data): // which the library leaves to us, and the RFC does not forgive
		c.refuse(0, room.Errorf(room.CodeBadRequest, "frame: is not valid UTF-8; send JSON in UTF-8"), wire.CloseBadProtocol)
		return nil, false
	}
	c.heard.Store(time.Now().UnixNano())
	return data, true
}

// connect takes the first frame, which must be a connect command.
func (c *conn) connect(ctx context.Context) bool {
	first, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(connectTimeout, func() { c.end(wire.CloseConnectTimeout, 0) })
	data, ok := c.read(first)
	if !late.Stop() || !ok {
		return false
	}
	cmd, err := wire.DecodeCommand(data)
	if err != nil {
		c.refuse(cmd.ID, err, wire.CloseBadProtocol)
		return false
	}
	body, ok := cmd.Body.(*wire.Connect)
	if !ok {
		c.refuse(cmd.ID, room.Errorf(room.CodeUnauthorized, "send connect first"), wire.CloseUnauthorized)
		return false
	}
	return c.admit(cmd.ID, body)
}

// admit makes the caller known to the hub.
func (c *conn) admit(id uint64, cmd *wire.Connect) bool {
	who, err := c.srv.introduce(c.net.RemoteAddr().String(), cmd.Token, cmd.Name)
	if err != nil {
		code := wire.CloseUnauthorized
		if room.AsError(err).Code == room.CodeTokenExpired {
			code = wire.CloseTokenExpired
		}
		c.refuse(id, err, code)
		return false
	}
	session, err := c.srv.cfg.Hub.Connect(who.Caller())
	if err != nil {
		c.refuse(id, err, wire.CloseShutdown)
		return false
	}
	c.session, c.guest = session, who.Guest
	c.expireAt(who.Expires)
	c.reply(id, wire.Connected{
		User: who.User, Name: who.Name, Conn: session.ID(),
		PingMS: c.srv.cfg.Limits.Ping.Milliseconds(), ExpiresAt: who.Expires.UnixMilli(), Token: who.issued,
		Server: "hubbub " + c.srv.cfg.Version, Version: wire.Version,
	})
	return true
}

// handle serves one frame. It is false when the connection is over.
func (c *conn) handle(ctx context.Context, data []byte) bool {
	cmd, err := wire.DecodeCommand(data)
	if err != nil && wire.Malformed(err) {
		c.limit.refuse(ctx)
		c.fail(cmd.ID, err)
		if c.malformed++; c.malformed >= maxMalformed {
			c.end(wire.CloseBadProtocol, 0)
			return false
		}
		return true
	}
	c.malformed = 0
	if wait, ok := c.limit.take(cost(cmd)); !ok {
		c.limit.refuse(ctx)
		c.failCommand(cmd.ID, &room.Error{Code: room.CodeRateLimited, Message: "too many commands; wait before the next", RetryAfter: wait})
		return true
	}
	if err == nil {
		err = c.dispatch(ctx, cmd)
	}
	if err != nil {
		c.failCommand(cmd.ID, err)
	}
	return true
}

// write takes the frames that are queued for the peer to the socket, until the
// session ends or the goodbye is among them.
func (c *conn) write() {
	var frames []hub.Frame
	for {
		var err error
		frames, err = c.session.Next(context.Background(), frames)
		if err != nil {
			c.end(closeCode(err), 0)
			c.say(c.bye.Load())
			return
		}
		for _, f := range frames {
			if bye := c.bye.Load(); bye.is(f) {
				c.say(bye)
				return
			}
			if err := c.writeFrame(f.Data); err != nil {
				c.depart()
				_ = c.ws.CloseNow()
				return
			}
		}
	}
}

func (c *conn) writeFrame(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, data)
}

// closeCode maps the end of a session to what the peer is told.
func closeCode(err error) wire.CloseCode {
	if errors.Is(err, context.Canceled) {
		return wire.CloseShutdown // the server's own context
	}
	switch reason, _ := errors.AsType[hub.Reason](err); reason {
	case hub.ReasonSlow:
		return wire.CloseSlow
	case hub.ReasonShutdown:
		return wire.CloseShutdown
	case hub.ReasonDisconnected:
		return wire.CloseDisconnected
	}
	return wire.CloseInternal
}
