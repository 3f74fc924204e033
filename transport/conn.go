package transport

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// closeTimeout bounds the peer's part of the close handshake.
const closeTimeout = 5 * time.Second

// conn is one WebSocket connection. One goroutine owns it, and on the way out waits
// for what it has started; there is no writer. It is the hub.Outlet of its session.
type conn struct {
	// static after the handshake
	srv  *Server
	ws   *websocket.Conn
	sock socket // beneath ws
	out  sender // beneath both

	// owned by the reader, which is the owner, or a worker while the owner waits for it
	guest     bool
	malformed int
	limit     limiter
	publishes window

	// shared
	heard atomic.Int64            // when the peer was last heard, in Unix nanoseconds
	bye   atomic.Pointer[goodbye] // set once: the connection is to end, or has
	tasks sync.WaitGroup          // what writes a backlog
	made  bool                    // the handshake is over; guarded by connections.mu

	mu      sync.Mutex   // guards what follows, but for the reader, who alone sets session
	session *hub.Session // nil until the caller is known
	clock   clock
	stop    context.CancelFunc // ends the command under way; nil: there is none
}

// goodbye is how a connection ends: with a disconnect frame and a close code, or,
// for code 0, with nobody left to say it to.
type goodbye struct{ code wire.CloseCode }

func newConn(s *Server) *conn {
	c := &conn{srv: s, limit: newLimiter(s.cfg.Limits), publishes: window{max: s.cfg.Limits.InFlight}}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// open takes the connection that was hijacked.
func (c *conn) open(under net.Conn, ahead []byte) {
	c.out.most, c.out.longest = c.srv.cfg.Limits.QueueBytes, c.srv.cfg.Limits.QueueAge
	c.out.tasks, c.out.late, c.out.over = &c.tasks, c.lagged, c.written
	raw := c.srv.rawConn(under)
	c.out.open(under, raw)
	c.sock.open(under, raw, ahead, &c.out)
}

// rawConn gives the socket itself, for reads and writes that do not wait, or nil.
// What stands around a socket, as TLS does, has a Read and Write of its own.
func (s *Server) rawConn(under net.Conn) syscall.RawConn {
	if s.cfg.PlainIO {
		return nil
	}
	switch under.(type) {
	case *net.TCPConn, *net.UnixConn:
		raw, err := under.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil
		}
		return raw
	}
	return nil
}

// Deliver sends what a room brings; see hub.Outlet.
func (c *conn) Deliver(r *hub.Round, from int) bool {
	return c.out.round(r, from)
}

// End says goodbye for the hub; see hub.Outlet.
func (c *conn) End(why hub.Reason) {
	if why != hub.ReasonGone {
		c.endDropping(closeCode(why))
	}
}

// lagged ends the connection of a peer that lags too much.
func (c *conn) lagged() {
	if s := c.known(); s != nil {
		s.Close(hub.ReasonSlow)
		return
	}
	c.end(wire.CloseSlow, 0)
}

// known is the session, or nil while there is none.
func (c *conn) known() *hub.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// release ends everything that the connection started, and waits for it.
func (c *conn) release() {
	c.bye.CompareAndSwap(nil, &goodbye{})
	c.mu.Lock()
	c.clock.end()
	c.mu.Unlock()
	c.depart()
	c.out.abandon()
	c.tasks.Wait()
	_ = c.ws.CloseNow()
}

// abort ends the connection without a word.
func (c *conn) abort() {
	c.bye.CompareAndSwap(nil, &goodbye{})
	c.interrupt()
	c.out.stop()
}

// survive keeps a panic of the reader to its own connection, and tells the peer and
// the operator of it.
func (c *conn) survive() {
	if fault := recover(); fault != nil {
		c.srv.cfg.Logger.Error().Str("path", "/ws").Interface("panic", fault).Bytes("stack", debug.Stack()).Msg("panic in a connection")
		c.end(wire.CloseInternal, 0)
	}
}

// depart takes the peer out of its rooms.
func (c *conn) depart() {
	if s := c.known(); s != nil {
		s.Close(hub.ReasonGone)
	}
}

// end says goodbye with a code, once: a disconnect frame behind all that waits, and
// the close frame. The peer's own close frame is then the reader's to wait for.
func (c *conn) end(code wire.CloseCode, retryAfter time.Duration) { c.say(code, retryAfter, false) }

// endDropping is end without all that waits.
func (c *conn) endDropping(code wire.CloseCode) { c.say(code, 0, true) }

func (c *conn) say(code wire.CloseCode, retryAfter time.Duration, drop bool) {
	if !c.bye.CompareAndSwap(nil, &goodbye{code}) {
		return
	}
	last, _ := textFrame(0, wire.DisconnectPush{
		Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds(),
	})
	c.out.goodbye(append(last, closeFrame(code)...), drop)
	c.interrupt()
	c.depart()
}

// written hears that nothing more goes out: the peer has closeTimeout to say its
// part, or is not heard any more. Whatever it sends in place of its close frame, it
// has no longer than that.
func (c *conn) written(sent bool) {
	until := longAgo
	if sent {
		until = time.Now().Add(closeTimeout)
	}
	_ = c.sock.SetReadDeadline(until)
}

// interrupt ends the command under way.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop()
	}
}

// reply sends the answer to a command, if one is wanted.
func (c *conn) reply(id uint64, m wire.Message) {
	if id != 0 {
		c.send(id, m)
	}
}

// send sends what the peer has asked for.
func (c *conn) send(id uint64, m wire.Message) { c.out.reply(c.encode(id, m)) }

// encode makes a frame of what goes to this peer alone.
func (c *conn) encode(id uint64, m wire.Message) []byte {
	frame, message := textFrame(id, m)
	if c.out.deflate {
		frame = c.srv.compression().appendFrame(nil, frame, message)
	}
	return frame
}

// fail answers with an error even if there is no id to answer under.
func (c *conn) fail(id uint64, err error) { c.send(id, wire.ErrorOf(err)) }

// failCommand answers a command with an error, if an answer is wanted.
func (c *conn) failCommand(id uint64, err error) {
	if id != 0 {
		c.fail(id, err)
	}
}

// refuse answers with an error and ends the connection.
func (c *conn) refuse(id uint64, err error, code wire.CloseCode) {
	c.fail(id, err)
	c.end(code, room.AsError(err).RetryAfter)
}
