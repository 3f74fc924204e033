package hubtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// names are rooms that a careless form would take for one another, or for a
// pattern, or could not carry at all.
var names = []string{
	"a", "A", "a.b", "a:b", "a/b", "a=b", "a=2eb", "a=2Eb", "a_b", "a-b", "a@b", "a+b", "a~b", "ab",
	".", "..", "a.", ".a", "a..b", "=", "==", "=2e", "~", "-", "_", "/", "//", ":", "@", "+",
	"é", "e\u0301", "日本語", "ａ", "привет", "שלום", "مرحبا", "हिन्दी", "0", "00", "²", "Ⅷ",
	"log", "live", "bus", "team-1/general", "user:alice@example.com", "$G",
	strings.Repeat("x", 128), strings.Repeat("x", 127) + "y", strings.Repeat("語", 42), strings.Repeat(".", 128),
}

func namesOfAllKinds(t *testing.T, log hub.Log) {
	followers := make([]*Follower, len(names))
	want := make([]uint64, len(names))
	for i, name := range names {
		followers[i] = Follow(t, log, name)
	}
	for i, name := range names {
		want[i] = stored(t, log, name, record("id", name))[0]
	}
	for i, name := range names {
		require.Equal(t, []string{name}, dataOf(readAll(t, log, name)), "%q", name)
		require.Equal(t, []string{name}, dataOf(followers[i].Await(t, 1)), "%q", name)
		page, err := log.Read(within(t), name, hub.Range{Limit: 5, Newest: true})
		require.NoError(t, err)
		require.Equal(t, []string{name}, dataOf(page.Entries), "%q", name)
	}
	tails, err := log.Tails(within(t), names)
	require.NoError(t, err)
	for i, tail := range tails {
		require.Equal(t, want[i], tail.Seq, "%q", names[i])
	}
	for i, f := range followers {
		f.mu.Lock()
		require.Equal(t, 1, f.calls, "%q", names[i])
		f.mu.Unlock()
	}
}

func roomsDoNotMix(t *testing.T, log hub.Log) {
	const rooms, each = 120, 5
	var wg sync.WaitGroup
	for r := range rooms {
		wg.Go(func() {
			room := fmt.Sprint("room-", r)
			for i := range each {
				answered := make(chan struct{})
				submit(t, log, room, []hub.Record{record(fmt.Sprint(i), fmt.Sprint(room, " ", i))}, func([]hub.Ack) { close(answered) })
				<-answered
			}
		})
	}
	wg.Wait()
	for r := range rooms {
		room := fmt.Sprint("room-", r)
		want := make([]string, each)
		for i := range want {
			want[i] = fmt.Sprint(room, " ", i)
		}
		require.Equal(t, want, dataOf(readAll(t, log, room)))
		page, err := log.Read(within(t), room, hub.Range{Limit: 2, Newest: true})
		require.NoError(t, err)
		require.Equal(t, want[each-2:], dataOf(page.Entries))
		require.True(t, page.More)
	}
}
