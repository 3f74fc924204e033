package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/transport"
)

// faultyHubCommand makes the test program run as a hub with a fault.
const faultyHubCommand = "faulty-hub"

// faults are what a log can do wrong. Each is a log around the real one.
var faults = map[string]func(hub.Log) hub.Log{
	"none":          func(l hub.Log) hub.Log { return l },
	"drops one":     func(l hub.Log) hub.Log { return &dropsOne{Log: l} },
	"doubles one":   func(l hub.Log) hub.Log { return &doublesOne{Log: l} },
	"swaps two":     func(l hub.Log) hub.Log { return &swapsTwo{Log: l} },
	"reorders":      func(l hub.Log) hub.Log { return &reorders{Log: l, held: map[string]func(){}} },
	"acks early":    func(l hub.Log) hub.Log { return &acksEarly{Log: l} },
	"forgets":       func(hub.Log) hub.Log { return hub.NewMemory() },
	"stale history": func(l hub.Log) hub.Log { return &staleHistory{Log: l, by: staleBy, acked: map[string][]ackTime{}} },
	"old history": func(l hub.Log) hub.Log {
		return &staleHistory{Log: l, by: 4 * time.Second, acked: map[string][]ackTime{}}
	},
	"hides one": func(l hub.Log) hub.Log { return &hidesOne{Log: l} },
}

// faultyHub is a hub of the real parts, but for its log. Its arguments are a fault
// and flags of serve.
func faultyHub(args []string) int {
	fault := args[0]
	log := zerolog.New(os.Stderr)
	std := streams{os.Stdin, os.Stdout, os.Stderr}
	cmd, err := parse(append([]string{"serve"}, args[1:]...), nil, std)
	if err == nil {
		err = serveFaulty(cmd.(*ServeCmd), fault, log)
	}
	_, _ = fmt.Fprintln(os.Stderr, err)
	return 1
}

func serveFaulty(c *ServeCmd, fault string, log zerolog.Logger) error {
	spoil, lie := faults[fault], codecFaults[fault]
	if spoil == nil {
		spoil = faults["none"]
	}
	if lie == nil {
		lie = func(c hub.Codec) hub.Codec { return c }
	}
	engine, err := c.Engine.open(context.Background(), c.Data, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	identity, err := c.Auth.identity(c.Data, listener.Addr())
	if err != nil {
		return err
	}
	bad := spoil(engine.log)
	h := hub.New(hub.Config{Log: bad, Bus: engine.bus, Codec: lie(transport.Codec{CompressFrom: c.Bounds.compressFrom()})})
	cfg := c.transport(h, nil, engine, identity, log)
	cfg.Log = bad
	server := transport.New(cfg)
	c.greet(os.Stdout, listener.Addr(), nil)
	return server.Serve(listener)
}

// faultAfter is how many appends go well before the fault.
const faultAfter = 300

// hideAfter is which event of a room is hidden.
const hideAfter = 100

// dropsOne acknowledges an append and forgets it: one whose messages come for the
// first time, since what is stored already is not lost by that.
type dropsOne struct {
	hub.Log
	mu   sync.Mutex
	n    int
	done bool
	seen map[string]bool // by room and id
}

func (d *dropsOne) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	d.mu.Lock()
	d.n++
	bad := d.n >= faultAfter && !d.done
	if d.seen == nil {
		d.seen = make(map[string]bool)
	}
	for _, rec := range records {
		bad = bad && !d.seen[room+"/"+rec.ID]
		d.seen[room+"/"+rec.ID] = true
	}
	d.done = d.done || bad
	d.mu.Unlock()
	if !bad {
		return d.Log.Append(room, records, done)
	}
	go func() { done(lie(d.Log, room, len(records))) }()
	return nil
}

// lie makes acks for what is not stored, with sequences that it could have.
func lie(l hub.Log, room string, n int) []hub.Ack {
	tail, err := l.Tail(context.Background(), room)
	if err != nil {
		tail.Seq = 1
	}
	acks := make([]hub.Ack, n)
	for i := range acks {
		tail.Seq++
		acks[i].Position = tail
	}
	return acks
}

// doublesOne stores an append twice.
type doublesOne struct {
	hub.Log
	mu sync.Mutex
	n  int
}

func (d *doublesOne) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	d.mu.Lock()
	d.n++
	bad := d.n == faultAfter
	d.mu.Unlock()
	if bad {
		again := slices.Clone(records)
		for i := range again {
			again[i].ID += "x"
		}
		if err := d.Log.Append(room, again, func([]hub.Ack) {}); err != nil {
			return err
		}
	}
	return d.Log.Append(room, records, done)
}

// swaps is how many pairs are swapped: those of two repeats show nothing.
const swaps = 20

// swapsTwo holds an append back until the next one of the same user in the same
// room, and stores that one first.
type swapsTwo struct {
	hub.Log
	mu      sync.Mutex
	n       int
	swapped int
	held    *heldAppend
}

type heldAppend struct {
	room, user string
	records    []hub.Record
	done       func([]hub.Ack)
}

