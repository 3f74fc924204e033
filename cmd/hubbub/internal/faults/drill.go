//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/transport/client"
)

// fault is one way to break a cluster, and to mend it again.
type fault struct {
	name  string
	what  string
	net   bool // it needs namespaces, or to be root
	clock bool // it steps clocks, for which the programs are built in another way
	// before prepares the cluster's folders, and may be nil.
	before func(*cluster) (undo func() error, err error)
	// strike breaks the cluster and mends it.
	strike func(context.Context, *drill) error
	// lasting: it is only when the cluster is mended that presence can come right; else
	// it must be right some time after the strike.
	lasting bool
}

// drill is a fault at work.
type drill struct {
	*cluster
	trial *trial
	chat  *chatter
	rng   *rand.Rand
	short bool // less patience: 5 s for 30 s
	tails []time.Duration

	crowdSize         int
	crowd99, crowdAll []time.Duration // how long crowds took to come back

	settled time.Duration // when presence must be right again
}

// presenceBroken is how long presence may be wrong when something dies: 10 s, and one for
// the telling.
const presenceBroken = 11 * time.Second

// unsettled notes that a fault struck, and gives when presence must be right again.
func (d *drill) unsettled(f fault, began time.Duration) time.Duration {
	now := d.trial.now()
	d.settled = max(began+presenceBroken, now)
	if f.lasting {
		d.settled = now + presenceBroken
	}
	d.trial.unsettled = append(d.trial.unsettled, checker.Span{From: began, To: d.settled})
	return d.settled
}

// some is a time between two bounds.
func (d *drill) some(least, most time.Duration) time.Duration {
	return least + time.Duration(d.rng.Int64N(int64(most-least)))
}

// long is how long what takes 30 s takes.
func (d *drill) long() time.Duration {
	if d.short {
		return 5 * time.Second
	}
	return 30 * time.Second
}

func (d *drill) hub() *process  { return d.hubs[d.rng.IntN(size)] }
func (d *drill) node() *process { return d.nodes[d.rng.IntN(size)] }

// others gives the processes of a list but for one.
func others(list []*process, but *process) []*process {
	return slices.DeleteFunc(slices.Clone(list), func(p *process) bool { return p == but })
}

// kill kills processes, waits a little, and starts them again.
func (d *drill) kill(ctx context.Context, which ...*process) error {
	for _, p := range which {
		p.kill()
	}
	pass(ctx, d.some(0, 2*time.Second))
	return d.restart(ctx, which...)
}

// pause stops a process for a while.
func (d *drill) pause(ctx context.Context, p *process, long time.Duration) error {
	p.pause()
	pass(ctx, long)
	p.resume()
	return d.await(ctx, time.Minute, d.all()...)
}

// parted waits while something is cut, and mends it.
func (d *drill) parted(ctx context.Context, long time.Duration) error {
	pass(ctx, long)
	d.net.router.mend()
	return d.await(ctx, 2*time.Minute, d.all()...)
}

// killLeader says something, kills the leader of its partition as soon as that is
// acknowledged, and lets nobody say anything more: all members of the room must get
// it all the same.
func (d *drill) killLeader(ctx context.Context) error {
	d.trial.gate.Lock()
	defer d.trial.gate.Unlock()
	name := d.trial.room(d.rng.IntN(d.trial.load.rooms))
	i, err := d.leader(ctx, name)
	if err != nil {
		return err
	}
	last, err := d.speak(ctx, name, 20)
	if err != nil {
		return err
	}
	d.nodes[i].kill()
	d.tails = append(d.tails, d.awaitTail(ctx, name, last))
	return d.restart(ctx, d.nodes[i])
}

// speak publishes to a room, and gives where the last one stands.
func (d *drill) speak(ctx context.Context, name string, n int) (client.Position, error) {
	user := fmt.Sprint("speaker", d.rng.Uint64())
	c := d.trial.client(user, d.rng.IntN(size), nil)
	defer c.Close()
	var posted []*client.Receipt
	var records []checker.Publish
	for i := range n {
		draft := client.Text(fmt.Sprint(user, " says ", i))
		draft.ID = fmt.Sprint("s", i)
		records = append(records, checker.Publish{
			Room: name, User: user, ID: draft.ID, Text: checker.Hash(draft.Text), Sent: d.trial.now(),
		})
		receipt, err := c.Room(name).Post(ctx, draft)
		if err != nil {
			return client.Position{}, err
		}
		posted = append(posted, receipt)
	}
	var last client.Position
	for i, receipt := range posted {
		ack, err := receipt.Wait(ctx)
		if err != nil {
			return last, fmt.Errorf("publish to %s: %w", name, err)
		}
		rec := &records[i]
		rec.Outcome, rec.At, rec.Done, rec.Duplicate = checker.Acked, checker.Position(ack.Position), d.trial.now(), ack.Duplicate
		d.trial.slowest(rec.Done - rec.Sent)
		last = ack.Position
	}
	d.trial.keep(records)
	return last, nil
}

// tailMost is how long members may wait for what was acknowledged before the leader
// was killed.
const tailMost = 2 * time.Second

// awaitTail waits until every member who is in the room has come to a position, and
// gives how long that took.
func (d *drill) awaitTail(ctx context.Context, name string, at client.Position) time.Duration {
	from := time.Now()
	for _, m := range d.chat.members {
		for _, f := range m.rooms {
			for f.track.Room == name && f.inside.Load() && f.room.Position().Seq < at.Seq && time.Since(from) < 30*time.Second {
				pass(ctx, 10*time.Millisecond)
			}
		}
	}
	took := time.Since(from)
	if took > tailMost {
		d.trial.complain("the tail of %s at %d took %v to reach all its members", name, at.Seq, took.Round(time.Millisecond))
	}
	return took
}
