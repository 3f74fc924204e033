package bench

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
)

// ResumeConfig is clients that are all dropped at once and all come back at once.
type ResumeConfig struct {
	Settings
	Clients int
	Rooms   int
	Missed  int // messages in each room while they are away
}

// Resume measures a storm of reconnects: how long until everybody is back, each
// with exactly what it has missed, what that costs, and how often the log was read
// for it. Where nothing can be resumed, it is the handshake alone.
func Resume(ctx context.Context, t *Target, cfg ResumeConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	if cfg.Rooms < 1 || cfg.Clients < cfg.Rooms || cfg.Missed < 0 {
		return r, errors.New("--clients and --rooms: give 1 or more, and a client for each room; --missed: 0 or more")
	}
	c, err := gather(t, cfg.Settings, cfg.Clients+cfg.Rooms)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s := &storm{crowd: c, comeback: comeback{crowd: c}}
	_, s.resumes = t.Dialect.(dialect.Resuming)
	s.comeback.resume = s.resumes
	for i := range cfg.Rooms { // one member of each room stays, and publishes
		c.add(1 + cfg.Clients/cfg.Rooms + min(1, max(0, cfg.Clients%cfg.Rooms-i)))
	}
	for _, m := range c.members {
		m.peer.Track = s.resumes
	}
	if err := c.enter(ctx); err != nil {
		return r, err
	}
	if err := s.before(ctx, cfg.Missed); err != nil {
		return r, err
	}
	return s.measure(ctx)
}

// storm is one run of Resume.
type storm struct {
	crowd    *crowd
	comeback comeback
	resumes  bool

	start  time.Duration
	recent Histogram // from the start to being back in the room
}

// away lasts long enough for the server to notice that they are gone.
const away = 500 * time.Millisecond

// before lets everybody get something, drops all but one of each room, and
// publishes what they miss.
func (s *storm) before(ctx context.Context, missed int) error {
	c := s.crowd
	if err := s.publish(ctx, 2); err != nil {
		return err
	}
	for _, m := range s.clients() {
		c.drop(m)
	}
	if err := c.linger(ctx, away); err != nil || !s.resumes {
		return err
	}
	keepers := uint64(len(c.places))
	from := c.acked
	for _, p := range c.places {
		for range missed {
			p.members[0].publish(c.loop.Clock())
		}
	}
	return c.until(ctx, "publishing what they miss", func() (int, int) { return int(c.acked - from), int(keepers) * missed })
}

// publish sends messages to every room and waits until everybody has them.
func (s *storm) publish(ctx context.Context, each int) error {
	for _, p := range s.crowd.places {
		for range each {
			p.members[0].publish(s.crowd.loop.Clock())
		}
	}
	return s.crowd.drain(ctx)
}

// clients are those who go and come back.
func (s *storm) clients() (all []*member) {
	for _, p := range s.crowd.places {
		all = append(all, p.members[1:]...)
	}
	return all
}

func (s *storm) measure(ctx context.Context) (r Result, err error) {
	c := s.crowd
	reads, counted, err := c.target.metric(ctx, logReads)
	if err != nil {
		return r, err
	}
	c.onEntered, c.onPage, c.onClosed = s.back, s.missed, s.comeback.closed
	before := c.measure()
	if err := s.run(ctx); err != nil {
		return r, err
	}
	m := c.measure().since(before)
	if err := c.settle(ctx); err != nil {
		return r, err
	}
	if err := s.publish(ctx, 1); err != nil { // they are members again, and miss nothing
		return r, err
	}
	r = c.result("resume", m)
	n := s.recent.Count()
	r.each(m.spent, n, c.target.PID != 0)
	r.latency(&s.recent)
	r.more("all_back_ms", s.recent.Max().Seconds()*1000)
	r.more("clients", float64(n))
	r.more("retries", float64(s.comeback.retries))
	if counted {
		after, _, err := c.target.metric(ctx, logReads)
		if err != nil {
			return r, err
		}
		r.more("log_reads", after-reads)
	}
	return r, nil
}

// run brings everybody back.
func (s *storm) run(ctx context.Context) error {
	c := s.crowd
	s.start = c.loop.Clock()
	for _, m := range s.clients() {
		m.peer.Since = nil
		if s.resumes {
			at := m.peer.At
			m.peer.Since = &at
		}
		if err := c.dial(m); err != nil {
			return err
		}
	}
	return c.until(ctx, "coming back", func() (int, int) {
		s.comeback.dialDue(c.loop.Now())
		return c.entered, len(c.members)
	})
}

// back is told of each who is in its room again.
func (s *storm) back(m *member, missed []byte) {
	s.recent.Record(s.crowd.loop.Now() - s.start)
	s.missed(m, missed)
}

// missed counts what came with the answer to the join.
func (s *storm) missed(m *member, msg []byte) {
	if err := eachStamp(msg, func(st stamp) { m.count(st) }); err != nil {
		s.crowd.fail(err)
	}
}