func (s *swapsTwo) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	user := author(records)
	s.mu.Lock()
	s.n++
	held := s.held
	switch {
	case held != nil && held.room == room && held.user == user:
		s.held, s.swapped = nil, s.swapped+1
		s.mu.Unlock()
		if err := s.Log.Append(room, records, done); err != nil {
			return err
		}
		return s.Log.Append(room, held.records, held.done)
	case s.n >= faultAfter && s.swapped < swaps && held == nil:
		h := &heldAppend{room, user, records, done}
		s.held = h
		s.mu.Unlock()
		time.AfterFunc(100*time.Millisecond, func() { s.letGo(h) })
		return nil
	}
	s.mu.Unlock()
	return s.Log.Append(room, records, done)
}

// letGo stores what was held back in vain.
func (s *swapsTwo) letGo(h *heldAppend) {
	s.mu.Lock()
	due := s.held == h
	if due {
		s.held = nil
	}
	s.mu.Unlock()
	if due {
		_ = s.Log.Append(h.room, h.records, h.done)
	}
}

func author(records []hub.Record) string {
	var e struct{ User string }
	_ = json.Unmarshal(records[0].Data, &e)
	return e.User
}

// reorders acknowledges each twentieth append at once, and stores it behind the next one
// of its room. It needs no publisher who sends before the answer to what was sent before.
type reorders struct {
	hub.Log
	mu   sync.Mutex
	n    int
	held map[string]func() // by room: stores what is held back
}

func (r *reorders) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	r.mu.Lock()
	r.n++
	store, held := r.held[room]
	hold := !held && r.n%20 == 0
	switch {
	case hold:
		r.held[room] = func() { _ = r.Log.Append(room, records, func([]hub.Ack) {}) }
	case held:
		delete(r.held, room)
	}
	r.mu.Unlock()
	if hold {
		go func() { done(lie(r.Log, room, len(records))) }()
		return nil
	}
	err := r.Log.Append(room, records, done)
	if held {
		store()
	}
	return err
}

// acksEarly acknowledges first and stores a little later.
type acksEarly struct{ hub.Log }

func (a *acksEarly) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	go func() {
		done(lie(a.Log, room, len(records)))
		<-time.After(50 * time.Millisecond)
		_ = a.Log.Append(room, records, func([]hub.Ack) {})
	}()
	return nil
}

// staleHistory answers every question as it would have been answered a while ago.
type staleHistory struct {
	hub.Log
	by    time.Duration
	mu    sync.Mutex
	acked map[string][]ackTime
}

type ackTime struct {
	seq uint64
	at  time.Time
}

const staleBy = 200 * time.Millisecond

func (s *staleHistory) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	return s.Log.Append(room, records, func(acks []hub.Ack) {
		s.mu.Lock()
		for _, a := range acks {
			s.acked[room] = append(s.acked[room], ackTime{a.Seq, time.Now()})
		}
		s.mu.Unlock()
		done(acks)
	})
}

// first gives the first sequence that is too new to be known; 0: there is none.
func (s *staleHistory) first(room string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.acked[room] {
		if time.Since(a.at) < s.by && a.seq > 0 {
			return a.seq
		}
	}
	return 0
}

func (s *staleHistory) Read(ctx context.Context, room string, r hub.Range) (hub.Page, error) {
	if first := s.first(room); first != 0 && (r.Before == 0 || r.Before > first) {
		r.Before = first
	}
	return s.Log.Read(ctx, room, r)
}

func (s *staleHistory) Tail(ctx context.Context, room string) (hub.Position, error) {
	tails, err := s.Tails(ctx, []string{room})
	if err != nil {
		return hub.Position{}, err
	}
	return tails[0], nil
}

func (s *staleHistory) Tails(ctx context.Context, rooms []string) ([]hub.Position, error) {
	tails, err := s.Log.Tails(ctx, rooms)
	for i := range tails {
		if first := s.first(rooms[i]); first != 0 {
			tails[i].Seq = min(tails[i].Seq, first-1)
		}
	}
	return tails, err
}

// hidesOne keeps one event of each room from its instance, so that nothing tells of the
// hole. Whoever is not connected just then reads it in the past, and misses nothing.
type hidesOne struct {
	hub.Log
}

func (d *hidesOne) Watch(room string, w hub.Watcher) (func(), error) {
	return d.Log.Watch(room, &hiding{Watcher: w})
}

type hiding struct {
	hub.Watcher
	mu     sync.Mutex
	n      int
	hidden uint64 // the one that was hidden
	before uint64 // what came before it
}

func (h *hiding) Entry(e hub.Entry) {
	h.mu.Lock()
	h.n++
	hide := h.n == hideAfter
	if hide {
		h.hidden, h.before = e.Seq, e.Prev
	}
	if e.Prev == h.hidden && e.Prev != 0 {
		e.Prev = h.before
	}
	h.mu.Unlock()
	if !hide {
		h.Watcher.Entry(e)
	}
}
