package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// protocol is what is spoken on a connection, for one peer. The connection is the
// socket and all that any protocol needs of one; a protocol embeds its connection, and
// is made with it.
type protocol interface {
	// path names the connection to the operator. It holds no secret; see redacted.
	path() string

	// accepts says what the next message must be: text, which is then checked to be
	// UTF-8, or binary, and of how many bytes at the most. The reader asks before each.
	accepts() (kind websocket.MessageType, most int)

	// handle serves a message, for the reader, which waits for it; ctx ends with the
	// connection. It is false when the connection is over.
	handle(ctx context.Context, data []byte) bool

	// farewell gives the frames of a goodbye, ready for the wire. The last of them is
	// the close frame. Like all that follows it may be called by any goroutine.
	farewell(g goodbye) []byte

	// pulse says how the peer is asked for a sign of life. It is the same each time.
	pulse() pulse

	// settle has no more of what the log must answer taken from the peer: the reader
	// waits before it. What it gives is closed once the log has answered all of it.
	settle() <-chan struct{}

	// lags hears that the peer lags too much. It is to end the connection, and nothing
	// but the goodbye will go out.
	lags()

	// gone hears that the connection is over, maybe more than once: the peer is to
	// leave whatever it is in.
	gone()
}

// greeter is a protocol in which the hub speaks first.
type greeter interface {
	// greet is called by the reader before the first message; see handle. Before it
	// nothing can be sent.
	greet(ctx context.Context) bool
}

// goodbye is how a connection ends: with a code that the peer is told, or, for code 0,
// with nobody left to say it to.
type goodbye struct {
	code       wire.CloseCode // the hub's, or one that the protocol alone knows
	reason     string         // in words, what is wrong with what the peer sent; "": the code says it all
	retryAfter time.Duration  // 0: that is for the peer to know
}

// said reports whether there is a goodbye for the peer to answer.
func (g *goodbye) said() bool { return g != nil && g.code != 0 }

// pulse is a question for a sign of life. Any message of the protocol's is one, and a
// pong, if the question is a WebSocket ping.
type pulse struct {
	frame  []byte        // the question, ready for the wire
	every  time.Duration // is asked after so long a silence
	wait   time.Duration // and cut off after so long a further one
	steady bool          // ask every so often, silence or not
}

// pings reports whether the question is a WebSocket ping.
func (p pulse) pings() bool { return p.frame[0] == finPing }

// upgrade is what becomes of a request that is to be a WebSocket.
type upgrade struct {
	subprotocols []string    // a client that offers some must offer one of these; none: whatever it offers
	compression  compression // when messages are compressed; below 0: that is not agreed on
	protocol     func(*conn) protocol
}

// upgrade makes a connection of a request. Origin and query were checked by guard. It
// returns as soon as the connection is made, so that net/http lets go of what it holds
// for a request.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, u upgrade) {
	if r.ContentLength != 0 { // it would be taken for frames
		s.writeError(w, r, room.Errorf(room.CodeBadRequest, "body: a request that opens a WebSocket has none"))
		return
	}
	if err := s.refuseNew(); err != nil {
		s.writeError(w, r, err)
		return
	}
	c := newConn(s, u.protocol)
	if !s.conns.begin(c) {
		s.writeError(w, r, s.refusedLate())
		return
	}
	ws, err := websocket.Accept(&hijacker{ResponseWriter: w, conn: c}, r, u.options(c))
	if err != nil {
		s.conns.end(c)
		return // Accept has answered
	}
	c.out.deflate = negotiated(w.Header())
	c.ws = ws
	if r.Header.Get("Sec-WebSocket-Protocol") != "" && ws.Subprotocol() == "" && len(u.subprotocols) > 0 {
		c.say(goodbye{
			code:   wire.CloseBadProtocol,
			reason: "Sec-WebSocket-Protocol: does not offer " + u.subprotocols[0],
		}, false)
	}
	s.conns.start(c)
	go func() {
		defer s.conns.end(c)
		c.serve()
	}()
}

func (u upgrade) options(c *conn) *websocket.AcceptOptions {
	o := &websocket.AcceptOptions{
		Subprotocols:       u.subprotocols,
		InsecureSkipVerify: true, // the origin is guard's to check
		CompressionMode:    u.compression.mode(),
	}
	if c.speaks.pulse().pings() {
		o.OnPongReceived = func(context.Context, []byte) { c.hear() }
	}
	return o
}
