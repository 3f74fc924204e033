//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Presence has rooms of its own. In each there are some who stay, on every hub, and
// some who come and go; all of them watch who is there.
const (
	presenceRooms = 3
	stayersEach   = 6
	comersEach    = 6
)

// presenceWithin is how long a clean join or leave may take to be told everywhere.
const presenceWithin = 2 * time.Second

// guest is somebody in a room with presence.
type guest struct {
	run  *trial
	user string
	room string
	rng  *rand.Rand
	hub  int // where the first connection goes

	mu    sync.Mutex // guards what follows
	ready bool       // there is a connection
	stay  *checker.Stay
	stays []checker.Stay
	watch checker.Watch
}

// presence runs the part until the trial is told its end.
func (t *trial) presence() *sync.WaitGroup {
	var all sync.WaitGroup
	for r := range presenceRooms {
		for i := range stayersEach + comersEach {
			g := &guest{
				run: t, user: fmt.Sprint("guest", r, "x", i), room: fmt.Sprint("here", r), hub: i,
				rng: t.rng("guest", r, i), watch: checker.Watch{Room: fmt.Sprint("here", r)},
			}
			g.watch.Who = g.user
			all.Go(func() { g.live(i >= stayersEach) })
		}
	}
	return &all
}

// live is in the room until the end: all the time, or again and again.
func (g *guest) live(restless bool) {
	defer g.keep()
	for g.run.told.Err() == nil && g.run.ctx.Err() == nil {
		g.visit(restless)
		pass(g.run.told, time.Duration(100+g.rng.IntN(8000))*time.Millisecond)
		g.hub = g.rng.IntN(size)
	}
}

func (g *guest) keep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watch.End = g.run.now()
	if n := len(g.watch.Steps); n > 0 && g.watch.Steps[n-1].Blind {
		g.watch.End = g.watch.Steps[n-1].At
	}
	g.run.mu.Lock()
	defer g.run.mu.Unlock()
	g.run.history.Stays = append(g.run.history.Stays, g.stays...)
	g.run.history.Watches = append(g.run.history.Watches, g.watch)
}

// visit comes in over a connection of its own, and leaves: in good order, or by
// closing the connection.
func (g *guest) visit(restless bool) {
	c := g.run.client(g.user, g.hub, g.status)
	defer c.Close()
	defer g.leave()
	ctx, cancel := context.WithCancel(g.run.told)
	defer cancel()
	if restless {
		defer time.AfterFunc(time.Duration(500+g.rng.IntN(15_000))*time.Millisecond, cancel).Stop()
	}
	g.begin()
	here := c.Room(g.room)
	if err := here.Join(ctx, client.WithPresence()); err != nil {
		if ctx.Err() == nil {
			g.run.complain("%s: join %s: %v", g.user, g.room, err)
		}
		return
	}
	for {
		in, err := here.Next(ctx)
		if err != nil {
			break
		}
		g.take(in)
	}
	if g.run.told.Err() == nil && g.rng.IntN(2) == 0 {
		g.leave()
		short, stop := context.WithTimeout(g.run.ctx, time.Second)
		_ = here.Leave(short) // on a hub that is gone it has no answer
		stop()
	}
}

// begin notes that it is about to come in.
func (g *guest) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stay = &checker.Stay{Room: g.room, User: g.user, Asked: g.run.now()}
}

// status hears of the connection.
func (g *guest) status(s client.Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready = s.State == client.Connected
	if g.ready {
		return
	}
	g.step(checker.Seen{Blind: true})
	if g.stay != nil && g.stay.In > 0 {
		g.stay.Lost = g.run.now()
		g.stays = append(g.stays, *g.stay)
		g.stay = &checker.Stay{Room: g.room, User: g.user, Asked: g.run.now()} // it comes back by itself
	}
}

// leave notes that it is about to leave of its own will.
func (g *guest) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stay == nil {
		return
	}
	now := g.run.now()
	if g.stay.In == 0 {
		g.stay.In = now
	}
	if g.run.told.Err() == nil {
		g.stay.Out = now
	}
	g.stay.Lost = now
	g.stays = append(g.stays, *g.stay)
	g.stay = nil
	g.step(checker.Seen{Blind: true})
}

// step adds to what was seen; mu is held.
func (g *guest) step(s checker.Seen) {
	s.At = g.run.now()
	g.watch.Steps = append(g.watch.Steps, s)
}

func (g *guest) take(in client.Incoming) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ready || g.stay == nil {
		return
	}
	switch in := in.(type) {
	case *client.Members:
		if g.stay.In == 0 {
			g.stay.In = g.run.now()
		}
		g.step(checker.Seen{All: true, Joined: members(in.List)})
	case *client.Presence:
		if in.Members != nil {
			g.step(checker.Seen{All: true, Joined: members(in.Members)})
			return
		}
		g.step(checker.Seen{Joined: users(in.Joined), LeftRoom: users(in.Left)})
	}
}

func members(list []room.Member) (names []string) {
	for _, m := range list {
		names = append(names, m.User)
	}
	return names
}

func users(list []wire.User) (names []string) {
	for _, u := range list {
		names = append(names, u.User)
	}
	return names
}
