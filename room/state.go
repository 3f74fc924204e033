package room

// Window is how many of its newest events a live room knows the facts of, so that
// most commands are judged without reading the log.
const Window = 256

// State is what an instance keeps of a live room to judge commands by. Every
// instance that applies the same events has the same state.
type State struct {
	facts []fact // grows to Window, then a ring: facts[n%Window] is the nth event applied
	count uint64
	bySeq map[uint64]uint64 // sequence -> n, for what the ring holds
}

type fact struct {
	seq    uint64
	target Target
}

// Apply takes the next event in the room's order.
func (s *State) Apply(seq uint64, e *Event) {
	if s.bySeq == nil {
		s.bySeq = make(map[uint64]uint64)
	}
	kind := e.Kind
	if e.Version > EventVersion {
		kind = "" // whatever it is, it is nothing that a command of today can refer to
	}
	if kind == KindDelete {
		s.markDeleted(e)
	}
	if s.count < Window {
		s.facts = append(s.facts, fact{})
	}
	f := &s.facts[s.count%Window]
	delete(s.bySeq, f.seq)
	*f = fact{seq: seq, target: Target{Kind: kind, User: e.User}}
	s.bySeq[seq] = s.count
	s.count++
}

func (s *State) markDeleted(e *Event) {
	n, ok := s.bySeq[e.Target]
	if !ok {
		return
	}
	if f := &s.facts[n%Window]; f.target.User == e.User {
		f.target.Deleted = true
	}
}

// Target gives the facts of the event at seq, and whether the state knows them:
// an event that it does not know may still be in the log.
func (s *State) Target(seq uint64) (Target, bool) {
	n, ok := s.bySeq[seq]
	if !ok {
		return Target{}, false
	}
	return s.facts[n%Window].target, true
}

// Reset forgets everything, for a room whose log was reset.
func (s *State) Reset() { *s = State{} }
