package hub

import "sort"

// ring holds a room's newest items. Everything above floor is in it.
type ring struct {
	items []Item // ascending; at most twice cap, so that dropping is amortised
	cap   int
	floor uint64
}

// push appends the next item.
func (r *ring) push(it Item) {
	r.items = append(r.items, it)
	if len(r.items) >= 2*r.cap {
		cut := len(r.items) - r.cap
		r.floor = r.items[cut-1].Seq
		r.items = append(make([]Item, 0, 2*r.cap), r.items[cut:]...)
	}
}

// after gives the items above seq, and whether those are all that there are.
// They share memory with the ring and must be copied or used under its lock.
func (r *ring) after(seq uint64) ([]Item, bool) {
	i := sort.Search(len(r.items), func(i int) bool { return r.items[i].Seq > seq })
	return r.items[i:], seq >= r.floor
}

// before gives the newest n items below seq (0: no bound), and whether those are
// the right ones: all n, or all that the room has.
func (r *ring) before(seq uint64, n int) (items []Item, more, ok bool) {
	i := len(r.items)
	if seq != 0 {
		i = sort.Search(len(r.items), func(i int) bool { return r.items[i].Seq >= seq })
	}
	from := max(0, i-n)
	items = r.items[from:i]
	if len(items) == n {
		return items, from > 0 || r.floor > 0, true
	}
	return items, false, r.floor == 0
}

// reset replaces the content; more says whether the room holds older ones.
func (r *ring) reset(items []Item, more bool) {
	r.items, r.floor = items, 0
	if more && len(items) > 0 {
		r.floor = items[0].Seq - 1
	}
}
