package bench

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/osstat"
)

// IdleConfig is connections that do nothing. Duration is how long they are watched.
type IdleConfig struct {
	Settings
	Conns    int
	RoomSize int           // members of each room
	Settle   time.Duration // how long the server has to come to rest before memory is read
}

// Idle measures what a connection that is in a room costs while nothing happens:
// memory in user space and in the kernel, and CPU; then what it takes to reach
// everybody at once.
func Idle(ctx context.Context, t *Target, cfg IdleConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	if cfg.Conns < 1 || cfg.RoomSize < 1 || cfg.Settle < 0 {
		return r, errors.New("--conns and --room-size: give 1 or more; --settle: a time that is not negative")
	}
	c, err := gather(t, cfg.Settings, cfg.Conns)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for left := cfg.Conns; left > 0; left -= cfg.RoomSize {
		c.add(min(left, cfg.RoomSize))
	}
	before, err := t.memory()
	if err != nil {
		return r, err
	}
	start := c.measure()
	if err := c.enter(ctx); err != nil {
		return r, err
	}
	entering := c.measure().since(start)
	if err := c.linger(ctx, cfg.Settle); err != nil {
		return r, err
	}
	after, err := t.memory()
	if err != nil {
		return r, err
	}
	start = c.measure()
	if err := c.linger(ctx, cfg.Duration); err != nil {
		return r, err
	}
	idle := c.measure().since(start)
	if r, err = c.callAll(ctx); err != nil {
		return r, err
	}
	n := uint64(len(c.members))
	if t.PID != 0 {
		r.RSSPerConn = per(ptr(float64(after.rss-before.rss)), n)
		r.more("server_rss_bytes", float64(after.rss))
		r.more("connect_cpu_us", *per(micros(entering.server), n))
		r.more("idle_server_cores", idle.server.Seconds()/idle.wall.Seconds())
	}
	r.more("kernel_bytes_per_conn_both_ends", float64(after.kernel.Total()-before.kernel.Total())/float64(n))
	r.more("connects_per_second", float64(n)/entering.wall.Seconds())
	return r, nil
}

// callAll publishes one message in each room, all of them due now.
func (c *crowd) callAll(ctx context.Context) (Result, error) {
	start := c.measure()
	c.timing = true
	due := c.loop.Clock()
	for _, p := range c.places {
		p.members[0].publish(due)
	}
	err := c.drain(ctx)
	c.timing = false
	return c.result("idle", c.measure().since(start)), err
}

// memory is what the server and the machine's kernel hold.
type memory struct {
	rss    int64
	kernel osstat.Kernel
}

func (t *Target) memory() (m memory, err error) {
	if m.rss, err = t.rss(); err != nil {
		return m, err
	}
	m.kernel, err = osstat.KernelMemory()
	return m, err
}
