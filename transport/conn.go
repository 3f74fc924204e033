package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// closeTimeout bounds the peer's part of the close handshake.
const closeTimeout = 5 * time.Second

// conn is one WebSocket connection, whatever is spoken on it. One goroutine owns it, and
// on the way out waits for what it has started; there is no writer.
type conn struct {
	// static after the handshake
	srv    *Server
	speaks protocol
	ws     *websocket.Conn
	sock   socket // beneath ws
	out    sender // beneath both

	// owned by the reader, which is the owner, or a worker while the owner waits for it
	limit limiter

	// shared
	heard    atomic.Int64            // when the peer was last heard, in Unix nanoseconds
	bye      atomic.Pointer[goodbye] // set once: the connection is to end, or has
	tasks    sync.WaitGroup          // what writes a backlog
	greeting bool                    // a greeter is yet to greet; the reader's

	mu    sync.Mutex // guards what follows
	clock clock
	stop  context.CancelFunc // ends the command under way; nil: there is none
}

func newConn(s *Server, speak func(*conn) protocol) *conn {
	c := &conn{srv: s, limit: newLimiter(s.cfg.Limits)}
	c.speaks = speak(c)
	_, c.greeting = c.speaks.(greeter)
	c.hear()
	return c
}

// hear notes that the peer is there.
func (c *conn) hear() { c.heard.Store(time.Now().UnixNano()) }

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

// serve runs the connection: this goroutine owns it. What a frame needs is done by a
// worker, while this one waits.
func (c *conn) serve() {
	defer c.release()
	c.startClock()
	for on := true; on && c.bye.Load() == nil; {
		for wait := !c.greeting; wait; wait = c.passPongs() {
			c.sock.await()
		}
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

// passPongs takes the pongs that come between two messages. It is true if nothing else
// has come.
func (c *conn) passPongs() bool {
	if !c.speaks.pulse().pings() || !c.sock.passPongs() {
		return false
	}
	c.hear()
	return c.sock.empty()
}

// turn serves the greeting or the next message. It is false when the connection is over.
func (c *conn) turn() (on bool) {
	defer c.survive()
	if c.greeting {
		c.greeting = false
		ctx, cancel := c.command()
		defer cancel()
		return c.bye.Load() == nil && c.speaks.(greeter).greet(ctx)
	}
	if c.out.room(c.srv.ctx) != nil {
		return false
	}
	data, ok := c.read()
	if !ok {
		return false
	}
	ctx, cancel := c.command()
	defer cancel()
	return c.bye.Load() == nil && c.speaks.handle(ctx, data)
}

// command gives the context of what is served now: it ends with the connection.
func (c *conn) command() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.srv.ctx)
	c.mu.Lock()
	c.stop = cancel
	c.mu.Unlock()
	return ctx, cancel
}

// read gives the next message. It is false when the connection is over.
func (c *conn) read() (data []byte, ok bool) {
	wanted, most := c.speaks.accepts()
	c.ws.SetReadLimit(int64(most))
	kind, r, err := c.ws.Reader(context.Background())
	in := message{from: r}
	switch {
	case err != nil:
	case wanted == websocket.MessageText:
		data, err = readText(kind, &in)
	default:
		data, err = readBinary(kind, &in, most)
	}
	if code := faultCode(err); code != 0 {
		c.say(goodbye{code: code, reason: err.Error()}, false)
		if r != nil { // so that the peer's close frame is found behind the rest of it
			in.drain()
		}
	}
	if err != nil {
		return nil, false
	}
	c.hear()
	return data, true
}

// message is one that is being read. Behind its end coder/websocket must not be asked
// for more: the decompressor that it would read from is another connection's by then.
type message struct {
	from io.Reader
	over bool
}

// Read gives more of the message.
func (m *message) Read(p []byte) (int, error) {
	if m.over {
		return 0, io.EOF
	}
	n, err := m.from.Read(p)
	m.over = err != nil
	return n, err
}

// drain reads what is left.
func (m *message) drain() {
	buf := make([]byte, readPiece)
	for !m.over {
		_, _ = m.Read(buf)
	}
}

// faultCode is what the peer is told when reading fails by its own doing, else 0.
func faultCode(err error) wire.CloseCode {
	if _, bad := errors.AsType[frameError](err); bad {
		return wire.CloseBadProtocol
	}
	if _, large := errors.AsType[largeError](err); large {
		return wire.CloseTooBig
	}
	return 0
}

// lagged hears from the sender that the peer lags too much.
func (c *conn) lagged() { c.speaks.lags() }

// release ends everything that the connection started, and waits for it.
func (c *conn) release() {
	c.bye.CompareAndSwap(nil, &goodbye{})
	c.mu.Lock()
	c.clock.end()
	c.mu.Unlock()
	c.speaks.gone()
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
		c.srv.cfg.Logger.Error().Str("path", c.speaks.path()).Interface("panic", fault).Bytes("stack", debug.Stack()).Msg("panic in a connection")
		c.end(wire.CloseInternal, 0)
	}
}

// end says goodbye with a code, once, behind all that waits. The peer's own close frame
// is then the reader's to wait for.
func (c *conn) end(code wire.CloseCode, retryAfter time.Duration) {
	c.say(goodbye{code: code, retryAfter: retryAfter}, false)
}

// endDropping is end without all that waits.
func (c *conn) endDropping(code wire.CloseCode) { c.say(goodbye{code: code}, true) }

// say is end, or with drop endDropping, in the protocol's own words.
func (c *conn) say(g goodbye, drop bool) {
	if !c.bye.CompareAndSwap(nil, &g) {
		return
	}
	c.out.goodbye(c.speaks.farewell(g), drop)
	c.interrupt()
	c.speaks.gone()
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

// fit gives a frame, whose message begins at the place given, as this peer takes it:
// compressed, where that is agreed on and worth it.
func (c *conn) fit(frame []byte, message int) []byte {
	if !c.out.deflate {
		return frame
	}
	return c.srv.compression().appendFrame(nil, frame, message)
}
