package yjs

import (
	"cmp"
	"maps"
	"slices"
	"sort"
)

// waiting is a struct that refers to what has not come, as version 1 has it.
type waiting struct {
	clock, end uint64
	data       []byte
}

// waitingOverhead is what a waiting struct costs beside its bytes.
const waitingOverhead = 48

// pending are the structs that wait, of each client by ascending clock.
type pending struct {
	clients map[uint64][]waiting
	bytes   int
}

// add keeps a struct, and reports whether it was not there yet. The data is not copied.
func (p *pending) add(s *Struct, data []byte) bool {
	list := p.clients[s.ID.Client]
	i := sort.Search(len(list), func(i int) bool { return list[i].clock >= s.ID.Clock })
	if i > 0 && list[i-1].end >= s.End() {
		return false
	}
	if i < len(list) && list[i].clock == s.ID.Clock {
		if list[i].end >= s.End() {
			return false
		}
		p.bytes += len(data) - len(list[i].data)
		list[i] = waiting{s.ID.Clock, s.End(), data}
		return true
	}
	if p.clients == nil {
		p.clients = map[uint64][]waiting{}
	}
	p.clients[s.ID.Client] = slices.Insert(list, i, waiting{s.ID.Clock, s.End(), data})
	p.bytes += len(data) + waitingOverhead
	return true
}

// from gives what waits of a client from a clock on, cut so that nothing overlaps.
func (p *pending) from(client, clock uint64) (structs []Struct) {
	for _, w := range p.clients[client] {
		if w.end <= clock {
			continue
		}
		s := w.decode(client)
		if w.clock < clock {
			s.Cut(clock - w.clock)
		}
		structs = append(structs, s)
		clock = w.end
	}
	return structs
}

func (w *waiting) decode(client uint64) (s Struct) {
	r := trusted(w.data)
	r.structV1(&s, ID{Client: client, Clock: w.clock})
	return s
}

// retry gives to what has come to be known.
func (p *pending) retry(r *resolver, to sink) {
	f := pendingFeed{p: p, clients: slices.Sorted(maps.Keys(p.clients))}
	f.at = make([]int, len(f.clients))
	r.resolve(&f, to)
	for i, client := range f.clients {
		list := p.clients[client]
		for _, w := range list[:f.at[i]] {
			p.bytes -= len(w.data) + waitingOverhead
		}
		if f.at[i] == len(list) {
			delete(p.clients, client)
		} else if f.at[i] > 0 {
			p.clients[client] = slices.Clone(list[f.at[i]:])
		}
	}
}

// pendingFeed is what waits, as a feed.
type pendingFeed struct {
	p       *pending
	clients []uint64
	at      []int // of each client, the place of the next struct
}

func (f *pendingFeed) sources() int { return len(f.clients) }

func (f *pendingFeed) find(client uint64) int {
	i, found := slices.BinarySearchFunc(f.clients, client, cmp.Compare[uint64])
	if !found || f.at[i] == len(f.p.clients[client]) {
		return -1
	}
	return i
}

func (f *pendingFeed) next(source int, s *Struct) bool {
	client := f.clients[source]
	list := f.p.clients[client]
	if f.at[source] == len(list) {
		return false
	}
	*s = list[f.at[source]].decode(client)
	return true
}

func (f *pendingFeed) advance(source int) { f.at[source]++ }
