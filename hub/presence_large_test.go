package hub_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// cluster is several hubs on one network.
type cluster struct {
	t    *testing.T
	net  *network
	hubs []*world
}

func inCluster(t *testing.T, n int, test func(*cluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{t: t, net: newNetwork(1)}
		log := hub.NewMemory()
		for i := range n {
			id := fmt.Sprint("hub-", i)
			h := hub.New(hub.Config{Log: log, Bus: c.net.endpoint(id), Codec: transport.Codec{}, Instance: id})
			c.hubs = append(c.hubs, &world{t: t, log: log, hub: h, queueBytes: 1 << 20, queueFrames: 4096})
		}
		time.Sleep(2 * time.Second)
		test(c)
		for _, w := range c.hubs {
			w.hub.Close()
		}
		require.NoError(t, log.Close(context.Background()))
	})
}

// sent is what goes over the Bus in a while.
func (c *cluster) sent(while time.Duration) int {
	c.net.mu.Lock()
	before := c.net.bytes
	c.net.mu.Unlock()
	time.Sleep(while)
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	return c.net.bytes - before
}

// TestPresenceOf20000: what a change costs on the Bus does not grow with the room.
func TestPresenceOf20000(t *testing.T) {
	costs := map[int]int{}
	for _, size := range []int{2_000, 20_000} {
		inCluster(t, 3, func(c *cluster) {
			watch := c.hubs[0].connect("watcher")
			c.hubs[0].join(watch, hub.JoinRequest{Room: "r", Presence: true})
			peers := make([]peer, size)
			for i := range peers {
				w := c.hubs[i%3]
				peers[i] = w.connect(fmt.Sprint("user-", i))
				w.join(peers[i], hub.JoinRequest{Room: "r"})
				if i%1000 == 999 {
					time.Sleep(200 * time.Millisecond)
				}
			}
			time.Sleep(2 * time.Second)
			for _, w := range c.hubs {
				got := w.hub.Whereabouts(context.Background(), "r", 500)
				require.Equal(t, size+1, got.Users)
				require.Equal(t, size+1, got.Connections)
				require.Len(t, got.Shares, 3)
				require.False(t, got.Incomplete)
				require.LessOrEqual(t, len(got.Members), 500)
			}
			last := lastPresence(c.hubs[0].frames(watch))
			require.True(t, last.Partial)
			require.Equal(t, size+1, last.Count)

			time.Sleep(time.Minute)
			quiet := c.sent(time.Minute)
			for range 60 {
				peers[0].Close(hub.ReasonGone)
				peers[0] = c.hubs[0].connect("user-0")
				c.hubs[0].join(peers[0], hub.JoinRequest{Room: "r"})
				time.Sleep(time.Second)
			}
			c.net.mu.Lock()
			before := c.net.bytes
			c.net.mu.Unlock()
			for range 60 {
				peers[1].Close(hub.ReasonGone)
				peers[1] = c.hubs[1].connect("user-1")
				c.hubs[1].join(peers[1], hub.JoinRequest{Room: "r"})
				time.Sleep(time.Second)
			}
			c.net.mu.Lock()
			costs[size] = (c.net.bytes - before - quiet) / 120
			c.net.mu.Unlock()
			t.Logf("%d members on 3 hubs: %d B/s at rest, beats included; %d bytes for a join or a leave", size, quiet/60, costs[size])
			for _, p := range peers[:size/2] {
				p.Close(hub.ReasonGone)
			}
			time.Sleep(2 * time.Second)
			require.Equal(t, size/2+1, lastPresence(c.hubs[0].frames(watch)).Count)
		})
	}
	require.InDelta(t, costs[2_000], costs[20_000], 100)
}

func lastPresence(frames []wire.Message) (last *wire.PresencePush) {
	for _, f := range frames {
		if p, ok := f.(*wire.PresencePush); ok {
			last = p
		}
	}
	return last
}

// TestARoomOfOneInstanceCostsLittle: what is told of rooms that nobody else is in.
func TestARoomOfOneInstanceCostsLittle(t *testing.T) {
	const rooms = 1000
	inCluster(t, 3, func(c *cluster) {
		beats := c.sent(10 * time.Minute)
		for i := range rooms {
			p := c.hubs[0].connect(fmt.Sprint("user-", i))
			c.hubs[0].join(p, hub.JoinRequest{Room: fmt.Sprint("room-", i)})
		}
		first := c.sent(10*time.Minute) - beats
		rest := c.sent(10*time.Minute) - beats
		t.Logf("beats of an instance: %d B/s; a room, as it is opened: %d B; at rest: %.2f B/s",
			beats/3/600, (first-rest)/rooms, float64(rest)/rooms/600)
		require.Less(t, float64(rest)/rooms/600, 4.0)
	})
	inWorld(t, hub.Config{}, func(w *world) {
		w.join(w.connect("ann"), hub.JoinRequest{Room: "r"})
		time.Sleep(time.Minute)
		before := w.hub.Stats().PresenceBytes
		time.Sleep(time.Minute)
		require.Less(t, w.hub.Stats().PresenceBytes-before, uint64(60*150), "beats alone, where there is no other instance")
	})
}

