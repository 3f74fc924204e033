package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/thin"
)

// verifyEvery is one less than a power of two: one message in so many is decoded in
// full and compared with what was published.
const verifyEvery = 1<<10 - 1

// How long nothing may happen before a run is given up, and before what is still
// under way at its end is taken for lost.
const (
	patience      = 30 * time.Second
	drainPatience = 5 * time.Second
)

// Settings are what all scenarios share.
type Settings struct {
	Size     int           // bytes of a payload, at least MinPayload; 128
	Duration time.Duration // how long is measured; 3 s
	Warmup   time.Duration // how long the load runs before; 500 ms

	// Profiles, if set, is a folder into which the server's profiles are written; the
	// server must have an admin address.
	Profiles string

	// Tell, if set, is told ten times a second how far the run is: done of total of
	// what. It must not block.
	Tell func(what string, done, total int)
}

func (s *Settings) setDefaults() error {
	if s.Size == 0 {
		s.Size = 128
	}
	if s.Duration == 0 {
		s.Duration = 3 * time.Second
	}
	if s.Size < MinPayload || s.Size > 16<<10 {
		return fmt.Errorf("--size %d: give %d to %d bytes: the stamp must fit, and a message", s.Size, MinPayload, 16<<10)
	}
	if s.Duration < 0 || s.Warmup < 0 {
		return errors.New("--duration and --warmup: give times that are not negative, as 3s")
	}
	return nil
}

// crowd is the clients of a run. What happens to it happens within run.
type crowd struct {
	// static after newCrowd
	target  *Target
	dialect dialect.Dialect
	loop    *thin.Loop
	size    int
	prefix  string // of room names: no two runs share a room
	whole   bool   // a message is one message, never several
	tell    func(string, int, int)
	profile string // folder for profiles, or ""
	routes  map[string]*thin.Target

	// the clients
	places  []*place
	members []*member

	tally
	hooks
	failed error // the first that went wrong: it ends the run

	payload, frame []byte // scratch
	told           time.Duration
}

// tally is what has happened to a crowd so far.
type tally struct {
	entered   int // who are in their rooms
	published uint64
	expected  uint64 // deliveries, by what was published
	delivered uint64
	repeated  int64
	acked     uint64
	seen      uint64 // messages, the repeated ones too
	find      finder

	latency   Histogram // of messages that were due at timedFrom or later, while timing
	timing    bool
	timedFrom time.Duration
}

// hooks are what a scenario wants to know; nil: nothing.
type hooks struct {
	onEntered  func(m *member, missed []byte)
	onDelivery func(m *member, s stamp)
	onAck      func(m *member)
	onPage     func(m *member, msg []byte)
	onClosed   func(m *member, err error) bool // true: that is as it should be
	beside     func(now time.Duration)         // done in every round
}

func newCrowd(t *Target, set Settings) (*crowd, error) {
	loop, err := thin.NewLoop()
	if err != nil {
		return nil, err
	}
	var nonce [4]byte
	_, _ = rand.Read(nonce[:])
	_, manyInOne := t.Dialect.(interface{ Many() })
	c := &crowd{
		target: t, dialect: t.Dialect, loop: loop, size: set.Size, tell: set.Tell, profile: set.Profiles,
		prefix: "bench-" + hex.EncodeToString(nonce[:]) + "-", whole: !manyInOne, routes: make(map[string]*thin.Target),
	}
	if c.tell == nil {
		c.tell = func(string, int, int) {}
	}
	return c, nil
}

func (c *crowd) close() error { return c.loop.Close() }

// fail ends the run with its first error.
func (c *crowd) fail(err error) {
	if c.failed == nil {
		c.failed = err
	}
}

// add makes a room with so many members, who are still to come.
func (c *crowd) add(members int) *place {
	p := &place{name: fmt.Sprint(c.prefix, len(c.places))}
	c.places = append(c.places, p)
	for i := range members {
		m := &member{crowd: c, place: p, index: len(c.members), stream: uint16(i), peer: dialect.Peer{Room: p.name}}
		if c.target.Token != nil {
			m.peer.Token = c.target.Token(m.index)
		}
		p.members = append(p.members, m)
		c.members = append(c.members, m)
	}
	return p
}

// dial lets a member come.
func (c *crowd) dial(m *member) error {
	route := c.routes[m.place.name]
	if route == nil {
		var err error
		route, err = thin.NewTarget(c.dialect.URL(c.target.URL, m.place.name), c.dialect.Subprotocol())
		if err != nil {
			return err
		}
		c.routes[m.place.name] = route
	}
	c.absent(m)
	m.tries++
	m.conn = c.loop.Dial(route, m, m.buffer)
	return nil
}

