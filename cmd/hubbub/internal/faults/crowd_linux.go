package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/transport/client"
)

// A crowd is many connections that only listen: each is in one room.
type crowd struct {
	all []*listener
}

// listener is one of them.
type listener struct {
	c    *client.Client
	room *client.Room
	up   atomic.Bool
}

// crowd lets n in, and waits until all are.
func (d *drill) crowd(ctx context.Context, n int) *crowd {
	w := &crowd{}
	began := time.Now()
	for i := range n {
		l := new(listener)
		l.c = d.trial.client("crowd", i, func(s client.Status) { l.up.Store(s.State == client.Connected) })
		l.room = l.c.Room(d.trial.room(i))
		w.all = append(w.all, l)
		go l.listen(d.trial.ctx)
		if i%100 == 99 {
			pass(ctx, 50*time.Millisecond)
		}
	}
	for w.caughtUp(d, nil) < n && time.Since(began) < d.trial.load.settle {
		pass(ctx, 100*time.Millisecond)
	}
	if in := w.caughtUp(d, nil); in < n {
		d.trial.complain("%d of %d came in within %v", in, n, d.trial.load.settle)
	}
	return w
}

// listen takes what comes until the client is closed.
func (l *listener) listen(ctx context.Context) {
	if l.room.Join(ctx) != nil {
		return
	}
	for {
		if _, err := l.room.Next(ctx); err != nil {
			return
		}
	}
}

// caughtUp counts those who are connected and have come to a place in their rooms.
func (w *crowd) caughtUp(d *drill, ends map[string]client.Position) (n int) {
	for _, l := range w.all {
		if l.up.Load() && l.room.Position().Epoch != "" && l.room.Position().Seq >= ends[l.room.Name()].Seq {
			n++
		}
	}
	return n
}

func (w *crowd) close() {
	for _, l := range w.all {
		l.c.Close()
	}
}

// back measures how long the crowd takes to come to where the rooms ended when it
// struck: 99% of it, and all.
func (w *crowd) back(ctx context.Context, d *drill, from time.Time) (most, all time.Duration) {
	var ends map[string]client.Position
	asker := d.trial.client("surveyor", d.rng.IntN(size), nil)
	defer asker.Close()
	short, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for ends == nil && short.Err() == nil {
		if asker.WaitConnected(short) == nil {
			ends, _ = asker.Positions(short, d.trial.rooms()...)
		}
	}
	for time.Since(from) < 2*time.Minute {
		n := w.caughtUp(d, ends)
		if most == 0 && n >= len(w.all)*99/100 {
			most = time.Since(from)
		}
		if n == len(w.all) {
			return most, time.Since(from)
		}
		if !pass(ctx, 50*time.Millisecond) {
			break
		}
	}
	d.trial.complain("%d of %d had not come back after %v", len(w.all)-w.caughtUp(d, ends), len(w.all), time.Since(from).Round(time.Second))
	return most, time.Since(from)
}

// many is how large a crowd is; less in short, or where descriptors are few.
func (d *drill) many(n int) int {
	if d.short {
		n /= 20
	}
	return min(n, descriptors()*2/3)
}

// crowdHubKilled kills a hub under a crowd, a third of which was there.
func crowdHubKilled(ctx context.Context, d *drill) error {
	w := d.crowd(ctx, d.many(5000))
	defer w.close()
	hub := d.hub()
	hub.kill()
	most, all := w.back(ctx, d, time.Now())
	d.came(len(w.all), most, all)
	return d.restart(ctx, hub)
}

// crowdReturns kills all hubs, so that all come back at once.
func crowdReturns(ctx context.Context, d *drill) error {
	w := d.crowd(ctx, d.many(10_000))
	defer w.close()
	for _, hub := range d.hubs {
		hub.kill()
	}
	pass(ctx, time.Second)
	from := time.Now()
	if err := d.restart(ctx, d.hubs...); err != nil {
		return err
	}
	most, all := w.back(ctx, d, from)
	d.came(len(w.all), most, all)
	return nil
}

// came notes how long a crowd took.
func (d *drill) came(n int, most, all time.Duration) {
	d.crowdSize = max(d.crowdSize, n)
	d.crowd99, d.crowdAll = append(d.crowd99, most), append(d.crowdAll, all)
}

// worst gives the longest of some times.
func worst(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return slices.Max(times).Round(10 * time.Millisecond)
}
