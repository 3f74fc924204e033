package transport

import (
	"time"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// clock is the times of one connection: one timer for all of them.
type clock struct {
	timer   *time.Timer // nil once the connection has ended
	connect time.Time   // when the caller must be known
	expires time.Time   // when the token is over, grace included; zero: no caller yet
	pinged  time.Time   // when the peer was last pinged
}

// start begins to watch the time.
func (c *conn) startClock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.connect = time.Now().Add(connectTimeout)
	c.clock.timer = time.AfterFunc(connectTimeout, c.tick)
}

// allow gives the caller so long from now on to be known.
func (c *conn) allow(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.connect = time.Now().Add(d)
}

func (t *clock) end() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}

// expireAt cuts the connection some time after its token has ended, unless a new
// one moves that.
func (c *conn) expireAt(t time.Time) {
	c.mu.Lock()
	c.clock.expires = t.Add(c.srv.cfg.Identity.Grace)
	c.mu.Unlock()
	c.tick()
}

// tick does what is due, and sets the timer for what is next.
func (c *conn) tick() {
	now := time.Now()
	c.mu.Lock()
	t := &c.clock
	if t.timer == nil || c.bye.Load() != nil {
		c.mu.Unlock()
		return
	}
	code, ping := wire.CloseCode(0), false
	next := t.connect
	switch {
	case t.expires.IsZero() && !now.Before(t.connect):
		code = wire.CloseConnectTimeout
	case t.expires.IsZero():
	case !now.Before(t.expires):
		code = wire.CloseTokenExpired
	default:
		next, ping, code = t.silence(now, time.Unix(0, c.heard.Load()), c.srv.cfg.Limits)
		if t.expires.Before(next) {
			next = t.expires
		}
	}
	if code == 0 {
		t.timer.Reset(next.Sub(now))
	}
	c.mu.Unlock()
	switch {
	case code != 0:
		c.end(code, 0)
	case ping:
		c.out.frame(pingFrame)
	}
}

var pingFrame, _ = textFrame(0, wire.PingPush{})

// silence judges a peer by when it was last heard: it is pinged after a while, and
// cut if it has not been heard for another. It gives when to judge again.
func (t *clock) silence(now, heard time.Time, l Limits) (next time.Time, ping bool, code wire.CloseCode) {
	cut := t.pinged.Add(l.PongWait)
	switch {
	case t.pinged.After(heard) && !now.Before(cut):
		return now, false, wire.CloseNoPong
	case t.pinged.After(heard):
		return cut, false, 0
	case now.Sub(heard) >= l.Ping:
		t.pinged = now
		return now.Add(l.PongWait), true, 0
	}
	return heard.Add(l.Ping), false, 0
}
