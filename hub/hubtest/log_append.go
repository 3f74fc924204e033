package hubtest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

func appendsKeepTheirOrder(t *testing.T, log hub.Log) {
	var want []string
	var acked []uint64
	for i := range 20 {
		data := fmt.Sprint("message ", i)
		want = append(want, data)
		acked = append(acked, stored(t, log, "lobby", record(fmt.Sprint(i), data))...)
	}
	require.IsIncreasing(t, acked)
	entries := readAll(t, log, "lobby")
	require.Equal(t, want, dataOf(entries))
	require.Equal(t, acked, seqsOf(entries))
}

func pipelinedAppendsKeepTheirOrder(t *testing.T, log hub.Log) {
	const writers, each = 8, 150
	var wg sync.WaitGroup
	wg.Add(writers * each)
	var failed atomic.Value
	for w := range writers {
		go func() {
			room := fmt.Sprint("room-", w%3)
			for i := range each {
				rec := record(fmt.Sprint(w, "-", i), fmt.Sprint(w, " ", i))
				submit(t, log, room, []hub.Record{rec}, func(acks []hub.Ack) {
					if acks[0].Err != nil {
						failed.Store(acks[0].Err)
					}
					wg.Done()
				})
			}
		}()
	}
	wg.Wait()
	require.Nil(t, failed.Load())
	next := make([]int, writers)
	for r := range 3 {
		entries := readAll(t, log, fmt.Sprint("room-", r))
		require.IsIncreasing(t, seqsOf(entries))
		for _, e := range entries {
			var w, i int
			_, err := fmt.Sscan(string(e.Data), &w, &i)
			require.NoError(t, err)
			require.Equal(t, next[w], i, "writer %d: its appends are stored in the order of the calls", w)
			next[w]++
		}
	}
	for w, n := range next {
		require.Equal(t, each, n, "writer %d", w)
	}
}

func recordsOfAnAppendStayTogether(t *testing.T, log hub.Log) {
	const writers, each, size = 6, 15, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				var recs []hub.Record
				for k := range size {
					recs = append(recs, record("", fmt.Sprint(w, " ", i, " ", k)))
				}
				answered := make(chan struct{})
				submit(t, log, "lobby", recs, func([]hub.Ack) { close(answered) })
				<-answered
			}
		})
	}
	wg.Wait()
	entries := readAll(t, log, "lobby")
	require.Len(t, entries, writers*each*size)
	for at := 0; at < len(entries); at += size {
		first := strings.TrimSuffix(string(entries[at].Data), " 0")
		for k := range size {
			require.Equal(t, fmt.Sprint(first, " ", k), string(entries[at+k].Data))
		}
	}
}

func appendOfNothing(t *testing.T, log hub.Log) {
	require.Empty(t, write(t, log, "lobby"))
	require.Empty(t, readAll(t, log, "lobby"))
	stored(t, log, "lobby", hub.Record{ID: "empty"})
	entries := readAll(t, log, "lobby")
	require.Len(t, entries, 1)
	require.Empty(t, entries[0].Data)
}

func repeatIsAnsweredWithTheFirst(t *testing.T, log hub.Log) {
	first := write(t, log, "lobby", record("a", "first"))[0]
	require.NoError(t, first.Err)
	require.False(t, first.Duplicate)
	stored(t, log, "lobby", record("b", "between"))
	again := write(t, log, "lobby", record("a", "second"))[0]
	require.NoError(t, again.Err)
	require.True(t, again.Duplicate)
	require.Equal(t, first.Position, again.Position)
	require.Equal(t, []string{"first", "between"}, dataOf(readAll(t, log, "lobby")))
}

func repeatWithinAnAppend(t *testing.T, log hub.Log) {
	acks := write(t, log, "lobby", record("a", "1"), record("b", "2"), record("a", "3"), record("c", "4"))
	for _, ack := range acks {
		require.NoError(t, ack.Err)
	}
	require.Equal(t, []bool{false, false, true, false}, duplicates(acks))
	require.Equal(t, acks[0].Position, acks[2].Position)
	require.Equal(t, []string{"1", "2", "4"}, dataOf(readAll(t, log, "lobby")))
}

func repeatsAmongFreshRecords(t *testing.T, log hub.Log) {
	var recs []hub.Record
	for i := range 40 {
		recs = append(recs, record(fmt.Sprint(i), fmt.Sprint(i)))
	}
	seqs := stored(t, log, "lobby", recs[:20]...)
	acks := write(t, log, "lobby", recs...)
	for i, ack := range acks {
		require.NoError(t, ack.Err)
		require.Equal(t, i < 20, ack.Duplicate, "record %d", i)
		if i < 20 {
			require.Equal(t, seqs[i], ack.Seq)
		}
	}
	entries := readAll(t, log, "lobby")
	require.Len(t, entries, 40)
	require.IsIncreasing(t, seqsOf(entries))
}

