package hub

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	beatEvery = time.Second
	// leaseLength is after how long an instance is gone that is not heard of: seven
	// beats, so that some may be lost, and soon enough for its members to be gone 10 s
	// after it died.
	leaseLength = 7 * time.Second
	// youngBeats is up to which beat an instance that is heard of for the first time
	// has just begun. It asks for itself; one that was there before and could not be
	// heard has to be told of all rooms.
	youngBeats = 3
	// maxErrands bounds what waits to be sent to other instances. What does not fit is
	// lost, as it may be on the way.
	maxErrands = 1 << 14
)

// Names on the Bus that no room can have: of all instances, and of each.
const allInstances = "!hubs"

func inboxOf(instance string) string { return "!hub " + instance }

// others is what the hub knows of the other instances, and its way to them. Nothing
// is sent from where something is received, or with a lock held: what is to be sent
// is an errand, done by one goroutine.
type others struct {
	// static after construction
	id   string
	stop []func() // ends the subscriptions; changed by meet alone

	beat    atomic.Uint64
	beats   uint64 // how many were sent; owned by meet
	gens    atomic.Uint64
	there   atomic.Int64  // how many others there are
	sent    atomic.Uint64 // bytes given to the Bus for presence
	wake    chan struct{} // holds one token while errands is not empty
	asks    asks
	agenda  agenda
	pace    pace
	failing bool // the Bus took nothing the last time; owned by speak

	mu      sync.Mutex // guards what follows; taken last
	leases  room.Leases
	errands []func()
}

// note is what instances tell one another beside what rooms hear.
type note struct {
	Kind   string       `json:"kind"`
	From   string       `json:"from"`
	Beat   uint64       `json:"beat"`
	Beats  uint64       `json:"beats,omitempty"` // of a beat: how many there were
	Room   string       `json:"room,omitempty"`
	Report *room.Report `json:"report,omitempty"`
	Query  *query       `json:"query,omitempty"`
	Answer *answer      `json:"answer,omitempty"`
}

// The kinds of notes.
const (
	noteBeat   = "beat"
	noteBye    = "bye"
	noteAsk    = "ask"    // give me all of your users in the room
	noteReport = "report" // these are mine
	noteQuery  = "query"
	noteAnswer = "answer"
)

func newOthers(id string) *others {
	o := &others{
		id: id, wake: make(chan struct{}, 1),
		leases: room.Leases{Length: leaseLength}, asks: newAsks(), agenda: newAgenda(),
	}
	// So that an instance that is given the same name again goes on above its beats.
	began := uint64(time.Now().UnixMilli())
	o.beat.Store(began)
	o.gens.Store(began)
	return o
}

// count is how many other instances are there.
func (o *others) count() int { return int(o.there.Load()) }

// change does something to the leases.
func (o *others) change(do func(*room.Leases)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	do(&o.leases)
	o.there.Store(int64(o.leases.Others()))
}

// hear takes note of a message of an instance. It is false if the message counts for
// nothing.
func (o *others) hear(instance string, beat uint64) (heard room.Heard, ok bool) {
	if instance == o.id || instance == "" {
		return 0, false
	}
	o.change(func(l *room.Leases) { heard = l.Hear(instance, beat, time.Now()) })
	return heard, heard != room.HeardLate
}

// errand has something done that must not be done here.
func (o *others) errand(do func()) {
	o.mu.Lock()
	if len(o.errands) < maxErrands {
		o.errands = append(o.errands, do)
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *others) takeErrands() []func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	errands := o.errands
	o.errands = nil
	return errands
}

// send gives something to the Bus. It is called by errands, meet and Close alone.
func (h *Hub) send(name string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		h.others.sent.Add(uint64(len(data)))
		err = h.cfg.Bus.Publish(name, data)
	}
	if err != nil && !h.others.failing {
		h.cfg.Fault("", fmt.Errorf("tell other instances: %w", err))
	}
	h.others.failing = err != nil
}

// write sends a note to one instance, or to all.
func (h *Hub) write(to string, n note) {
	n.From, n.Beat = h.others.id, h.others.beat.Load()
	h.others.errand(func() { h.send(to, n) })
}

