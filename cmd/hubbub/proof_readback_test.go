package main_test

import (
	"context"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// pageSize is the most that history gives at once.
const pageSize = 200

// connect connects for the run's own questions.
func (r *run) connect(user string) *rawConn {
	r.t.Helper()
	c, err := r.dial(r.hub.token(user), false)
	r.must(err)
	return c
}

// positions asks where all rooms stand.
func (r *run) positions() map[string]position {
	r.t.Helper()
	c := r.connect("surveyor")
	defer c.drain()
	defer c.close()
	var rooms []string
	for i := range r.load.rooms {
		rooms = append(rooms, r.room(i))
	}
	f, err := c.ask(r.ctx, object{"type": "positions", "rooms": rooms})
	r.must(err)
	return f.Positions
}

// readBack reads each room to its end in three ways: page by page from the hub as
// it is, by a join from the beginning, and, after one more kill, page by page from
// what is on disk. The last is the final history, which the others must match.
func (r *run) readBack() {
	r.t.Helper()
	before := r.readRooms("reader before the last kill")
	for _, page := range before {
		r.keep(nil, nil, []checker.Read{page})
	}
	r.follow()
	r.hub.kill()
	r.hub.start()
	r.hub.awaitReady()
	for room, page := range r.readRooms("reader after the last kill") {
		r.history.Final[room] = checker.Final{Epoch: page.Epoch, Entries: page.Entries}
	}
}

// readRooms reads all rooms, each as one long page.
func (r *run) readRooms(who string) map[string]checker.Read {
	r.t.Helper()
	c := r.connect("surveyor")
	defer c.drain()
	defer c.close()
	rooms := map[string]checker.Read{}
	for i := range r.load.rooms {
		whole := checker.Read{Who: who, Room: r.room(i), FromStart: true, Limit: 1 << 40}
		for more, after := true, uint64(0); more; {
			whole.Sent = r.now()
			f, err := c.ask(r.ctx, object{"type": "history", "room": whole.Room, "after": after, "limit": pageSize})
			r.must(err)
			if f.Type != "history" {
				r.t.Fatalf("history of %s after %d: %s %s", whole.Room, after, f.Code, f.Message)
			}
			whole.Epoch, whole.Entries = f.Epoch, append(whole.Entries, entries(f.Events)...)
			if more = f.MoreAfter && len(f.Events) > 0; more {
				after = f.Events[len(f.Events)-1].Seq
			}
		}
		whole.Done = r.now()
		rooms[whole.Room] = whole
	}
	return rooms
}

// follow joins every room from its beginning.
func (r *run) follow() {
	r.t.Helper()
	c := r.connect("surveyor")
	defer c.drain()
	defer c.close()
	for i := range r.load.rooms {
		track := checker.Track{Who: "surveyor", Room: r.room(i)}
		at, live := position{}, false
		for !live {
			f, err := c.ask(r.ctx, object{"type": "join", "room": track.Room, "since": at})
			r.must(err)
			if f.Type != "joined" {
				r.t.Fatalf("join %s since %v: %s %s", track.Room, at, f.Code, f.Message)
			}
			track.Steps = append(track.Steps, joinedStep(&f, &at, 0))
			at, live = position{f.Epoch, f.Seq}, f.Live
		}
		r.keep(nil, []checker.Track{track}, nil)
	}
}

// joinedStep records the answer to a join.
func joinedStep(f *frame, since *position, history int) checker.Step {
	j := &checker.Join{
		History: history, At: checker.Position{Epoch: f.Epoch, Seq: f.Seq},
		Live: f.Live, More: f.More, Entries: entries(f.Events),
	}
	if since != nil {
		j.Since = &checker.Position{Epoch: since.Epoch, Seq: since.Seq}
	}
	if f.Reset != nil {
		j.Reset = f.Reset.Reason
	}
	return checker.Step{Kind: checker.Joined, Join: j}
}

// reader reads pages of history of all kinds until ctx ends.
func (r *run) reader(ctx context.Context, n int) {
	rng := r.rng("reader", n)
	var pages []checker.Read
	defer func() { r.keep(nil, nil, pages) }()
	for ctx.Err() == nil {
		c, err := r.dial(r.hub.token("reader"), false)
		if err != nil {
			wait(ctx, time.Duration(1+rng.IntN(100))*time.Millisecond)
			continue
		}
		room, seen := r.room(rng.IntN(r.load.rooms)), uint64(0) // seen: some place in it, to ask for what lies around
		for ctx.Err() == nil {
			if rng.IntN(4) == 0 {
				room, seen = r.room(rng.IntN(r.load.rooms)), 0
			}
			p := checker.Read{Who: "reader", Room: room, Limit: 1 + rng.IntN(pageSize), Sent: r.now()}
			cmd := object{"type": "history", "room": room, "limit": p.Limit}
			switch kind := rng.IntN(4); {
			case kind == 0 && seen > 0:
				p.Before, cmd["before"] = seen, seen
			case kind == 1 && seen > 0:
				p.After, cmd["after"] = seen, seen
			case kind == 2:
				p.FromStart, cmd["after"] = true, 0
			}
			f, err := c.ask(ctx, cmd)
			if err != nil {
				break
			}
			if f.Type != "history" {
				if f.code() != "unavailable" {
					r.complain("reader: %s %s", f.code(), f.Message)
				}
				continue
			}
			p.Done, p.Epoch, p.Entries = r.now(), f.Epoch, entries(f.Events)
			p.MoreBefore, p.MoreAfter = f.MoreBefore, f.MoreAfter
			if len(f.Events) > 0 {
				seen = f.Events[rng.IntN(len(f.Events))].Seq
			}
			pages = append(pages, p)
			wait(ctx, time.Duration(rng.IntN(20))*time.Millisecond)
		}
		c.close()
		c.drain()
	}
}
