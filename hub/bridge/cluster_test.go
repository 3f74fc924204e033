package bridge_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/hubtest"
)

// cluster is three NATS servers on loopback.
type cluster struct {
	opts    []*server.Options
	servers []*server.Server
}

// freePort gives a port that nobody listens on, for servers that must know one
// another's before they listen.
func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

func startCluster(t *testing.T) *cluster {
	c := new(cluster)
	var routes []*url.URL
	ports := []int{freePort(t), freePort(t), freePort(t)}
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
	}
	for i, port := range ports {
		c.opts = append(c.opts, &server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: freePort(t), NoSigs: true, NoLog: true, MaxPayload: 2 << 20,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 20,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}, Routes: routes,
		})
		c.servers = append(c.servers, nil)
		c.run(t, i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.kill(i)
		}
	})
	for _, s := range c.servers {
		require.True(t, s.ReadyForConnections(patience))
	}
	eventually(t, "the cluster is whole", func() bool {
		leader := c.leader("")
		return leader >= 0 && len(c.servers[leader].JetStreamClusterPeers()) == len(c.servers)
	})
	return c
}

func (c *cluster) run(t *testing.T, i int) {
	s, err := server.NewServer(c.opts[i])
	require.NoError(t, err)
	s.Start()
	c.servers[i] = s
}

func (c *cluster) kill(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// leader gives the server that leads a stream, or the whole for "", or -1.
func (c *cluster) leader(stream string) int {
	for i, s := range c.servers {
		if s.Running() && (stream == "" && s.JetStreamIsLeader() || stream != "" && s.JetStreamIsStreamLeader("$G", stream)) {
			return i
		}
	}
	return -1
}

func (c *cluster) connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	var urls []string
	for _, o := range c.opts {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return nats.Connect(strings.Join(urls, ","), append([]nats.Option{nats.Name(name)}, opts...)...)
}

func (c *cluster) open(t *testing.T, cfg bridge.Config) *bridge.Log {
	t.Helper()
	cfg.Connect, cfg.Replicas, cfg.Ack = c.connect, 3, bridge.AckReplicated
	l, err := bridge.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { (&world{Log: l}).closeLog(t) })
	return l
}

func TestClusterIsALog(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes on a busy machine")
	}
	c := startCluster(t)
	n := 0
	hubtest.TestLog(t, func(t *testing.T) hub.Log {
		n++
		l := c.open(t, bridge.Config{Prefix: fmt.Sprint("log", n), Partitions: 2})
		t.Cleanup(func() { c.remove(t, fmt.Sprint("LOG", n)) })
		return l
	})
}

// remove deletes the streams of a log that is closed, to keep the cluster small.
func (c *cluster) remove(t *testing.T, prefix string) {
	nc, err := c.connect("operator")
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for _, name := range []string{"_META", "_LOG_00", "_LOG_01", "_DOCMETA", "_DOC_00", "_DOC_01"} {
		_ = js.DeleteStream(context.Background(), prefix+name) // not every test gets so far
	}
	_ = js.DeleteObjectStore(context.Background(), prefix+"_DOCS")
}

// TestLeadersDie kills the leader of a stream again and again, while publishers
// repeat what was not acknowledged. Everything that was is there, once, at every
// watcher, in one order.
func TestLeadersDie(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 13 s of a cluster's elections")
	}
	c := startCluster(t)
	one := c.open(t, bridge.Config{Partitions: 1, AckTimeout: 2 * time.Second, GiveUp: patience})
	two := c.open(t, bridge.Config{AckTimeout: 2 * time.Second, GiveUp: patience})
	f := hubtest.Follow(t, two, "lobby")
	var stop atomic.Bool
	var mu sync.Mutex
	acked := make(map[string]uint64)
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				id := fmt.Sprint(w, "-", i)
				answered := make(chan hub.Ack, 1)
				l := []hub.Log{one, two}[w%2]
				if err := l.Append("lobby", []hub.Record{{ID: id, Data: []byte(id)}}, func(a []hub.Ack) { answered <- a[0] }); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				ack := <-answered
				if ack.Err != nil {
					t.Errorf("append %s: %v", id, ack.Err)
					return
				}
				mu.Lock()
				acked[id] = ack.Seq
				mu.Unlock()
			}
		})
	}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(acked) }
	for range 3 {
		at := count()
		eventually(t, "it goes on", func() bool { return count() > at+50 })
		leader := -1
		eventually(t, "the stream has a leader", func() bool { leader = c.leader("HUBBUB_LOG_00"); return leader >= 0 })
		c.kill(leader)
		at = count()
		eventually(t, "it goes on without it", func() bool { return count() > at+50 })
		c.run(t, leader)
		eventually(t, "it is whole again", func() bool {
			return c.servers[leader].JetStreamIsStreamCurrent("$G", "HUBBUB_LOG_00") && c.leader("HUBBUB_META") >= 0
		})
	}
	stop.Store(true)
	wg.Wait()
	f.Suspect() // as the hub does at a slow pace: the last of a leader may not be brought
	entries := readAll(t, one, "lobby")
	require.GreaterOrEqual(t, len(entries), len(acked))
	there := make(map[string]uint64)
	for _, e := range entries {
		require.NotContains(t, there, string(e.Data), "twice")
		there[string(e.Data)] = e.Seq
	}
	for id, seq := range acked {
		require.Equal(t, seq, there[id], "%s", id)
	}
	got := f.Await(t, len(entries))
	require.Equal(t, seqsOf(entries), seqsOf(got))
	require.Empty(t, one.Findings())
}

// TestNewLeaderIsDoubted moves the lead of a stream by hand: whoever watches one of its
// rooms is told to look, twice, and nobody else is.
func TestNewLeaderIsDoubted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of a cluster's elections")
	}
	c := startCluster(t)
	l := c.open(t, bridge.Config{Partitions: 2})
	var rooms []string // one in each partition
	for i := 0; len(rooms) < 2; i++ {
		if room := fmt.Sprint("room-", i); fill(t, l, room, 1)[0] == 1 {
			rooms = append(rooms, room)
		}
	}
	one, other := watch(t, l, rooms[0]), watch(t, l, rooms[1])
	nc, err := c.connect("operator")
	require.NoError(t, err)
	defer nc.Close()
	before := c.leader("HUBBUB_LOG_00")
	_, err = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.HUBBUB_LOG_00", nil, patience)
	require.NoError(t, err)
	eventually(t, "another leads", func() bool { at := c.leader("HUBBUB_LOG_00"); return at >= 0 && at != before })
	told := func(r *recorder) int { _, n := r.counts(); return n }
	eventually(t, "they are told twice", func() bool { return max(told(one), told(other)) >= 2 })
	require.Zero(t, min(told(one), told(other)), "the other partition has its leader")
}

// TestLostQuorumIsTold takes two of three servers away while nobody publishes.
func TestLostQuorumIsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for longer than an election takes")
	}
	c := startCluster(t)
	l := c.open(t, bridge.Config{Partitions: 2, AckTimeout: time.Second, MarkEvery: 200 * time.Millisecond})
	fill(t, l, "lobby", 3)
	require.NoError(t, l.Health())
	c.kill(0)
	c.kill(1)
	eventually(t, "the reason is known", func() bool { return l.Health() != nil })
	require.ErrorContains(t, l.Health(), "where the log stands")
	c.run(t, 0)
	c.run(t, 1)
	eventually(t, "the log is well", func() bool { return l.Health() == nil })
	require.Len(t, readAll(t, l, "lobby"), 3)
}
