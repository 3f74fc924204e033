package docs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/hub/hubtest"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// faltering is a log that can be made to fail.
type faltering struct {
	hub.DocLog
	fails atomic.Bool
}

func (f *faltering) Append(doc string, records []hub.Record, done func([]hub.Ack)) error {
	if f.fails.Load() {
		return fmt.Errorf("%w: the disk is full", hub.ErrUnavailable)
	}
	return f.DocLog.Append(doc, records, done)
}

func (f *faltering) Read(ctx context.Context, doc string, r hub.Range) (hub.Page, error) {
	if f.fails.Load() {
		return hub.Page{}, fmt.Errorf("%w: the disk is gone", hub.ErrUnavailable)
	}
	return f.DocLog.Read(ctx, doc, r)
}

// faultyDocs is a log of documents on which appends, reads and watches go wrong.
type faultyDocs struct {
	*hubtest.Faulty
	docs hub.DocLog

	mu   sync.Mutex // guards dice: documents compact side by side
	dice *rand.Rand
}

// Swap is stored, and now and then the answer is lost.
func (f *faultyDocs) Swap(ctx context.Context, doc string, last uint64, data []byte, replace bool) (hub.Position, error) {
	at, err := f.docs.Swap(ctx, doc, last, data, replace)
	f.mu.Lock()
	lost := f.dice.IntN(5) == 0
	f.mu.Unlock()
	if err == nil && lost {
		return hub.Position{}, fmt.Errorf("%w: the answer was lost", hub.ErrUnavailable)
	}
	return at, err
}

func (f *faultyDocs) List(ctx context.Context, room string) ([]string, error) {
	return f.docs.List(ctx, room)
}

func (f *faultyDocs) Count(ctx context.Context, doc string) (int, error) {
	return f.docs.Count(ctx, doc)
}

func (f *faultyDocs) Erase(ctx context.Context, doc string, upTo uint64) error {
	return f.docs.Erase(ctx, doc, upTo)
}

// TestNothingSavedIsLost runs seeded schedules: three instances on one log that goes
// wrong in every way it may, compacting all the time, and six editors who write, go
// offline, move to other instances and come back. Whatever one of them was told to be
// saved is in the log at the end, once, and all are equal.
func TestNothingSavedIsLost(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 60
	}
	var compactions, stale, resets uint64
	for seed := range uint64(seeds) {
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, func(_ *testing.T, w *world) {
				st := simulate(w, seed)
				compactions, stale, resets = compactions+st.Compactions, stale+st.Refused, resets+st.Resets
			})
		})
		if !ok {
			break
		}
	}
	t.Logf("%d compactions, %d edits refused, %d resets", compactions, stale, resets)
	require.NotZero(t, compactions)
	require.NotZero(t, resets)
}

func simulate(w *world, seed uint64) (sum docs.Stats) {
	t, dice := w.t, rand.New(rand.NewPCG(seed, 1))
	w.cfg.CompactEvery = 5
	rates := map[hubtest.Fault]float64{}
	for _, f := range hubtest.Faults() {
		rates[f] = dice.Float64() * 0.15
	}
	var faulty []*hubtest.Faulty
	var instances []*docs.Docs
	for i := range 3 {
		f := hubtest.NewFaulty(keepOpen{w.log}, seed*3+uint64(i), hubtest.Plan{Rates: rates})
		faulty = append(faulty, f)
		w.cfg.Log = &faultyDocs{Faulty: f, docs: w.log, dice: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		instances = append(instances, w.instance())
	}
	var editors []*editor
	for i := range 6 {
		editors = append(editors, newEditor(t, fmt.Sprint("user", i), "doc", uint64(i+1)))
	}
	for range 150 {
		e := editors[dice.IntN(len(editors))]
		switch n := dice.IntN(20); {
		case !e.online() && n < 10:
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			e.connect(ctx, instances[dice.IntN(len(instances))])
			cancel()
		case n == 0:
			e.leave()
		case n == 1 && e.clock > 0:
			e.erase(dice.Uint64N(e.clock))
		default:
			e.write(string(rune('a' + dice.IntN(26))))
		}
		if dice.IntN(3) == 0 {
			time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond)
		}
	}
	for _, f := range faulty {
		f.Quiet()
	}
	// What was saved is there for somebody who has seen nothing before.
	saved := map[uint64]uint64{}
	for _, e := range editors {
		e.mu.Lock()
		saved[e.client] = e.saved
		e.mu.Unlock()
	}
	w.cfg.Log = w.log
	fresh := w.instance()
	reader := newEditor(t, "reader", "doc", 99)
	require.True(t, reader.connect(t.Context(), fresh))
	for client, clock := range saved {
		require.GreaterOrEqual(t, clockOf(t, reader.store, client), clock, "client %d, seed %d", client, seed)
	}
	// And all come to the same, once nothing is under way any more: an answer that was
	// lost is missed only after a while.
	for tries, calm := 0, 0; calm < 20; tries++ {
		require.Less(t, tries, 200)
		calm++
		for _, e := range editors {
			if !e.online() {
				e.connect(t.Context(), instances[dice.IntN(len(instances))])
			}
			if !e.online() || !e.isSaved() {
				calm = 0
			}
		}
		time.Sleep(time.Second)
	}
	synctest.Wait()
	for _, e := range append(editors, reader) {
		require.Equal(t, editors[0].snapshot(), e.snapshot(), "seed %d", seed)
	}
	for _, d := range append(instances, fresh) {
		st := d.Stats()
		sum.Compactions, sum.Refused, sum.Resets = sum.Compactions+st.Compactions, sum.Refused+st.Refused, sum.Resets+st.Resets
		d.Close()
	}
	for _, f := range faulty {
		require.NoError(t, f.Close(t.Context()))
	}
	return sum
}

// keepOpen is a log that others close.
type keepOpen struct{ hub.Log }

func (keepOpen) Close(context.Context) error { return nil }

func clockOf(t *testing.T, s *yjs.Store, client uint64) uint64 {
	sv, err := yjs.DecodeStateVector(s.StateVector(), yjs.Limits{})
	require.NoError(t, err)
	return sv[client]
}
