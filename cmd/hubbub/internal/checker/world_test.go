package checker_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// world is a hub without a fault, its clients, and all that befalls them: it
// makes histories that must pass.
type world struct {
	rng   *rand.Rand
	h     *checker.History
	now   time.Duration
	seq   uint64 // of the last event in any room: a room's sequences have gaps
	conns int
	logs  map[string][]checker.Entry
	pubs  []*publisher
	subs  []*subscriber
}

const worldEpoch = "e1"

// publisher sends to one room, several at once, and again what was not answered.
type publisher struct {
	user, room string
	conn       string
	n          int
	flight     []*attempt // in the order of sending
	again      []string   // ids to be sent again
}

// attempt is one on its way.
type attempt struct {
	place  int // in History.Publishes
	stored bool
}

// subscriber follows one room.
type subscriber struct {
	track checker.Track
	at    checker.Position
	live  bool
}

func newWorld(seed uint64, rooms, pubs, subs int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), h: &checker.History{Final: map[string]checker.Final{}}, logs: map[string][]checker.Entry{}}
	room := func(i int) string { return fmt.Sprint("room", i%rooms) }
	for i := range pubs {
		w.pubs = append(w.pubs, &publisher{user: fmt.Sprint("user", i), room: room(i)})
	}
	for i := range subs {
		w.subs = append(w.subs, &subscriber{track: checker.Track{Who: fmt.Sprint("sub", i), Room: room(i)}})
	}
	for i := range rooms {
		w.logs[room(i)] = nil
	}
	w.connectAll()
	return w
}

// run lets so many things happen, and then everything settle.
func (w *world) run(steps int) *checker.History {
	for range steps {
		w.now += time.Duration(1+w.rng.IntN(1000)) * time.Microsecond
		p, s := w.pubs[w.rng.IntN(len(w.pubs))], w.subs[w.rng.IntN(len(w.subs))]
		switch n := w.rng.IntN(100); {
		case n < 25:
			w.send(p)
		case n < 45:
			w.store(p)
		case n < 60:
			w.ack(p)
		case n < 85:
			w.follow(s)
		case n < 90:
			w.comeAndGo(s)
		case n < 96:
			w.read(s.track.Room)
		case n < 97:
			w.kill()
		}
	}
	w.settle()
	return w.h
}

func (w *world) connectAll() {
	for _, p := range w.pubs {
		w.conns++
		p.conn = fmt.Sprint("conn", w.conns)
	}
}

// send sends what must be sent again, else something new.
func (w *world) send(p *publisher) {
	if len(p.flight) >= 5 {
		return
	}
	id := fmt.Sprint("m", p.n)
	if len(p.again) > 0 {
		id, p.again = p.again[0], p.again[1:]
	} else {
		p.n++
	}
	p.flight = append(p.flight, &attempt{place: len(w.h.Publishes)})
	w.h.Publishes = append(w.h.Publishes, checker.Publish{
		Conn: p.conn, Room: p.room, User: p.user, ID: id, Text: checker.Hash("text of " + id), Sent: w.now,
	})
}

// store orders the oldest that is not yet.
func (w *world) store(p *publisher) {
	for _, a := range p.flight {
		if a.stored {
			continue
		}
		a.stored = true
		pub := &w.h.Publishes[a.place]
		if w.rng.IntN(20) == 0 && pub.Outcome == checker.Unknown && !w.has(p.room, p.user, pub.ID) {
			pub.Outcome = checker.Refused
			return
		}
		if w.has(p.room, p.user, pub.ID) {
			return
		}
		w.seq += 1 + uint64(w.rng.IntN(3))
		w.logs[p.room] = append(w.logs[p.room], checker.Entry{
			Seq: w.seq, User: p.user, ID: pub.ID, Text: pub.Text, Sum: checker.Hash(fmt.Sprint(p.user, pub.ID)),
		})
		return
	}
}

func (w *world) has(room, user, id string) bool { return w.find(room, user, id) != 0 }

func (w *world) find(room, user, id string) uint64 {
	for _, e := range w.logs[room] {
		if e.User == user && e.ID == id {
			return e.Seq
		}
	}
	return 0
}

// ack answers the oldest that is stored or refused.
func (w *world) ack(p *publisher) {
	if len(p.flight) == 0 || !p.flight[0].stored {
		return
	}
	pub := &w.h.Publishes[p.flight[0].place]
	p.flight = p.flight[1:]
	pub.Done = w.now
	if pub.Outcome == checker.Refused {
		return
	}
	pub.Outcome, pub.At = checker.Acked, checker.Position{Epoch: worldEpoch, Seq: w.find(p.room, p.user, pub.ID)}
	for _, other := range w.h.Publishes[:len(w.h.Publishes)-1] {
		pub.Duplicate = pub.Duplicate || other.Sent < pub.Sent && other.Room == pub.Room && other.User == pub.User && other.ID == pub.ID
	}
}

