package hub_test

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// network is a Bus between several hubs that goes wrong on the way.
type network struct {
	seed             uint64
	drop, double     float64
	slow             float64 // how many messages are delayed, up to most
	most             time.Duration
	mu               sync.Mutex // guards what follows
	quiet            bool
	cut              map[string]bool // instances that nobody hears, nor they others
	dice             map[string]*rand.Rand
	subs             map[string][]*netSub
	dropped, doubled int
	delayed, bytes   int
}

type netSub struct {
	end *endpoint
	mu  sync.Mutex // held during a call of fn
	fn  func([]byte)
}

// endpoint is one hub's way to the network.
type endpoint struct {
	net  *network
	id   string
	dead bool // guarded by net.mu
}

func newNetwork(seed uint64) *network {
	return &network{seed: seed, cut: map[string]bool{}, dice: map[string]*rand.Rand{}, subs: map[string][]*netSub{}}
}

func (n *network) endpoint(id string) *endpoint { return &endpoint{net: n, id: id} }

func (n *network) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// Publish is hub.Bus's.
func (e *endpoint) Publish(room string, data []byte) error {
	n := e.net
	n.mu.Lock()
	if e.dead {
		n.mu.Unlock()
		return nil
	}
	n.bytes += len(data)
	type delivery struct {
		sub   *netSub
		after time.Duration
	}
	var out []delivery
	for _, s := range n.subs[room] {
		switch {
		case s.end == e:
			out = append(out, delivery{s, 0})
			continue
		case s.end.dead || n.cut[e.id] || n.cut[s.end.id]:
			continue
		}
		copies := 1
		dice := n.dicesOf(e.id + " " + s.end.id + " " + room)
		if !n.quiet {
			switch p := dice.Float64(); {
			case p < n.drop:
				copies, n.dropped = 0, n.dropped+1
			case p < n.drop+n.double:
				copies, n.doubled = 2, n.doubled+1
			}
		}
		for range copies {
			d := delivery{sub: s}
			if !n.quiet && dice.Float64() < n.slow {
				d.after = time.Duration(dice.Int64N(int64(n.most)))
				n.delayed++
			}
			out = append(out, d)
		}
	}
	n.mu.Unlock()
	for _, d := range out {
		if d.after == 0 {
			d.sub.take(data)
		} else {
			time.AfterFunc(d.after, func() { d.sub.take(data) })
		}
	}
	return nil
}

// dicesOf gives the dice of one way. mu is held.
func (n *network) dicesOf(way string) *rand.Rand {
	d := n.dice[way]
	if d == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(way))
		d = rand.New(rand.NewPCG(n.seed, h.Sum64()))
		n.dice[way] = d
	}
	return d
}

func (s *netSub) take(data []byte) {
	s.end.net.mu.Lock()
	dead := s.end.dead
	s.end.net.mu.Unlock()
	if dead {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fn(data)
}

// Subscribe is hub.Bus's.
func (e *endpoint) Subscribe(room string, fn func([]byte)) (stop func(), err error) {
	s := &netSub{end: e, fn: fn}
	e.net.mu.Lock()
	defer e.net.mu.Unlock()
	e.net.subs[room] = append(e.net.subs[room], s)
	return func() {
		e.net.mu.Lock()
		defer e.net.mu.Unlock()
		var rest []*netSub
		for _, o := range e.net.subs[room] {
			if o != s {
				rest = append(rest, o)
			}
		}
		e.net.subs[room] = rest
	}, nil
}

var _ hub.Bus = (*endpoint)(nil)