// repeatsInAFlood sends everything twice, without waiting, so that repeats meet
// their firsts in one group.
func repeatsInAFlood(t *testing.T, log hub.Log) {
	const n = 300
	var wg sync.WaitGroup
	var mu sync.Mutex
	acks := make(map[string][]hub.Ack)
	for i := range n {
		for range 2 {
			wg.Add(1)
			id := fmt.Sprint(i)
			submit(t, log, "lobby", []hub.Record{record(id, id)}, func(a []hub.Ack) {
				mu.Lock()
				acks[id] = append(acks[id], a[0])
				mu.Unlock()
				wg.Done()
			})
		}
	}
	wg.Wait()
	for id, both := range acks {
		require.NoError(t, both[0].Err)
		require.NoError(t, both[1].Err)
		require.Equal(t, both[0].Position, both[1].Position, "id %s", id)
		require.NotEqual(t, both[0].Duplicate, both[1].Duplicate, "id %s: one of the two is the repeat", id)
	}
	require.Len(t, readAll(t, log, "lobby"), n)
}

func dedupIsScopedByRoom(t *testing.T, log hub.Log) {
	// Many rooms, so that some of them share whatever rooms can share.
	seqs := make(map[uint64]string)
	for i := range 60 {
		room := fmt.Sprint("room-", i)
		ack := write(t, log, room, record("the same id", room))[0]
		require.NoError(t, ack.Err)
		require.False(t, ack.Duplicate, "%s: an id in another room is another id", room)
		require.Equal(t, []string{room}, dataOf(readAll(t, log, room)))
		seqs[ack.Seq] = room
	}
	require.Greater(t, len(seqs), 1)
	// Two halves of a hash's input must not be taken for two others.
	require.False(t, write(t, log, "ab", record("c", "1"))[0].Duplicate)
	require.False(t, write(t, log, "a", record("bc", "2"))[0].Duplicate)
}

func idsOfAnyBytes(t *testing.T, log hub.Log) {
	ids := []string{
		strings.Repeat("x", 128), strings.Repeat("x", 127) + "y", "with space", "line\r\nbreak", "\x00\xff",
		"Nats-Msg-Id: x", "日本語", "a\x00b", "ab", "*", ">", ".",
	}
	for _, id := range ids {
		require.False(t, write(t, log, "lobby", record(id, id))[0].Duplicate, "%q", id)
	}
	for _, id := range ids {
		require.True(t, write(t, log, "lobby", record(id, id))[0].Duplicate, "%q", id)
	}
	require.Equal(t, ids, dataOf(readAll(t, log, "lobby")))
	// No id: nothing to be a repeat of.
	stored(t, log, "lobby", record("", "same"), record("", "same"))
	require.Len(t, readAll(t, log, "lobby"), len(ids)+2)
}

func tooLargeIsRefused(t *testing.T, log hub.Log) {
	huge := hub.Record{ID: "huge", Data: bytes.Repeat([]byte{'x'}, 64<<20)}
	err := log.Append("lobby", []hub.Record{record("small", "small"), huge}, func([]hub.Ack) {
		t.Error("done was called for an append that was refused")
	})
	require.ErrorIs(t, err, hub.ErrTooLarge)
	require.Empty(t, readAll(t, log, "lobby"), "nothing of a refused append is stored")
	large := bytes.Repeat([]byte{0, '\r', '\n', 0xff}, 64<<10)
	stored(t, log, "lobby", hub.Record{ID: "large", Data: large})
	entries := readAll(t, log, "lobby")
	require.Len(t, entries, 1)
	require.True(t, bytes.Equal(large, entries[0].Data), "256 KiB of any bytes come back as they were")
}

func everyAppendIsAnsweredOnce(t *testing.T, log hub.Log) {
	const writers, each = 16, 60
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := make(map[string]int)
	accepted := make(map[string]bool)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprint(w, "-", i)
				err := log.Append(fmt.Sprint("room-", i%7), []hub.Record{record(id, id)}, func([]hub.Ack) {
					mu.Lock()
					defer mu.Unlock()
					answers[id]++
				})
				if err != nil && !errors.Is(err, hub.ErrBusy) {
					t.Errorf("append: %v", err)
				}
				mu.Lock()
				accepted[id] = err == nil
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	closeLog(t, log)
	mu.Lock()
	defer mu.Unlock()
	for id, ok := range accepted {
		if ok {
			require.Equal(t, 1, answers[id], "append %s", id)
		} else {
			require.Zero(t, answers[id], "append %s was not taken, so it is not answered", id)
		}
	}
}

func duplicates(acks []hub.Ack) []bool {
	out := make([]bool, len(acks))
	for i, ack := range acks {
		out[i] = ack.Duplicate
	}
	return out
}
