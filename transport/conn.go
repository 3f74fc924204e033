package transport

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// closeTimeout bounds the peer's part of the close handshake.
const closeTimeout = 5 * time.Second

// conn is one WebSocket connection. The goroutine that accepted it reads; it
// starts the writer and the timers, and on the way out waits for them.
type conn struct {
	// static after connect
	srv     *Server
	ws      *websocket.Conn
	net     net.Conn     // beneath ws
	session *hub.Session // nil until the caller is known
	guest   bool

	// owned by the reader
	malformed int
	limit     *limiter
	publishes *window

	// shared
	heard atomic.Int64            // when the peer was last heard, in Unix nanoseconds
	tasks sync.WaitGroup          // the writer, or without a session the one that says goodbye
	bye   atomic.Pointer[goodbye] // set once, under mu: the connection is to end, or has

	pinged time.Time // when the peer was last pinged; owned by watchSilence

	mu      sync.Mutex // guards the timers, and that nothing starts behind release
	silence *time.Timer
	expiry  *time.Timer
}

// goodbye is how a connection ends: a disconnect frame and a close code. Without a
// frame there is nobody left to say it to.
type goodbye struct {
	code  wire.CloseCode
	frame []byte
}

// is reports whether f is the goodbye's own frame.
func (g *goodbye) is(f hub.Frame) bool {
	return g != nil && len(g.frame) > 0 && &g.frame[0] == &f.Data[0]
}

func newConn(s *Server, ws *websocket.Conn, under net.Conn) *conn {
	c := &conn{
		srv: s, ws: ws, net: under,
		limit: newLimiter(s.cfg.Limits), publishes: newWindow(s.cfg.Limits.InFlight),
	}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// release ends everything that the connection started, and waits for it.
func (c *conn) release() {
	c.mu.Lock()
	stopTimer(c.silence)
	stopTimer(c.expiry)
	unsaid := c.bye.CompareAndSwap(nil, &goodbye{})
	c.mu.Unlock()
	if unsaid { // else somebody is saying it
		c.depart()
		_ = c.ws.CloseNow()
	}
	c.tasks.Wait()
	c.depart()
	_ = c.ws.CloseNow()
}

// survive tells the peer of a panic of the reader, before guard tells the operator.
func (c *conn) survive() {
	if fault := recover(); fault != nil {
		c.end(wire.CloseInternal, 0)
		panic(fault)
	}
}

// depart takes the peer out of its rooms.
func (c *conn) depart() {
	if c.session != nil {
		c.session.Close(hub.ReasonGone)
	}
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// end says goodbye with a code, once: a disconnect frame behind all that is queued
// already, and the close handshake. The reader ends with it.
func (c *conn) end(code wire.CloseCode, retryAfter time.Duration) {
	bye := &goodbye{code, wire.Encode(0, wire.DisconnectPush{
		Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds(),
	})}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.bye.CompareAndSwap(nil, bye):
	case c.session != nil:
		c.session.Send(hub.Frame{Data: bye.frame}) // for the writer, which knows it
	default:
		c.tasks.Go(func() { c.say(bye) })
	}
}

// say writes the goodbye, at once.
func (c *conn) say(bye *goodbye) {
	if bye.frame != nil && c.writeFrame(bye.frame) == nil {
		c.close(bye.code)
	}
	_ = c.ws.CloseNow()
}

// close is the close handshake. Whatever the peer sends in place of its close
// frame, it has closeTimeout: the library alone would pass a frame's payload by
// for as long as that takes to come.
func (c *conn) close(code wire.CloseCode) {
	c.depart()
	_ = c.net.SetReadDeadline(time.Now().Add(closeTimeout))
	_ = c.ws.Close(websocket.StatusCode(code), code.Name())
}

// reply queues the answer to a command, if one is wanted.
func (c *conn) reply(id uint64, m wire.Message) {
	if id != 0 {
		c.session.Reply(hub.Frame{Data: wire.Encode(id, m)})
	}
}

// fail answers with an error even if there is no id to answer under.
func (c *conn) fail(id uint64, err error) {
	c.session.Reply(hub.Frame{Data: wire.Encode(id, wire.ErrorOf(err))})
}

// failCommand answers a command with an error, if an answer is wanted.
func (c *conn) failCommand(id uint64, err error) {
	if id != 0 {
		c.fail(id, err)
	}
}

// refuse answers with an error and ends the connection.
func (c *conn) refuse(id uint64, err error, code wire.CloseCode) {
	if c.session != nil {
		c.fail(id, err)
	} else {
		_ = c.writeFrame(wire.Encode(id, wire.ErrorOf(err))) // there is no writer yet
	}
	c.end(code, room.AsError(err).RetryAfter)
}

// watchSilence pings a peer that was not heard for a while, and cuts it if it has
// not been heard since. One call follows another.
func (c *conn) watchSilence() {
	heard := time.Unix(0, c.heard.Load())
	ping, grace := c.srv.cfg.Limits.Ping, c.srv.cfg.Limits.PongWait
	switch quiet, waited := time.Since(heard), time.Since(c.pinged); {
	case c.pinged.After(heard) && waited >= grace:
		c.end(wire.CloseNoPong, 0)
	case c.pinged.After(heard):
		c.startSilence(grace - waited)
	case quiet >= ping:
		c.pinged = time.Now()
		c.session.Send(hub.Frame{Data: pingFrame})
		c.startSilence(grace)
	default:
		c.startSilence(ping - quiet)
	}
}

var pingFrame = wire.Encode(0, wire.PingPush{})

func (c *conn) startSilence(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bye.Load() == nil {
		c.silence = time.AfterFunc(d, c.watchSilence)
	}
}

// expireAt cuts the connection some time after its token has ended, unless a new
// one moves that.
func (c *conn) expireAt(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stopTimer(c.expiry)
	if c.bye.Load() == nil {
		c.expiry = time.AfterFunc(time.Until(t)+c.srv.cfg.Identity.Grace, func() { c.end(wire.CloseTokenExpired, 0) })
	}
}
