package hubtest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// watchMissesNothing starts watching while others write: what was there before is
// read, what comes after is brought, and nothing falls between the two.
func watchMissesNothing(t *testing.T, log hub.Log) {
	const writers, each, rooms = 6, 120, 4
	var wg sync.WaitGroup
	followers := make([]*Follower, rooms)
	begin := make(chan struct{})
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if w == 0 && i == each/3 {
					close(begin)
				}
				room := fmt.Sprint("room-", i%rooms)
				answered := make(chan struct{})
				submit(t, log, room, []hub.Record{record(fmt.Sprint(w, "-", i), fmt.Sprint(w, " ", i))}, func([]hub.Ack) { close(answered) })
				<-answered
			}
		})
	}
	<-begin
	for r := range followers {
		followers[r] = Follow(t, log, fmt.Sprint("room-", r))
		followers[r].Suspect() // there may be something before
	}
	wg.Wait()
	for _, f := range followers {
		got := f.Await(t, writers*each/rooms)
		stored := readAll(t, log, f.room)
		require.Equal(t, dataOf(stored), dataOf(got))
		require.Equal(t, seqsOf(stored), seqsOf(got))
	}
}

func prevChainsTheRoom(t *testing.T, log hub.Log) {
	a, b := Follow(t, log, "a"), Follow(t, log, "b")
	for i := range 25 {
		stored(t, log, "a", record("", fmt.Sprint("a", i)))
		stored(t, log, "b", record("", fmt.Sprint("b", i)), record("", fmt.Sprint("b'", i)))
	}
	for f, n := range map[*Follower]int{a: 25, b: 50} {
		entries := f.Await(t, n)
		f.mu.Lock()
		brought := len(f.prevs)
		f.mu.Unlock()
		require.Equal(t, n, brought, "without a fault every entry is brought")
		last := uint64(0)
		for _, e := range entries {
			require.Equal(t, last, e.Prev)
			last = e.Seq
		}
	}
	for _, e := range readAll(t, log, "b") {
		require.Less(t, e.Prev, e.Seq, "0 or the one before")
	}
}

func severalWatchers(t *testing.T, log hub.Log) {
	one, two, other := Follow(t, log, "lobby"), Follow(t, log, "lobby"), Follow(t, log, "elsewhere")
	stored(t, log, "lobby", record("", "1"))
	one.Await(t, 1)
	two.Await(t, 1)
	one.Stop()
	stored(t, log, "lobby", record("", "2"), record("", "3"))
	require.Equal(t, []string{"1", "2", "3"}, dataOf(two.Await(t, 3)))
	late := Follow(t, log, "lobby")
	stored(t, log, "lobby", record("", "4"))
	require.Equal(t, []string{"1", "2", "3", "4"}, dataOf(two.Await(t, 4)))
	late.Await(t, 4) // Prev tells it that there were others
	other.mu.Lock()
	defer other.mu.Unlock()
	require.Zero(t, other.calls)
}

func stoppedWatcherIsLeftAlone(t *testing.T, log hub.Log) {
	f, sentry := Follow(t, log, "lobby"), Follow(t, log, "lobby")
	stored(t, log, "lobby", record("", "1"))
	f.Await(t, 1)
	f.Stop()
	f.Stop() // once more does no harm
	sentry.Await(t, 1)
	f.mu.Lock()
	calls := f.calls
	f.mu.Unlock()
	for i := range 10 {
		stored(t, log, "lobby", record("", fmt.Sprint(i)))
	}
	sentry.Await(t, 11)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, calls, f.calls)
}
