//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/transport/client"
	"github.com/hubbub-im/hubbub/transport/client/bot"
)

// A bot answers commands in a room; it is ended and started again now and then, and
// each command must have one answer.
const (
	botRoom  = "bots"
	askEvery = 400 * time.Millisecond
	botLife  = 15 * time.Second
)

// asking is the bot part of a trial.
type asking struct {
	*trial
	gate   *balancer
	cursor string
	all    sync.WaitGroup
	asked  []string // commands that were acknowledged
}

func (t *trial) bots() (*asking, error) {
	gate, err := newBalancer(t.machines)
	if err != nil {
		return nil, err
	}
	a := &asking{trial: t, gate: gate, cursor: filepath.Join(t.cluster.dir, "bot.cursor")}
	a.all.Go(a.serve)
	a.all.Go(a.ask)
	return a, nil
}

// serve runs the bot, life after life.
func (a *asking) serve() {
	for a.told.Err() == nil {
		ctx, cancel := context.WithTimeout(a.told, botLife)
		b := bot.New("ws://"+a.gate.addr(), bot.Token(a.cluster.token("bot")), bot.Rooms(botRoom), bot.Cursor(bot.File(a.cursor)),
			bot.OnError(func(c *bot.Ctx, err error) {
				if ctx.Err() == nil {
					a.complain("bot: %q: %v", c.Text(), err)
				}
			}))
		b.OnCommand("say", func(c *bot.Ctx) error {
			return c.Say("answer " + c.Args()[0])
		})
		if err := b.Run(ctx); err != nil && ctx.Err() == nil {
			a.complain("bot: %v", err)
			pass(a.told, time.Second)
		}
		cancel()
	}
}

// ask gives the bot commands.
func (a *asking) ask() {
	c := a.client("asker", 0, nil)
	defer c.Close()
	for a.quiet.Err() == nil { // a bot begins with what is new, and notes where that is
		if _, err := os.Stat(a.cursor); err == nil {
			break
		}
		pass(a.quiet, 50*time.Millisecond)
	}
	for n := 0; a.quiet.Err() == nil && a.ctx.Err() == nil; n++ {
		name := fmt.Sprint("q", n)
		draft := client.Text("/say " + name)
		draft.ID = name
		_, err := c.Room(botRoom).Send(a.ctx, draft)
		switch {
		case err == nil:
			a.asked = append(a.asked, name)
		case !errors.Is(err, client.ErrUnknownOutcome) && a.ctx.Err() == nil:
			a.complain("asker: %v", err)
		}
		pass(a.quiet, askEvery)
	}
}

// judge waits until all is answered, and looks whether it was so once.
func (a *asking) judge() int {
	end := time.Now().Add(a.load.settle)
	c := a.client("listener", 0, nil)
	defer c.Close()
	for {
		answers, err := a.answers(c)
		missing := 0
		for _, q := range a.asked {
			if answers[q] == 0 {
				missing++
			}
		}
		if err == nil && missing == 0 {
			for _, q := range a.asked {
				if answers[q] > 1 {
					a.complain("the bot answered %s %d times", q, answers[q])
				}
			}
			return len(a.asked)
		}
		if time.Now().After(end) || !pass(a.ctx, 500*time.Millisecond) {
			a.complain("the bot left %d of %d commands without an answer (%v)", missing, len(a.asked), err)
			return len(a.asked)
		}
	}
}

// answers counts the answers to each command.
func (a *asking) answers(c *client.Client) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(a.ctx, 10*time.Second)
	defer cancel()
	if err := c.WaitConnected(ctx); err != nil {
		return nil, err
	}
	count := map[string]int{}
	for after, more := uint64(0), true; more; {
		page, err := c.Room(botRoom).History(ctx, client.After(after), client.Limit(200))
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			after = e.Seq
			var q string
			if _, err := fmt.Sscanf(e.Text, "answer %s", &q); err == nil && e.User == "bot" {
				count[q]++
			}
		}
		more = page.MoreAfter && len(page.Events) > 0
	}
	return count, nil
}

// close ends the part, after told.
func (a *asking) close() error {
	a.all.Wait()
	return a.gate.close()
}

// balancer takes connections to the next hub that answers, for clients that know one
// address.
type balancer struct {
	listener net.Listener
	way      balance
	all      sync.WaitGroup
}

func newBalancer(hubs []*machine) (*balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l, way: balance{hubs: hubs}}
	b.all.Go(b.serve)
	return b, nil
}

func (b *balancer) addr() string { return b.listener.Addr().String() }

func (b *balancer) serve() {
	for {
		in, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.all.Go(func() { b.carry(in) })
	}
}

// carry joins a connection with one to a hub until either ends.
func (b *balancer) carry(in net.Conn) {
	defer func() { _ = in.Close() }()
	out, err := b.way.dial(context.Background(), "", "")
	for tries := 1; err != nil && tries < size; tries++ {
		out, err = b.way.dial(context.Background(), "", "")
	}
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

func (b *balancer) close() error {
	err := b.listener.Close()
	b.all.Wait()
	return err
}
