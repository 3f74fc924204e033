package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// TestPagesOfUnevenRooms reads backward in rooms whose entries are spread over the
// partition in all ways, and compares with what was stored.
func TestPagesOfUnevenRooms(t *testing.T) {
	const total = 6000
	l := openLog(t, t.TempDir(), bridge.Config{Partitions: 1, Ack: bridge.AckMemory})
	rooms := map[string]func(i int) bool{ // which messages are the room's
		"even":        func(i int) bool { return i%40 == 7 },
		"early burst": func(i int) bool { return i >= 50 && i < 650 },
		"late burst":  func(i int) bool { return i >= total-700 && i < total-20 },
		"two bursts":  func(i int) bool { return i < 200 || i >= total-200 },
		"comb":        func(i int) bool { return i/500%2 == 1 && i%3 == 0 },
		"first only":  func(i int) bool { return i == 0 },
		"last only":   func(i int) bool { return i == total-1 },
		"ends":        func(i int) bool { return i == 1 || i == total-2 },
		"rare":        func(i int) bool { return i%1500 == 3 },
	}
	acks := make([]hub.Ack, total)
	owners := make([]string, total)
	var wg sync.WaitGroup
	for i := range total {
		owners[i] = "noise"
		for name, owns := range rooms {
			if owns(i) {
				owners[i] = name
			}
		}
		wg.Add(1)
		require.NoError(t, l.Append(owners[i], []hub.Record{{Data: fmt.Append(nil, i)}}, func(a []hub.Ack) {
			acks[i] = a[0]
			wg.Done()
		}))
		if i%2000 == 1999 {
			wg.Wait() // or the queue is full
		}
	}
	wg.Wait()
	seqs := make(map[string][]uint64)
	for i, ack := range acks {
		require.NoError(t, ack.Err)
		seqs[owners[i]] = append(seqs[owners[i]], ack.Seq)
	}
	delete(seqs, "noise")
	r := rand.New(rand.NewPCG(1, 2))
	for name, all := range seqs {
		for range 25 {
			checkNewest(t, l, name, all, r)
		}
	}
}

// checkNewest reads a page of some size that ends somewhere.
func checkNewest(t *testing.T, l hub.Log, room string, all []uint64, r *rand.Rand) {
	rg := hub.Range{Limit: []int{1, 2, 20, 50, 99, 100, 101, 300, hub.MaxPage}[r.IntN(9)], Newest: true}
	last := all[len(all)-1]
	if r.IntN(3) > 0 {
		rg.Before = 1 + r.Uint64N(last+50)
	}
	if r.IntN(3) == 0 {
		rg.After = r.Uint64N(last + 1)
	}
	page, err := l.Read(t.Context(), room, rg)
	require.NoError(t, err, "%s: %+v", room, rg)
	var want []uint64
	for _, seq := range all {
		if seq > rg.After && (rg.Before == 0 || seq < rg.Before) {
			want = append(want, seq)
		}
	}
	more := len(want) > rg.Limit
	if more {
		want = want[len(want)-rg.Limit:]
	}
	require.Equal(t, want, seqsOf(page.Entries), "%s: %+v", room, rg)
	require.Equal(t, more, page.More, "%s: %+v", room, rg)
	for _, e := range page.Entries {
		if at := slices.Index(all, e.Seq); e.Prev != 0 {
			require.Equal(t, all[at-1], e.Prev, "Prev is right where it is known")
		}
	}
}
