package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
)

// HistoryConfig is readers of rooms that hold messages already.
type HistoryConfig struct {
	Settings
	Readers int // each has a room of its own, and one request under way
	Stored  int // messages in each room
	Limit   int // messages of a page
}

// History measures how long a page of history takes that begins anywhere, and what
// it costs. A page that has a hole, or is short for no reason, counts as lost.
func History(ctx context.Context, t *Target, cfg HistoryConfig) (r Result, err error) {
	if err := cfg.setDefaults(); err != nil {
		return r, err
	}
	reading, ok := t.Dialect.(dialect.Reading)
	switch {
	case !ok:
		return r, fmt.Errorf("the protocol %s has no history that can be read here", t.Dialect.Name())
	case cfg.Readers < 1 || cfg.Stored < 1 || cfg.Limit < 1 || cfg.Limit > 200:
		return r, errors.New("--readers and --stored: give 1 or more; --limit: 1 to 200")
	}
	c, err := gather(t, cfg.Settings, cfg.Readers)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	for range cfg.Readers {
		c.add(1).members[0].peer.Track = true
	}
	if err := c.enter(ctx); err != nil {
		return r, err
	}
	h := &pages{crowd: c, dialect: reading, limit: cfg.Limit, seqs: make([][]uint64, len(c.members))}
	if err := h.fill(ctx, cfg.Stored); err != nil {
		return r, err
	}
	return h.measure(ctx, cfg)
}

// pages reads pages.
type pages struct {
	crowd   *crowd
	dialect dialect.Reading
	limit   int
	seqs    [][]uint64 // by member: the position of each message
	want    []int      // by member: which message the page under way ends before

	times Histogram
	lost  int64
	over  bool
}

// fill publishes what is to be read, a portion in each room at a time.
func (h *pages) fill(ctx context.Context, stored int) error {
	c := h.crowd
	c.onDelivery = func(m *member, _ stamp) { h.seqs[m.index] = append(h.seqs[m.index], m.peer.At.Seq) }
	defer func() { c.onDelivery = nil }()
	total := stored * len(c.members)
	window := max(1, 2000/len(c.members))
	return c.until(ctx, "storing", func() (int, int) {
		for _, m := range c.members {
			for int(m.sent) < stored && int(m.sent)-int(m.got) < window {
				m.publish(c.loop.Clock())
			}
		}
		return int(min(c.delivered, c.acked)), total
	})
}

func (h *pages) measure(ctx context.Context, cfg HistoryConfig) (r Result, err error) {
	c := h.crowd
	h.want = make([]int, len(c.members))
	c.onPage = h.page
	for _, m := range c.members {
		h.ask(m)
	}
	reads, counted, err := c.target.metric(ctx, logReads)
	if err != nil {
		return r, err
	}
	m, err := c.apply(ctx, load{senders: c.members, idle: true, ended: func() { h.over = true }}, cfg.Settings)
	if err != nil {
		return r, err
	}
	r = c.result("history", m)
	n := h.times.Count()
	r.Deliveries = n
	r.each(m.spent, n, c.target.PID != 0)
	r.latency(&h.times)
	r.Lost += h.lost
	r.more("pages_per_second", float64(n)/m.wall.Seconds())
	if counted {
		after, _, err := c.target.metric(ctx, logReads)
		if err != nil {
			return r, err
		}
		r.more("log_reads", after-reads)
	}
	return r, nil
}

// ask asks for the page before one of the messages.
func (h *pages) ask(m *member) {
	c := h.crowd
	at := rand.IntN(len(h.seqs[m.index]))
	h.want[m.index] = at
	m.lastID++
	m.asked = c.loop.Clock()
	c.frame = h.dialect.AppendHistory(c.frame[:0], &m.peer, m.lastID, h.seqs[m.index][at], h.limit)
	m.conn.Send(c.frame)
}

// page counts the answer, and asks for the next.
func (h *pages) page(m *member, msg []byte) {
	c := h.crowd
	if c.timing {
		h.times.Record(c.loop.Now() - m.asked)
	}
	end := h.want[m.index]
	next := max(0, end-h.limit)
	err := eachStamp(msg, func(s stamp) {
		if int(s.number) != next {
			h.lost++
		}
		next = int(s.number) + 1
	})
	if err != nil {
		c.fail(err)
	}
	h.lost += int64(end - next)
	if !h.over {
		h.ask(m)
	}
}

// logReads counts the pages that a hub has read from its log.
const logReads = "hubbub_hub_log_reads_total"
