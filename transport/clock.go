package transport

import (
	"time"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// never is an end that does not come.
var never = time.Unix(1<<40, 0)

// clock is the times of one connection: one timer for all of them.
type clock struct {
	timer  *time.Timer // nil once the connection has ended
	until  time.Time   // when the caller must be known; once it is, when the token is over, grace included
	known  bool        // the caller is
	pinged time.Time   // when the peer was last asked for a sign of life
}

// startClock begins to watch the time.
func (c *conn) startClock() {
	c.mu.Lock()
	if !c.clock.known {
		c.clock.until = time.Now().Add(connectTimeout)
	}
	c.clock.timer = time.AfterFunc(connectTimeout, c.tick)
	c.mu.Unlock()
	c.tick()
}

// allow gives the caller so long from now on to be known.
func (c *conn) allow(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.until = time.Now().Add(d)
}

func (t *clock) end() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}

// expireAt says that the caller is known, and cuts the connection some time after the
// token has ended, unless a new one moves that. Where nothing ends, t is never.
func (c *conn) expireAt(t time.Time) {
	c.mu.Lock()
	c.clock.until, c.clock.known = t.Add(c.srv.cfg.Identity.Grace), true
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
	next, p := t.until, c.speaks.pulse()
	switch due := !now.Before(t.until); {
	case due && !t.known:
		code = wire.CloseConnectTimeout
	case due:
		code = wire.CloseTokenExpired
	case t.known:
		next, ping, code = t.silence(now, time.Unix(0, c.heard.Load()), p)
		if t.until.Before(next) {
			next = t.until
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
		c.out.frame(p.frame)
	}
}

// silence judges a peer by when it was last heard: it is pinged after a while, and
// cut if it has not been heard for another. It gives when to judge again.
func (t *clock) silence(now, heard time.Time, p pulse) (next time.Time, ping bool, code wire.CloseCode) {
	if p.steady {
		return t.steady(now, heard, p)
	}
	cut := t.pinged.Add(p.wait)
	switch {
	case t.pinged.After(heard) && !now.Before(cut):
		return now, false, wire.CloseNoPong
	case t.pinged.After(heard):
		return cut, false, 0
	case now.Sub(heard) >= p.every:
		t.pinged = now
		return now.Add(p.wait), true, 0
	}
	return heard.Add(p.every), false, 0
}

// steady is silence for a peer that is pinged whether it is silent or not.
func (t *clock) steady(now, heard time.Time, p pulse) (next time.Time, ping bool, code wire.CloseCode) {
	cut := heard.Add(p.every + p.wait)
	if !now.Before(cut) {
		return now, false, wire.CloseNoPong
	}
	if t.pinged.IsZero() { // it begins with the first interval, and not before the greeting
		t.pinged = now
	}
	if ping = now.Sub(t.pinged) >= p.every; ping {
		t.pinged = now
	}
	if next = t.pinged.Add(p.every); cut.Before(next) {
		next = cut
	}
	return next, ping, 0
}
