package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	connectTimeout = 5 * time.Second  // from the handshake to the connect command
	writeTimeout   = 10 * time.Second // for a stream's bytes to leave, or a goodbye behind others
	maxMalformed   = 3                // frames in a row
)

// serveWS is GET /ws. Origin and query were checked by guard. It returns as soon as
// the connection is made, so that net/http lets go of what it holds for a request.
func (s *Server) serveWS(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // it would be taken for frames
		s.writeError(w, r, room.Errorf(room.CodeBadRequest, "body: a request that opens a WebSocket has none"))
		return
	}
	c := newConn(s)
	if !s.conns.begin(c) {
		s.writeError(w, r, room.Errorf(room.CodeUnavailable, "the hub is going down"))
		return
	}
	ws, err := websocket.Accept(&hijacker{ResponseWriter: w, conn: c}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{wire.Subprotocol},
		InsecureSkipVerify: true, // the origin is guard's to check
		CompressionMode:    s.compression().mode(),
	})
	if err != nil {
		s.conns.end(c)
		return // Accept has answered
	}
	c.out.deflate = negotiated(w.Header())
	c.ws = ws
	if offered := r.Header.Get("Sec-WebSocket-Protocol"); offered != "" && ws.Subprotocol() == "" {
		c.refuse(0, room.Errorf(room.CodeBadRequest, "Sec-WebSocket-Protocol: does not offer %s", wire.Subprotocol), wire.CloseBadProtocol)
	}
	s.conns.start(c)
}

// serve runs the connection: this goroutine owns it. What a frame needs is done by a
// worker, while this one waits.
func (c *conn) serve() {
	defer c.release()
	c.ws.SetReadLimit(wire.MaxConnectFrame)
	c.startClock()
	for on := true; on && c.bye.Load() == nil; {
		c.sock.await()
		on = c.srv.workers.serve(c)
	}
	for c.bye.Load().said() { // the peer's close frame is still to come
		_, r, err := c.ws.Reader(context.Background())
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return
		}
	}
}

// said reports whether there is a goodbye for the peer to answer.
func (g *goodbye) said() bool { return g != nil && g.code != 0 }

// turn serves the next frame. It is false when the connection is over.
func (c *conn) turn() (on bool) {
	defer c.survive()
	if c.session == nil {
		return c.connect()
	}
	return c.next()
}

func (c *conn) next() bool {
	if c.out.room(c.srv.ctx) != nil {
		return false
	}
	data, ok := c.read()
	if !ok {
		return false
	}
	ctx, cancel := c.command()
	defer cancel()
	return c.bye.Load() == nil && c.handle(ctx, data)
}

// command gives the context of what is served now: it ends with the connection.
func (c *conn) command() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.srv.ctx)
	c.mu.Lock()
	c.stop = cancel
	c.mu.Unlock()
	return ctx, cancel
}

// read gives the next frame. It is false when the connection is over.
func (c *conn) read() ([]byte, bool) {
	var data []byte
	kind, r, err := c.ws.Reader(context.Background())
	if err == nil {
		data, err = readText(kind, r)
	}
	if fault, bad := errors.AsType[frameError](err); bad {
		c.refuse(0, room.Errorf(room.CodeBadRequest, "%v", fault), wire.CloseBadProtocol)
		if r != nil { // so that the peer's close frame is found behind the rest of it
			_, _ = io.Copy(io.Discard, r)
		}
	}
	if err != nil {
		return nil, false
	}
	c.heard.Store(time.Now().UnixNano())
	return data, true
}

// connect takes the first frame, which must be a connect command.
func (c *conn) connect() bool {
	data, ok := c.read()
	if !ok || c.bye.Load() != nil {
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
	ctx, cancel := c.command()
	defer cancel()
	c.allow(admissionWait + connectTimeout)
	if err := c.srv.welcome(ctx); err != nil {
		c.refuse(id, err, wire.CloseOverloaded)
		return false
	}
	who, err := c.srv.introduce(c.sock.RemoteAddr().String(), cmd.Token, cmd.Name)
	if err != nil {
		code := wire.CloseUnauthorized
		if room.AsError(err).Code == room.CodeTokenExpired {
			code = wire.CloseTokenExpired
		}
		c.refuse(id, err, code)
		return false
	}
	session, err := c.srv.cfg.Hub.Connect(who.Caller(), c)
	if err != nil {
		c.refuse(id, err, wire.CloseShutdown)
		return false
	}
	c.mu.Lock()
	c.session, c.guest = session, who.Guest
	c.mu.Unlock()
	c.reply(id, wire.Connected{
		User: who.User, Name: who.Name, Conn: session.ID(),
		PingMS: c.srv.cfg.Limits.Ping.Milliseconds(), ExpiresAt: who.Expires.UnixMilli(), Token: who.issued,
		Server: "hubbub " + c.srv.cfg.Version, Version: wire.Version,
	})
	c.expireAt(who.Expires)
	c.ws.SetReadLimit(int64(c.srv.cfg.Limits.Frame))
	return true
}

// handle serves one command. It is false when the connection is over.
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

// closeCode maps the end of a session to what the peer is told.
func closeCode(why hub.Reason) wire.CloseCode {
	switch why {
	case hub.ReasonSlow:
		return wire.CloseSlow
	case hub.ReasonShutdown:
		return wire.CloseShutdown
	case hub.ReasonDisconnected:
		return wire.CloseDisconnected
	case hub.ReasonGone:
	}
	return wire.CloseInternal
}
