package bench

import (
	"context"
	"errors"
	"fmt"
)

// FanoutConfig is one large room, or several equal ones.
type FanoutConfig struct {
	Settings
	Rooms   int     // 1
	Members int     // of each room
	Senders int     // members of each room who publish, in turn
	Rate    float64 // messages a second, in all; 0: closed loop
	Window  int     // messages under way in the closed loop
}

func (c *FanoutConfig) check() error {
	if err := c.setDefaults(); err != nil {
		return err
	}
	switch {
	case c.Rooms < 1 || c.Members < 1:
		return errors.New("--rooms and --members: give 1 or more")
	case c.Senders < 1 || c.Senders > c.Members:
		return fmt.Errorf("--senders %d: give 1 to %d: they are members", c.Senders, c.Members)
	case c.Rate < 0:
		return fmt.Errorf("--rate %g: give messages a second, or 0 for as many as are delivered", c.Rate)
	case c.Rate == 0 && c.Window < 1:
		return fmt.Errorf("--window %d: give 1 or more", c.Window)
	}
	return nil
}

// Fanout measures what a delivery costs and how long it takes: everybody is there,
// some publish, everybody gets everything.
func Fanout(ctx context.Context, name string, t *Target, cfg FanoutConfig) (r Result, err error) {
	if err := cfg.check(); err != nil {
		return r, err
	}
	c, err := gather(t, cfg.Settings, cfg.Rooms*cfg.Members)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	empty, err := t.rss()
	if err != nil {
		return r, err
	}
	l := load{rate: cfg.Rate, window: cfg.Window}
	for range cfg.Rooms {
		c.add(cfg.Members)
	}
	for s := range cfg.Senders { // room after room, so that turns go round the rooms first
		for _, p := range c.places {
			l.senders = append(l.senders, p.members[s])
		}
	}
	if err := c.enter(ctx); err != nil {
		return r, err
	}
	m, err := c.apply(ctx, l, cfg.Settings)
	if err != nil {
		return r, err
	}
	r = c.result(name, m)
	r.rates(m)
	full, err := t.rss()
	if err == nil && t.PID != 0 {
		r.RSSPerConn = per(ptr(float64(full-empty)), uint64(len(c.members)))
	}
	return r, err
}

// gather makes a crowd after checking that there can be one.
func gather(t *Target, set Settings, conns int) (*crowd, error) {
	if err := errors.Join(t.checkProcess(), t.checkDescriptors(conns)); err != nil {
		return nil, err
	}
	return newCrowd(t, set)
}

// result is what every loaded scenario tells.
func (c *crowd) result(scenario string, m measured) Result {
	r := Result{
		Scenario: scenario, Server: c.target.Name, Protocol: c.dialect.Name(), Ack: c.target.Ack,
		Conns: len(c.members), Deliveries: m.delivered, Seconds: m.wall.Seconds(),
	}
	r.each(m.spent, m.delivered, c.target.PID != 0)
	r.latency(&c.latency)
	if c.target.PID != 0 {
		r.more("server_cores", m.server.Seconds()/m.wall.Seconds())
	}
	r.more("generator_cores", m.generator.Seconds()/m.wall.Seconds())
	c.judge(&r)
	return r
}

// rates tells how much went through.
func (r *Result) rates(m measured) {
	r.more("published_per_second", float64(m.published)/m.wall.Seconds())
	r.more("deliveries_per_second", float64(m.delivered)/m.wall.Seconds())
}

func ptr[T any](v T) *T { return &v }
