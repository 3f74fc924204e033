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

func TestOrdersAreOrders(t *testing.T) {
	hubtest.TestOrders(t, func(t *testing.T) (one, two hub.Orders) {
		w := startEngine(t, t.TempDir())
		t.Cleanup(func() { w.close(t) })
		open := func(existing bool) hub.Orders {
			nc, err := w.engine.Connect("orders")
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			o, err := bridge.OpenOrders(t.Context(), nc, bridge.OrdersConfig{Existing: existing})
			require.NoError(t, err)
			return o
		}
		return open(false), open(true)
	})
}

// TestLostOrdersAreNotMadeAnew: that the bucket is gone is told, since it would let in
// whom it kept out.
func TestLostOrdersAreNotMadeAnew(t *testing.T) {
	w := startEngine(t, t.TempDir())
	defer w.close(t)
	nc, err := w.engine.Connect("orders")
	require.NoError(t, err)
	defer nc.Close()
	_, err = bridge.OpenOrders(t.Context(), nc, bridge.OrdersConfig{Existing: true})
	require.ErrorContains(t, err, "HUBBUB_ORDERS, with all bans and revocations, is gone")
}
