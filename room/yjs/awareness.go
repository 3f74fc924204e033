package yjs

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// AwarenessState is what one client says of itself: its cursor, its name.
type AwarenessState struct {
	Client uint64
	// Clock grows with each state that the client gives itself.
	Clock uint64
	// State is a JSON text. "null" says that the client is gone.
	State []byte
}

// Gone reports whether the state says that the client is not there any more.
func (s AwarenessState) Gone() bool { return string(s.State) == "null" }

// DecodeAwareness decodes an awareness update. The states alias data. The error is an
// *Error.
func DecodeAwareness(data []byte, limits Limits) ([]AwarenessState, error) {
	r := limits.withDefaults().reader(data)
	n := r.count("awareness states", 3)
	if n > r.limits.MaxStates {
		r.failf(TooLarge, "%d awareness states announced; at most %d are taken", n, r.limits.MaxStates)
	}
	var states []AwarenessState
	for ; n > 0 && r.err == nil; n-- {
		id := r.id()
		at := r.pos
		state := r.json()
		if len(state) > r.limits.MaxStateBytes {
			r.pos = at
			r.failf(TooLarge, "an awareness state of %d bytes; at most %d are taken", len(state), r.limits.MaxStateBytes)
		}
		states = append(states, AwarenessState{Client: id.Client, Clock: id.Clock, State: state})
	}
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return states, nil
}

// EncodeAwareness encodes an awareness update.
func EncodeAwareness(states []AwarenessState) []byte {
	dst := binary.AppendUvarint(nil, uint64(len(states)))
	for _, s := range states {
		dst = appendBytes(appendID(dst, ID{Client: s.Client, Clock: s.Clock}), s.State)
	}
	return dst
}

// Awareness keeps the newest state of each client of a document. Nothing ends by
// itself: who has fallen silent is for the owner to tell. It is for one goroutine at a
// time.
type Awareness struct {
	limits Limits
	states map[uint64]AwarenessState // also of clients that are gone, for their clocks
	here   int
}

// NewAwareness gives an Awareness that nobody has spoken to yet.
func NewAwareness(limits Limits) *Awareness {
	return &Awareness{limits: limits.withDefaults(), states: map[uint64]AwarenessState{}}
}

// Apply takes in the states that are newer than what it has, or that say of a client
// at the same clock that it is gone, and gives those. States are copied. An *Error says
// that there would be more than Limits.MaxStates clients; then nothing is changed.
func (a *Awareness) Apply(states []AwarenessState) ([]AwarenessState, error) {
	var news []AwarenessState
	added := map[uint64]bool{}
	for _, s := range states {
		if a.newer(s) {
			news = append(news, s)
			if _, known := a.states[s.Client]; !known {
				added[s.Client] = true
			}
		}
	}
	if len(added) > 0 && len(a.states)+len(added) > a.limits.MaxStates {
		a.forget()
		if n := len(a.states) + len(added); n > a.limits.MaxStates {
			return nil, &Error{Kind: TooLarge, Reason: fmt.Sprintf("%d clients would have awareness states; at most %d may", n, a.limits.MaxStates)}
		}
	}
	taken := news[:0]
	for _, s := range news {
		if !a.newer(s) {
			continue // twice in one update
		}
		s.State = slices.Clone(s.State)
		a.set(s)
		taken = append(taken, s)
	}
	return taken, nil
}

func (a *Awareness) newer(s AwarenessState) bool {
	old, known := a.states[s.Client]
	return !known && !s.Gone() || known && (s.Clock > old.Clock || s.Clock == old.Clock && s.Gone() && !old.Gone())
}

func (a *Awareness) set(s AwarenessState) {
	if old, known := a.states[s.Client]; known && !old.Gone() {
		a.here--
	}
	if !s.Gone() {
		a.here++
	}
	a.states[s.Client] = s
}

// forget drops the clocks of clients that are gone.
func (a *Awareness) forget() {
	maps.DeleteFunc(a.states, func(_ uint64, s AwarenessState) bool { return s.Gone() })
}

// Remove notes that clients are gone, and gives the states to tell the others. Clients
// that are not there are passed over. The clock stays, as with y-protocols: a client that
// was only cut off is seen again with the next state that it sends.
func (a *Awareness) Remove(clients ...uint64) (gone []AwarenessState) {
	for _, client := range clients {
		if s, known := a.states[client]; known && !s.Gone() {
			s.State = []byte("null")
			a.set(s)
			gone = append(gone, s)
		}
	}
	return gone
}

// States gives the states of all clients that are there, by ascending id.
func (a *Awareness) States() []AwarenessState {
	out := make([]AwarenessState, 0, a.here)
	for _, client := range slices.Sorted(maps.Keys(a.states)) {
		if s := a.states[client]; !s.Gone() {
			out = append(out, s)
		}
	}
	return out
}

// Len is the number of clients that are there.
func (a *Awareness) Len() int { return a.here }
