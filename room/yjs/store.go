package yjs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// Store holds a document: every insert and every delete that it was given, but not
// the order in which the inserts stand. It is for one goroutine at a time.
//
// It keeps the structs of each client as bytes of version 1, joined as they come and
// in blocks of about 2 KB, the delete set beside them, and the structs that refer to
// what has not come. Content that is deleted is thrown away a block at a time.
type Store struct {
	limits  Limits
	clients map[uint64]*client
	pending pending

	// scratch of Apply
	scan     scan
	resolver resolver
	counter  counter
	latest   *client
}

// Change says what an update brought that the store did not have.
type Change struct {
	// Inserted is the number of units, also of those that wait for others.
	Inserted uint64
	// Deleted is the number of units that are deleted by it, known or still to come.
	Deleted uint64
	// Pending reports that the store has structs that wait for others.
	Pending bool
}

// Any reports whether the update brought anything. Only then is it worth logging: an
// answer to a state vector has the whole delete set, whatever the asker knows.
func (c Change) Any() bool { return c.Inserted > 0 || c.Deleted > 0 }

// New gives an empty store with the default limits.
func New() *Store { return NewLimited(Limits{}) }

// NewLimited gives an empty store with limits of its own.
func NewLimited(limits Limits) *Store {
	return &Store{limits: limits.withDefaults(), clients: map[uint64]*client{}}
}

// Apply takes in an update of version 1. It checks all of it first: on an error, which
// is an *Error, the store is as it was. Nothing of update is kept.
//
// An update can come twice, in parts and in any order. Structs that refer to what has
// not come wait for it, and are part of what Diff and Snapshot give.
func (s *Store) Apply(update []byte) (Change, error) {
	if err := s.scan.read(update, s.limits); err != nil {
		return Change{}, err
	}
	if err := s.checkPending(update); err != nil {
		return Change{}, err
	}
	s.latest = nil
	change := &s.counter
	*change = counter{Store: s}
	if len(s.scan.groups) > 0 && !s.takeOnly(change) {
		s.resolver.resolve(&s.scan, change)
		s.keepRest(change)
	}
	if change.Inserted > 0 && len(s.pending.clients) > 0 {
		waited := change.Inserted
		s.pending.retry(&s.resolver, change)
		change.Inserted = waited // it was counted when it came
	}
	s.scan.eachDelete(func(d Range) {
		change.Deleted += s.of(d.Client).delete(d.Clock, d.Clock+d.Len)
	})
	s.release()
	change.Pending = len(s.pending.clients) > 0
	return change.Change, nil
}

// takeOnly takes in an update of one struct, as most are, the way it was read when it
// was checked. It is false if there are more, or if the one has to wait.
func (s *Store) takeOnly(change *counter) bool {
	if !s.scan.single() {
		return false
	}
	st := &s.scan.checked
	state := s.state(st.ID.Client)
	if st.Ref == RefSkip || st.End() <= state {
		return true
	}
	if _, lacks := missing(st, change); lacks || st.ID.Clock > state {
		return false
	}
	if st.ID.Clock < state {
		st.Cut(state - st.ID.Clock)
	}
	change.take(st)
	return true
}

// ApplyV2 is Apply for an update of version 2. What it gives beside the change is the
// update as version 1 has it, to be logged and relayed.
func (s *Store) ApplyV2(update []byte) (v1 []byte, change Change, err error) {
	if v1, err = ConvertV2ToV1(update, s.limits); err != nil {
		return nil, Change{}, err
	}
	change, err = s.Apply(v1)
	return v1, change, err
}

// release lets go of the update, and of scratch that one large update made grow.
func (s *Store) release() {
	s.scan.data = nil
	s.scan.checked.forget()
	if cap(s.scan.groups) > 16 {
		s.scan, s.resolver = scan{}, resolver{}
	}
}

// counter takes structs into a store, and counts them.
type counter struct {
	*Store
	Change
}

func (c *counter) take(s *Struct) {
	owner := c.of(s.ID.Client)
	owner.append(s)
	c.Inserted += s.Len
	if s.Ref == RefGC || s.Ref == RefDeleted {
		owner.deleted.add(s.ID.Clock, s.End(), func(span) {})
	}
}

// of gives a client, made if it is new.
func (s *Store) of(id uint64) *client {
	if s.latest != nil && s.latest.id == id {
		return s.latest
	}
	c := s.clients[id]
	if c == nil {
		c = &client{id: id}
		s.clients[id] = c
	}
	s.latest = c
	return c
}

func (s *Store) state(client uint64) uint64 {
	if s.latest != nil && s.latest.id == client {
		return s.latest.end
	}
	if c := s.clients[client]; c != nil {
		return c.end
	}
	return 0
}

// keepRest lets what could not be taken wait.
func (s *Store) keepRest(change *counter) {
	for i := range s.scan.groups {
		g := &s.scan.groups[i]
		if g.structs == 0 {
			continue
		}
		var st Struct
		for s.scan.next(i, &st) {
			data := s.scan.data[g.pos:s.scan.behind]
			if st.Ref != RefSkip && st.Len > 0 && s.pending.add(&st, slices.Clone(data)) {
				change.Inserted += st.Len
			}
			s.scan.advance(i)
		}
	}
}

// checkPending refuses an update of which so much would have to wait that it is beyond
// the limit. Only where that could be is it tried out.
func (s *Store) checkPending(update []byte) *Error {
	structs := 0
	for _, g := range s.scan.groups {
		structs += g.structs
	}
	if s.pending.bytes+len(update)+structs*waitingOverhead <= s.limits.MaxPending {
		return nil
	}
	groups := slices.Clone(s.scan.groups)
	trial := &trial{store: s, ends: map[uint64]uint64{}}
	s.resolver.resolve(&s.scan, trial)
	wait := s.pending.bytes
	for _, g := range s.scan.groups {
		if g.structs > 0 {
			wait += g.structs*waitingOverhead + g.size(s.scan.data)
		}
	}
	s.scan.groups = groups
	clear(s.scan.past)
	if wait > s.limits.MaxPending {
		return &Error{Kind: TooLarge, Reason: fmt.Sprintf(
			"structs of %d bytes would wait for others that have not come; at most %d may", wait, s.limits.MaxPending)}
	}
	return nil
}

// size is how many bytes the structs of a group have that are left.
func (g *group) size(data []byte) int {
	r := trusted(data)
	r.pos = g.pos
	var s Struct
	for range g.structs {
		r.structV1(&s, ID{Client: g.client})
	}
	return r.pos - g.pos
}

// trial is a sink that only notes up to where the clients would be known.
type trial struct {
	store *Store
	ends  map[uint64]uint64
}

func (t *trial) state(client uint64) uint64 {
	if end, ok := t.ends[client]; ok {
		return end
	}
	return t.store.state(client)
}

func (t *trial) take(s *Struct) { t.ends[s.ID.Client] = s.End() }

// descending gives the clients as Yjs writes them.
func (s *Store) descending() []*client {
	return slices.SortedFunc(maps.Values(s.clients), func(a, b *client) int {
		if a.id > b.id {
			return -1
		}
		return 1
	})
}

// StateVector gives how much is known of each client. What waits is not counted.
func (s *Store) StateVector() []byte {
	var entries []byte
	n := uint64(0)
	for _, c := range s.descending() {
		if c.end > 0 {
			entries = appendID(entries, ID{Client: c.id, Clock: c.end})
			n++
		}
	}
	return append(binary.AppendUvarint(nil, n), entries...)
}
