package hubtest

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Fault is one way in which a Faulty goes wrong. All of them are allowed by the
// contract of hub.Log.
type Fault int

// The faults.
const (
	// Delay: an append is stored some time later. The order in its room is kept.
	Delay Fault = iota
	// Refusal: an append is not stored, and answered with ErrUnavailable.
	Refusal
	// StoredError: an append is stored, and answered with ErrUnavailable.
	StoredError
	// LostAck: an append is stored, and answered with ErrUnavailable only after
	// Plan.AckTimeout.
	LostAck
	// SlowAck: an append is stored, and answered some time later.
	SlowAck
	// ReadError: Read, Tail or Tails fails with ErrUnavailable.
	ReadError
	// SlowRead: Read, Tail or Tails takes some time.
	SlowRead
	// ShortRead: a page brings fewer entries than it could, and says More.
	ShortRead
	// StaleRead: a page that reaches the end of the room lacks the newest entries,
	// and does not say so: it was read from a replica that is behind.
	StaleRead
	// Gap: an entry is not brought to a watcher. The Prev of the next one shows it;
	// if there is none for Plan.Silence, Suspect is called.
	Gap
	// Duplicate: an entry that was brought is brought once more.
	Duplicate
	// Late: entries are brought to a watcher some time later, in their order.
	Late
	// Scare: Suspect is called, and nothing was missed.
	Scare

	faults // how many there are
)

var faultNames = [faults]string{
	"delay", "refusal", "stored error", "lost ack", "slow ack", "read error", "slow read",
	"short read", "stale read", "gap", "duplicate", "late", "scare",
}

// String names the fault.
func (f Fault) String() string { return faultNames[f] }

// Faults gives all of them.
func Faults() []Fault {
	all := make([]Fault, faults)
	for i := range all {
		all[i] = Fault(i)
	}
	return all
}

// Plan says how often what goes wrong.
type Plan struct {
	Rates      map[Fault]float64 // the chance of each fault, 0 to 1; what is not named does not happen
	MaxDelay   time.Duration     // bound on each delay; 50 ms
	AckTimeout time.Duration     // after which a lost ack is an error; 5 s
	Silence    time.Duration     // the longest that a gap at the end of a room stays unknown; 2 s
}

// EveryFault is a plan in which each fault has the same chance.
func EveryFault(chance float64) Plan {
	p := Plan{Rates: make(map[Fault]float64, faults)}
	for _, f := range Faults() {
		p.Rates[f] = chance
	}
	return p
}

func (p *Plan) setDefaults() {
	if p.MaxDelay <= 0 {
		p.MaxDelay = 50 * time.Millisecond
	}
	if p.AckTimeout <= 0 {
		p.AckTimeout = 5 * time.Second
	}
	if p.Silence <= 0 {
		p.Silence = 2 * time.Second
	}
}

// newDice makes the source of the decisions about one sequence of calls. Each has
// its own, so that what happens in one room does not depend on how its calls fall
// among those of others.
func newDice(seed uint64, kind, room string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "\x00" + room))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
