package hubtest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// Follower keeps a copy of one room by the means that the contract gives: entries
// as they come, and a look at the log where there is a hole or a suspicion.
type Follower struct {
	log  hub.Log
	room string
	stop func()
	news chan struct{} // holds one token after anything has happened

	mu      sync.Mutex // guards what follows
	entries []hub.Entry
	prevs   []uint64 // the Prev of each entry that was brought
	calls   int      // of Entry
	look    bool     // there is a hole or a suspicion
	open    bool     // an entry was brought, and no Flush since
}

// Follow begins with an empty copy. The end of the test stops it.
func Follow(t *testing.T, log hub.Log, room string) *Follower {
	t.Helper()
	f := &Follower{log: log, room: room, news: make(chan struct{}, 1)}
	stop, err := log.Watch(room, f)
	require.NoError(t, err)
	f.stop = stop
	t.Cleanup(stop)
	return f
}

// Stop ends the following.
func (f *Follower) Stop() { f.stop() }

func (f *Follower) last() uint64 {
	if len(f.entries) == 0 {
		return 0
	}
	return f.entries[len(f.entries)-1].Seq
}

// Entry is called by the Log.
func (f *Follower) Entry(e hub.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.open = true
	switch {
	case e.Seq <= f.last():
	case e.Prev > f.last() || f.look:
		f.look = true
	default:
		f.entries = append(f.entries, e)
		f.prevs = append(f.prevs, e.Prev)
	}
	f.tell()
}

// Flush is called by the Log.
func (f *Follower) Flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = false
	f.tell()
}

// Suspect is called by the Log.
func (f *Follower) Suspect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look = true
	f.tell()
}

func (f *Follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// catchUp reads what is missing, if anything may be, until the copy stands where
// the log stood when it was asked.
func (f *Follower) catchUp(t *testing.T) {
	f.mu.Lock()
	look, after := f.look, f.last()
	f.look = false
	f.mu.Unlock()
	if !look {
		return
	}
	tail, err := patiently(func() (hub.Position, error) { return f.log.Tail(within(t), f.room) })
	require.NoError(t, err)
	for deadline := time.Now().Add(patience); after < tail.Seq; {
		require.True(t, time.Now().Before(deadline), "%s: the tail is %d, and reading ends at %d", f.room, tail.Seq, after)
		page, err := patiently(func() (hub.Page, error) {
			return f.log.Read(within(t), f.room, hub.Range{After: after, Limit: hub.MaxPage})
		})
		require.NoError(t, err)
		f.mu.Lock()
		for _, e := range page.Entries {
			if e.Seq > f.last() {
				f.entries = append(f.entries, e)
			}
		}
		after = f.last()
		f.mu.Unlock()
	}
}

// patiently asks again while the Log is unavailable.
func patiently[T any](ask func() (T, error)) (T, error) {
	deadline := time.Now().Add(patience)
	for {
		answer, err := ask()
		if !errors.Is(err, hub.ErrUnavailable) || time.Now().After(deadline) {
			return answer, err
		}
	}
}

// Await waits until n entries are had, and whatever was brought was flushed, and
// gives them.
func (f *Follower) Await(t *testing.T, n int) []hub.Entry {
	t.Helper()
	deadline := time.After(patience)
	for {
		f.catchUp(t)
		f.mu.Lock()
		got, open := slices.Clone(f.entries), f.open
		f.mu.Unlock()
		if len(got) >= n && !open {
			require.Len(t, got, n, "more entries came than were stored")
			return got
		}
		select {
		case <-f.news:
		case <-deadline:
			require.FailNow(t, "entries are missing", "%s: %d of %d came; not flushed: %v", f.room, len(got), n, open)
		}
	}
}
