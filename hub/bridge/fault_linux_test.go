package bridge_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
	"github.com/hubbub-im/hubbub/hub/hubtest/mounts"
)

// TestFullDiskHoldsPublishersBack fills the disk up to the reserve: publishers are
// told why, nothing of theirs is acknowledged, and it goes on by itself.
func TestFullDiskHoldsPublishersBack(t *testing.T) {
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=64m")
	w := start(t, dir, bridge.Config{Partitions: 2, GiveUp: 2 * time.Second})
	defer w.close(t)
	fill(t, w, "lobby", 5)
	free := mounts.Fill(t, dir, 2<<20)
	eventually(t, "the disk is seen to be full", func() bool { return w.Health() != nil })
	require.ErrorContains(t, w.Health(), "the disk is full")
	ack := put(t, w, "lobby", hub.Record{ID: "held", Data: []byte("held")})[0]
	require.ErrorIs(t, ack.Err, hub.ErrUnavailable)
	require.ErrorContains(t, ack.Err, "the disk is full: 2 MiB are free", "the publisher hears the reason")
	require.Len(t, readAll(t, w, "lobby"), 5, "reading goes on")
	free()
	eventually(t, "the log heals", func() bool { return w.Health() == nil })
	ack = put(t, w, "lobby", hub.Record{ID: "held", Data: []byte("held")})[0]
	require.NoError(t, ack.Err)
	require.False(t, ack.Duplicate, "nothing was stored meanwhile")
	require.Len(t, readAll(t, w, "lobby"), 6)
	require.Empty(t, w.Findings())
}

// TestFailedWriteHealsWithoutARestart goes past the reserve: a write fails, which
// the engine does not get over. It is mended under the open log.
func TestFailedWriteHealsWithoutARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 13 s for the engine to be started again")
	}
	if !mounts.Own(t) {
		return
	}
	dir := mounts.Memory(t, "size=48m")
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, SyncAlways: true, Reserve: -1, Logger: testLogger{t}})
	require.NoError(t, err)
	w := &world{engine: engine}
	w.Log, err = w.open(t, bridge.Config{Partitions: 1, AckTimeout: 500 * time.Millisecond, GiveUp: time.Second})
	require.NoError(t, err)
	defer w.close(t)
	rec := watch(t, w, "lobby")
	before := fill(t, w, "lobby", 5)
	free := mounts.Fill(t, dir, 300<<10)
	large := bytes.Repeat([]byte("x"), 100<<10)
	var failed hub.Ack
	stored := 5
	for i := 0; failed.Err == nil; i++ {
		if failed = put(t, w, "lobby", hub.Record{ID: fmt.Sprint("large-", i), Data: large})[0]; failed.Err == nil {
			stored++
		}
		require.Less(t, i, 10)
	}
	require.ErrorIs(t, failed.Err, hub.ErrUnavailable)
	require.ErrorContains(t, failed.Err, "no space left on device", "the engine is silent, and its health tells why")
	require.ErrorContains(t, w.Health(), "no space left on device")
	free()
	eventually(t, "the log heals", func() bool { return w.Health() == nil })
	var ack hub.Ack
	eventually(t, "it stores again", func() bool {
		ack = put(t, w, "lobby", hub.Record{ID: "after", Data: []byte("after")})[0]
		return ack.Err == nil
	})
	_, suspects := rec.counts()
	require.Positive(t, suspects, "watchers are told to look")
	entries := readAll(t, w, "lobby")
	require.Equal(t, before, seqsOf(entries[:5]), "what was acknowledged is there")
	require.GreaterOrEqual(t, len(entries), stored+1)
	require.LessOrEqual(t, len(entries), stored+2, "the one whose answer never came may be there")
	require.Equal(t, ack.Seq, entries[len(entries)-1].Seq)
	eventually(t, "entries are brought again", func() bool {
		n, _ := rec.counts()
		put(t, w, "lobby", hub.Record{Data: []byte("x")})
		m, _ := rec.counts()
		return m > n
	})
}

func seqsOf(entries []hub.Entry) (seqs []uint64) {
	for _, e := range entries {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}
