package bridge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// tally is a document that says how far each of its writers has come. An entry is a
// writer's next number, or, with a mark before it, all that came before.
type tally map[string]int

const sumMark = "sum"

// tallyOf makes the document of its entries, from the newest sum on: what that has
// replaced must not be needed.
func tallyOf(entries []hub.Entry) (tally, error) {
	first := 0
	for i, e := range entries {
		if strings.HasPrefix(string(e.Data), sumMark) {
			first = i
		}
	}
	doc := tally{}
	for _, e := range entries[first:] {
		words := strings.Fields(string(e.Data))
		if words[0] == sumMark {
			words = words[1:]
		} else if n := doc[words[0]]; words[1] != fmt.Sprint(n+1) {
			return nil, fmt.Errorf("writer %s has come to %d, and %d says %s", words[0], n, e.Seq, words[1])
		}
		for ; len(words) > 0; words = words[2:] {
			n, err := strconv.Atoi(words[1])
			if err != nil {
				return nil, err
			}
			doc[words[0]] = n
		}
	}
	return doc, nil
}

func (d tally) encode() []byte {
	text := []string{sumMark}
	for _, writer := range slices.Sorted(maps.Keys(d)) {
		text = append(text, fmt.Sprint(writer, " ", d[writer]))
	}
	return []byte(strings.Join(text, " "))
}

const tallies = 4 // documents that are written to

func tallyName(i int) string { return fmt.Sprint("team/tally-", i) }

// swapForever appends to documents and replaces them, and prints a line for each ack,
// until it is killed.
func swapForever(args []string) {
	engine, err := embedded.Start(context.Background(), embedded.Options{Dir: args[0], SyncAlways: true, Stage: embedded.MemoryFolder()})
	must(err)
	l, err := bridge.Open(context.Background(), bridge.Config{
		Of: bridge.Documents, Connect: engine.Connect, Health: engine.Health, StageBatches: engine.StageBatches, Partitions: 2,
	})
	must(err)
	lines := make(chan string, 4096)
	for i := range tallies {
		turns := make(chan struct{}, 2)
		for w := range cap(turns) {
			go countForever(l, tallyName(i), fmt.Sprint(args[1], "-", w), turns, lines)
		}
		go sumForever(l, tallyName(i), turns, lines)
	}
	for line := range lines {
		_, err := os.Stdout.WriteString(line)
		must(err)
	}
}

// countForever appends, and waits now and then for a swap, which would come too late
// again and again.
func countForever(l *bridge.Log, doc, writer string, turns <-chan struct{}, lines chan<- string) {
	for i := 1; ; i++ {
		if i%8 == 0 {
			<-turns
		}
		answered := make(chan hub.Ack, 1)
		must(l.Append(doc, []hub.Record{{Data: fmt.Append(nil, writer, " ", i)}}, func(acks []hub.Ack) { answered <- acks[0] }))
		ack := <-answered
		must(ack.Err)
		lines <- fmt.Sprintf("%s %d %s %s %d\n", doc, ack.Seq, ack.Epoch, writer, i)
	}
}

// sumForever replaces the document by what it comes to, and gives the writers a turn.
func sumForever(l *bridge.Log, doc string, turns chan<- struct{}, lines chan<- string) {
	for {
		page, err := l.Read(context.Background(), doc, hub.Range{Limit: hub.MaxPage})
		must(err)
		if len(page.Entries) < 2 {
			continue
		}
		all, err := tallyOf(page.Entries)
		must(err)
		at, err := l.Swap(context.Background(), doc, page.Entries[len(page.Entries)-1].Seq, all.encode(), true)
		if errors.Is(err, hub.ErrStale) {
			continue
		}
		must(err)
		lines <- fmt.Sprintf("%s %d %s %s 0\n", doc, at.Seq, at.Epoch, sumMark)
		for range cap(turns) {
			select {
			case turns <- struct{}{}:
			default: // there is one
			}
		}
	}
}

// ackedTally is what killed processes had acknowledged of one document.
type ackedTally struct {
	epoch string
	count tally
	sum   uint64 // of the newest swap
	swaps int
}

