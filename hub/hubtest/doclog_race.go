package hubtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// sum is a document that is a set of words: an entry adds some, and one that replaces
// others has all of theirs.
func sum(entries []hub.Entry) (words map[string]bool) {
	words = make(map[string]bool)
	for _, e := range entries {
		for _, word := range strings.Fields(string(e.Data)) {
			words[word] = true
		}
	}
	return words
}

// replaceOnce reads the document and swaps what it comes to for it.
func replaceOnce(t *testing.T, log hub.DocLog, doc string) error {
	page, err := log.Read(within(t), doc, hub.Range{Limit: hub.MaxPage})
	if err != nil || len(page.Entries) == 0 {
		return err
	}
	words := slices.Sorted(maps.Keys(sum(page.Entries)))
	_, err = log.Swap(within(t), doc, page.Entries[len(page.Entries)-1].Seq, []byte(strings.Join(words, " ")), true)
	return err
}

// replacingLosesNoAppend has writers append while others replace: all that was
// appended is in what the document comes to, and in what a watcher has of it.
func replacingLosesNoAppend(t *testing.T, log hub.DocLog) {
	const writers, each = 4, 60
	f := newWitness(t, log, "a/b")
	var appending, replacing sync.WaitGroup
	var over atomic.Bool
	var replaced atomic.Int64
	for range 2 {
		replacing.Go(func() {
			for !over.Load() {
				switch err := replaceOnce(t, log, "a/b"); {
				case err == nil:
					replaced.Add(1)
				case !errors.Is(err, hub.ErrStale):
					t.Errorf("replace: %v", err)
					return
				}
			}
		})
	}
	want := make(map[string]bool)
	for w := range writers {
		for i := range each {
			want[fmt.Sprint(w, "-", i)] = true
		}
		appending.Go(func() {
			for i := range each {
				answered := make(chan struct{})
				submit(t, log, "a/b", []hub.Record{record("", fmt.Sprint(w, "-", i))}, func(acks []hub.Ack) {
					if acks[0].Err != nil {
						t.Errorf("append: %v", acks[0].Err)
					}
					close(answered)
				})
				<-answered
			}
		})
	}
	appending.Wait()
	over.Store(true)
	replacing.Wait()
	require.NoError(t, replaceOnce(t, log, "a/b"))
	entries := readAll(t, log, "a/b")
	require.Len(t, entries, 1)
	require.Equal(t, want, sum(entries))
	t.Logf("replaced %d times", replaced.Load())
	require.Equal(t, want, sum(f.await(t, entries[0].Seq)))
}

func watchersSeeSwaps(t *testing.T, log hub.DocLog) {
	f := newWitness(t, log, "a/b")
	last := uint64(0)
	var want []uint64
	for i := range 30 {
		if i%3 == 0 {
			last = stored(t, log, "a/b", record("", fmt.Sprint(i)))[0]
		} else {
			last = swap(t, log, "a/b", last, fmt.Sprint(i), i%3 == 1)
		}
		want = append(want, last)
	}
	got := f.await(t, last)
	require.Equal(t, want, seqsOf(got))
	for i, e := range got {
		require.Equal(t, fmt.Sprint(i), string(e.Data))
		if i > 0 {
			require.Equal(t, want[i-1], e.Prev, "no hole, whatever was replaced")
		}
	}
	require.Zero(t, got[0].Prev)
}

// witness is a Watcher that keeps what it is brought.
type witness struct {
	news chan struct{} // holds one token after anything has happened

	mu      sync.Mutex // guards what follows
	entries []hub.Entry
}

func newWitness(t *testing.T, log hub.Log, doc string) *witness {
	l := &witness{news: make(chan struct{}, 1)}
	stop, err := log.Watch(doc, l)
	require.NoError(t, err)
	t.Cleanup(stop)
	return l
}

func (l *witness) Entry(e hub.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

func (l *witness) Suspect() {}

func (l *witness) Flush() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// await gives all that came up to a sequence, in the order in which it came.
func (l *witness) await(t *testing.T, seq uint64) []hub.Entry {
	t.Helper()
	for deadline := time.After(patience); ; {
		l.mu.Lock()
		got := slices.Clone(l.entries)
		l.mu.Unlock()
		if len(got) > 0 && got[len(got)-1].Seq >= seq {
			return got
		}
		select {
		case <-l.news:
		case <-deadline:
			require.FailNow(t, "entries are missing", "%d came, and none at %d", len(got), seq)
		}
	}
}
