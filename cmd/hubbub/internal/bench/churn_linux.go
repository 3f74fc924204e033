package bench

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/osstat"
)

// ChurnConfig is clients that come, enter a room, and go. Duration and Warmup do
// not count.
type ChurnConfig struct {
	Settings
	Total  int // connections, in all
	AtOnce int // clients that are there at a time
	Rooms  int
	Settle time.Duration // how long the server has afterwards to let go of everything
}

// Churn measures what coming and going costs, and whether anything of it stays:
// memory, descriptors, goroutines.
func Churn(ctx context.Context, t *Target, cfg ChurnConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	if cfg.AtOnce < 1 || cfg.Total < cfg.AtOnce || cfg.Rooms < 1 || cfg.Rooms > cfg.AtOnce {
		return r, errors.New("--at-once and --rooms: give 1 or more; --total: at least --at-once, which is at least --rooms")
	}
	c, err := gather(t, cfg.Settings, cfg.AtOnce)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for i := range cfg.Rooms {
		c.add(cfg.AtOnce/cfg.Rooms + min(1, max(0, cfg.AtOnce%cfg.Rooms-i)))
	}
	before, err := t.holds(ctx)
	if err != nil {
		return r, err
	}
	s := &turnover{crowd: c, comeback: comeback{crowd: c}, total: cfg.Total}
	start := c.measure()
	if err := s.run(ctx); err != nil {
		return r, err
	}
	m := c.measure().since(start)
	if err := c.linger(ctx, cfg.Settle); err != nil {
		return r, err
	}
	after, err := t.holds(ctx)
	if err != nil {
		return r, err
	}
	r = c.result("churn", m)
	r.Conns, r.Deliveries = cfg.Total, uint64(s.done)
	r.each(m.spent, uint64(s.done), t.PID != 0)
	r.latency(&s.times)
	r.more("connects_per_second", float64(s.done)/m.wall.Seconds())
	r.more("retries", float64(s.comeback.retries))
	after.growth(before, &r)
	return r, nil
}

// turnover is one run of Churn.
type turnover struct {
	crowd    *crowd
	comeback comeback
	total    int
	begun    int
	done     int
	times    Histogram // from the first try to being in the room
}

func (s *turnover) run(ctx context.Context) error {
	c := s.crowd
	c.onEntered, c.onClosed = s.entered, s.comeback.closed
	for _, m := range c.members {
		s.begin(m)
	}
	return c.until(ctx, "coming and going", func() (int, int) {
		s.comeback.dialDue(c.loop.Now())
		return s.done, s.total
	})
}

func (s *turnover) begin(m *member) {
	s.begun++
	m.tries, m.asked = 0, s.crowd.loop.Clock()
	if err := s.crowd.dial(m); err != nil {
		s.crowd.fail(err)
	}
}

// entered lets a member go, with a word or without in turn, and the next come.
func (s *turnover) entered(m *member, _ []byte) {
	s.done++
	s.times.Record(s.crowd.loop.Now() - m.asked)
	if s.done&1 == 0 {
		m.conn.Leave()
	} else {
		m.conn.Drop()
	}
	s.crowd.absent(m)
	if s.begun < s.total {
		m.peer.Since = nil
		s.begin(m)
	}
}

// held is what a server holds on to.
type held struct {
	rss         int64
	descriptors int
	goroutines  float64
	counted     bool // goroutines are
	known       bool // the rest is
}

func (t *Target) holds(ctx context.Context) (h held, err error) {
	if h.goroutines, h.counted, err = t.metric(ctx, "go_goroutines"); err != nil {
		return h, err
	}
	if t.PID == 0 {
		return h, nil
	}
	h.known = true
	if h.descriptors, err = osstat.Descriptors(t.PID); err != nil {
		return h, err
	}
	h.rss, err = t.rss()
	return h, err
}

func (h held) growth(before held, r *Result) {
	if h.known {
		r.more("rss_growth_bytes", float64(h.rss-before.rss))
		r.more("descriptors_growth", float64(h.descriptors-before.descriptors))
	}
	if h.counted {
		r.more("goroutines_growth", h.goroutines-before.goroutines)
	}
}
