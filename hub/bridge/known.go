package bridge

import "sync"

// knownRooms is how many rooms a half of known may hold.
const knownRooms = 1 << 14

// known remembers, of rooms in which something was stored of late, up to where
// this instance knows that there are entries. Where streams have replicas, a read
// may be answered by one that is behind: this is how that shows.
type known struct {
	mu         sync.Mutex // guards what follows
	young, old map[string]uint64
}

func newKnown() *known { return &known{young: make(map[string]uint64)} }

// note takes in that a subject has an entry at seq.
func (k *known) note(subject string, seq uint64) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if seq <= k.young[subject] {
		return
	}
	if len(k.young) >= knownRooms {
		k.young, k.old = make(map[string]uint64, knownRooms), k.young
	}
	k.young[subject] = seq
}

// tail is the highest sequence that is known of a subject, or 0.
func (k *known) tail(subject string) uint64 {
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(k.young[subject], k.old[subject])
}

// forget drops everything: it may be of an epoch that has ended.
func (k *known) forget() {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.young, k.old = make(map[string]uint64), nil
}

// correct takes in that a subject ends at seq, unless something was stored since it
// was seen to end higher.
func (k *known) correct(subject string, seen, seq uint64) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if max(k.young[subject], k.old[subject]) == seen && seen > seq {
		delete(k.old, subject)
		k.young[subject] = seq
	}
}
