package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// askPatience is how long the other instances may take to answer.
	askPatience = 500 * time.Millisecond
	// asksASecond bounds how often they are asked: each time costs each of them.
	asksASecond = 100
)

// query asks all instances for one room, for a page of the rooms that have members, or
// for what else is set.
type query struct {
	ID     uint64 `json:"id"`
	Room   string `json:"room,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	Cut    *cut   `json:"cut,omitempty"`

	Trace *traceQuery `json:"trace,omitempty"`
}

// cut names sessions that are to be ended.
type cut struct {
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
}

// answer is one instance's.
type answer struct {
	ID     uint64       `json:"id"`
	Report *room.Report `json:"report,omitempty"`
	Rooms  []RoomInfo   `json:"rooms,omitempty"`
	More   bool         `json:"more,omitempty"`
	Cut    int          `json:"cut,omitempty"`
	Trace  *TracePart   `json:"trace,omitempty"`
}

// asks are the queries that wait for answers.
type asks struct {
	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[uint64]*asking
}

// asking is one of them.
type asking struct {
	missing []string // instances that have not answered
	answers []answer
	done    chan struct{} // closed when none is missing
}

func newAsks() asks { return asks{waiting: make(map[uint64]*asking)} }

func (a *asks) begin(of []string) (uint64, *asking) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	q := &asking{missing: of, done: make(chan struct{})}
	a.waiting[a.last] = q
	return a.last, q
}

func (a *asks) answered(by string, with answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.waiting[with.ID]
	if q == nil {
		return
	}
	i := slices.Index(q.missing, by)
	if i < 0 {
		return
	}
	q.missing = slices.Delete(q.missing, i, i+1)
	q.answers = append(q.answers, with)
	if len(q.missing) == 0 {
		close(q.done)
		delete(a.waiting, with.ID)
	}
}

// end gives what has come.
func (a *asks) end(id uint64, q *asking) gathered {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
	return gathered{answers: q.answers, silent: q.missing, whole: len(q.missing) == 0}
}

// gathered is what other instances have answered.
type gathered struct {
	answers []answer
	silent  []string // instances that have not
	whole   bool     // no answer is missing, not even of an instance that cannot be heard
}

// pace lets so many a second pass.
type pace struct {
	mu    sync.Mutex // guards what follows
	since time.Time
	count int
}

func (p *pace) pass(now time.Time, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.since) >= time.Second {
		p.since, p.count = now, 0
	}
	p.count++
	return p.count <= most
}

// askAll asks the other instances and waits for their answers, for a bounded time.
func (h *Hub) askAll(ctx context.Context, q query) gathered {
	h.others.mu.Lock()
	there, doubtful := h.others.leases.There(), h.others.leases.Doubtful(time.Now())
	h.others.mu.Unlock()
	switch {
	case len(there) == 0:
		return gathered{whole: true}
	case q.Cut == nil && !h.others.pace.pass(time.Now(), asksASecond):
		return gathered{silent: there}
	}
	id, asking := h.others.asks.begin(there)
	q.ID = id
	over := time.NewTimer(askPatience)
	defer over.Stop()
	again := time.NewTicker(askPatience / 3) // the question or an answer may be lost
	defer again.Stop()
	for waiting := true; waiting; {
		h.write(allInstances, note{Kind: noteQuery, Query: &q})
		select {
		case <-again.C:
			continue
		case <-asking.done:
		case <-over.C:
		case <-ctx.Done():
		case <-h.ctx.Done():
		}
		waiting = false
	}
	g := h.others.asks.end(id, asking)
	g.whole = g.whole && !doubtful
	return g
}

func (h *Hub) answerQuery(n note) {
	a := answer{ID: n.Query.ID}
	switch q := n.Query; {
	case q.Cut != nil:
		a.Cut = h.cut(*q.Cut)
	case q.Trace != nil:
		a.Trace = h.traceHere(*q.Trace)
	case q.Room != "":
		a.Report = h.fullOf(q.Room)
	default:
		a.Rooms, a.More = h.pageOfRooms(*q)
	}
	h.write(inboxOf(n.From), note{Kind: noteAnswer, Answer: &a})
}
