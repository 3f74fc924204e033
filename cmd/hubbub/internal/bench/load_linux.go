package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// load is a way of publishing.
type load struct {
	senders []*member // take turns
	rate    float64   // messages a second, due at equal distances; 0: as fast as they are delivered
	window  int       // with rate 0: messages that are under way at a time
	idle    bool      // nothing is published here: the scenario does

	send  func(m *member, due time.Duration) // publishes; nil: member.publish
	ended func()                             // called when the time is over, before the rest arrives; nil: nothing
}

// measured is what happened while it was measured.
type measured struct {
	spent
	published, delivered uint64
}

// maxBehind is how many messages may become due between two rounds before they are
// sent in portions, so that what arrives is still read in time.
const maxBehind = 256

// apply publishes for the warm-up and the time to be measured, and waits for what
// is under way. Latencies of the measured time are in c.latency.
func (c *crowd) apply(ctx context.Context, l load, set Settings) (m measured, err error) {
	begin := c.loop.Clock()
	from, to := begin+set.Warmup, begin+set.Warmup+set.Duration
	p := pacer{crowd: c, load: l, begin: begin, base: c.published, moved: begin, fan: len(l.senders[0].place.members)}
	p.expected, p.delivered = c.expected, c.delivered
	if p.load.send == nil {
		p.load.send = (*member).publish
	}
	var before measured
	started, profiled := false, func() error { return nil }
	err = c.run(ctx, func(now time.Duration) (time.Duration, bool) {
		if !started && now >= from {
			started = true
			before = c.measure()
			c.latency.Reset()
			c.timing, c.timedFrom = true, now
			profiled = c.startProfile(ctx, set.Duration)
		}
		if now >= to {
			return 0, true
		}
		c.say(now, "measuring", int((now - begin).Milliseconds()), int((to - begin).Milliseconds()))
		next := min(p.publish(now), to)
		if !started {
			next = min(next, from)
		}
		return next, false
	})
	after := c.measure()
	if l.ended != nil {
		l.ended()
	}
	if err == nil {
		err = c.drain(ctx)
	}
	c.timing = false
	return after.since(before), errors.Join(err, profiled())
}

// measure reads all counters.
func (c *crowd) measure() measured {
	s, err := c.target.reading()
	if err != nil {
		c.fail(err)
	}
	return measured{s, c.published, c.delivered}
}

func (m measured) since(before measured) measured {
	return measured{m.spent.since(before.spent), m.published - before.published, m.delivered - before.delivered}
}

func (m measured) plus(more measured) measured {
	return measured{m.spent.plus(more.spent), m.published + more.published, m.delivered + more.delivered}
}

// pacer publishes what is due.
type pacer struct {
	crowd *crowd
	load  load
	begin time.Duration
	base  uint64 // published before
	fan   int    // deliveries of a message, in a closed loop

	expected, delivered uint64        // before
	moved               time.Duration // when the closed loop last went on
	at                  uint64
}

// publish publishes, and gives when it is to be called again.
func (p *pacer) publish(now time.Duration) time.Duration {
	c := p.crowd
	if p.load.idle {
		return now + patience
	}
	if p.load.rate <= 0 {
		return p.refill(now)
	}
	interval := float64(time.Second) / p.load.rate
	for range maxBehind {
		n := c.published - p.base
		due := p.begin + time.Duration(float64(n)*interval)
		if due > now {
			return due
		}
		p.send(due)
	}
	return now
}

// refill keeps the window full: what is under way is counted in deliveries, so a
// message half delivered is half done.
func (p *pacer) refill(now time.Duration) time.Duration {
	c := p.crowd
	under := int(c.expected-p.expected) - int(c.delivered-p.delivered)
	free := p.load.window - (under+p.fan-1)/p.fan
	for range free {
		p.send(now)
	}
	if free > 0 {
		p.moved = now
	}
	if now-p.moved > patience {
		c.fail(fmt.Errorf("the closed loop stands still: %d deliveries have not come for %s", under, patience))
	}
	return now + patience
}

func (p *pacer) send(due time.Duration) {
	p.load.send(p.load.senders[p.at%uint64(len(p.load.senders))], due)
	p.at++
}
