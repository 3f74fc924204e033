//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/transport/client"
)

// readersAtOnce is how many read pages of history while the others talk.
const readersAtOnce = 3

// readers read the newest of rooms through hubs by turns until the trial is quiet: what
// was acknowledged before must be there.
func (t *trial) readers() *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range readersAtOnce {
		all.Go(func() { t.read(i) })
	}
	return &all
}

// anyRoom is a quiet one as often as not.
func (t *trial) anyRoom(rng *rand.Rand) string {
	if rng.IntN(2) == 0 {
		return quietRoom(rng.IntN(quietRooms))
	}
	return t.room(rng.IntN(t.load.rooms))
}

func (t *trial) read(n int) {
	rng, who := t.rng("reader", n, 0), fmt.Sprint("reader", n)
	c := t.client(who, n, nil)
	defer c.Close()
	var pages []checker.Read
	for t.quiet.Err() == nil {
		p := checker.Read{Who: who, Room: t.anyRoom(rng), Limit: 1 + rng.IntN(200), Sent: t.now()}
		ctx, cancel := context.WithTimeout(t.quiet, 10*time.Second)
		page, err := c.Room(p.Room).History(ctx, client.Limit(p.Limit))
		cancel()
		if err == nil {
			p.Done, p.Epoch, p.MoreBefore, p.MoreAfter = t.now(), page.Epoch, page.MoreBefore, page.MoreAfter
			for _, e := range page.Events {
				p.Entries = append(p.Entries, entry(e))
			}
			pages = append(pages, p)
		}
		pass(t.quiet, time.Duration(rng.IntN(200))*time.Millisecond)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history.Reads = append(t.history.Reads, pages...)
}
