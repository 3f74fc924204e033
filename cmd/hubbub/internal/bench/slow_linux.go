package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
)

// SlowConfig is a room in which some stop reading.
type SlowConfig struct {
	Settings
	Members int
	Stalled int // of them: these stop reading for the second half
	Rate    float64
	Buffer  int // bytes of receive buffer that those ask for: how much the kernel hides of it
}

// Slow measures what members who do not read cost the others: the latency without
// them and with them, and the memory. In the end those read on: whoever the server
// has cut off comes back and must get exactly the rest, where that can be had.
func Slow(ctx context.Context, t *Target, cfg SlowConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	if cfg.Stalled < 1 || cfg.Stalled >= cfg.Members-1 || cfg.Rate <= 0 {
		return r, fmt.Errorf("--members %d, --stalled %d, --rate %g: give at least one who stalls and two who do not, and a rate above 0", cfg.Members, cfg.Stalled, cfg.Rate)
	}
	c, err := gather(t, cfg.Settings, cfg.Members)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s := &stall{crowd: c, comeback: comeback{crowd: c}, cfg: cfg}
	_, s.resumes = t.Dialect.(dialect.Resuming)
	s.comeback.resume = s.resumes
	if err := s.enter(ctx); err != nil {
		return r, err
	}
	return s.measure(ctx)
}

// stall is one run of Slow.
type stall struct {
	crowd    *crowd
	comeback comeback
	cfg      SlowConfig
	resumes  bool
	slow     []*member
	fast     []*member
	gone     int // slow members whom the server ended for good
}

func (s *stall) enter(ctx context.Context) error {
	p := s.crowd.add(s.cfg.Members)
	s.fast, s.slow = p.members[:s.cfg.Members-s.cfg.Stalled], p.members[s.cfg.Members-s.cfg.Stalled:]
	for _, m := range s.slow {
		m.peer.Track, m.untimed = s.resumes, true
	}
	return s.crowd.enter(ctx)
}

// begin lets those who are going to stall come anew with their small buffers, with
// which they could not have kept up until now, and stops reading from them.
func (s *stall) begin(ctx context.Context) error {
	c := s.crowd
	for _, m := range s.slow {
		c.drop(m)
		m.buffer = s.cfg.Buffer
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

func (s *stall) measure(ctx context.Context) (r Result, err error) {
	c := s.crowd
	l := load{senders: s.fast[:1], rate: s.cfg.Rate}
	if _, err := c.apply(ctx, l, s.cfg.Settings); err != nil {
		return r, err
	}
	without := c.latency
	if err := s.begin(ctx); err != nil {
		return r, err
	}
	before, err := c.target.memory()
	if err != nil {
		return r, err
	}
	l.ended = func() { err = s.readOn(&before) }
	m, failed := c.apply(ctx, l, s.cfg.Settings)
	if err := errors.Join(err, failed); err != nil {
		return r, err
	}
	r = c.result("slow", m)
	r.rates(m)
	r.more("p50_us_without", *micros(without.Quantile(0.5)))
	r.more("p99_us_without", *micros(without.Quantile(0.99)))
	r.more("cut", float64(s.comeback.cut+s.gone))
	if c.target.PID != 0 {
		r.more("rss_growth_bytes", float64(before.rss))
	}
	r.more("kernel_growth_bytes", float64(before.kernel.Total()))
	return r, nil
}

// readOn ends the stall, and turns the memory before it into its growth.
func (s *stall) readOn(mem *memory) error {
	now, err := s.crowd.target.memory()
	if err != nil {
		return err
	}
	mem.rss = now.rss - mem.rss
	mem.kernel.Buffers = now.kernel.Buffers - mem.kernel.Buffers
	mem.kernel.Slab = now.kernel.Slab - mem.kernel.Slab
	for _, m := range s.slow {
		if err := m.conn.Resume(); err != nil {
			return fmt.Errorf("read on: %w", err)
		}
	}
	s.crowd.beside = s.comeback.dialDue
	return nil
}

// closed takes those back whom the server has cut off for being slow.
func (s *stall) closed(m *member, err error) bool {
	if m.index < len(s.fast) {
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
