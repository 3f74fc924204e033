package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

func TestFaultyWithoutFaultsIsALog(t *testing.T) {
	hubtest.TestLog(t, func(*testing.T) hub.Log { return hubtest.NewFaulty(hub.NewMemory(), 1, hubtest.Plan{}) })
}

// one gives a plan in which one fault always happens.
func one(f hubtest.Fault) hubtest.Plan {
	return hubtest.Plan{Rates: map[hubtest.Fault]float64{f: 1}}
}

// faulty runs a test under fake time, with a Memory behind the faults.
func faulty(t *testing.T, plan hubtest.Plan, test func(t *testing.T, f *hubtest.Faulty, m *hub.Memory)) {
	synctest.Test(t, func(t *testing.T) {
		m := hub.NewMemory()
		f := hubtest.NewFaulty(m, 7, plan)
		test(t, f, m)
		require.NoError(t, f.Close(context.Background()))
	})
}

// attempt appends one record and gives its ack, and how long it took.
func attempt(t *testing.T, log hub.Log, room, id string) (hub.Ack, time.Duration) {
	start, got := time.Now(), make(chan hub.Ack, 2)
	require.NoError(t, log.Append(room, []hub.Record{{ID: id, Data: []byte(id)}}, func(acks []hub.Ack) { got <- acks[0] }))
	ack := <-got
	return ack, time.Since(start)
}

func TestAppendFaults(t *testing.T) {
	for _, c := range []struct {
		fault  hubtest.Fault
		stored int
		fails  bool
		least  time.Duration
	}{
		{hubtest.Delay, 1, false, 1},
		{hubtest.Refusal, 0, true, 0},
		{hubtest.StoredError, 1, true, 0},
		{hubtest.LostAck, 1, true, 5 * time.Second},
		{hubtest.SlowAck, 1, false, 1},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			faulty(t, one(c.fault), func(t *testing.T, f *hubtest.Faulty, m *hub.Memory) {
				ack, took := attempt(t, f, "lobby", "a")
				require.Equal(t, c.fails, ack.Err != nil)
				if c.fails {
					require.ErrorIs(t, ack.Err, hub.ErrUnavailable)
				}
				require.GreaterOrEqual(t, took, c.least)
				require.Len(t, read(t, m, "lobby", hub.Range{Limit: 10}).Entries, c.stored)
				require.Equal(t, 1, f.Reached(c.fault))
				f.Quiet()
				ack, _ = attempt(t, f, "lobby", "a")
				require.NoError(t, ack.Err)
				require.Equal(t, c.stored == 1, ack.Duplicate, "the repeat finds out whether it was stored")
				require.Equal(t, 1, f.Reached(c.fault), "Quiet ends it")
			})
		})
	}
}

func TestReadFaults(t *testing.T) {
	fill := func(t *testing.T, m *hub.Memory) {
		for i := range 10 {
			put(t, m, "lobby", "", fmt.Sprint(i))
		}
	}
	t.Run("error", func(t *testing.T) {
		faulty(t, one(hubtest.ReadError), func(t *testing.T, f *hubtest.Faulty, _ *hub.Memory) {
			_, err := f.Read(t.Context(), "lobby", hub.Range{Limit: 1})
			require.ErrorIs(t, err, hub.ErrUnavailable)
			_, err = f.Tail(t.Context(), "lobby")
			require.ErrorIs(t, err, hub.ErrUnavailable)
			_, err = f.Tails(t.Context(), []string{"lobby"})
			require.ErrorIs(t, err, hub.ErrUnavailable)
			require.Equal(t, 3, f.Reached(hubtest.ReadError))
		})
	})
	t.Run("short", func(t *testing.T) {
		faulty(t, one(hubtest.ShortRead), func(t *testing.T, f *hubtest.Faulty, m *hub.Memory) {
			fill(t, m)
			for _, newest := range []bool{false, true} {
				page := read(t, f, "lobby", hub.Range{Limit: 10, Newest: newest})
				require.NotEmpty(t, page.Entries)
				require.Less(t, len(page.Entries), 10)
				require.True(t, page.More)
				edge := page.Entries[0]
				if newest {
					edge = page.Entries[len(page.Entries)-1]
				}
				require.Equal(t, map[bool]uint64{false: 1, true: 10}[newest], edge.Seq, "it is cut away from where reading began")
			}
		})
	})
	t.Run("stale", func(t *testing.T) {
		faulty(t, one(hubtest.StaleRead), func(t *testing.T, f *hubtest.Faulty, m *hub.Memory) {
			fill(t, m)
			for _, newest := range []bool{false, true} {
				page := read(t, f, "lobby", hub.Range{Limit: 10, Newest: newest})
				require.Less(t, page.Entries[len(page.Entries)-1].Seq, uint64(10))
				require.False(t, page.More)
			}
			require.Len(t, read(t, f, "lobby", hub.Range{Limit: 10, Before: 9}).Entries, 8, "what is old is not missing")
		})
	})
}

