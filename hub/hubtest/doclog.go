package hubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// TestDocLog holds a DocLog to its contract, that of a Log included. open gives an
// empty one each time; the suite closes it, and a second Close must do no harm.
func TestDocLog(t *testing.T, open func(t *testing.T) hub.DocLog) {
	t.Run("Log", func(t *testing.T) { TestLog(t, func(t *testing.T) hub.Log { return open(t) }) })
	TestDocs(t, open)
}

// TestDocs is TestDocLog without what is of every Log.
func TestDocs(t *testing.T, open func(t *testing.T) hub.DocLog) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hub.DocLog)
	}{
		{"SwapAtTheEnd", swapAtTheEnd},
		{"StaleSwapStoresNothing", staleSwapStoresNothing},
		{"SwapReplaces", swapReplaces},
		{"OneSwapOfManyWins", oneSwapOfManyWins},
		{"ReplacingLosesNoAppend", replacingLosesNoAppend},
		{"WatchersSeeSwaps", watchersSeeSwaps},
		{"SwapsOfAnySize", swapsOfAnySize},
		{"ReadOfReplaced", readOfReplaced},
		{"ListOfARoom", listOfARoom},
		{"ListOfMany", listOfMany},
		{"Erase", erase},
		{"Count", count},
		{"EraseOfAll", eraseOfAll},
		{"DocumentsOfAllNames", documentsOfAllNames},
		{"ClosedDocsSaySo", closedDocsSaySo},
		{"CancelledDocs", cancelledDocs},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := open(t)
			defer closeLog(t, log)
			c.test(t, log)
		})
	}
}

// swap is Swap that must succeed, and gives the entry's sequence.
func swap(t *testing.T, log hub.DocLog, doc string, last uint64, data string, replace bool) uint64 {
	t.Helper()
	at, err := log.Swap(within(t), doc, last, []byte(data), replace)
	require.NoError(t, err)
	require.Greater(t, at.Seq, last)
	require.NotEmpty(t, at.Epoch)
	return at.Seq
}

func tailOf(t *testing.T, log hub.Log, doc string) hub.Position {
	t.Helper()
	at, err := log.Tail(within(t), doc)
	require.NoError(t, err)
	return at
}

func swapAtTheEnd(t *testing.T, log hub.DocLog) {
	one := swap(t, log, "a/b", 0, "1", false)
	two := stored(t, log, "a/b", record("", "2"))[0]
	stored(t, log, "a/c", record("", "another's"))
	at, err := log.Swap(within(t), "a/b", two, []byte("3"), false)
	require.NoError(t, err)
	require.Equal(t, tailOf(t, log, "a/b"), at)
	entries := readAll(t, log, "a/b")
	require.Equal(t, []string{"1", "2", "3"}, dataOf(entries))
	require.Equal(t, []uint64{one, two, at.Seq}, seqsOf(entries))
	swap(t, log, "a/b", at.Seq, "3", false) // the same bytes are another entry
	require.Len(t, readAll(t, log, "a/b"), 4)
}

func staleSwapStoresNothing(t *testing.T, log hub.DocLog) {
	_, err := log.Swap(within(t), "a/b", 7, []byte("x"), true)
	require.ErrorIs(t, err, hub.ErrStale)
	require.Empty(t, readAll(t, log, "a/b"))
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"))
	other := stored(t, log, "a/c", record("", "another's"))[0]
	for _, last := range []uint64{0, seqs[0], seqs[1] + 1, other, 1 << 40} {
		for _, replace := range []bool{false, true} {
			_, err := log.Swap(within(t), "a/b", last, []byte("x"), replace)
			require.ErrorIs(t, err, hub.ErrStale, "%d", last)
		}
	}
	require.Equal(t, []string{"1", "2"}, dataOf(readAll(t, log, "a/b")))
}

func swapReplaces(t *testing.T, log hub.DocLog) {
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"))
	stored(t, log, "a/c", record("", "another's"))
	sum := swap(t, log, "a/b", seqs[1], "12", true)
	require.Equal(t, []string{"12"}, dataOf(readAll(t, log, "a/b")))
	require.Equal(t, sum, tailOf(t, log, "a/b").Seq)
	three := stored(t, log, "a/b", record("", "3"))[0]
	require.Equal(t, []string{"12", "3"}, dataOf(readAll(t, log, "a/b")))
	swap(t, log, "a/b", three, "123", true)
	require.Equal(t, []string{"123"}, dataOf(readAll(t, log, "a/b")))
	swap(t, log, "new", 0, "first", true)
	require.Equal(t, []string{"first"}, dataOf(readAll(t, log, "new")))
	require.Equal(t, []string{"another's"}, dataOf(readAll(t, log, "a/c")), "another document stays as it is")
	page, err := log.Read(within(t), "a/b", hub.Range{Limit: 10, Newest: true})
	require.NoError(t, err)
	require.Equal(t, []string{"123"}, dataOf(page.Entries))
	require.False(t, page.More)
	require.Zero(t, page.Floor)
}

