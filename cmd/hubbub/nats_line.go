package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// linePatience is how long a server may take to answer a ping.
	linePatience = 2 * time.Second
	// lineTimeout bounds one try to connect, so that a server is found soon after there
	// is one again.
	lineTimeout = 2 * time.Second
)

// lifeline is a connection on which a server is asked for a sign of life, and nothing else
// is done: what waits for a network that takes nothing any more, as publishers do, does
// not hold it up. The first server that does not answer is left for another one.
type lifeline struct {
	nc *nats.Conn // nil: not yet; owned by who asks
	up atomic.Bool
}

// answers reports whether a server does. It needs no other server for that, and no
// stream. One goroutine at a time may ask.
func (l *lifeline) answers(ctx context.Context, c *cluster) bool {
	if l.nc == nil {
		return l.open(c)
	}
	if !l.up.Load() {
		return false
	}
	soon, cancel := context.WithTimeout(ctx, linePatience)
	defer cancel()
	if l.nc.FlushWithContext(soon) == nil {
		return true
	}
	if ctx.Err() == nil {
		l.up.Store(false) // before it is told of the next one
		_ = l.nc.ForceReconnect()
	}
	return false
}

func (l *lifeline) open(c *cluster) bool {
	nc, err := c.Connect("hubbub-line", nats.Timeout(lineTimeout),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { l.up.Store(false) }),
		nats.ReconnectHandler(func(*nats.Conn) { l.up.Store(true) }))
	if err != nil {
		return false
	}
	l.nc = nc
	l.up.Store(true)
	return true
}

func (l *lifeline) close() {
	if l.nc != nil {
		l.nc.Close()
	}
}

// Reached reports whether any server answers. It is for one goroutine at a time, before
// Shutdown.
func (c *cluster) Reached(ctx context.Context) bool { return c.line.answers(ctx, c) }

// Whole reports whether all connections stand.
func (c *cluster) Whole() bool {
	for _, nc := range c.escort.open() {
		if !nc.IsConnected() {
			return false
		}
	}
	return true
}
