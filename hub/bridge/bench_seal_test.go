package bridge_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// BenchmarkSeal is what sealing costs a message that another instance has stored: reading
// it once more, and its mark. The log is sealed when it is closed.
func BenchmarkSeal(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	w := start(b, dir, bridge.Config{Partitions: 1})
	even(b, w.Log, 0, n, 240)
	w.closeLog(b)
	nc, err := w.engine.Connect("bench")
	require.NoError(b, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	s, err := js.Stream(b.Context(), "HUBBUB_LOGSEAL")
	require.NoError(b, err)
	b.ReportMetric(float64(s.CachedInfo().State.Bytes)/n, "B/message")
	began := cpu()
	for b.Loop() {
		require.NoError(b, s.Purge(b.Context()))
		l, err := w.open(b, bridge.Config{})
		require.NoError(b, err)
		(&world{Log: l}).closeLog(b)
	}
	b.ReportMetric(float64(cpu()-began)/float64(b.N)/n, "cpu-ns/message")
	require.NoError(b, w.engine.Shutdown())
}

// BenchmarkMark is what sealing costs a message that this instance has stored.
func BenchmarkMark(b *testing.B) {
	dir := b.TempDir()
	w := start(b, dir, bridge.Config{Partitions: 1, MarkEvery: time.Hour})
	const n = 60_000
	for b.Loop() {
		even(b, w.Log, 0, n, 240)
		began := cpu()
		w.closeLog(b)
		b.ReportMetric(float64(cpu()-began)/n, "cpu-ns/message")
		var err error
		w.Log, err = w.open(b, bridge.Config{MarkEvery: time.Hour})
		require.NoError(b, err)
	}
	w.close(b)
}

// BenchmarkExport is what writing and importing an archive costs a message.
func BenchmarkExport(b *testing.B) {
	const n = 100_000
	w := start(b, b.TempDir(), bridge.Config{Partitions: 4})
	even(b, w.Log, 0, n, 240)
	w.closeLog(b)
	store := bridge.Store{Connect: w.engine.Connect}
	var out bytes.Buffer
	b.Run("export", func(b *testing.B) {
		began := cpu()
		for b.Loop() {
			out.Reset()
			_, err := bridge.Export(b.Context(), store, &out, bridge.ExportOptions{})
			require.NoError(b, err)
		}
		b.ReportMetric(float64(cpu()-began)/float64(b.N)/n, "cpu-ns/message")
		b.ReportMetric(float64(out.Len())/n, "B/message")
	})
	b.Run("deep", func(b *testing.B) {
		began := cpu()
		for b.Loop() {
			r, err := bridge.Deep(b.Context(), store)
			require.NoError(b, err)
			require.Empty(b, r.Damage)
		}
		b.ReportMetric(float64(cpu()-began)/float64(b.N)/n, "cpu-ns/message")
	})
	require.NoError(b, w.engine.Shutdown())
}
