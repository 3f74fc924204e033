package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
)

// SlowConfig is rooms, in one of which some stop reading.
type SlowConfig struct {
	Settings
	Rooms   int // of Members each; with more than one, the latency is the other rooms'
	Members int
	Stalled int // members of one room who stop reading for every second half
	Turns   int // how often without and with them is measured, one after the other
	Rate    float64
	Buffer  int // bytes of receive buffer that those ask for: how much the kernel hides of it
}

func (c *SlowConfig) check() error {
	if err := c.setDefaults(); err != nil {
		return err
	}
	switch {
	case c.Rooms < 1 || c.Turns < 1:
		return errors.New("--rooms and --turns: give 1 or more")
	case c.Stalled < 1 || c.Stalled >= c.Members-1 || c.Rate <= 0:
		return fmt.Errorf("--members %d, --stalled %d, --rate %g: give at least one who stalls and two who do not, and a rate above 0", c.Members, c.Stalled, c.Rate)
	}
	return nil
}

// Slow measures what members who do not read cost the others: the latency without
// them and with them, and the memory. After each turn those read on: whoever the
// server has cut off comes back and must get exactly the rest, where that can be had.
func Slow(ctx context.Context, t *Target, cfg SlowConfig) (r Result, err error) {
	if err := cfg.check(); err != nil {
		return r, err
	}
	c, err := gather(t, cfg.Settings, cfg.Rooms*cfg.Members)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s := &stall{crowd: c, comeback: comeback{crowd: c}, cfg: cfg}
	_, s.resumes = t.Dialect.(dialect.Resuming)
	s.comeback.resume = s.resumes
	if !s.resumes && cfg.Turns > 1 {
		return r, fmt.Errorf("--turns %d: whom a server of --protocol %s cuts off cannot resume, so give 1", cfg.Turns, t.Dialect.Name())
	}
	if err := s.enter(ctx); err != nil {
		return r, err
	}
	for range cfg.Turns {
		if err := s.turn(ctx); err != nil {
			return r, err
		}
	}
	return s.result(), nil
}

// stall is one run of Slow.
type stall struct {
	crowd    *crowd
	comeback comeback
	cfg      SlowConfig
	resumes  bool
	slow     []*member
	senders  []*member // one of each room, none of them slow
	gone     int       // slow members whom the server ended for good

	without, with half
}

// half is what was measured without those who do not read, or with them, in all turns.
type half struct {
	latency Histogram
	load    measured
	rss     int64 // of the server at the end of each turn, together
	kernel  int64 // the same of the kernel
}

func (h *half) add(c *crowd, m measured) {
	h.latency.Add(&c.latency)
	h.load = h.load.plus(m)
}

// holds notes the memory at the end of a turn.
func (h *half) holds(t *Target) error {
	now, err := t.memory()
	h.rss += now.rss
	h.kernel += now.kernel.Total()
	return err
}

func (s *stall) enter(ctx context.Context) error {
	for range s.cfg.Rooms {
		p := s.crowd.add(s.cfg.Members)
		s.senders = append(s.senders, p.members[0])
	}
	first := s.crowd.places[0].members
	s.slow = first[s.cfg.Members-s.cfg.Stalled:]
	for _, m := range s.slow {
		m.peer.Track, m.untimed = s.resumes, true
	}
	if s.cfg.Rooms > 1 {
		for _, m := range first {
			m.untimed = true
		}
	}
	return s.crowd.enter(ctx)
}

// begin lets those who are going to stall come anew with their small buffers, with
// which they could not have kept up until now, and stops reading from them.
func (s *stall) begin(ctx context.Context) error {
	c := s.crowd
	for _, m := range s.slow {
		c.drop(m)
		m.buffer, m.peer.Since = s.cfg.Buffer, nil
		if err := c.dial(m); err != nil {
			return err
		}
	}
	if err := c.arrive(ctx); err != nil {
		return err
	}
	c.onClosed, c.onEntered, c.onPage = s.closed, s.missed, s.missed
	for _, m := range s.slow {
		if err := m.conn.Stall(); err != nil {
			return fmt.Errorf("stall: %w", err)
		}
	}
	return nil
}

// turn measures without those who do not read and then with them.
func (s *stall) turn(ctx context.Context) (err error) {
	c := s.crowd
	l := load{senders: s.senders, rate: s.cfg.Rate}
	l.ended = func() { err = s.without.holds(c.target) }
	m, failed := c.apply(ctx, l, s.cfg.Settings)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	s.without.add(c, m)
	if err := s.begin(ctx); err != nil {
		return err
	}
	l.ended = func() { err = errors.Join(s.with.holds(c.target), s.readOn()) }
	m, failed = c.apply(ctx, l, s.cfg.Settings)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	s.with.add(c, m)
	return s.back(ctx)
}

// readOn ends the stall.
func (s *stall) readOn() error {
	for _, m := range s.slow {
		if err := m.conn.Resume(); err != nil {
			return fmt.Errorf("read on: %w", err)
		}
	}
	s.crowd.beside = s.comeback.dialDue
	return nil
}

// back waits until those who were cut off are in their rooms again: they can have
// everything before that.
func (s *stall) back(ctx context.Context) error {
	c := s.crowd
	return c.until(ctx, "coming back", func() (int, int) { return c.entered + s.gone, len(c.members) })
}

func (s *stall) result() Result {
	c := s.crowd
	c.latency = s.with.latency
	r := c.result("slow", s.with.load)
	r.rates(s.with.load)
	r.more("p50_us_without", *micros(s.without.latency.Quantile(0.5)))
	r.more("p99_us_without", *micros(s.without.latency.Quantile(0.99)))
	r.more("cut", float64(s.comeback.cut+s.gone))
	turns := float64(s.cfg.Turns)
	if c.target.PID != 0 {
		r.more("rss_bytes_without", float64(s.without.rss)/turns)
		r.more("rss_growth_bytes", float64(s.with.rss-s.without.rss)/turns)
		if n := s.without.load.delivered; n > 0 {
			r.more("cpu_us_per_delivery_without", *per(micros(s.without.load.server), n))
		}
	}
	r.more("kernel_growth_bytes", float64(s.with.kernel-s.without.kernel)/turns)
	return r
}

// closed takes those back whom the server has cut off for being slow.
func (s *stall) closed(m *member, err error) bool {
	if !slices.Contains(s.slow, m) {
		return false
	}
	if s.resumes {
		return s.comeback.closed(m, err)
	}
	s.crowd.absent(m)
	s.gone++
	return true
}

// missed counts what came with the answer to a join.
func (s *stall) missed(m *member, msg []byte) {
	if err := eachStamp(msg, func(st stamp) { m.count(st) }); err != nil {
		s.crowd.fail(err)
	}
}
