package bridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// Where the engine cannot gather batches, their messages are stored one by one.
func TestBatchesThatCannotBeGathered(t *testing.T) {
	stage := t.TempDir()
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), SyncAlways: true, Stage: stage, Logger: testLogger{t}})
	require.NoError(t, err)
	w := &world{engine: engine}
	w.Log, err = w.open(t, bridge.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { w.close(t) })

	store := func(what string) {
		records := make([]hub.Record, 30)
		for i := range records {
			records[i] = hub.Record{ID: fmt.Sprint(what, i), Data: fmt.Append(nil, what, i)}
		}
		for _, ack := range put(t, w.Log, "lobby", records...) {
			require.NoError(t, ack.Err)
			require.False(t, ack.Duplicate)
		}
	}
	store("before")
	batches := w.Stats().Batches
	require.Positive(t, batches)

	dirs, err := filepath.Glob(filepath.Join(stage, "*"))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	require.NoError(t, os.RemoveAll(dirs[0])) // as something that tidies up does
	store("meanwhile")
	require.Equal(t, batches, w.Stats().Batches)
	require.Len(t, readAll(t, w.Log, "lobby"), 60)

	eventually(t, "batches are gathered again", func() bool {
		for _, ack := range put(t, w.Log, "lobby", hub.Record{Data: []byte("a")}, hub.Record{Data: []byte("b")}) {
			require.NoError(t, ack.Err)
		}
		return w.Stats().Batches > batches
	})
}
