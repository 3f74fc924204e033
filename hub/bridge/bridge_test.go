package bridge_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openLog opens a log on an embedded engine in dir; the test's end closes it.
func openLog(t testing.TB, dir string, cfg bridge.Config) *bridge.Log {
	t.Helper()
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, SyncAlways: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Shutdown()) })
	cfg.Connect, cfg.Health = engine.Connect, engine.Health
	l, err := bridge.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, l.Close(ctx))
	})
	return l
}

func appendAll(t testing.TB, l hub.Log, room string, records ...hub.Record) []hub.Ack {
	t.Helper()
	got := make(chan []hub.Ack, 1)
	require.NoError(t, l.Append(room, records, func(a []hub.Ack) { got <- a }))
	return <-got
}

type recorder struct {
	mu      sync.Mutex
	entries []hub.Entry
}

func (r *recorder) Entry(e hub.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
}
func (r *recorder) Suspect() {}

func (r *recorder) seqs() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var s []uint64
	for _, e := range r.entries {
		s = append(s, e.Seq)
	}
	return s
}

func TestAppendWatchRead(t *testing.T) {
	l := openLog(t, filepath.Join(t.TempDir(), "data"), bridge.Config{})
	rec := new(recorder)
	stop, err := l.Watch("lobby", rec)
	require.NoError(t, err)
	defer stop()
	var want []uint64
	for i := range 300 {
		n := 1 + i%3*20
		records := make([]hub.Record, n)
		for j := range records {
			records[j] = hub.Record{ID: fmt.Sprint(i, "-", j), Data: []byte(fmt.Sprintf(`{"n":"%d-%d"}`, i, j))}
		}
		for _, a := range appendAll(t, l, "lobby", records...) {
			require.NoError(t, a.Err)
			want = append(want, a.Seq)
		}
		for _, a := range appendAll(t, l, fmt.Sprint("noise", i%40), records[0]) {
			require.NoError(t, a.Err)
		}
	}
	require.True(t, slices.IsSorted(want))
	require.Eventually(t, func() bool { return len(rec.seqs()) == len(want) }, 5*time.Second, time.Millisecond)
	require.Equal(t, want, rec.seqs())
	for _, limit := range []int{1, 7, 50, 200, 1000} {
		for _, before := range []int{0, 1, 5, 60, 1000, len(want) - 1} {
			r := hub.Range{Limit: limit, Newest: true}
			have := want
			if before > 0 {
				r.Before, have = want[before], want[:before]
			}
			page, err := l.Read(t.Context(), "lobby", r)
			require.NoError(t, err)
			var got []uint64
			for _, e := range page.Entries {
				got = append(got, e.Seq)
			}
			require.Equal(t, have[max(0, len(have)-limit):], got, "limit %d before %d", limit, before)
			require.Equal(t, len(have) > limit, page.More, "limit %d before %d", limit, before)
		}
	}
	st := l.Stats()
	t.Log(st)
}
