//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/transport/client"
)

// member follows some rooms, and may publish to them.
type member struct {
	run   *trial
	user  string
	c     *client.Client
	rooms []*following
	late  time.Duration // the longest time that a message took from the hub to here; after follow ended
}

// following is one room of a member. It is owned by its goroutine.
type following struct {
	*member
	room  *client.Room
	rng   *rand.Rand
	at    client.Position
	join  *checker.Join // the last one
	track checker.Track
	since time.Time // of the join
	late  time.Duration

	inside atomic.Bool // the room is joined
}

// member makes the nth one, with its connection.
func (t *trial) member(n int) *member {
	user := fmt.Sprint("member", n)
	return t.memberOn(user, n, t.client(user, n, t.counting()))
}

// stranger makes one whose connections go through the router, from an address of its
// own.
func (t *trial) stranger(from netip.Addr, n int) *member {
	user := fmt.Sprint("stranger", n, "/", t.strangers.Add(1))
	return t.memberOn(user, n, t.clientAt(user, &balance{hubs: t.machines, start: n, from: from}, t.counting()))
}

func (t *trial) memberOn(user string, n int, c *client.Client) *member {
	m := &member{run: t, user: user, c: c}
	for i := range roomsEach {
		name := t.room(n + i*(1+n/t.load.rooms))
		if i == 0 || name != m.rooms[0].track.Room {
			m.rooms = append(m.rooms, &following{
				member: m, room: m.c.Room(name), rng: t.rng("follow", n, i), track: checker.Track{Who: m.user, Room: name},
			})
		}
	}
	return m
}

// roomsEach is how many rooms a member is in.
const roomsEach = 2

// follow follows the member's rooms to their ends.
func (m *member) follow(ready *sync.WaitGroup) {
	var all sync.WaitGroup
	for _, f := range m.rooms {
		all.Go(func() { f.follow(ready) })
	}
	all.Wait()
	m.c.Close()
	for _, f := range m.rooms {
		m.late = max(m.late, f.late)
		m.run.keep(nil, f.track)
	}
}

func (f *following) follow(ready *sync.WaitGroup) {
	once := sync.OnceFunc(ready.Done)
	defer once()
	for !f.visit(once) {
		f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Left})
	}
}

// visit joins and reads for a while; most stay to the end of the run. It is true there.
func (f *following) visit(joined func()) bool {
	ctx := f.run.ctx
	err := f.room.Join(ctx, client.Since(f.at))
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, client.ErrUnavailable) {
			f.run.complain("%s: join %s: %v", f.user, f.track.Room, err)
		}
		return !pass(ctx, time.Duration(f.rng.IntN(500))*time.Millisecond)
	}
	joined()
	f.inside.Store(true)
	f.since = time.Now()
	since := checker.Position(f.at)
	f.join = &checker.Join{Since: &since, At: since, Live: true}
	f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Joined, Join: f.join})
	stay := 24 * time.Hour
	if f.rng.IntN(4) == 0 {
		stay = time.Duration(2000+f.rng.IntN(20_000)) * time.Millisecond
	}
	if f.read(stay) {
		return true
	}
	f.inside.Store(false)
	if err := f.room.Leave(ctx); err != nil && ctx.Err() == nil {
		f.run.complain("%s: leave %s: %v", f.user, f.track.Room, err)
	}
	return ctx.Err() != nil
}

// read takes what comes until the time is over, or the room's end is reached, which
// is true.
func (f *following) read(stay time.Duration) bool {
	ctx, cancel := context.WithTimeout(f.run.ctx, stay)
	defer cancel()
	stop := context.AfterFunc(f.run.told, cancel)
	defer stop()
	for {
		if f.run.told.Err() != nil {
			ctx = f.run.ctx
			if f.at.Seq >= f.run.targets[f.track.Room].Seq {
				return true
			}
		}
		in, err := f.room.Next(ctx)
		switch {
		case err == nil:
			f.take(in)
		case f.run.ctx.Err() != nil:
			return true
		case ctx.Err() == nil:
			f.run.complain("%s: next in %s: %v", f.user, f.track.Room, err)
			return false
		case f.run.told.Err() == nil:
			return false // the time is over
		}
	}
}

