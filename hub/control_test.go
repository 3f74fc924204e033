package hub_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport"
)

// withOrders gives hubs on one network, log and set of orders.
func withOrders(t *testing.T, n int, orders hub.Orders) (hubs []*hub.Hub, net *network, end func()) {
	net = newNetwork(uint64(n))
	log := hub.NewMemory()
	for i := range n {
		id := fmt.Sprint("hub-", i)
		hubs = append(hubs, hub.New(hub.Config{Log: log, Bus: net.endpoint(id), Codec: transport.Codec{}, Instance: id, Orders: orders}))
	}
	time.Sleep(2 * time.Second)
	return hubs, net, func() {
		for _, h := range hubs {
			h.Close()
		}
		require.NoError(t, log.Close(context.Background()))
	}
}

func code(err error) room.Code {
	if err == nil {
		return ""
	}
	return room.AsError(err).Code
}

// TestABanCannotBeOutrun has a user who connects all the time, to all instances, while
// the ban comes: once it holds there is no session left, and none comes.
func TestABanCannotBeOutrun(t *testing.T) {
	for round := range 20 {
		synctest.Test(t, func(t *testing.T) {
			hubs, _, end := withOrders(t, 3, hub.NewMemoryOrders())
			defer end()
			var runners sync.WaitGroup
			for i := range 30 {
				runners.Go(func() {
					for range 100 {
						s, err := hubs[i%3].Connect(caller("ann"), hub.NewQueue(1, 1))
						if err == nil && i%2 == 0 {
							s.Close(hub.ReasonGone)
						}
						time.Sleep(time.Duration(i+round) * time.Microsecond)
					}
				})
			}
			time.Sleep(time.Millisecond)
			require.NoError(t, hubs[0].Order(context.Background(), room.Order{Kind: room.OrderBan, User: "ann"}))
			runners.Wait()
			synctest.Wait()
			for _, h := range hubs {
				require.Zero(t, h.Sessions(), "round %d", round)
				_, err := h.Connect(caller("ann"), hub.NewQueue(1, 1))
				require.Equal(t, room.CodeForbidden, code(err))
			}
		})
	}
}

// TestOrdersEnd: an order whose time is over holds no more, is forgotten, and is gone
// from where it was kept.
func TestOrdersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := hub.NewMemoryOrders()
		hubs, _, end := withOrders(t, 2, orders)
		defer end()
		until := time.Now().Add(10 * time.Second).UnixMilli()
		require.NoError(t, hubs[0].Order(context.Background(), room.Order{Kind: room.OrderBan, User: "ann", Until: until}))
		_, err := hubs[1].Connect(caller("ann"), hub.NewQueue(1, 1))
		require.Equal(t, room.CodeForbidden, code(err))
		time.Sleep(10 * time.Second)
		s, err := hubs[1].Connect(caller("ann"), hub.NewQueue(1, 1))
		require.NoError(t, err)
		s.Close(hub.ReasonGone)
		time.Sleep(time.Minute)
		for _, h := range hubs {
			require.Empty(t, h.Ordered())
		}
		kept := 0
		stop, err := orders.Watch(func(c hub.OrderChange) {
			if !c.Whole {
				kept++
			}
		})
		require.NoError(t, err)
		stop()
		require.Zero(t, kept)
	})
}

// TestOrdersThatCannotBeStored are refused, and do not hold.
func TestOrdersThatCannotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := hub.NewMemoryOrders()
		hubs, _, end := withOrders(t, 1, orders)
		defer end()
		orders.Fail(errors.New("no disk"))
		require.Equal(t, room.CodeUnavailable, code(hubs[0].Order(context.Background(), room.Order{Kind: room.OrderBan, User: "ann"})))
		_, err := hubs[0].Withdraw(context.Background(), room.Order{Kind: room.OrderBan, User: "ann"})
		require.Equal(t, room.CodeUnavailable, code(err))
		_, err = hubs[0].Connect(caller("ann"), hub.NewQueue(1, 1))
		require.NoError(t, err)
	})
}

// TestDisconnectComesThrough a network that loses a third of what it is given.
func TestDisconnectComesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hubs, net, end := withOrders(t, 3, nil)
		defer end()
		net.set(func() { net.drop = 0.3 })
		missed := 0
		for range 50 {
			var queues []*hub.Queue
			for _, h := range hubs {
				q := hub.NewQueue(1<<10, 4)
				_, err := h.Connect(caller("ann"), q)
				require.NoError(t, err)
				queues = append(queues, q)
			}
			n, whole := hubs[0].DisconnectEverywhere(context.Background(), "ann", "")
			if !whole {
				missed++
				net.set(func() { net.quiet = true })
				hubs[0].DisconnectEverywhere(context.Background(), "ann", "")
				net.set(func() { net.quiet = false })
			} else {
				require.GreaterOrEqual(t, n, 1)
			}
			for _, q := range queues {
				_, err := q.Next(context.Background(), nil)
				require.Equal(t, hub.ReasonDisconnected, err)
			}
		}
		t.Logf("%d of 50 were told to be incomplete", missed)
		require.Less(t, missed, 25)
	})
}
