package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/hubbub-im/hubbub/transport/client"
)

// faults are all that there are, in the order of their worth.
var faults = []fault{
	{name: "none", what: "nothing is broken", strike: func(ctx context.Context, d *drill) error {
		pass(ctx, 3*time.Second)
		return nil
	}},
	{name: "kill-hub", what: "`kill -9` of a hub", strike: func(ctx context.Context, d *drill) error {
		return d.kill(ctx, d.hub())
	}},
	{name: "kill-node", what: "`kill -9` of a NATS server", strike: func(ctx context.Context, d *drill) error {
		return d.kill(ctx, d.node())
	}},
	{name: "kill-leader", what: "`kill -9` of the leader of a busy partition right after an ack, and nobody publishes afterwards", strike: func(ctx context.Context, d *drill) error {
		return d.killLeader(ctx)
	}},
	{name: "kill-hubs", what: "`kill -9` of all hubs", lasting: true, strike: func(ctx context.Context, d *drill) error {
		return d.kill(ctx, d.hubs...)
	}},
	{name: "kill-all", what: "`kill -9` of everything at once", lasting: true, strike: func(ctx context.Context, d *drill) error {
		return d.kill(ctx, d.all()...)
	}},
	{name: "pause-hub", what: "SIGSTOP of a hub for 30 s", lasting: true, strike: func(ctx context.Context, d *drill) error {
		return d.pause(ctx, d.hub(), d.long())
	}},
	{name: "pause-node", what: "SIGSTOP of a NATS server for 30 s", lasting: true, strike: func(ctx context.Context, d *drill) error {
		return d.pause(ctx, d.node(), d.long())
	}},
	{name: "cut-hub", what: "a hub cut off from NATS, its clients not", net: true, lasting: true, strike: func(ctx context.Context, d *drill) error {
		hub := d.hub()
		for _, node := range d.nodes {
			d.net.part(hub.on, node.on)
		}
		return d.parted(ctx, d.some(d.long()/3, d.long()))
	}},
	{name: "cut-node", what: "a NATS server cut off from the others, the hubs not", net: true, lasting: true, strike: func(ctx context.Context, d *drill) error {
		node := d.node()
		for _, o := range others(d.nodes, node) {
			d.net.part(node.on, o.on)
		}
		return d.parted(ctx, d.some(d.long()/3, d.long()))
	}},
	{name: "cut-node-alone", what: "a NATS server cut off from everything", net: true, lasting: true, strike: func(ctx context.Context, d *drill) error {
		node := d.node()
		for _, o := range others(d.all(), node) {
			d.net.part(node.on, o.on)
		}
		return d.parted(ctx, d.some(d.long()/3, d.long()))
	}},
	{name: "one-way", what: "what a NATS server or a hub sends to one other is lost, the other way not", net: true, lasting: true, strike: oneWay},
	{name: "half-open", what: "20 clients cut off from their hubs without a word, and back", net: true, lasting: true, strike: halfOpen},
	{name: "slow-net", what: "200 ms and 5% loss between everything", net: true, lasting: true, strike: func(ctx context.Context, d *drill) error {
		d.net.router.slow(200*time.Millisecond, 0.05)
		return d.parted(ctx, d.some(d.long()/2, d.long()))
	}},
	{name: "jepsen", what: "two NATS servers paused, the third killed, those two resumed, the third started and paused", lasting: true, strike: jepsen},
	{name: "clock-step", what: "the clock of one hub or NATS server stepped by an hour, forward or back, and set right", clock: true, lasting: true, strike: clockStep},
	{name: "burst", what: "ten times the steady rate for 10 s", strike: func(ctx context.Context, d *drill) error {
		d.trial.burst.Store(10)
		pass(ctx, d.long()/3)
		d.trial.burst.Store(0)
		return nil
	}},
	{name: "rolling", what: "one hub after the other told to end (SIGTERM) and started again", lasting: true, strike: rolling},
	{name: "crowd-hub-killed", what: "`kill -9` of a hub with 5,000 listening clients on the cluster", lasting: true, strike: crowdHubKilled},
	{name: "crowd-returns", what: "`kill -9` of all hubs, and 10,000 clients that come back at once", lasting: true, strike: crowdReturns},
	{name: "disk-full", what: "the disk of one NATS server full, and free again", net: true, lasting: true, before: smallDisks(1), strike: fullDisks(1)},
	{name: "disks-full", what: "the disks of two NATS servers full, and free again", net: true, lasting: true, before: smallDisks(2), strike: fullDisks(2)},
	{name: "bit-flip", what: "one bit flipped in a block file of a stopped NATS server, which then starts; then the two others are killed in turn", lasting: true, strike: bitFlip},
}

func oneWay(ctx context.Context, d *drill) error {
	all := d.all()
	from := all[d.rng.IntN(len(all))]
	for _, to := range others(d.nodes, from) {
		d.net.router.cut(from.on.inner, to.on.inner)
		if d.rng.IntN(2) == 0 {
			break
		}
	}
	return d.parted(ctx, d.some(d.long()/3, d.long()))
}

// halfOpen lets clients come in through the router, and cuts them off. What was
// published meanwhile must be theirs afterwards.
func halfOpen(ctx context.Context, d *drill) error {
	var cut []*member
	for i := range 20 {
		from := d.net.stranger(1 + i)
		m := d.trial.stranger(from, i)
		cut = append(cut, m)
		d.chat.add(m)
	}
	pass(ctx, 2*time.Second)
	for i, m := range cut {
		from := d.net.stranger(1 + i)
		for _, hub := range d.hubs {
			d.net.router.cut(from, hub.on.inner)
			if i%2 == 0 {
				d.net.router.cut(hub.on.inner, from)
			}
		}
		if m.c.Status().State != client.Connected {
			d.trial.complain("%s was not connected when it was to be cut off", m.user)
		}
	}
	// Longer than both sides take to give a silent connection up, but in short.
	return d.parted(ctx, d.some(d.long()*3/2, d.long()*2))
}

func jepsen(ctx context.Context, d *drill) error {
	third := d.node()
	two := others(d.nodes, third)
	for _, p := range two {
		p.pause()
	}
	pass(ctx, d.long()/6)
	third.kill()
	pass(ctx, time.Second)
	if err := third.start(); err != nil {
		return err
	}
	for _, p := range two {
		p.resume()
	}
	pass(ctx, d.some(0, time.Second))
	third.pause()
	pass(ctx, d.long()/3)
	third.resume()
	return d.await(ctx, 2*time.Minute, d.all()...)
}

// patienceOfDeploy is how long a hub may take to end after SIGTERM.
const patienceOfDeploy = 40 * time.Second

func rolling(ctx context.Context, d *drill) error {
	for _, hub := range d.hubs {
		took := hub.end(syscall.SIGTERM, patienceOfDeploy)
		if took >= patienceOfDeploy {
			d.trial.complain("%s did not end within %v of SIGTERM", hub.name, patienceOfDeploy)
		}
		if err := d.restart(ctx, hub); err != nil {
			return err
		}
		pass(ctx, time.Second)
	}
	return nil
}

// bitFlip damages what one server has on disk while it is down.
func bitFlip(ctx context.Context, d *drill) error {
	i := d.rng.IntN(size)
	node := d.nodes[i]
	node.kill()
	if err := flipBit(d.store(i), d.rng); err != nil {
		return errors.Join(err, node.start())
	}
	if err := d.restart(ctx, node); err != nil {
		return err
	}
	for _, o := range others(d.nodes, node) {
		if err := d.kill(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
