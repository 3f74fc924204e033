package yjs

// feed hands out the structs of several clients, those of each by ascending clock.
// Its sources are numbered from 0.
type feed interface {
	// sources is how many there are.
	sources() int
	// find gives the source that has a client's next struct, -1 if none has.
	find(client uint64) int
	// next decodes the next struct of a source, and is false if there is none.
	next(source int, s *Struct) bool
	// advance goes on to the struct behind the one that next gave last, which was of
	// the same source.
	advance(source int)
}

// sink takes structs whose references are all known.
type sink interface {
	// state is the clock that is expected next from a client.
	state(client uint64) uint64
	// take appends a struct, which begins at that clock.
	take(s *Struct)
}

// resolver moves structs from a feed to a sink. One can be used again and again.
type resolver struct {
	feed
	to      sink
	blocked []bool // waits for something that does not come, or is on the stack
	stack   []wait
	head    Struct // what is looked at
}

// resolve moves from feed to sink whatever can be, in an order in which everything
// comes behind what it refers to. What stays in the feed refers to what is in neither.
// Each struct is looked at a few times only, whatever refers to what.
func (r *resolver) resolve(f feed, to sink) {
	r.feed, r.to = f, to
	r.blocked = append(r.blocked[:0], make([]bool, f.sources())...)
	for i := range r.blocked {
		r.follow(i)
	}
	r.feed, r.to, r.head = nil, nil, Struct{}
}

// wait is a source that is worked on until its client's state is above a clock.
type wait struct {
	source int
	above  uint64
}

// follow works on a source to its end, and before each struct on the sources that
// have what it refers to.
func (r *resolver) follow(source int) {
	if r.blocked[source] {
		return
	}
	r.push(source, maxSafe)
	for len(r.stack) > 0 {
		top := r.stack[len(r.stack)-1]
		if !r.next(top.source, &r.head) {
			r.pop()
			continue
		}
		switch r.try(&r.head) {
		case done:
			r.advance(top.source)
			if r.to.state(r.head.ID.Client) > top.above {
				r.pop()
			}
		case stuck:
			r.stack = r.stack[:0] // all of them stay blocked
		}
	}
}

func (r *resolver) push(source int, above uint64) {
	r.blocked[source] = true
	r.stack = append(r.stack, wait{source, above})
}

func (r *resolver) pop() {
	r.blocked[r.stack[len(r.stack)-1].source] = false
	r.stack = r.stack[:len(r.stack)-1]
}

type outcome uint8

const (
	done  outcome = iota // taken, or known already
	later                // another source is on the stack now, to be worked on before
	stuck
)

func (r *resolver) try(s *Struct) outcome {
	state := r.to.state(s.ID.Client)
	switch {
	case s.Ref == RefSkip || s.End() <= state:
		return done
	case s.ID.Clock > state:
		return stuck
	}
	if id, missing := missing(s, r.to); missing {
		source := r.find(id.Client)
		if source < 0 || r.blocked[source] {
			return stuck
		}
		r.push(source, id.Clock)
		return later
	}
	if s.ID.Clock < state {
		s.Cut(state - s.ID.Clock)
	}
	r.to.take(s)
	return done
}

// missing gives a unit that s refers to and that is not there yet.
func missing(s *Struct, to sink) (id ID, missing bool) {
	lacks := func(id ID) bool { return id.Client != s.ID.Client && id.Clock >= to.state(id.Client) }
	switch {
	case s.HasOrigin && lacks(s.Origin):
		return s.Origin, true
	case s.HasRightOrigin && lacks(s.RightOrigin):
		return s.RightOrigin, true
	case s.Parent.Kind == ParentItem && lacks(s.Parent.ID):
		return s.Parent.ID, true
	}
	return ID{}, false
}
