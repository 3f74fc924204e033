package bridge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

func TestLogIsALog(t *testing.T) {
	hubtest.TestLog(t, func(t *testing.T) hub.Log { return openLog(t, t.TempDir(), bridge.Config{Partitions: 3}) })
}

// TestLogWithoutBatchesIsALog runs the other way of writing.
func TestLogWithoutBatchesIsALog(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 13 s, and the form with batches has run")
	}
	hubtest.TestLog(t, func(t *testing.T) hub.Log {
		return openLog(t, t.TempDir(), bridge.Config{Partitions: 2, Ack: bridge.AckMemory})
	})
}

func TestBusIsABus(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	hubtest.TestBus(t, func(t *testing.T) hub.Bus {
		nc, err := w.engine.Connect("bus")
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return bridge.NewBus(nc, "")
	})
}
