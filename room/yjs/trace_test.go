package yjs

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var traceAuthor = flag.Uint64("yjs.author", 1234567890, "client id of the trace; how long it is counts in every size")

// trace is a paper being written: what the automerge-perf trace has in number and kind
// (182,000 inserts and 78,000 deletes of one character each, of which 104,000
// characters remain), made anew from a seed. Somebody types in runs, takes back the
// last characters, and jumps elsewhere in between.
type trace struct {
	random  *rand.Rand
	author  uint64
	clock   uint64
	text    []uint64 // the clock of each character that is there
	order   *list    // of all characters, deleted ones too
	updates [][]byte
}

func newTrace(inserts, deletes int, author uint64) *trace {
	tr := &trace{random: rand.New(rand.NewPCG(20, 26)), author: author, order: &list{}}
	at := 0
	for inserts > 0 || deletes > 0 {
		if tr.random.IntN(14) == 0 && len(tr.text) > 0 {
			at = tr.random.IntN(len(tr.text) + 1)
			if tr.random.IntN(3) > 0 { // most jumps are near
				at = min(len(tr.text), max(0, len(tr.text)-tr.random.IntN(2000)))
			}
		}
		for n := 1 + tr.random.IntN(40); n > 0 && inserts > 0; n-- {
			tr.insert(at)
			at++
			inserts--
		}
		if tr.random.IntN(2) == 0 || inserts == 0 {
			for n := 1 + tr.random.IntN(34); n > 0 && deletes > 0 && at > 0; n-- {
				at--
				tr.delete(at)
				deletes--
			}
		}
		if inserts == 0 && at == 0 {
			at = len(tr.text)
		}
	}
	return tr
}

// insert types a letter before the at-th character, beside whatever Yjs would put it:
// behind the one to its left, before the one to its right, be that deleted or not.
func (tr *trace) insert(at int) {
	s := Struct{ID: ID{tr.author, tr.clock}, Len: 1, Ref: RefString}
	s.Content.Data = []byte{"etaoin shrdlu\n"[tr.random.IntN(14)]}
	if at > 0 {
		s.HasOrigin, s.Origin = true, ID{tr.author, tr.text[at-1]}
	}
	if next, ok := tr.order.behind(s.HasOrigin, s.Origin.Clock); ok {
		s.HasRightOrigin, s.RightOrigin = true, ID{tr.author, next}
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		s.Parent = Parent{Kind: ParentRoot, Root: []byte("text")}
	}
	u := Update{Structs: []Struct{s}}
	tr.updates = append(tr.updates, u.EncodeV1())
	tr.order.insert(s.HasOrigin, s.Origin.Clock, tr.clock)
	tr.text = slices.Insert(tr.text, at, tr.clock)
	tr.clock++
}

func (tr *trace) delete(at int) {
	u := Update{Deletes: []Range{{tr.author, tr.text[at], 1}}}
	tr.updates = append(tr.updates, u.EncodeV1())
	tr.text = slices.Delete(tr.text, at, at+1)
}

// list is the order of all characters by clock: what stands behind each.
type list struct {
	first uint64
	next  []uint64 // none stands for the end
}

const none = ^uint64(0)

func (l *list) behind(hasLeft bool, left uint64) (uint64, bool) {
	if len(l.next) == 0 {
		return 0, false
	}
	n := l.first
	if hasLeft {
		n = l.next[left]
	}
	return n, n != none
}

func (l *list) insert(hasLeft bool, left, clock uint64) {
	n, ok := l.behind(hasLeft, left)
	if !ok {
		n = none
	}
	l.next = append(l.next, n)
	if hasLeft {
		l.next[left] = clock
	} else {
		l.first = clock
	}
}

func paper() *trace { return newTrace(181_778, 78_000, *traceAuthor) }

func (tr *trace) apply(t testing.TB) *Store {
	s := New()
	for _, u := range tr.updates {
		if _, err := s.Apply(u); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// retained is what keeping a store costs.
func retained(build func() *Store) (*Store, int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := build()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return s, int(after.HeapAlloc) - int(before.HeapAlloc)
}

// The paper is applied, kept and opened within its bounds, beside Yjs in the same run.
func TestPaper(t *testing.T) {
	if testing.Short() {
		t.Skip("takes Yjs seconds; TestStoreAgainstYjs is the short one")
	}
	tr := paper()
	began := time.Now()
	s := tr.apply(t)
	applied := time.Since(began)
	snapshot := s.Snapshot()
	began = time.Now()
	opened := New()
	_, err := opened.Apply(snapshot)
	require.NoError(t, err)
	openTime := time.Since(began)

	live, liveBytes := retained(func() *Store { return tr.apply(t) })
	reopened, openBytes := retained(func() *Store {
		s := New()
		_, err := s.Apply(snapshot)
		require.NoError(t, err)
		return s
	})
	yjs := ask[struct {
		ApplyMS, EncodeMS, OpenMS float64
		State                     b64
		Length                    int
	}](t, "trace", args{"updates": wire(tr.updates)})
	require.Equal(t, len(tr.text), yjs.Length)
	t.Logf("%d updates, %d characters remain", len(tr.updates), len(tr.text))
	t.Logf("apply %v, Yjs %.0f ms; open %v, Yjs %.1f ms", applied, yjs.ApplyMS, openTime, yjs.OpenMS)
	t.Logf("snapshot %d, Yjs %d; live %d B, opened %d B", len(snapshot), len(yjs.State), liveBytes, openBytes)
	require.Equal(t, open(t, yjs.State).Document, open(t, snapshot).Document)
	require.LessOrEqual(t, len(snapshot), len(yjs.State)*11/10)
	bound := 2*len(snapshot) + 20<<10
	require.LessOrEqual(t, liveBytes, bound)
	require.LessOrEqual(t, openBytes, bound)
	require.InEpsilon(t, liveBytes, live.Size(), 0.1)
	require.InEpsilon(t, openBytes, reopened.Size(), 0.1)
	runtime.KeepAlive(live)
	runtime.KeepAlive(reopened)
}

func BenchmarkPaperApply(b *testing.B) {
	tr := paper()
	b.ReportAllocs()
	for b.Loop() {
		tr.apply(b)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(tr.updates)), "ns/update")
}

func BenchmarkPaperOpen(b *testing.B) {
	snapshot := paper().apply(b).Snapshot()
	b.ReportAllocs()
	b.ReportMetric(float64(len(snapshot)), "snapshot-B")
	for b.Loop() {
		_, err := New().Apply(snapshot)
		require.NoError(b, err)
	}
}

func BenchmarkPaperSnapshot(b *testing.B) {
	s := paper().apply(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Snapshot()
	}
}

// A document of very many clients costs a bounded number of bytes for each.
func TestManyClients(t *testing.T) {
	const clients = 10_000
	var u Update
	for i := range uint64(clients) {
		s := Struct{ID: ID{Client: (i + 1) * 400_009}, Len: 12, Ref: RefString, Parent: Parent{Kind: ParentRoot, Root: []byte("text")}}
		s.Content.Data = []byte("hello there!")
		u.Structs = append(u.Structs, s)
		u.Deletes = append(u.Deletes, Range{s.ID.Client, 3, 2})
	}
	update := u.EncodeV1()
	s, size := retained(func() *Store { return storeOf(t, update) })
	t.Logf("snapshot %d, %d B held, %d for each client", len(s.Snapshot()), size, size/clients)
	require.Less(t, size/clients, 200)
	require.InEpsilon(t, size, s.Size(), 0.3)
	runtime.KeepAlive(&u)
	runtime.KeepAlive(s)
}
