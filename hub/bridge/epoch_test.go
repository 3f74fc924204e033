package bridge_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// operator gives what somebody with the engine's own tools has.
func (w *world) operator(t *testing.T) jetstream.JetStream {
	nc, err := w.engine.Connect("operator")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

// recreate loses everything in a stream, as a lost disk does, under an open log.
func (w *world) recreate(t *testing.T, name string) {
	js := w.operator(t)
	s, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	require.NoError(t, js.DeleteStream(t.Context(), name))
	_, err = js.CreateStream(t.Context(), cfg)
	require.NoError(t, err)
}

func TestLostTailIsSeenWhileTheLogIsOpen(t *testing.T) {
	w := start(t, t.TempDir(), bridge.Config{Partitions: 1, MarkEvery: 20 * time.Millisecond})
	defer w.close(t)
	rec := watch(t, w, "lobby")
	fill(t, w, "lobby", 10)
	before := tail(t, w, "lobby")
	w.recreate(t, "HUBBUB_LOG_00")
	eventually(t, "the epoch changes", func() bool { return tail(t, w, "lobby").Epoch != before.Epoch })
	eventually(t, "watchers are told", func() bool { _, n := rec.counts(); return n > 0 })
	require.ErrorContains(t, findingsError(w), "HUBBUB_LOG_00: it ends at 0, and 10 was acknowledged")
	page, err := w.Read(t.Context(), "lobby", hub.Range{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page.Entries)
	require.NotEqual(t, before.Epoch, page.Epoch)
}

// TestLostTailIsSeenByTheNextAck does not wait for the slow comparison.
func TestLostTailIsSeenByTheNextAck(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1, MarkEvery: time.Hour})
	fill(t, w, "lobby", 10)
	before := tail(t, w, "lobby")
	w.recreate(t, "HUBBUB_LOG_00")
	ack := put(t, w, "lobby", hub.Record{ID: "new", Data: []byte("new")})[0]
	require.NoError(t, ack.Err)
	require.Equal(t, uint64(1), ack.Seq)
	require.NotEqual(t, before.Epoch, ack.Epoch, "an ack never names a place in an order that is gone")
	require.ErrorContains(t, findingsError(w), "it gave the sequence 1, and 10 was acknowledged before")
	w.close(t)
	w = start(t, dir, bridge.Config{})
	defer w.close(t)
	require.Empty(t, w.Findings())
	require.Equal(t, ack.Epoch, tail(t, w, "lobby").Epoch, "the new epoch is remembered")
}

func findingsError(w *world) error {
	for _, f := range w.Findings() {
		return errorText(f.String())
	}
	return nil
}

type errorText string

func (e errorText) Error() string { return string(e) }

// TestDeletedMessageIsNoLoss deletes a message by the engine's own means: nothing
// is reset, neither now nor at the next start.
func TestDeletedMessageIsNoLoss(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Partitions: 1, MarkEvery: 20 * time.Millisecond})
	seqs := fill(t, w, "lobby", 10)
	before := tail(t, w, "lobby")
	s, err := w.operator(t).Stream(t.Context(), "HUBBUB_LOG_00")
	require.NoError(t, err)
	require.NoError(t, s.SecureDeleteMsg(t.Context(), seqs[4]))
	require.NoError(t, s.SecureDeleteMsg(t.Context(), seqs[9]), "the newest one too")
	require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSequence(seqs[2])))
	require.Len(t, readAll(t, w, "lobby"), 6)
	eventually(t, "the beginning is known", func() bool {
		page, err := w.Read(t.Context(), "lobby", hub.Range{Limit: 1})
		require.NoError(t, err)
		return page.Floor == seqs[1]
	})
	next := put(t, w, "lobby", hub.Record{ID: "next", Data: []byte("next")})[0]
	require.NoError(t, next.Err)
	require.Greater(t, next.Seq, seqs[9], "a deleted one's sequence is not given again")
	require.Equal(t, before.Epoch, next.Epoch)
	w.close(t)
	w = start(t, dir, bridge.Config{})
	defer w.close(t)
	require.Empty(t, w.Findings())
	require.Equal(t, before.Epoch, tail(t, w, "lobby").Epoch)
}

// TestResetIsToldToOtherInstances has two logs on one engine: what one finds out,
// the other takes over, though it stores nothing itself.
func TestResetIsToldToOtherInstances(t *testing.T) {
	w := start(t, t.TempDir(), bridge.Config{Partitions: 1, MarkEvery: time.Hour})
	defer w.close(t)
	other, err := w.open(t, bridge.Config{MarkEvery: 20 * time.Millisecond})
	require.NoError(t, err)
	defer (&world{Log: other}).closeLog(t)
	rec := watch(t, other, "lobby")
	fill(t, w, "lobby", 10)
	before := tail(t, other, "lobby").Epoch
	w.recreate(t, "HUBBUB_LOG_00")
	fill(t, w, "elsewhere", 20) // the other one sees nothing wrong with the end
	eventually(t, "both have one epoch, and it is new", func() bool {
		a, b := tail(t, w, "lobby").Epoch, tail(t, other, "lobby").Epoch
		return a == b && a != before
	})
	eventually(t, "watchers are told", func() bool { _, n := rec.counts(); return n > 0 })
}