func (f *following) take(in client.Incoming) {
	switch in := in.(type) {
	case *client.Event:
		if f.join.At.Epoch == "" { // a join from the beginning did not know it
			f.join.At.Epoch = in.Epoch
		}
		f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Event, Entry: entry(in)})
		if in.Time().After(f.since) { // what is from before the join is not late
			f.late = max(f.late, time.Since(in.Time()))
		}
		f.at = in.Position
	case *client.Gap:
		f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Reset, Join: &checker.Join{
			At: checker.Position{Epoch: in.At.Epoch}, Anywhere: true, Reset: string(in.Reason),
		}})
	}
}

// entry gives an event as the checker wants it.
func entry(e *client.Event) checker.Entry {
	return checker.Entry{Seq: e.Seq, User: e.User, ID: e.ID, Text: checker.Hash(e.Text), Sum: checker.Hash([]byte(e.Raw))}
}

// publisher publishes to rooms until the run is quiet. It goes through the
// connection of a member.
type publisher struct {
	run     *trial
	m       *member
	rng     *rand.Rand
	made    int
	records []checker.Publish
}

func (t *trial) publisher(n int, m *member) *publisher {
	return &publisher{run: t, m: m, rng: t.rng("publish", n, 0)}
}

// publish posts a few at once, and waits for what becomes of them.
func (p *publisher) publish() {
	defer func() { p.run.keep(p.records) }()
	for p.run.quiet.Err() == nil && p.run.ctx.Err() == nil {
		room := p.m.rooms[p.rng.IntN(len(p.m.rooms))].room
		if p.rng.IntN(8) == 0 {
			room = p.m.c.Room(quietRoom(p.rng.IntN(quietRooms)))
		}
		from := len(p.records)
		var posted []*client.Receipt
		for range 1 + p.rng.IntN(3)*p.rng.IntN(2) {
			receipt, err := p.post(room)
			if err != nil {
				p.run.complain("%s: post: %v", p.m.user, err)
				return
			}
			posted = append(posted, receipt)
		}
		for i, receipt := range posted {
			p.settle(&p.records[from+i], receipt)
		}
		mean := float64(p.run.pace()) * float64(len(posted))
		pass(p.run.quiet, time.Duration(p.rng.ExpFloat64()*mean))
	}
}

func (p *publisher) post(room *client.Room) (*client.Receipt, error) {
	p.run.gate.RLock()
	defer p.run.gate.RUnlock()
	p.made++
	draft := client.Text(fmt.Sprintf("%s says %d %s", p.m.user, p.made, strings.Repeat("ß", p.rng.IntN(100))))
	draft.ID = fmt.Sprint("m", p.made)
	p.records = append(p.records, checker.Publish{
		Conn: p.m.user, Room: room.Name(), User: p.m.user, ID: draft.ID, Text: checker.Hash(draft.Text), Sent: p.run.now(),
	})
	return room.Post(p.run.ctx, draft)
}

// settle waits for the answer.
func (p *publisher) settle(rec *checker.Publish, receipt *client.Receipt) {
	ack, err := receipt.Wait(p.run.ctx)
	rec.Done = p.run.now()
	switch {
	case err == nil:
		rec.Outcome, rec.At, rec.Duplicate = checker.Acked, checker.Position(ack.Position), ack.Duplicate
		p.run.acked.Add(1)
		p.run.slowest(rec.Done - rec.Sent)
	case errors.Is(err, client.ErrUnknownOutcome):
		p.run.unknown.Add(1)
	case p.run.ctx.Err() == nil:
		p.run.complain("%s: %s: %v", p.m.user, rec.ID, err)
	}
}
