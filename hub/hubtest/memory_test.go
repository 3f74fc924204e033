package hubtest_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryIsADocLog(t *testing.T) {
	hubtest.TestDocLog(t, func(*testing.T) hub.DocLog { return hub.NewMemory() })
}

func TestMemoryBlobsAreBlobs(t *testing.T) {
	hubtest.TestBlobs(t, func(*testing.T) hub.Blobs { return new(hub.MemoryBlobs) })
}

func TestMemoryBusIsABus(t *testing.T) {
	hubtest.TestBus(t, func(*testing.T) hub.Bus { return hub.NewMemoryBus() })
}

// memory runs a test under fake time, on a Log of its own.
func memory(t *testing.T, opts hub.MemoryOptions, test func(t *testing.T, m *hub.Memory)) {
	synctest.Test(t, func(t *testing.T) {
		m := hub.NewMemoryWith(opts)
		test(t, m)
		require.NoError(t, m.Close(context.Background()))
	})
}

func put(t *testing.T, log hub.Log, room, id, data string) hub.Ack {
	got := make(chan hub.Ack, 1)
	require.NoError(t, log.Append(room, []hub.Record{{ID: id, Data: []byte(data)}}, func(acks []hub.Ack) { got <- acks[0] }))
	ack := <-got
	require.NoError(t, ack.Err)
	return ack
}

func read(t *testing.T, log hub.Log, room string, r hub.Range) hub.Page {
	page, err := log.Read(t.Context(), room, r)
	require.NoError(t, err)
	return page
}

func TestMemoryForgetsIDsAfterTheWindow(t *testing.T) {
	memory(t, hub.MemoryOptions{Window: time.Minute}, func(t *testing.T, m *hub.Memory) {
		first := put(t, m, "lobby", "a", "1")
		time.Sleep(time.Minute - time.Nanosecond)
		again := put(t, m, "lobby", "a", "2")
		require.True(t, again.Duplicate)
		require.Equal(t, first.Seq, again.Seq)
		time.Sleep(time.Nanosecond)
		require.False(t, put(t, m, "lobby", "a", "3").Duplicate, "a repeat does not lengthen the window")
		require.Len(t, read(t, m, "lobby", hub.Range{Limit: 10}).Entries, 2)
	})
}

func TestMemoryIsBusyWhenTooMuchWaits(t *testing.T) {
	memory(t, hub.MemoryOptions{Queue: 3}, func(t *testing.T, m *hub.Memory) {
		hold := make(chan struct{})
		answered := 0
		require.NoError(t, m.Append("lobby", nil, func([]hub.Ack) { <-hold }))
		synctest.Wait()
		for range 3 {
			require.NoError(t, m.Append("lobby", nil, func([]hub.Ack) { answered++ }))
		}
		require.ErrorIs(t, m.Append("lobby", nil, func([]hub.Ack) { t.Error("was refused") }), hub.ErrBusy)
		close(hold)
		synctest.Wait()
		require.Equal(t, 3, answered)
		put(t, m, "lobby", "", "there is room again")
	})
}

type tape struct{ lines []string }

func (w *tape) Entry(e hub.Entry) { w.lines = append(w.lines, fmt.Sprint(e.Prev, ">", e.Seq)) }
func (w *tape) Flush()            {}
func (w *tape) Suspect()          { w.lines = append(w.lines, "suspect") }

func TestMemoryTrimsAndResets(t *testing.T) {
	memory(t, hub.MemoryOptions{}, func(t *testing.T, m *hub.Memory) {
		var w tape
		stop, err := m.Watch("lobby", &w)
		require.NoError(t, err)
		defer stop()
		for i := range 4 {
			put(t, m, "lobby", "", fmt.Sprint(i+1))
		}
		before := read(t, m, "lobby", hub.Range{Limit: 10})
		require.Zero(t, before.Floor)
		m.Trim("lobby", 2)
		page := read(t, m, "lobby", hub.Range{Limit: 10})
		require.Equal(t, uint64(2), page.Floor)
		require.Equal(t, uint64(3), page.Entries[0].Seq)
		require.Equal(t, before.Epoch, page.Epoch)
		m.Reset()
		put(t, m, "lobby", "", "new")
		page = read(t, m, "lobby", hub.Range{Limit: 10})
		require.Len(t, page.Entries, 1)
		require.NotEqual(t, before.Epoch, page.Epoch)
		require.Zero(t, page.Floor)
		require.Equal(t, []string{"0>1", "1>2", "2>3", "3>4", "suspect", "suspect", "0>1"}, w.lines)
	})
}

func TestMemoryKeepsTheNewest(t *testing.T) {
	memory(t, hub.MemoryOptions{Keep: 3}, func(t *testing.T, m *hub.Memory) {
		for i := range 10 {
			put(t, m, "lobby", "", fmt.Sprint(i))
		}
		page := read(t, m, "lobby", hub.Range{Limit: 10})
		require.Len(t, page.Entries, 3)
		require.Equal(t, "7", string(page.Entries[0].Data))
		require.Equal(t, page.Entries[0].Seq-1, page.Floor)
	})
}

func TestMemoryOrdersAreOrders(t *testing.T) {
	hubtest.TestOrders(t, func(*testing.T) (one, two hub.Orders) {
		o := hub.NewMemoryOrders()
		return o, o
	})
}
