package bridge_test

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// BenchmarkOpenMillion opens a document of 1,000,000 updates, as it is once it was
// compacted. It takes that many updates first, which takes a while.
func BenchmarkOpenMillion(b *testing.B) {
	for _, shape := range []struct {
		name string
		next func() []byte
	}{
		{"typed", (&typist{burst: 1 << 30}).next},
		{"typed-in-bursts-of-20", (&typist{burst: 20}).next},
		{"each-key-elsewhere", (&typist{burst: 1}).next},
		{"one-map-key", (&setter{}).next},
	} {
		b.Run(shape.name, func(b *testing.B) { openMillion(b, shape.next) })
	}
}

func openMillion(b *testing.B, next func() []byte) {
	w := start(b, b.TempDir(), bridge.Config{Of: bridge.Documents})
	defer w.close(b)
	everybody := room.Caller{User: "root", Grants: room.Everything()}
	cfg := docs.Config{Log: w.Log, Blobs: w.Blobs(), Versions: docs.VersionPolicy{Every: -1}}
	d := docs.New(cfg)
	seat, err := d.Open(b.Context(), everybody, "team/doc", deaf{})
	require.NoError(b, err)
	var taken sync.WaitGroup
	window := make(chan struct{}, 50_000)
	begun := time.Now()
	for range 1_000_000 {
		window <- struct{}{}
		taken.Add(1)
		seat.Apply(next(), func(err *room.Error) {
			if err != nil {
				b.Error(err)
			}
			<-window
			taken.Done()
		})
	}
	taken.Wait()
	took := time.Since(begun)
	seat.Close()
	require.Eventually(b, func() bool { return d.Stats().Documents == 0 }, time.Minute, 10*time.Millisecond)
	d.Close()
	var size int
	for b.Loop() {
		d := docs.New(cfg)
		seat, err := d.Open(b.Context(), everybody, "team/doc", deaf{})
		require.NoError(b, err)
		b.StopTimer()
		update, err := seat.Diff(nil)
		require.NoError(b, err)
		size = len(update)
		d.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(size), "snapshot-B")
	b.ReportMetric(1e6/took.Seconds(), "updates/s")
}

// deaf is a peer who hears nothing.
type deaf struct{}

func (deaf) Dialect() docs.Dialect                     { return deaf{} }
func (deaf) Append(dst []byte, _ *docs.Message) []byte { return dst }
func (deaf) Deliver(docs.Frames)                       {}
func (deaf) Lost(*room.Error)                          {}

// typist writes a text letter by letter, and moves to a random place after each burst.
type typist struct {
	burst, n int
	at       uint64
}

const typistClient = 0x7fff_1234

func (t *typist) next() []byte {
	u := binary.AppendUvarint([]byte{1, 1}, typistClient)
	u = binary.AppendUvarint(u, uint64(t.n))
	if t.n == 0 {
		u = append(u, 4, 1, 1, 't')
	} else {
		if t.n%t.burst == 0 {
			t.at = rand.Uint64N(uint64(t.n))
		}
		u = binary.AppendUvarint(append(u, 0x84), typistClient)
		u = binary.AppendUvarint(u, t.at)
	}
	t.at = uint64(t.n)
	t.n++
	return append(u, 1, byte('a'+t.n%26), 0)
}

// setter sets one key of a map again and again.
type setter struct{ n uint64 }

func (s *setter) next() []byte {
	u := binary.AppendUvarint([]byte{1, 1}, typistClient)
	u = binary.AppendUvarint(u, s.n)
	if s.n == 0 {
		u = append(u, 0x28, 1, 1, 'm', 1, 'k', 1, 0x7d, 1, 0)
		s.n++
		return u
	}
	u = binary.AppendUvarint(append(u, 0xa8), typistClient)
	u = append(binary.AppendUvarint(u, s.n-1), 1, 0x7d, byte(s.n%60))
	u = append(binary.AppendUvarint(append(u, 1), typistClient), 1)
	u = append(binary.AppendUvarint(u, s.n-1), 1)
	s.n++
	return u
}

func TestMillionShapesAreUpdates(t *testing.T) {
	for _, next := range []func() []byte{(&typist{burst: 3}).next, (&setter{}).next} {
		store := yjs.New()
		for range 50 {
			change, err := store.Apply(next())
			require.NoError(t, err)
			require.True(t, change.Any())
			require.False(t, change.Pending)
		}
	}
}
