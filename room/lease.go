package room

import (
	"slices"
	"time"
)

// leaseMemory is how long an instance that is gone is remembered, so that a message
// of its life that comes late does not bring it back.
const leaseMemory = 10 * time.Minute

// Leases says which other instances are there. An instance is there as long as its
// beats go on; one that is not heard of for the Length is gone.
type Leases struct {
	// Length is how long a lease runs after a beat.
	Length time.Duration

	leases map[string]*lease
	there  int
	looked time.Time // when Expire was last called
}

type lease struct {
	beat  uint64
	until time.Time // once it is gone: when it was found to be
	gone  bool
	bye   bool // it said so, and does not come back
}

// Heard says what a message means for its sender's lease.
type Heard int

// The meanings of a message.
const (
	// HeardThere: the instance was there, and still is.
	HeardThere Heard = iota
	// HeardNew: it was not known, or was gone and is back.
	HeardNew
	// HeardLate: the message is from before the instance was found gone; it counts
	// for nothing.
	HeardLate
)

// Hear takes note of a message of an instance, which names the instance's newest
// beat. Only a beat that is newer than the last one renews the lease, so that
// messages that come late or twice do not.
func (l *Leases) Hear(instance string, beat uint64, now time.Time) Heard {
	if l.leases == nil {
		l.leases = make(map[string]*lease)
	}
	is := l.leases[instance]
	switch {
	case is == nil:
		l.leases[instance] = &lease{beat: beat, until: now.Add(l.Length)}
		l.there++
		return HeardNew
	case is.gone && (is.bye || beat <= is.beat):
		return HeardLate
	case is.gone:
		is.beat, is.until, is.gone = beat, now.Add(l.Length), false
		l.there++
		return HeardNew
	case beat > is.beat:
		is.beat, is.until = beat, now.Add(l.Length)
	}
	return HeardThere
}

// Bye ends an instance's lease at its own word, and reports whether it was there.
func (l *Leases) Bye(instance string, beat uint64, now time.Time) bool {
	if l.Hear(instance, beat, now) == HeardLate {
		return false
	}
	is := l.leases[instance]
	is.bye, is.beat = true, max(is.beat, beat)
	l.end(is, now)
	return true
}

// Expire gives the instances that are gone since the last call, sorted. If there was
// no call for half a lease it was this process that stood still, and the leases run
// on for as long.
func (l *Leases) Expire(now time.Time) (gone []string) {
	if still := now.Sub(l.looked); !l.looked.IsZero() && still > l.Length/2 {
		for _, is := range l.leases {
			is.until = is.until.Add(still)
		}
	}
	l.looked = now
	for id, is := range l.leases {
		switch {
		case is.gone && now.Sub(is.until) > leaseMemory:
			delete(l.leases, id)
		case !is.gone && !now.Before(is.until):
			l.end(is, now)
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	return gone
}

func (l *Leases) end(is *lease, now time.Time) {
	is.gone, is.until = true, now
	l.there--
}

// Others is how many other instances are there.
func (l *Leases) Others() int { return l.there }

// There lists the other instances that are there, sorted.
func (l *Leases) There() []string {
	there := make([]string, 0, l.there)
	for id, is := range l.leases {
		if !is.gone {
			there = append(there, id)
		}
	}
	slices.Sort(there)
	return there
}

// Doubtful reports whether an instance that is there has not been heard of for half
// of its lease.
func (l *Leases) Doubtful(now time.Time) bool {
	for _, is := range l.leases {
		if !is.gone && is.until.Sub(now) < l.Length/2 {
			return true
		}
	}
	return false
}
