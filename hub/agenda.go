package hub

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// reportDelay is how long changes are gathered before other instances are told.
	reportDelay = 100 * time.Millisecond
	// reportAgain is after how long a report is repeated, which then takes twice as
	// long each time: up to reportSlow while others have members in the room, to
	// reportAlone while nobody has.
	reportAgain = 250 * time.Millisecond
	reportSlow  = 10 * time.Second
	reportAlone = time.Minute
	// reportShare is what a room at rest adds to reportSlow once that is exceeded, so that
	// an instance sends at most 500 such reports a second, however many rooms it has. In
	// reportSlowest each is told again all the same.
	reportShare   = 2 * time.Millisecond
	reportSlowest = 5 * time.Minute
	// askTime is for how long a room that was opened asks for the others' members.
	askTime = 1500 * time.Millisecond
	// askAgain is after how long an instance is asked once more that has not answered.
	askAgain = 400 * time.Millisecond
	// idleAgenda is how long speak sleeps when nothing is planned.
	idleAgenda = time.Hour
)

// agenda says when which room is to be reported to the other instances.
type agenda struct {
	wake chan struct{} // holds one token while something has come to be first

	mu    sync.Mutex // guards what follows, and the plan of each room; taken last
	rooms planned
}

// plan is a room's place in the agenda.
type plan struct {
	due   time.Time
	step  time.Duration // to the report after the next one
	place int           // 1 and above; 0: it is not in the agenda
}

func newAgenda() agenda { return agenda{wake: make(chan struct{}, 1)} }

// plan has the room reported at a time, or when it was already planned to be before.
// fresh says that there is something new, which is repeated soon.
func (a *agenda) plan(r *liveRoom, due time.Time, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &r.plan
	if fresh || p.step == 0 {
		p.step = reportAgain
	}
	switch {
	case p.place == 0:
		p.due = due
		heap.Push(&a.rooms, r)
	case due.Before(p.due):
		p.due = due
		heap.Fix(&a.rooms, p.place-1)
	default:
		return
	}
	if a.rooms[0] == r {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// again plans the next report of a room that was reported, not later than at most.
func (a *agenda) again(r *liveRoom, now time.Time, most time.Duration) {
	a.mu.Lock()
	p := &r.plan
	if p.step = min(p.step, most); p.step == 0 {
		p.step = reportAgain
	}
	wait := p.step - p.step/8 + rand.N(p.step/4)
	p.step *= 2
	a.mu.Unlock()
	a.plan(r, now.Add(wait), false)
}

// slow is how long the reports of a room at rest are apart. Every room that is reported
// stands in the agenda, but for one that is being reported.
func (a *agenda) slow() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return min(max(reportSlow, time.Duration(len(a.rooms))*reportShare), reportSlowest)
}

// drop takes a room out.
func (a *agenda) drop(r *liveRoom) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.plan.place > 0 {
		heap.Remove(&a.rooms, r.plan.place-1)
	}
}

// next takes the room out whose time has come, or says how long that is away.
func (a *agenda) next(now time.Time) (r *liveRoom, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rooms) == 0 {
		return nil, idleAgenda
	}
	if wait := a.rooms[0].plan.due.Sub(now); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&a.rooms).(*liveRoom), 0
}

// planned is a heap by due.
type planned []*liveRoom

func (p planned) Len() int           { return len(p) }
func (p planned) Less(i, j int) bool { return p[i].plan.due.Before(p[j].plan.due) }
func (p planned) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].plan.place, p[j].plan.place = i+1, j+1
}

// Push is heap.Interface's.
func (p *planned) Push(x any) {
	r := x.(*liveRoom)
	r.plan.place = len(*p) + 1
	*p = append(*p, r)
}

// Pop is heap.Interface's.
func (p *planned) Pop() any {
	old := *p
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*p = old[:len(old)-1]
	r.plan.place = 0
	return r
}

// report reports the rooms whose time has come, and gives how long the next one is
// away.
func (h *Hub) report(now time.Time) time.Duration {
	for {
		r, wait := h.others.agenda.next(now)
		if r == nil {
			return wait
		}
		r.report(now)
	}
}

// report tells the other instances of the room's members here.
func (r *liveRoom) report(now time.Time) {
	h := r.hub
	if h.others.count() == 0 {
		return // who comes asks
	}
	r.mu.Lock()
	rep := r.roster.Report(h.cfg.NamedMax)
	rep.Ask = now.Sub(r.began) < askTime
	silent := r.roster.Silent(now)
	most := h.others.agenda.slow()
	switch {
	case r.roster.Unsure():
		most = askAgain
	case r.roster.Alone():
		most = max(most, reportAlone)
	}
	done := r.catchUp.shut
	r.mu.Unlock()
	if done {
		return
	}
	h.others.sign(&rep)
	h.send(r.name, signal{Kind: signalPresence, Report: &rep})
	for _, id := range silent {
		h.write(inboxOf(id), note{Kind: noteAsk, Room: r.name})
	}
	h.others.agenda.again(r, now, most)
}

// sign says whose report it is, and when there will be another one.
func (o *others) sign(rep *room.Report) {
	rep.Instance, rep.Beat, rep.Rest = o.id, o.beat.Load(), int(o.agenda.slow()/time.Second)
}

// askOthers tells, as the room is opened, that the others' members are wanted.
func (r *liveRoom) askOthers() {
	h := r.hub
	h.others.errand(func() {
		r.mu.Lock()
		rep := r.roster.Report(h.cfg.NamedMax)
		r.mu.Unlock()
		rep.Ask = true
		h.others.sign(&rep)
		h.send(r.name, signal{Kind: signalPresence, Report: &rep})
	})
}

// hearReport takes in what another instance says of its members.
func (r *liveRoom) hearReport(rep room.Report) {
	h, now := r.hub, time.Now()
	heard, ok := h.others.hear(rep.Instance, rep.Beat)
	if !ok {
		return
	}
	if heard == room.HeardNew {
		h.tellAll()
	}
	r.mu.Lock()
	ask := r.roster.Take(rep, now, now.Add(h.cfg.LeaveGrace))
	r.tellRoster()
	next := h.others.agenda.slow()
	if r.roster.Unsure() {
		next = askAgain
	}
	var full *room.Report
	if users, _ := r.roster.Own(); rep.Ask && users > 0 {
		full = r.full()
	}
	r.mu.Unlock()
	if ask {
		h.write(inboxOf(rep.Instance), note{Kind: noteAsk, Room: r.name})
	}
	if full != nil {
		h.write(inboxOf(rep.Instance), note{Kind: noteReport, Room: r.name, Report: full})
	}
	h.others.agenda.plan(r, now.Add(next), false)
}

// full reports all members of this instance. mu is held.
func (r *liveRoom) full() *room.Report {
	rep := r.roster.Full(r.hub.cfg.NamedMax)
	r.hub.others.sign(&rep)
	return &rep
}

// answerAsk gives an instance all members of a room here: none, if it is not open.
func (h *Hub) answerAsk(n note) {
	h.write(inboxOf(n.From), note{Kind: noteReport, Room: n.Room, Report: h.fullOf(n.Room)})
}

func (h *Hub) fullOf(name string) *room.Report {
	h.mu.Lock()
	r := h.rooms[name]
	gen := uint64(0)
	if r == nil {
		gen = h.others.gens.Add(1) // above that of any time that the room was open
	}
	h.mu.Unlock()
	if r == nil {
		rep := room.Report{Gen: gen, Full: true}
		h.others.sign(&rep)
		return &rep
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full()
}