// absent notes that a member is not in its room.
func (c *crowd) absent(m *member) {
	if m.entered {
		m.entered = false
		c.entered--
	}
}

// drop takes a member away as a lost network does.
func (c *crowd) drop(m *member) {
	m.conn.Drop()
	c.absent(m)
}

// enter lets everybody come, and waits until they are in their rooms.
func (c *crowd) enter(ctx context.Context) error {
	for _, m := range c.members {
		if err := c.dial(m); err != nil {
			return err
		}
	}
	return c.arrive(ctx)
}

// arrive waits until everybody is in their rooms. Whom the server asks to come later
// does so.
func (c *crowd) arrive(ctx context.Context) error {
	later := comeback{crowd: c}
	c.onClosed = func(m *member, err error) bool { return !m.entered && later.closed(m, err) }
	c.beside = later.dialDue
	err := c.until(ctx, "connecting", func() (int, int) { return c.entered, len(c.members) })
	c.onClosed, c.beside = nil, nil
	return errors.Join(err, c.settle(ctx))
}

// settle gives a plain server time to put its clients into their rooms: nothing
// there says when it has.
func (c *crowd) settle(ctx context.Context) error {
	if c.dialect.Name() != "raw" {
		return nil
	}
	return c.linger(ctx, 200*time.Millisecond)
}

// run is the loop, with the crowd's own errors.
func (c *crowd) run(ctx context.Context, step func(now time.Duration) (time.Duration, bool)) error {
	err := c.loop.Run(ctx, func(now time.Duration) (time.Duration, bool) {
		if c.failed != nil {
			return 0, true
		}
		if c.beside != nil {
			c.beside(now)
		}
		return step(now)
	})
	return errors.Join(c.failed, err)
}

// until waits for done to reach total. It gives up when nothing moves any more.
func (c *crowd) until(ctx context.Context, what string, progress func() (done, total int)) error {
	moved, last := c.loop.Clock(), -1
	return c.run(ctx, func(now time.Duration) (time.Duration, bool) {
		done, total := progress()
		c.say(now, what, done, total)
		if done != last {
			moved, last = now, done
		}
		if done < total && now-moved > patience {
			c.fail(fmt.Errorf("%s: %d of %d, and nothing more for %s", what, done, total, patience))
		}
		return 0, done >= total || c.failed != nil
	})
}

// linger lets a time pass.
func (c *crowd) linger(ctx context.Context, d time.Duration) error {
	end := c.loop.Clock() + d
	return c.run(ctx, func(now time.Duration) (time.Duration, bool) { return end, now >= end })
}

// drain waits until all that was published has arrived. It does not fail if
// something never does: that is lost.
func (c *crowd) drain(ctx context.Context) error {
	moved, last := c.loop.Clock(), c.delivered
	return c.run(ctx, func(now time.Duration) (time.Duration, bool) {
		if c.delivered != last {
			moved, last = now, c.delivered
		}
		acked := !c.dialect.Acks() || c.acked >= c.published
		c.say(now, "the last ones arrive", int(c.delivered), int(c.expected))
		return 0, c.delivered >= c.expected && acked || now-moved > drainPatience
	})
}

// say tells at most ten times a second.
func (c *crowd) say(now time.Duration, what string, done, total int) {
	if now-c.told >= 100*time.Millisecond {
		c.told = now
		c.tell(what, done, total)
	}
}

// verify decodes a delivery in full.
func (c *crowd) verify(m *member, msg []byte, s stamp) {
	got, err := c.dialect.Payload(&m.peer, msg)
	if err != nil {
		c.fail(err)
		return
	}
	if want := s.append(nil, c.size); got != string(want) {
		c.fail(fmt.Errorf("a message was changed on its way: %.300q; published was %q", got, want))
	}
}

// judge puts into a result what was lost, doubled or out of order.
func (c *crowd) judge(r *Result) {
	r.Lost += int64(c.expected) - int64(c.delivered)
	if c.dialect.Acks() {
		r.more("acks_missing", float64(c.published)-float64(c.acked))
		r.Lost += int64(c.published) - int64(c.acked)
	}
	r.Repeated += c.repeated
	for _, p := range c.places {
		r.Disordered += p.disordered()
	}
}

// disordered is how many members have had everything, but not in the order in which
// most have had it.
func (p *place) disordered() int64 {
	orders := make(map[uint64]int64)
	var whole, most int64
	for _, m := range p.members {
		if m.got == p.published {
			whole++
			orders[m.order]++
			most = max(most, orders[m.order])
		}
	}
	return whole - most
}
