package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// conn is one WebSocket connection. The goroutine that accepted it reads; it
// starts the writer and the timers, and on the way out waits for them.
type conn struct {
	// static after connect
	srv     *Server
	ws      *websocket.Conn
	session *hub.Session
	guest   bool

	// owned by the reader
	malformed int
	limit     *limiter
	publishes *window

	// shared
	heard atomic.Int64   // when the peer was last heard, in Unix nanoseconds
	tasks sync.WaitGroup // the writer and the one that says goodbye
	ended sync.Once

	mu      sync.Mutex // guards the timers
	silence *time.Timer
	expiry  *time.Timer
	over    bool // no timer is started any more
}

func newConn(s *Server, ws *websocket.Conn) *conn {
	c := &conn{srv: s, ws: ws, limit: newLimiter(s.cfg.Limits), publishes: newWindow(s.cfg.Limits.InFlight)}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// release ends everything that the connection started, and waits for it.
func (c *conn) release() {
	c.mu.Lock()
	c.over = true
	stopTimer(c.silence)
	stopTimer(c.expiry)
	c.mu.Unlock()
	c.ended.Do(func() { _ = c.ws.CloseNow() }) // unless somebody is saying goodbye
	if c.session != nil {
		c.session.Close(hub.ReasonGone)
	}
	c.tasks.Wait()
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// end says goodbye with a code, once: a disconnect frame and the close handshake,
// beside whatever goes on. The reader ends with it.
func (c *conn) end(code wire.CloseCode, retryAfter time.Duration) {
	c.ended.Do(func() {
		c.tasks.Go(func() {
			_ = c.writeFrame(wire.Encode(0, wire.DisconnectPush{Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds()}))
			_ = c.ws.Close(websocket.StatusCode(code), code.Name())
		})
	})
}

// reply queues the answer to a command, if one is wanted.
func (c *conn) reply(id uint64, m wire.Message) {
	if id != 0 {
		c.session.Send(hub.Frame{Data: wire.Encode(id, m)})
	}
}

// fail answers with an error even if there is no id to answer under.
func (c *conn) fail(id uint64, err error) {
	c.session.Send(hub.Frame{Data: wire.Encode(id, wire.ErrorOf(err))})
}

// failCommand answers a command with an error, if an answer is wanted.
func (c *conn) failCommand(id uint64, err error) {
	if id != 0 {
		c.fail(id, err)
	}
}

// refuse answers the first frame with an error and ends the connection. There is
// no session and no writer yet.
func (c *conn) refuse(id uint64, err error, code wire.CloseCode) {
	_ = c.writeFrame(wire.Encode(id, wire.ErrorOf(err)))
	c.end(code, room.AsError(err).RetryAfter)
}

// watchSilence pings a peer that was not heard for a while, and cuts it if it
// does not answer.
func (c *conn) watchSilence() {
	ping, grace := c.srv.cfg.Limits.Ping, c.srv.cfg.Limits.PongWait
	quiet := time.Since(time.Unix(0, c.heard.Load()))
	switch {
	case quiet >= ping+grace:
		c.end(wire.CloseNoPong, 0)
		return
	case quiet >= ping:
		c.session.Send(hub.Frame{Data: pingFrame})
		c.startSilence(ping + grace - quiet)
	default:
		c.startSilence(ping - quiet)
	}
}

var pingFrame = wire.Encode(0, wire.PingPush{})

func (c *conn) startSilence(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.silence = time.AfterFunc(d, c.watchSilence)
	}
}

// expireAt cuts the connection some time after its token has ended, unless a new
// one moves that.
func (c *conn) expireAt(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stopTimer(c.expiry)
	if !c.over {
		c.expiry = time.AfterFunc(time.Until(t)+c.srv.cfg.Identity.Grace, func() { c.end(wire.CloseTokenExpired, 0) })
	}
}