func oneSwapOfManyWins(t *testing.T, log hub.DocLog) {
	const swappers = 16
	last := uint64(0)
	for round := range 8 {
		won := make(chan hub.Position, swappers)
		lost := make(chan error, swappers)
		for i := range swappers {
			go func() {
				at, err := log.Swap(within(t), "seed", last, fmt.Appendf(nil, "%d %d", round, i), round%2 == 1)
				if err == nil {
					won <- at
				}
				lost <- err
			}()
		}
		stale := 0
		for range swappers {
			if err := <-lost; err != nil {
				require.ErrorIs(t, err, hub.ErrStale)
				stale++
			}
		}
		require.Equal(t, swappers-1, stale)
		last = (<-won).Seq
		require.Equal(t, last, tailOf(t, log, "seed").Seq)
	}
}

func readOfReplaced(t *testing.T, log hub.DocLog) {
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"), record("", "3"))
	sum := swap(t, log, "a/b", seqs[2], "123", true)
	later := stored(t, log, "a/b", record("", "4"))[0]
	for _, c := range []struct {
		r    hub.Range
		want []uint64
	}{
		{hub.Range{After: seqs[0]}, []uint64{sum, later}},
		{hub.Range{After: sum}, []uint64{later}},
		{hub.Range{After: later}, nil},
		{hub.Range{Before: sum}, nil},
		{hub.Range{Before: later}, []uint64{sum}},
	} {
		for _, c.r.Newest = range []bool{false, true} {
			c.r.Limit = 10
			page, err := log.Read(within(t), "a/b", c.r)
			require.NoError(t, err)
			require.ElementsMatch(t, c.want, seqsOf(page.Entries), "%+v", c.r)
			require.False(t, page.More, "%+v", c.r)
		}
	}
}

func swapsOfAnySize(t *testing.T, log hub.DocLog) {
	_, err := log.Swap(within(t), "a/b", 0, make([]byte, hub.MaxRecord+1), true)
	require.ErrorIs(t, err, hub.ErrTooLarge)
	require.Empty(t, readAll(t, log, "a/b"))
	last := uint64(0)
	for _, n := range []int{0, 1, 4096, hub.MaxRecord} {
		data := bytes.Repeat([]byte{0, 1, 0xff, '\r', '\n'}, n/5+1)[:n]
		last = swap(t, log, "a/b", last, string(data), n%2 == 0)
		entries := readAll(t, log, "a/b")
		require.True(t, bytes.Equal(data, entries[len(entries)-1].Data), "%d bytes", n)
	}
}

func listOfARoom(t *testing.T, log hub.DocLog) {
	list := func(room string) []string {
		names, err := log.List(within(t), room)
		require.NoError(t, err)
		slices.Sort(names)
		return names
	}
	require.Empty(t, list("team"))
	docs := []string{"team", "team/a", "team/b.c", "team/é", "team/a/x", "teams/a", "team.a/b", "Team/a", "other"}
	for _, doc := range docs {
		stored(t, log, doc, record("", "1"), record("", "2"))
	}
	require.Equal(t, []string{"team", "team/a", "team/b.c", "team/é"}, list("team"))
	require.Equal(t, []string{"team/a/x"}, list("team/a"))
	require.Equal(t, []string{"other"}, list("other"))
	require.Empty(t, list("team/b.c"))
	require.Empty(t, list("*"))
	require.Empty(t, list(""))
	swap(t, log, "team/new", 0, "1", true)
	require.NoError(t, log.Erase(within(t), "team/a", 1<<40))
	require.Equal(t, []string{"team", "team/b.c", "team/new", "team/é"}, list("team"))
}

func listOfMany(t *testing.T, log hub.DocLog) {
	const docs = 300
	answered := make(chan error, docs)
	want := make([]string, docs)
	for i := range docs {
		want[i] = fmt.Sprint("team/", i)
		submit(t, log, want[i], []hub.Record{record("", "1")}, func(acks []hub.Ack) { answered <- acks[0].Err })
	}
	for range docs {
		require.NoError(t, <-answered)
	}
	names, err := log.List(within(t), "team")
	require.NoError(t, err)
	require.ElementsMatch(t, want, names)
}