// follow gives the subscriber the next event.
func (w *world) follow(s *subscriber) {
	if !s.live {
		w.join(s)
		return
	}
	if rest := w.after(s.track.Room, s.at.Seq); len(rest) > 0 {
		s.track.Steps = append(s.track.Steps, checker.Step{Kind: checker.Event, Entry: rest[0]})
		s.at.Seq = rest[0].Seq
	}
}

func (w *world) after(room string, seq uint64) []checker.Entry {
	log := w.logs[room]
	i, _ := slices.BinarySearchFunc(log, seq+1, func(e checker.Entry, seq uint64) int { return int(e.Seq) - int(seq) })
	return slices.Clone(log[i:])
}

// comeAndGo leaves, or forgets where it was.
func (w *world) comeAndGo(s *subscriber) {
	if s.live {
		s.track.Steps = append(s.track.Steps, checker.Step{Kind: checker.Left})
		s.live = false
		return
	}
	if w.rng.IntN(2) == 0 {
		s.at = checker.Position{}
	}
	w.join(s)
}

// join resumes from where it was, or from the beginning, or takes the newest.
func (w *world) join(s *subscriber) {
	room := s.track.Room
	j := &checker.Join{Live: true, At: checker.Position{Epoch: worldEpoch}}
	rest := w.after(room, 0)
	if w.rng.IntN(4) == 0 {
		j.History = w.rng.IntN(5)
		j.Entries = rest[max(0, len(rest)-j.History):]
		if len(rest) > 0 {
			j.At.Seq = rest[len(rest)-1].Seq
		}
	} else {
		since := s.at
		j.Since, j.At.Seq = &since, since.Seq
		j.Entries = w.after(room, since.Seq)
		if len(j.Entries) > 7 {
			j.Entries, j.Live = j.Entries[:7], false
		}
		if n := len(j.Entries); n > 0 {
			j.At.Seq = j.Entries[n-1].Seq
		}
	}
	s.at, s.live = j.At, j.Live
	s.track.Steps = append(s.track.Steps, checker.Step{Kind: checker.Joined, Join: j})
}

// read reads a page of one kind or another.
func (w *world) read(room string) {
	r := checker.Read{Who: "reader", Room: room, Sent: w.now, Done: w.now + 1, Limit: 1 + w.rng.IntN(9), Epoch: worldEpoch}
	w.now += 2
	all := w.after(room, 0)
	cut := uint64(0)
	if len(all) > 0 {
		cut = all[w.rng.IntN(len(all))].Seq
	}
	from, to := 0, len(all)
	switch kind := w.rng.IntN(4); {
	case kind == 0 && cut > 0:
		r.Before = cut
		to -= len(w.after(room, cut-1))
		from = max(0, to-r.Limit)
	case kind == 1 && cut > 0:
		r.After = cut
		from = to - len(w.after(room, cut))
		to = min(to, from+r.Limit)
	case kind == 2:
		r.FromStart = true
		to = min(to, r.Limit)
	default:
		from = max(0, to-r.Limit)
	}
	r.Entries, r.MoreBefore, r.MoreAfter = all[from:to], from > 0, to < len(all)
	w.h.Reads = append(w.h.Reads, r)
}

// kill ends every connection. What was under way is unknown and comes again, in
// its order and before anything new.
func (w *world) kill() {
	for _, p := range w.pubs {
		again := make([]string, 0, len(p.flight))
		for _, a := range p.flight {
			pub := &w.h.Publishes[a.place]
			pub.Outcome = checker.Unknown
			again = append(again, pub.ID)
		}
		p.again, p.flight = append(again, p.again...), nil
	}
	w.connectAll()
	for _, s := range w.subs {
		if s.live {
			s.track.Steps = append(s.track.Steps, checker.Step{Kind: checker.Left})
			s.live = false
		}
	}
}

// settle answers everything, brings everybody to the end, and reads it all back.
func (w *world) settle() {
	for _, p := range w.pubs {
		for len(p.flight) > 0 || len(p.again) > 0 {
			w.now += time.Microsecond
			if len(p.again) > 0 {
				w.send(p)
			}
			w.store(p)
			w.ack(p)
		}
	}
	for _, s := range w.subs {
		for !s.live || len(w.after(s.track.Room, s.at.Seq)) > 0 {
			w.follow(s)
		}
		w.h.Tracks = append(w.h.Tracks, s.track)
	}
	for _, room := range slices.Sorted(maps.Keys(w.logs)) {
		w.h.Final[room] = checker.Final{Epoch: worldEpoch, Entries: w.after(room, 0)}
	}
}