// TestManyRoomsAtRestSpeakSeldom: what all rooms at rest cost has a bound, however many
// there are, and nobody is asked because they keep silent by it.
func TestManyRoomsAtRestSpeakSeldom(t *testing.T) {
	costs := map[int]int{}
	for _, rooms := range []int{1_000, 10_000} {
		inCluster(t, 2, func(c *cluster) {
			beats := c.sent(time.Minute)
			for i := range rooms {
				for _, w := range c.hubs {
					w.join(w.connect(fmt.Sprint("user-", i)), hub.JoinRequest{Room: fmt.Sprint("room-", i)})
				}
				if i%1000 == 999 {
					time.Sleep(200 * time.Millisecond)
				}
			}
			time.Sleep(time.Minute)
			costs[rooms] = (c.sent(time.Minute) - beats) / 60
		})
	}
	t.Logf("at rest: %d B/s for 1,000 rooms of two instances, %d B/s for 10,000", costs[1_000], costs[10_000])
	require.Less(t, costs[10_000], 6*costs[1_000])
}

// TestWhereaboutsOfARoomElsewhere: an instance that has no member of a room asks.
func TestWhereaboutsOfARoomElsewhere(t *testing.T) {
	inCluster(t, 3, func(c *cluster) {
		for i, w := range c.hubs[:2] {
			for j := range 2 + i {
				w.join(w.connect(fmt.Sprint("user-", j)), hub.JoinRequest{Room: "r"})
			}
		}
		ctx := context.Background()
		got := c.hubs[2].hub.Whereabouts(ctx, "r", 10)
		require.False(t, got.Incomplete)
		require.Equal(t, 3, got.Users, "who is on two instances is one user")
		require.Equal(t, 5, got.Connections)
		require.Len(t, got.Members, 3)
		require.Equal(t, 2, got.Members[0].Conns)
		require.Equal(t, "hub-0", got.Shares[0].Instance)
		require.Equal(t, 2, got.Shares[0].Users)
		require.Equal(t, "hub-1", got.Shares[1].Instance)
		require.Zero(t, c.hubs[2].hub.LiveRooms(), "asking opens no room")
		require.Zero(t, c.hubs[2].hub.Whereabouts(ctx, "nobody", 10).Users)

		page := c.hubs[2].hub.RoomPage(ctx, "", "", 10)
		require.Len(t, page.Rooms, 1)
		require.Equal(t, 3, page.Rooms[0].Users)
		require.Equal(t, 5, page.Rooms[0].Sessions)
		require.Len(t, page.Rooms[0].Shares, 2)

		c.net.set(func() { c.net.cut["hub-1"] = true })
		start := time.Now()
		got = c.hubs[2].hub.Whereabouts(ctx, "r", 10)
		require.True(t, got.Incomplete, "one instance has not answered")
		require.Less(t, time.Since(start), time.Second)
		require.True(t, c.hubs[2].hub.RoomPage(ctx, "", "", 10).Incomplete)
		require.NotZero(t, got.Users)
		time.Sleep(9 * time.Second)
		got = c.hubs[2].hub.Whereabouts(ctx, "r", 10)
		require.False(t, got.Incomplete, "and is gone by now")
		require.Equal(t, 2, got.Users)
	})
}

// TestWhoJoinsSeesTheOthersSoon: the members of other instances come within 2 s.
func TestWhoJoinsSeesTheOthersSoon(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		c.hubs[0].join(c.hubs[0].connect("ann"), hub.JoinRequest{Room: "r"})
		time.Sleep(time.Minute)
		bob := c.hubs[1].connect("bob")
		start := time.Now()
		c.hubs[1].join(bob, hub.JoinRequest{Room: "r", Presence: true})
		for seen := false; !seen; {
			require.Less(t, time.Since(start), 2*time.Second)
			time.Sleep(10 * time.Millisecond)
			for _, f := range c.hubs[1].frames(bob) {
				if p, ok := f.(*wire.PresencePush); ok {
					for _, m := range p.Joined {
						seen = seen || m.User == "ann"
					}
				}
			}
		}
		t.Logf("seen after %v", time.Since(start))
	})
}