// killSwapper runs a writer until it has printed some acks, kills it, and adds them.
func killSwapper(t *testing.T, dir, run string, after int, all map[string]*ackedTally) {
	cmd := child("swap", dir, run)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines, n := bufio.NewReader(out), 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // the end of what a killed process has left in the pipe
			break
		}
		var doc, epoch, writer string
		var seq uint64
		var i int
		_, err = fmt.Sscan(line, &doc, &seq, &epoch, &writer, &i)
		require.NoError(t, err, "%q", line)
		a := all[doc]
		if a == nil {
			a = &ackedTally{count: tally{}}
			all[doc] = a
		}
		a.epoch = epoch
		if writer == sumMark {
			a.sum, a.swaps = max(a.sum, seq), a.swaps+1
		} else {
			a.count[writer] = i
		}
		if n++; n == after {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, -1, exit.ExitCode(), "it was killed")
}

// TestKilledSwapperLosesNothingAcked kills writers who replace documents while others
// append to them. Each time, a document is its newest acknowledged swap, or one after
// it, and what was appended since.
func TestKilledSwapperLosesNothingAcked(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 4
	}
	dir := t.TempDir()
	all := make(map[string]*ackedTally)
	for run := range kills {
		killSwapper(t, dir, fmt.Sprint("run", run), 100+40*(run%5), all)
		w := start(t, dir, bridge.Config{Of: bridge.Documents})
		require.Empty(t, w.Findings())
		for doc, a := range all {
			checkTally(t, w, doc, a)
		}
		w.close(t)
	}
	swaps := 0
	for _, a := range all {
		swaps += a.swaps
	}
	t.Logf("%d swaps were acknowledged", swaps)
	require.GreaterOrEqual(t, swaps, 5*kills, "too few to prove anything")
}

func checkTally(t *testing.T, l hub.Log, doc string, a *ackedTally) {
	t.Helper()
	entries := readAll(t, l, doc)
	sum := slices.IndexFunc(entries, func(e hub.Entry) bool {
		return e.Seq >= a.sum && strings.HasPrefix(string(e.Data), sumMark)
	})
	if a.sum > 0 {
		require.GreaterOrEqual(t, sum, 0, "%s: the swap at %d is gone", doc, a.sum)
	}
	have, err := tallyOf(entries)
	require.NoError(t, err, doc)
	for writer, n := range a.count {
		require.GreaterOrEqual(t, have[writer], n, "%s: %s", doc, writer)
	}
	require.Equal(t, a.epoch, tail(t, l, doc).Epoch)
}

// TestDocsKeepTheirEpoch replaces and erases: what is missing then is no loss, neither
// now nor at the next start, and what is lost still is.
func TestDocsKeepTheirEpoch(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Of: bridge.Documents, Partitions: 1, MarkEvery: time.Hour})
	epoch := tail(t, w, "a/b").Epoch
	seqs := fill(t, w, "a/b", 20)
	other := fill(t, w, "a/c", 20)
	at, err := w.Swap(t.Context(), "a/b", seqs[19], []byte("sum"), true)
	require.NoError(t, err)
	require.NoError(t, w.Erase(t.Context(), "a/c", other[10]))
	require.NoError(t, w.Erase(t.Context(), "a/b", at.Seq), "the newest one too")
	w.close(t)
	w = start(t, dir, bridge.Config{Of: bridge.Documents, MarkEvery: 20 * time.Millisecond})
	require.Empty(t, w.Findings())
	require.Equal(t, epoch, tail(t, w, "a/b").Epoch)
	require.Len(t, readAll(t, w, "a/c"), 9)
	next, err := w.Swap(t.Context(), "a/b", 0, []byte("next"), false)
	require.NoError(t, err)
	require.Greater(t, next.Seq, at.Seq)
	w.recreate(t, "HUBBUB_DOC_00")
	eventually(t, "the epoch changes", func() bool { return tail(t, w, "a/b").Epoch != epoch })
	require.ErrorContains(t, findingsError(w), fmt.Sprintf("HUBBUB_DOC_00: it ends at 0, and %d was acknowledged", next.Seq))
	w.close(t)
}