func TestWatchFaults(t *testing.T) {
	watch := func(t *testing.T, fault hubtest.Fault, n int) []string {
		var w tape
		faulty(t, one(fault), func(t *testing.T, f *hubtest.Faulty, m *hub.Memory) {
			stop, err := f.Watch("lobby", &w)
			require.NoError(t, err)
			defer stop()
			for i := range n {
				put(t, m, "lobby", "", fmt.Sprint(i))
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			require.Equal(t, n, f.Reached(fault))
		})
		return w.lines
	}
	require.Equal(t, []string{"suspect", "suspect"}, watch(t, hubtest.Gap, 2), "a gap at the end shows by a suspicion")
	require.Equal(t, []string{"suspect", "0>1", "suspect", "1>2"}, watch(t, hubtest.Scare, 2))
	require.Equal(t, []string{"0>1", "1>2", "2>3"}, watch(t, hubtest.Late, 3), "lateness keeps the order")
	require.Equal(t, []string{"0>1", "0>1"}, watch(t, hubtest.Duplicate, 1))
}

// TestEveryFaultHealsForWhoeverKeepsTheContract runs writers that repeat what was
// not acknowledged, and followers that repair their copies, through all faults.
func TestEveryFaultHealsForWhoeverKeepsTheContract(t *testing.T) {
	reached := make(map[hubtest.Fault]int)
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			m := hub.NewMemory()
			plan := hubtest.EveryFault(0.15)
			plan.AckTimeout = time.Second
			f := hubtest.NewFaulty(m, seed, plan)
			acked := workload(t, f)
			f.Quiet()
			for room, want := range acked {
				page := read(t, m, room, hub.Range{Limit: hub.MaxPage})
				var got []string
				for _, e := range page.Entries {
					got = append(got, fmt.Sprint(e.Seq, " ", string(e.Data)))
				}
				slices.Sort(got)
				slices.Sort(want)
				require.Equal(t, want, got, "seed %d: what was acknowledged is there, once", seed)
			}
			require.NoError(t, f.Close(context.Background()))
			for _, fault := range hubtest.Faults() {
				reached[fault] += f.Reached(fault)
			}
		})
	}
	for _, fault := range hubtest.Faults() {
		require.Positive(t, reached[fault], "%v never happened", fault)
	}
}

// workload writes until everything is acknowledged, and gives what was.
func workload(t *testing.T, f *hubtest.Faulty) map[string][]string {
	var mu sync.Mutex
	acked := make(map[string][]string)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 12 {
				room, id := fmt.Sprint("room-", i%2), fmt.Sprint(w, "-", i)
				for {
					ack, _ := attempt(t, f, room, id)
					if ack.Err == nil {
						mu.Lock()
						acked[room] = append(acked[room], fmt.Sprint(ack.Seq, " ", id))
						mu.Unlock()
						break
					}
					if !errors.Is(ack.Err, hub.ErrUnavailable) {
						t.Errorf("%v", ack.Err)
						return
					}
				}
			}
		})
	}
	copies := []*hubtest.Follower{hubtest.Follow(t, f, "room-0"), hubtest.Follow(t, f, "room-1")}
	entries := [][]hub.Entry{copies[0].Await(t, 24), copies[1].Await(t, 24)} // while the faults go on
	wg.Wait()
	f.Quiet()
	for i, got := range entries {
		want := read(t, f, fmt.Sprint("room-", i), hub.Range{Limit: hub.MaxPage}).Entries
		require.Len(t, want, 24)
		for k := range want {
			require.Equal(t, want[k].Seq, got[k].Seq)
		}
	}
	return acked
}

// TestSameSeedSameFaults repeats a run and finds the same faults in it.
func TestSameSeedSameFaults(t *testing.T) {
	run := func(seed uint64) (counts []int) {
		synctest.Test(t, func(t *testing.T) {
			f := hubtest.NewFaulty(hub.NewMemory(), seed, hubtest.EveryFault(0.3))
			for i := range 40 {
				attempt(t, f, "lobby", fmt.Sprint(i))
			}
			require.NoError(t, f.Close(context.Background()))
			for _, fault := range hubtest.Faults() {
				counts = append(counts, f.Reached(fault))
			}
		})
		return counts
	}
	require.Equal(t, run(3), run(3))
	require.NotEqual(t, run(3), run(4))
}
