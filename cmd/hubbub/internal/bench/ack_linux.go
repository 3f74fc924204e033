package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// AckConfig is publishers, each alone in a room.
type AckConfig struct {
	Settings
	Publishers int
	Rate       float64 // publishes a second, in all; 0: each publishes again as soon as it has its ack
}

// Ack measures how long a publisher waits until the server has its message, and
// what that costs. Where publishes are not acknowledged, the message that comes
// back to its publisher stands for the ack.
func Ack(ctx context.Context, t *Target, cfg AckConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	if cfg.Publishers < 1 || cfg.Rate < 0 {
		return r, fmt.Errorf("--publishers %d, --rate %g: give 1 publisher or more, and a rate that is not negative", cfg.Publishers, cfg.Rate)
	}
	c, err := gather(t, cfg.Settings, cfg.Publishers)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for range cfg.Publishers {
		c.add(1)
	}
	if err := c.enter(ctx); err != nil {
		return r, err
	}
	w := &waiting{crowd: c, due: make([][]time.Duration, len(c.members)), closed: cfg.Rate == 0}
	w.listen()
	m, err := w.apply(ctx, cfg)
	if err != nil {
		return r, err
	}
	r = c.result("ack", m)
	r.rates(m)
	r.latency(&w.times)
	r.more("acks_per_second", float64(w.times.Count())/m.wall.Seconds())
	return r, nil
}

// waiting times the acks of publishers. The acks of one publisher come in the order
// of its publishes.
type waiting struct {
	crowd  *crowd
	due    [][]time.Duration // by member: of what is not acknowledged yet
	times  Histogram
	closed bool // the loop is: an ack is followed by the next publish
	over   bool
}

func (w *waiting) listen() {
	if w.crowd.dialect.Acks() {
		w.crowd.onAck = w.acked
		return
	}
	w.crowd.onDelivery = func(m *member, _ stamp) { w.acked(m) }
}

func (w *waiting) acked(m *member) {
	due := w.due[m.index]
	if len(due) == 0 {
		w.crowd.fail(errors.New("an ack came for which there was no publish"))
		return
	}
	if w.crowd.timing {
		w.times.Record(w.crowd.loop.Now() - due[0])
	}
	w.due[m.index] = append(due[:0], due[1:]...)
	if w.closed && !w.over {
		w.publish(m, w.crowd.loop.Clock())
	}
}

func (w *waiting) publish(m *member, due time.Duration) {
	w.due[m.index] = append(w.due[m.index], due)
	m.publish(due)
}

// apply publishes through warm-up and measurement.
func (w *waiting) apply(ctx context.Context, cfg AckConfig) (measured, error) {
	c := w.crowd
	l := load{senders: c.members, rate: cfg.Rate, send: w.publish}
	if w.closed {
		now := c.loop.Clock()
		for _, m := range c.members {
			w.publish(m, now)
		}
		l.idle = true
	}
	l.ended = func() { w.over = true }
	return c.apply(ctx, l, cfg.Settings)
}
