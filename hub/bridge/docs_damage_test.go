package bridge_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// flip turns over a bit of the stored text, under the engine if it runs.
func flip(t *testing.T, dir, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "HUBBUB_DOC_*", "msgs", "*.blk"))
	require.NoError(t, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		if i := bytes.Index(data, []byte(text)); i >= 0 {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{data[i] ^ 1}, int64(i))
			require.NoError(t, err)
			require.NoError(t, f.Close())
			return
		}
	}
	t.Fatalf("no block has %q", text)
}

// TestDamagedEntryIsCounted turns over one bit. The engine then passes over the entry as
// if it had never been, and only its index tells.
func TestDamagedEntryIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		have  int
	}{
		"one of many": {"lobby/doc 100", 199},
		"the last":    {"lobby/doc 199", 199},
		"the only":    {"lobby/other 0", 200},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := start(t, dir, bridge.Config{Of: bridge.Documents, Partitions: 1})
			fill(t, w, "lobby/doc", 200)
			fill(t, w, "lobby/other", 1)
			w.close(t)
			flip(t, dir, c.entry)
			w = start(t, dir, bridge.Config{Of: bridge.Documents})
			defer w.close(t)
			require.Empty(t, w.Findings(), "the engine's start does not see it")
			require.Len(t, readAll(t, w, "lobby/doc"), c.have)
			wantCount(t, w, "lobby/doc", 200)
			wantCount(t, w, "lobby/other", 1)
		})
	}
}

// TestCutOffEndIsTold turns over a bit where the engine has no index to start from: it
// cuts off all from there on, and the mark may be older than that.
func TestCutOffEndIsTold(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Of: bridge.Documents, Partitions: 1})
	defer w.close(t)
	fill(t, w, "lobby/doc", 200)
	require.Empty(t, w.engine.CutOff())
	for _, have := range []int{100, 0} {
		copied := t.TempDir()
		require.NoError(t, os.CopyFS(copied, os.DirFS(dir))) // as kill -9 would leave it
		flip(t, copied, fmt.Sprint("lobby/doc ", have))
		w := start(t, copied, bridge.Config{Of: bridge.Documents})
		require.Len(t, readAll(t, w, "lobby/doc"), have)
		require.Empty(t, w.Findings(), "the mark is older")
		require.Len(t, w.engine.CutOff(), 1)
		require.Contains(t, w.engine.CutOff()[0], "HUBBUB_DOC_00: the last ")
		w.close(t)
	}
}

// TestDamageUnderARunningLogIsCounted waits until the engine has let go of what it had
// in memory.
func TestDamageUnderARunningLogIsCounted(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the engine to forget")
	}
	dir := t.TempDir()
	w := start(t, dir, bridge.Config{Of: bridge.Documents, Partitions: 1})
	defer w.close(t)
	fill(t, w, "lobby/doc", 200)
	flip(t, dir, "lobby/doc 100")
	require.Eventually(t, func() bool { return len(readAll(t, w, "lobby/doc")) == 199 }, patience, 15*time.Second)
	wantCount(t, w, "lobby/doc", 200)
}

func wantCount(t *testing.T, w *world, doc string, n int) {
	t.Helper()
	have, err := w.Count(t.Context(), doc)
	require.NoError(t, err)
	require.Equal(t, n, have)
}
