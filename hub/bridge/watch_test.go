package bridge_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

// stuck is a watcher that breaks its contract: it blocks until it is released.
type stuck struct {
	recorder
	once    sync.Once
	entered chan struct{}
	release chan struct{}
}

func (s *stuck) Entry(e hub.Entry) {
	s.once.Do(func() {
		close(s.entered)
		<-s.release
	})
	s.recorder.Entry(e)
}

// TestSlowWatcherIsTold lets more come than can wait: the watcher misses entries,
// and hears that it did.
func TestSlowWatcherIsTold(t *testing.T) {
	const groups, each = 12, 500
	l := openLog(t, t.TempDir(), bridge.Config{Partitions: 1})
	s := &stuck{entered: make(chan struct{}), release: make(chan struct{})}
	stop, err := l.Watch("lobby", s)
	require.NoError(t, err)
	defer stop()
	for g := range groups {
		records := make([]hub.Record, each)
		for i := range records {
			records[i].Data = fmt.Append(nil, g, i)
		}
		for _, ack := range put(t, l, "lobby", records...) {
			require.NoError(t, ack.Err)
		}
		if g == 0 {
			<-s.entered
		}
	}
	eventually(t, "something is dropped", func() bool { return l.Stats().Slow > 0 })
	close(s.release)
	eventually(t, "it is told", func() bool { _, n := s.counts(); return n > 0 })
	n, _ := s.counts()
	require.Less(t, n, groups*each, "it did miss something")
	last := put(t, l, "lobby", hub.Record{Data: []byte("last")})[0]
	require.NoError(t, last.Err)
	eventually(t, "the last one is brought", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.entries[len(s.entries)-1].Seq == last.Seq
	})
	holes := 0
	for i, e := range s.entries[1:] {
		if e.Prev > s.entries[i].Seq {
			holes++
		}
	}
	require.Positive(t, holes, "and Prev shows it too")
}

// TestWatchersComeAndGo has rooms watched and left all the time while entries come.
func TestWatchersComeAndGo(t *testing.T) {
	l := openLog(t, t.TempDir(), bridge.Config{Partitions: 2})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				answered := make(chan struct{})
				if err := l.Append(fmt.Sprint("room-", i%4), []hub.Record{{Data: fmt.Append(nil, w, i)}}, func([]hub.Ack) { close(answered) }); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				<-answered
			}
		})
	}
	for i := range 200 {
		r := new(recorder)
		end, err := l.Watch(fmt.Sprint("room-", i%4), r)
		require.NoError(t, err)
		if i%10 == 0 {
			eventually(t, "an entry comes", func() bool { n, _ := r.counts(); return n > 0 })
		}
		end()
	}
	close(stop)
	wg.Wait()
}

// TestRoomsOfManyWatchers watches more rooms than there are goroutines for them.
func TestRoomsOfManyWatchers(t *testing.T) {
	const rooms = 400
	l := openLog(t, t.TempDir(), bridge.Config{Partitions: 4, Ack: bridge.AckMemory})
	followers := make([]*hubtest.Follower, rooms)
	for i := range followers {
		followers[i] = hubtest.Follow(t, l, fmt.Sprint("room-", i))
	}
	for i := range followers {
		fill(t, l, fmt.Sprint("room-", i), 3)
	}
	for _, f := range followers {
		f.Await(t, 3)
	}
}
