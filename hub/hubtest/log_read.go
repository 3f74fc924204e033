package hubtest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// readAgainstAModel reads a room that is strewn among others, in every direction
// and at every edge, and compares with a slice.
func readAgainstAModel(t *testing.T, log hub.Log) {
	const n = 60
	var all []uint64
	for i := range n {
		all = append(all, stored(t, log, "lobby", record("", fmt.Sprint(i)))...)
		for k := range i % 4 {
			stored(t, log, fmt.Sprint("other-", k), record("", "x"))
		}
	}
	edges := []uint64{0, 1, all[0], all[10] - 1, all[10], all[30], all[n-1], all[n-1] + 1, math.MaxUint64}
	for _, after := range edges {
		for _, before := range edges {
			for _, limit := range []int{1, 7, n - 1, n, hub.MaxPage} {
				for _, newest := range []bool{false, true} {
					r := hub.Range{After: after, Before: before, Limit: limit, Newest: newest}
					page, err := log.Read(within(t), "lobby", r)
					require.NoError(t, err, "%+v", r)
					want, more := model(all, r)
					require.Equal(t, want, seqsOf(page.Entries), "%+v", r)
					require.Equal(t, more, page.More, "%+v", r)
					require.NotEmpty(t, page.Epoch)
				}
			}
		}
	}
	for i, data := range dataOf(readAll(t, log, "lobby")) {
		require.Equal(t, fmt.Sprint(i), data)
	}
}

// model says which sequences a range holds.
func model(all []uint64, r hub.Range) (page []uint64, more bool) {
	page = []uint64{}
	for _, seq := range all {
		if seq > r.After && (r.Before == 0 || seq < r.Before) {
			page = append(page, seq)
		}
	}
	if len(page) <= r.Limit {
		return page, false
	}
	if r.Newest {
		return page[len(page)-r.Limit:], true
	}
	return page[:r.Limit], true
}

func readOfNothing(t *testing.T, log hub.Log) {
	stored(t, log, "elsewhere", record("", "x"))
	for _, r := range []hub.Range{
		{Limit: 10},
		{Limit: 10, Newest: true},
		{After: 5, Limit: 1},
		{Before: 5, Limit: 1, Newest: true},
		{After: 7, Before: 3, Limit: 1},
		{After: 3, Before: 4, Limit: 1, Newest: true},
	} {
		page, err := log.Read(within(t), "lobby", r)
		require.NoError(t, err)
		require.Empty(t, page.Entries)
		require.False(t, page.More)
		require.NotEmpty(t, page.Epoch)
	}
	tail, err := log.Tail(within(t), "lobby")
	require.NoError(t, err)
	require.Zero(t, tail.Seq)
	require.NotEmpty(t, tail.Epoch)
}

// pageIsBoundedInBytes reads records that do not fit a page together.
func pageIsBoundedInBytes(t *testing.T, log hub.Log) {
	const n, size = 40, 256 << 10
	var all []uint64
	for i := range n {
		all = append(all, stored(t, log, "lobby", hub.Record{Data: bytes.Repeat([]byte{byte(i)}, size)})...)
	}
	const fit = hub.MaxPageBytes / size
	var up []uint64
	for after := uint64(0); ; {
		page, err := log.Read(within(t), "lobby", hub.Range{After: after, Limit: n})
		require.NoError(t, err)
		require.LessOrEqual(t, bytesOf(page), hub.MaxPageBytes)
		up = append(up, seqsOf(page.Entries)...)
		require.Equal(t, len(up) < n, page.More)
		if !page.More {
			break
		}
		require.GreaterOrEqual(t, len(page.Entries), fit/2, "a page is cut where it must be, not long before")
		after = up[len(up)-1]
	}
	require.Equal(t, all, up)
	var down []uint64
	for before := uint64(0); ; {
		page, err := log.Read(within(t), "lobby", hub.Range{Before: before, Limit: n, Newest: true})
		require.NoError(t, err)
		require.LessOrEqual(t, bytesOf(page), hub.MaxPageBytes)
		require.NotEmpty(t, page.Entries)
		down = append(seqsOf(page.Entries), down...)
		require.Equal(t, len(down) < n, page.More)
		if !page.More {
			break
		}
		require.GreaterOrEqual(t, len(page.Entries), fit/2)
		before = down[0]
	}
	require.Equal(t, all, down)
}

