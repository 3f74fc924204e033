package main_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/transport/client"
)

// sdk makes an SDK client, which connects when it can.
func (r *run) sdk(user string) *client.Client {
	c, err := client.New(client.Options{
		URL: r.hub.url(), Token: r.hub.token(user), Software: "proof", HTTPClient: r.hub.http,
	})
	if err != nil {
		panic(err) // the options are constant
	}
	return c
}

// sdkPublisher is a publisher that leaves all else to the SDK.
func (r *run) sdkPublisher(n int) func() {
	return func() {
		rng, user := r.rng("publisher", n), fmt.Sprint("publisher-", n)
		c := r.sdk(user)
		defer c.Close()
		p := &sdkPublishing{run: r, rng: rng, user: user, room: c.Room(r.room(n))}
		defer func() { r.keep(p.records, nil, nil) }()
		p.publish(1 + n%16)
	}
}

type sdkPublishing struct {
	run     *run
	rng     *rand.Rand
	user    string
	room    *client.Room
	made    int
	records []checker.Publish
}

// publish posts up to so many at once until it is quiet.
func (p *sdkPublishing) publish(window int) {
	for {
		var posted []*client.Receipt
		from := len(p.records)
		for range 1 + p.rng.IntN(window) {
			receipt, err := p.post()
			if err != nil {
				p.run.complain("%s: post: %v", p.user, err)
				return
			}
			posted = append(posted, receipt)
		}
		for i, receipt := range posted {
			if !p.settle(&p.records[from+i], receipt) {
				return
			}
		}
		select {
		case <-p.run.quiet:
			return
		case <-p.run.ctx.Done():
			return
		case <-time.After(time.Duration(p.rng.ExpFloat64() * float64(p.run.load.pace) * float64(len(posted)))):
		}
	}
}

func (p *sdkPublishing) post() (*client.Receipt, error) {
	p.made++
	draft := client.Text(fmt.Sprintf("%s says %d %s", p.user, p.made, strings.Repeat("ß", p.rng.IntN(100))))
	draft.ID = fmt.Sprint("m", p.made)
	p.records = append(p.records, checker.Publish{
		Room: p.room.Name(), User: p.user, ID: draft.ID, Text: checker.Hash(draft.Text), Sent: p.run.now(),
	})
	return p.room.Post(p.run.ctx, draft)
}

// settle waits for the answer. It is false when the run is over.
func (p *sdkPublishing) settle(rec *checker.Publish, receipt *client.Receipt) bool {
	ack, err := receipt.Wait(p.run.ctx)
	rec.Done = p.run.now()
	switch {
	case err == nil:
		rec.Outcome, rec.At, rec.Duplicate = checker.Acked, checker.Position(ack.Position), ack.Duplicate
		if !ack.Duplicate {
			p.run.acked.Add(1)
		}
	case p.run.ctx.Err() != nil:
		return false
	default:
		p.run.complain("%s: %s: %v", p.user, rec.ID, err)
	}
	return true
}

// sdkFollower follows a room through the SDK: it reads what Next gives, and leaves
// and comes back by the position of the last event.
func (r *run) sdkFollower(n int) func() {
	return func() {
		rng, user := r.rng("follower", n), fmt.Sprint("follower-", n)
		f := &sdkFollowing{run: r, rng: rng, user: user}
		f.track = checker.Track{Who: user, Room: r.followed(n, rng)[0]}
		defer func() { r.keep(nil, []checker.Track{f.track}, nil) }()
		for !f.visit() {
			f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Left})
		}
	}
}

type sdkFollowing struct {
	run   *run
	rng   *rand.Rand
	user  string
	at    client.Position
	join  *checker.Join // the last one
	track checker.Track
}

// visit connects, joins and reads for a while. It is true at the end of the run.
func (f *sdkFollowing) visit() bool {
	c := f.run.sdk(f.user)
	defer c.Close()
	room := c.Room(f.track.Room)
	for range 3 {
		if f.rng.IntN(10) == 0 {
			f.at = client.Position{}
		}
		if err := room.Join(f.run.ctx, client.Since(f.at)); err != nil {
			f.complainUnlessOver("join", err)
			return f.run.ctx.Err() != nil
		}
		since := checker.Position(f.at)
		f.join = &checker.Join{Since: &since, At: since, Live: true}
		f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Joined, Join: f.join})
		if f.read(room) {
			return true
		}
		if f.rng.IntN(2) == 0 {
			return false
		}
		if err := room.Leave(f.run.ctx); err != nil {
			f.complainUnlessOver("leave", err)
		}
		f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Left})
	}
	return false
}

func (f *sdkFollowing) complainUnlessOver(what string, err error) {
	if f.run.ctx.Err() == nil {
		f.run.complain("%s: %s: %v", f.user, what, err)
	}
}

// read reads for a while, and at the end of the run until the room's end, which
// is true.
func (f *sdkFollowing) read(room *client.Room) bool {
	ctx, cancel := context.WithTimeout(f.run.ctx, time.Duration(100+f.rng.IntN(3000))*time.Millisecond)
	defer cancel()
	for {
		select {
		case <-f.run.told:
			ctx = f.run.ctx
			if f.at.Seq >= f.run.targets[f.track.Room].Seq {
				return true
			}
		default:
		}
		in, err := room.Next(ctx)
		if err != nil {
			if f.run.ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
				f.run.complain("%s: next: %v", f.user, err)
			}
			return f.run.ctx.Err() != nil
		}
		switch in := in.(type) {
		case *client.Event:
			f.event(in)
		case *client.Gap:
			f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Reset, Join: &checker.Join{
				At: checker.Position{Epoch: in.At.Epoch}, Anywhere: true, Reset: string(in.Reason),
			}})
		}
	}
}

func (f *sdkFollowing) event(e *client.Event) {
	if f.join.At.Epoch == "" { // a join from the beginning did not know it
		f.join.At.Epoch = e.Epoch
	}
	f.track.Steps = append(f.track.Steps, checker.Step{Kind: checker.Event, Entry: item{e.Seq, e.Raw}.entry()})
	f.at = e.Position
}
