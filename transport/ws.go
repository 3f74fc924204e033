package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	connectTimeout = 5 * time.Second  // from the handshake to the connect command
	writeTimeout   = 10 * time.Second // for a stream's bytes to leave, or a goodbye behind others
	maxMalformed   = 3                // frames in a row
)

// serveWS is GET /ws.
func (s *Server) serveWS(w http.ResponseWriter, r *http.Request) {
	s.upgrade(w, r, upgrade{
		subprotocols: []string{wire.Subprotocol}, compression: s.compression(), protocol: newChat,
	})
}

// handle serves one frame. It is false when the connection is over.
func (c *chat) handle(ctx context.Context, data []byte) bool {
	if c.session == nil {
		return c.connect(ctx, data)
	}
	return c.serveCommand(ctx, data)
}

// connect takes the first frame, which must be a connect command.
func (c *chat) connect(ctx context.Context, data []byte) bool {
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
	return c.admit(ctx, cmd.ID, body)
}

// admit makes the caller known to the hub.
func (c *chat) admit(ctx context.Context, id uint64, cmd *wire.Connect) bool {
	c.allow(admissionWait + connectTimeout)
	if err := c.srv.welcome(ctx); err != nil {
		c.refuse(id, err, wire.CloseOverloaded)
		return false
	}
	who, err := c.srv.introduce(c.sock.RemoteAddr().String(), cmd.Token, cmd.Name)
	if err != nil {
		c.refuse(id, err, refusalCode(err))
		return false
	}
	session, err := c.srv.cfg.Hub.Connect(who.Caller(), c)
	if err != nil {
		code := wire.CloseShutdown
		if !room.AsError(err).Code.Retryable() {
			code = refusalCode(err)
		}
		c.refuse(id, err, code)
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
	return true
}

// serveCommand serves one command. It is false when the connection is over.
func (c *chat) serveCommand(ctx context.Context, data []byte) bool {
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

// refusalCode says how a connection ends whose caller is not let in.
func refusalCode(err error) wire.CloseCode {
	switch room.AsError(err).Code {
	case room.CodeTokenExpired:
		return wire.CloseTokenExpired
	case room.CodeForbidden:
		return wire.CloseBanned
	case room.CodeUnavailable:
		return wire.CloseOverloaded
	default:
		return wire.CloseUnauthorized
	}
}

// closeCode maps the end of a session to what the peer is told.
func closeCode(why hub.Reason) wire.CloseCode {
	switch why {
	case hub.ReasonSlow:
		return wire.CloseSlow
	case hub.ReasonShutdown:
		return wire.CloseShutdown
	case hub.ReasonMoved:
		return wire.CloseMoved
	case hub.ReasonDisconnected:
		return wire.CloseDisconnected
	case hub.ReasonBanned:
		return wire.CloseBanned
	case hub.ReasonRevoked:
		return wire.CloseRevoked
	case hub.ReasonGone:
	}
	return wire.CloseInternal
}