// subscribeOthers begins to hear other instances. It is false if it has to be tried
// again.
func (h *Hub) subscribeOthers() bool {
	for i, name := range []string{inboxOf(h.others.id), allInstances} {
		if i < len(h.others.stop) {
			continue
		}
		stop, err := h.cfg.Bus.Subscribe(name, h.takeNote)
		if err != nil {
			h.cfg.Fault("", fmt.Errorf("hear other instances: %w", err))
			return false
		}
		h.others.stop = append(h.others.stop, stop)
	}
	return true
}

// meet tells the others that this instance is there, and looks who of them is not
// any more. It runs until the hub is closed, and says goodbye.
func (h *Hub) meet() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		h.subscribeOthers()
		h.others.beat.Add(1)
		h.others.beats++
		beats := h.others.beats
		h.others.errand(func() {
			h.send(allInstances, note{Kind: noteBeat, From: h.others.id, Beat: h.others.beat.Load(), Beats: beats})
		})
		select {
		case <-tick.C:
		case <-h.ctx.Done():
			return
		}
		var gone []string
		h.others.change(func(l *room.Leases) { gone = l.Expire(time.Now()) })
		for _, id := range gone {
			h.dropOther(id, time.Time{})
		}
	}
}

// leaveOthers says goodbye, when all else has ended.
func (h *Hub) leaveOthers() {
	h.others.beat.Add(1)
	h.send(allInstances, note{Kind: noteBye, From: h.others.id, Beat: h.others.beat.Load()})
	for _, stop := range h.others.stop {
		stop()
	}
}

// takeNote takes a note from the Bus.
func (h *Hub) takeNote(data []byte) {
	var n note
	if err := json.Unmarshal(data, &n); err != nil {
		h.cfg.Fault("", fmt.Errorf("decode a note of another instance: %w", err))
		return
	}
	if n.Kind == noteBye {
		h.takeBye(n)
		return
	}
	heard, ok := h.others.hear(n.From, n.Beat)
	if !ok {
		return
	}
	if heard == room.HeardNew && (n.Kind != noteBeat || n.Beats > youngBeats) {
		h.tellAll()
	}
	switch {
	case n.Kind == noteAsk:
		h.answerAsk(n)
	case n.Kind == noteReport && n.Report != nil:
		if r := h.known(n.Room); r != nil {
			r.hearReport(*n.Report)
		}
	case n.Kind == noteQuery && n.Query != nil:
		h.others.errand(func() { h.answerQuery(n) })
	case n.Kind == noteAnswer && n.Answer != nil:
		h.others.asks.answered(n.From, *n.Answer)
	}
}

func (h *Hub) takeBye(n note) {
	if n.From == h.others.id {
		return
	}
	there := false
	h.others.change(func(l *room.Leases) { there = l.Bye(n.From, n.Beat, time.Now()) })
	if there {
		h.dropOther(n.From, time.Now().Add(h.cfg.LeaveGrace))
	}
}

// dropOther forgets the members of an instance. They stay until the time given.
func (h *Hub) dropOther(id string, until time.Time) {
	for _, r := range h.liveRooms() {
		r.mu.Lock()
		r.roster.Drop(id, until)
		r.tellRoster()
		r.mu.Unlock()
	}
}

// tellAll has all rooms told of within a moment: somebody is there who may have
// missed much.
func (h *Hub) tellAll() {
	h.others.errand(func() {
		now := time.Now()
		for _, r := range h.liveRooms() {
			h.others.agenda.plan(r, now.Add(rand.N(beatEvery)), false)
		}
	})
}

// speak does the errands, and reports rooms to other instances when it is time. It
// runs until the hub is closed.
func (h *Hub) speak() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for _, do := range h.others.takeErrands() {
			do()
		}
		next := h.report(time.Now())
		timer.Reset(next)
		select {
		case <-h.others.wake:
		case <-h.others.agenda.wake:
		case <-timer.C:
		case <-h.ctx.Done():
			return
		}
	}
}
