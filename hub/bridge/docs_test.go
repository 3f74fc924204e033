package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

func TestDocLogIsADocLog(t *testing.T) {
	hubtest.TestDocLog(t, func(t *testing.T) hub.DocLog {
		return openLog(t, t.TempDir(), bridge.Config{Of: bridge.Documents, Partitions: 3, Dedup: 2 * time.Minute})
	})
}

func TestBlobsAreBlobs(t *testing.T) {
	hubtest.TestBlobs(t, func(t *testing.T) hub.Blobs {
		return openLog(t, t.TempDir(), bridge.Config{Of: bridge.Documents, Partitions: 1}).Blobs()
	})
}

func TestExternalDocs(t *testing.T) {
	url, _ := external(t)
	n := 0
	open := func(t *testing.T) *bridge.Log {
		n++
		return openExternal(t, url, bridge.Config{Of: bridge.Documents, Prefix: fmt.Sprint("docs", n), Partitions: 2})
	}
	hubtest.TestDocs(t, func(t *testing.T) hub.DocLog { return open(t) })
	hubtest.TestBlobs(t, func(t *testing.T) hub.Blobs { return open(t).Blobs() })
}

func TestClusterDocs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute on a busy machine")
	}
	c := startCluster(t)
	n := 0
	open := func(t *testing.T) *bridge.Log {
		n++
		prefix := fmt.Sprint("docs", n)
		t.Cleanup(func() { c.remove(t, fmt.Sprint("DOCS", n)) })
		return c.open(t, bridge.Config{Of: bridge.Documents, Prefix: prefix, Partitions: 2})
	}
	hubtest.TestDocs(t, func(t *testing.T) hub.DocLog { return open(t) })
	hubtest.TestBlobs(t, func(t *testing.T) hub.Blobs { return open(t).Blobs() })
	one, two := c.open(t, bridge.Config{Of: bridge.Documents, Prefix: "pair"}), c.open(t, bridge.Config{Of: bridge.Documents, Prefix: "pair"})
	erasedElsewhere(t, one, two)
}

// erasedElsewhere erases at one instance what another knows of.
func erasedElsewhere(t *testing.T, one, two *bridge.Log) {
	rec := watch(t, two, "a/b")
	fill(t, one, "a/b", 3)
	eventually(t, "all entries are brought", func() bool { n, _ := rec.counts(); return n == 3 })
	require.NoError(t, one.Erase(t.Context(), "a/b", 1<<40))
	require.Zero(t, tail(t, two, "a/b").Seq)
	require.Empty(t, readAll(t, two, "a/b"))
	_, err := two.Swap(t.Context(), "a/b", 0, []byte("new"), false)
	require.NoError(t, err)
}

// TestChangedBlobIsNotGiven changes a blob by the engine's own means.
func TestChangedBlobIsNotGiven(t *testing.T) {
	w := start(t, t.TempDir(), bridge.Config{Of: bridge.Documents, Partitions: 1})
	defer w.close(t)
	require.NoError(t, w.Blobs().Put(t.Context(), "a", []byte("hello")))
	js := w.operator(t)
	s, err := js.Stream(t.Context(), "OBJ_HUBBUB_DOCS")
	require.NoError(t, err)
	chunk, err := s.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "hello", string(chunk.Data))
	require.NoError(t, s.DeleteMsg(t.Context(), 1))
	_, err = js.Publish(t.Context(), chunk.Subject, []byte("HELLO"))
	require.NoError(t, err)
	_, err = w.Blobs().Get(t.Context(), "a")
	require.ErrorIs(t, err, jetstream.ErrDigestMismatch)
	require.NotErrorIs(t, err, hub.ErrNoBlob)
}

// TestDocsAreHeldToTheirStreams finds what a log of documents cannot be without.
func TestDocsAreHeldToTheirStreams(t *testing.T) {
	w := start(t, t.TempDir(), bridge.Config{Of: bridge.Documents, Partitions: 1})
	defer w.close(t)
	js := w.operator(t)
	s, err := js.Stream(t.Context(), "HUBBUB_DOC_00")
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	cfg.AllowRollup = false
	_, err = js.UpdateStream(t.Context(), cfg)
	require.NoError(t, err)
	_, err = w.open(t, bridge.Config{Of: bridge.Documents})
	require.ErrorContains(t, err, "HUBBUB_DOC_00: allow_rollup_hdrs is false, and this hub needs true")
	require.NoError(t, js.DeleteObjectStore(t.Context(), "HUBBUB_DOCS"))
	eventually(t, "the engine has let go of the bucket", func() bool { return w.engine.Health() == nil })
	_, err = w.open(t, bridge.Config{Of: bridge.Documents})
	require.ErrorContains(t, err, "OBJ_HUBBUB_DOCS is gone")
}

// TestRoomsAreNoDocs keeps a room's past from being replaced.
func TestRoomsAreNoDocs(t *testing.T) {
	l := openLog(t, t.TempDir(), bridge.Config{Partitions: 1})
	last := fill(t, l, "lobby", 3)[2]
	_, err := l.Swap(t.Context(), "lobby", last, []byte("sum"), true)
	require.ErrorContains(t, err, "open one of documents")
	require.ErrorContains(t, l.Erase(t.Context(), "lobby", last), "open one of documents")
	_, err = l.List(t.Context(), "lobby")
	require.ErrorContains(t, err, "open one of documents")
	require.Nil(t, l.Blobs())
	require.Len(t, readAll(t, l, "lobby"), 3)
	_, err = bridge.Open(t.Context(), bridge.Config{Of: 7})
	require.ErrorContains(t, err, "of: 7; give Rooms or Documents")
}