func count(t *testing.T, log hub.DocLog) {
	want := func(doc string, n int) {
		t.Helper()
		have, err := log.Count(within(t), doc)
		require.NoError(t, err)
		require.Equal(t, n, have)
	}
	want("a/b", 0)
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"), record("", "3"))
	stored(t, log, "a/bc", record("", "another's"))
	stored(t, log, "a", record("", "another's"))
	want("a/b", 3)
	require.NoError(t, log.Erase(within(t), "a/b", seqs[0]))
	want("a/b", 2)
	swap(t, log, "a/b", seqs[2], "4", false)
	want("a/b", 3)
	swap(t, log, "a/b", tailOf(t, log, "a/b").Seq, "5", true)
	want("a/b", 1)
	require.NoError(t, log.Erase(within(t), "a/b", 1<<40))
	want("a/b", 0)
}

func erase(t *testing.T, log hub.DocLog) {
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"), record("", "3"), record("", "4"))
	other := stored(t, log, "a/c", record("", "another's"))
	require.NoError(t, log.Erase(within(t), "a/b", 0))
	require.Len(t, readAll(t, log, "a/b"), 4)
	require.NoError(t, log.Erase(within(t), "a/b", seqs[1]))
	require.Equal(t, seqs[2:], seqsOf(readAll(t, log, "a/b")))
	require.NoError(t, log.Erase(within(t), "a/b", seqs[1]), "once more does no harm")
	require.Equal(t, seqs[3], tailOf(t, log, "a/b").Seq)
	swap(t, log, "a/b", seqs[3], "5", false)
	require.Equal(t, []string{"3", "4", "5"}, dataOf(readAll(t, log, "a/b")))
	require.Equal(t, other, seqsOf(readAll(t, log, "a/c")), "another document stays as it is")
	require.NoError(t, log.Erase(within(t), "nobody's", 100))
}

func eraseOfAll(t *testing.T, log hub.DocLog) {
	f := Follow(t, log, "a/b")
	seqs := stored(t, log, "a/b", record("", "1"), record("", "2"))
	f.Await(t, 2)
	require.NoError(t, log.Erase(within(t), "a/b", 1<<40))
	require.Empty(t, readAll(t, log, "a/b"))
	at := tailOf(t, log, "a/b")
	require.Zero(t, at.Seq)
	tails, err := log.Tails(within(t), []string{"a/c", "a/b"})
	require.NoError(t, err)
	require.Zero(t, tails[1].Seq)
	page, err := log.Read(within(t), "a/b", hub.Range{Limit: 5, Newest: true})
	require.NoError(t, err)
	require.Empty(t, page.Entries)
	_, err = log.Swap(within(t), "a/b", seqs[1], []byte("3"), false)
	require.ErrorIs(t, err, hub.ErrStale)
	again := swap(t, log, "a/b", 0, "3", false)
	require.Greater(t, again, seqs[1], "no sequence is given twice")
	require.Equal(t, []string{"3"}, dataOf(readAll(t, log, "a/b")))
	require.Equal(t, []string{"1", "2", "3"}, dataOf(f.Await(t, 3)))
}

func documentsOfAllNames(t *testing.T, log hub.DocLog) {
	for _, name := range append(names, "a/", "/a", "=/=", "a/=", "a/==", "==/a", "a//b", "é/é") {
		first := swap(t, log, name, 0, "1", false)
		swap(t, log, name, first, name, true)
		require.Equal(t, []string{name}, dataOf(readAll(t, log, name)), "%q", name)
	}
	all, err := log.List(within(t), "a")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a", "a/b", "a/", "a/=", "a/=="}, all)
	all, err = log.List(within(t), "")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"/", "/a"}, all)
}

func closedDocsSaySo(t *testing.T, log hub.DocLog) {
	closeLog(t, log)
	_, err := log.Swap(within(t), "a", 0, []byte("1"), false)
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.List(within(t), "a")
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Count(within(t), "a")
	require.ErrorIs(t, err, hub.ErrClosed)
	require.ErrorIs(t, log.Erase(within(t), "a", 1), hub.ErrClosed)
}

func cancelledDocs(t *testing.T, log hub.DocLog) {
	stored(t, log, "a", record("", "1"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := log.Swap(ctx, "a", 0, []byte("1"), false)
	require.True(t, errors.Is(err, hub.ErrUnavailable) && errors.Is(err, context.Canceled), "%v", err)
	_, err = log.List(ctx, "a")
	require.ErrorIs(t, err, hub.ErrUnavailable)
	_, err = log.Count(ctx, "a")
	require.ErrorIs(t, err, hub.ErrUnavailable)
	require.ErrorIs(t, log.Erase(ctx, "a", 1<<40), hub.ErrUnavailable)
	require.Len(t, readAll(t, log, "a"), 1)
}
