package bridge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport"
)

// presenceHub is a hub whose Bus is on a NATS server.
type presenceHub struct {
	*hub.Hub
	nc *nats.Conn
}

func newPresenceHub(t *testing.T, url, id string, log hub.Log) *presenceHub {
	nc, err := connectTo(url)(id)
	require.NoError(t, err)
	h := hub.New(hub.Config{Log: log, Bus: bridge.NewBus(nc, ""), Codec: transport.Codec{}, Instance: id})
	t.Cleanup(func() { h.Close(); nc.Close() })
	return &presenceHub{h, nc}
}

func (h *presenceHub) enter(t *testing.T, user string) *hub.Session {
	t.Helper()
	s, err := h.Connect(room.Caller{User: user, Grants: room.Everything()}, hub.NewQueue(1<<20, 4096))
	require.NoError(t, err)
	require.NoError(t, s.Join(t.Context(), hub.JoinRequest{Room: "r", Presence: true}, func(hub.Joined) {}))
	return s
}

// within waits until the hub knows so many users, and gives how long that took.
func (h *presenceHub) within(t *testing.T, bound time.Duration, users int) time.Duration {
	t.Helper()
	start := time.Now()
	require.Eventually(t, func() bool {
		_, n := h.Presence("r", 100)
		return n == users
	}, bound, time.Millisecond, "%d users are to be there", users)
	return time.Since(start)
}

// TestPresenceOnANATSServer has three hubs on a real server: who is in a room is known
// to all of them, and so is who is not any more.
func TestPresenceOnANATSServer(t *testing.T) {
	url, _ := external(t)
	log := hub.NewMemory()
	t.Cleanup(func() { require.NoError(t, log.Close(context.Background())) })
	a, b, c := newPresenceHub(t, url, "a", log), newPresenceHub(t, url, "b", log), newPresenceHub(t, url, "c", log)
	a.enter(t, "ann")
	for i := range 20 {
		b.enter(t, fmt.Sprint("user-", i))
	}
	first := c.enter(t, "cid")
	c.enter(t, "ann")
	t.Logf("all are seen after %v", c.within(t, 2*time.Second, 22))
	a.within(t, 2*time.Second, 22)
	w := b.Whereabouts(t.Context(), "r", 100)
	require.Equal(t, 23, w.Connections)
	require.Equal(t, []room.Share{{Instance: "a", Users: 1, Conns: 1}, {Instance: "b", Users: 20, Conns: 20}, {Instance: "c", Users: 2, Conns: 2}}, w.Shares)
	d := newPresenceHub(t, url, "d", log)
	require.Eventually(t, func() bool {
		w := d.Whereabouts(t.Context(), "r", 100)
		return w.Users == 22 && !w.Incomplete
	}, 5*time.Second, time.Millisecond, "an instance without a member asks")

	first.Close(hub.ReasonGone)
	t.Logf("a leave is seen after %v", a.within(t, 2*time.Second, 21))
	b.Close()
	t.Logf("an instance that closes is seen after %v", a.within(t, 2*time.Second, 1))
	c.nc.Close()
	require.Eventually(t, func() bool {
		w := a.Whereabouts(t.Context(), "r", 100)
		return w.Connections == 1 && w.Users == 1 && !w.Incomplete
	}, 10*time.Second, 10*time.Millisecond, "an instance that is cut off is gone")
}

// TestOrdersOnANATSServer: an order of one instance ends a session of another within a
// second, and is there for one that starts later.
func TestOrdersOnANATSServer(t *testing.T) {
	url, _ := external(t)
	log := hub.NewMemory()
	t.Cleanup(func() { require.NoError(t, log.Close(context.Background())) })
	start := func(id string) *hub.Hub {
		nc, err := connectTo(url)(id)
		require.NoError(t, err)
		orders, err := bridge.OpenOrders(t.Context(), nc, bridge.OrdersConfig{})
		require.NoError(t, err)
		h := hub.New(hub.Config{Log: log, Bus: bridge.NewBus(nc, ""), Codec: transport.Codec{}, Instance: id, Orders: orders})
		t.Cleanup(func() { h.Close(); nc.Close() })
		eventually(t, "the orders are read", func() bool { return h.Ready() == nil })
		return h
	}
	a, b := start("a"), start("b")
	ann := room.Caller{User: "ann", TokenID: "1", Issued: time.Now(), Grants: room.Everything()}
	queue := hub.NewQueue(1<<20, 16)
	_, err := b.Connect(ann, queue)
	require.NoError(t, err)
	since := time.Now()
	require.NoError(t, a.Order(t.Context(), room.Order{Kind: room.OrderBan, User: "ann"}))
	_, err = queue.Next(t.Context(), nil)
	require.Equal(t, hub.ReasonBanned, err)
	require.Less(t, time.Since(since), time.Second)
	t.Logf("cut on another instance after %v", time.Since(since))
	for _, h := range []*hub.Hub{a, b, start("c")} {
		_, err := h.Connect(ann, hub.NewQueue(1, 1))
		require.Equal(t, room.CodeForbidden, room.AsError(err).Code)
	}
	had, err := b.Withdraw(t.Context(), room.Order{Kind: room.OrderBan, User: "ann"})
	require.NoError(t, err)
	require.True(t, had)
	eventually(t, "she is let in", func() bool {
		s, err := a.Connect(ann, hub.NewQueue(1, 1))
		if err == nil {
			s.Close(hub.ReasonGone)
		}
		return err == nil
	})
}

// TestOrdersOutliveTheEngine: they are on disk.
func TestOrdersOutliveTheEngine(t *testing.T) {
	dir := t.TempDir()
	for run := range 2 {
		w := startEngine(t, dir)
		nc, err := w.engine.Connect("orders")
		require.NoError(t, err)
		orders, err := bridge.OpenOrders(t.Context(), nc, bridge.OrdersConfig{Existing: run > 0})
		require.NoError(t, err)
		if run == 0 {
			require.NoError(t, orders.Put(t.Context(), "a", []byte("kept")))
		} else {
			found := make(chan hub.OrderChange, 4)
			stop, err := orders.Watch(func(c hub.OrderChange) { found <- c })
			require.NoError(t, err)
			require.Equal(t, hub.OrderChange{Key: "a", Data: []byte("kept")}, <-found)
			require.Equal(t, hub.OrderChange{Whole: true}, <-found)
			stop()
		}
		nc.Close()
		w.close(t)
	}
}