func bytesOf(page hub.Page) (size int) {
	for _, e := range page.Entries {
		size += len(e.Data)
	}
	return size
}

func pageIsBoundedInEntries(t *testing.T, log hub.Log) {
	var recs []hub.Record
	for i := range 400 {
		recs = append(recs, record("", fmt.Sprint(i)))
	}
	for range 3 {
		stored(t, log, "lobby", recs...)
	}
	for _, limit := range []int{hub.MaxPage, hub.MaxPage + 1, math.MaxInt} {
		for _, newest := range []bool{false, true} {
			page, err := log.Read(within(t), "lobby", hub.Range{Limit: limit, Newest: newest})
			require.NoError(t, err)
			require.Len(t, page.Entries, hub.MaxPage)
			require.True(t, page.More)
		}
	}
	for _, limit := range []int{0, -1} {
		page, err := log.Read(within(t), "lobby", hub.Range{Limit: limit})
		require.NoError(t, err)
		require.Len(t, page.Entries, 1, "a limit that makes no sense counts as 1")
	}
	require.Len(t, readAll(t, log, "lobby"), 1200)
}

func tailsInTheirOrder(t *testing.T, log hub.Log) {
	a := stored(t, log, "a", record("", "1"), record("", "2"))
	b := stored(t, log, "b", record("", "1"))
	tails, err := log.Tails(within(t), []string{"b", "none", "a", "b", "a"})
	require.NoError(t, err)
	got := make([]uint64, 0, len(tails))
	for _, tail := range tails {
		require.NotEmpty(t, tail.Epoch)
		got = append(got, tail.Seq)
	}
	require.Equal(t, []uint64{b[0], 0, a[1], b[0], a[1]}, got)
	tails, err = log.Tails(within(t), nil)
	require.NoError(t, err)
	require.Empty(t, tails)
	one, err := log.Tail(within(t), "a")
	require.NoError(t, err)
	require.Equal(t, a[1], one.Seq)
	page, err := log.Read(within(t), "a", hub.Range{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, page.Epoch, one.Epoch)
}

func tailsOfManyRooms(t *testing.T, log hub.Log) {
	const n = 2500
	rooms, want := make([]string, n), make([]uint64, n)
	answered := make(chan error, n)
	for i := range rooms {
		rooms[i] = fmt.Sprint("room-", i)
		if i%3 == 0 {
			answered <- nil
			continue // has no entry
		}
		submit(t, log, rooms[i], []hub.Record{record("", "x")}, func(acks []hub.Ack) {
			want[i] = acks[0].Seq
			answered <- acks[0].Err
		})
	}
	var failed error
	for range n {
		failed = errors.Join(failed, <-answered)
	}
	require.NoError(t, failed)
	tails, err := log.Tails(within(t), rooms)
	require.NoError(t, err)
	require.Len(t, tails, n)
	for i, tail := range tails {
		require.Equal(t, want[i], tail.Seq, "%s", rooms[i])
	}
}

// storedSaysWhen holds the log's clock to that of the test, which is the same machine's.
func storedSaysWhen(t *testing.T, log hub.Log) {
	const slack = time.Second // a clock of milliseconds, or of another process
	stored(t, log, "elsewhere", record("", "x"))
	before := time.Now()
	seqs := stored(t, log, "lobby", record("", "1"), record("", "2"))
	seqs = append(seqs, stored(t, log, "lobby", record("", "3"))...)
	after := time.Now()
	last := before.Add(-slack)
	for _, seq := range seqs {
		at, err := log.Stored(within(t), "lobby", seq)
		require.NoError(t, err)
		require.WithinRange(t, at, last, after.Add(slack))
		last = at
	}
	for _, none := range []struct {
		room string
		seq  uint64
	}{{"lobby", 0}, {"lobby", seqs[0] - 1}, {"lobby", seqs[2] + 1}, {"nowhere", 1}} {
		at, err := log.Stored(within(t), none.room, none.seq)
		require.NoError(t, err)
		require.Zero(t, at, "%+v", none)
	}
}
