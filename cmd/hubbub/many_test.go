package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// startMany starts hubs that share their keys. flags gives what the ith one has.
func startMany(t testing.TB, n int, flags func(i int) []string) (hubs []*hubProcess) {
	t.Helper()
	for i := range n {
		h := newHub(t, []string{binary(t), "serve"}, append([]string{"--admin-addr=", fmt.Sprint("--name=hub", i)}, flags(i)...)...)
		hubs = append(hubs, h)
		h.start()
	}
	for _, h := range hubs {
		h.awaitReady()
	}
	return hubs
}

// overNATS starts hubs on a cluster of NATS servers.
func overNATS(t testing.TB, n int, servers []*natsProcess, flags ...string) []*hubProcess {
	t.Helper()
	return startMany(t, n, func(int) []string { return append([]string{"--nats=" + natsURLs(servers)}, flags...) })
}

// asPeers starts three hubs that keep the log together.
func asPeers(t testing.TB) []*hubProcess {
	t.Helper()
	addrs, p := []string{freeAddr(t), freeAddr(t), freeAddr(t)}, newPair(t)
	p.write(t, time.Now().Add(-time.Minute))
	return startMany(t, len(addrs), func(i int) []string {
		return []string{"--peer-listen=" + addrs[i], "--peer=" + addrs[0] + "," + addrs[1] + "," + addrs[2], "--peer-secret=a secret among the hubs", "--peer-ca=" + p.cert, "--peer-cert=" + p.cert, "--peer-cert-key=" + p.key}
	})
}

// listener is a member of a room who keeps what they are told.
type listener struct {
	room *client.Room

	mu    sync.Mutex // guards what follows
	seqs  []uint64
	texts []string
	gaps  []*client.Gap
}

// follow joins a room on a hub.
func (h *hubProcess) follow(t testing.TB, user, room string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: h.url(), Token: h.token(user)})
	require.NoError(t, err)
	f := &listener{room: c.Room(room)}
	require.NoError(t, f.room.Join(ctx, client.Newest(0)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.listen(t.Context())
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return f
}

func (f *listener) listen(ctx context.Context) {
	for in, err := range f.room.Events(ctx) {
		if err != nil {
			return
		}
		f.mu.Lock()
		switch in := in.(type) {
		case *client.Event:
			f.seqs, f.texts = append(f.seqs, in.Seq), append(f.texts, in.Text)
		case *client.Gap:
			f.gaps = append(f.gaps, in)
		}
		f.mu.Unlock()
	}
}

// heard gives what the member was told, and the gaps.
func (f *listener) heard() (seqs []uint64, texts []string, gaps []*client.Gap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(seqs, f.seqs...), append(texts, f.texts...), append(gaps, f.gaps...)
}

// knows reports whether the member was told of a sequence.
func (f *listener) knows(seq uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seqs) > 0 && f.seqs[len(f.seqs)-1] >= seq
}

// say publishes, and gives the ack.
func (f *listener) say(t testing.TB, text string) client.Ack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ack, err := f.room.Send(ctx, client.Text(text))
	require.NoError(t, err)
	return ack
}

// requireOneOrder waits until all members know of a sequence, and holds what they were
// told against each other.
func requireOneOrder(t testing.TB, members []*listener, last uint64) (texts []string) {
	t.Helper()
	for i, f := range members {
		require.Eventually(t, func() bool { return f.knows(last) }, time.Minute, 10*time.Millisecond, "member %d hears of %d", i, last)
	}
	seqs, texts, gaps := members[0].heard()
	require.Empty(t, gaps)
	for i, f := range members[1:] {
		s, x, gaps := f.heard()
		require.Equal(t, seqs, s, "member %d", i+1)
		require.Equal(t, texts, x, "member %d", i+1)
		require.Empty(t, gaps)
	}
	return texts
}

// followAll has a member on each hub.
func followAll(t testing.TB, hubs []*hubProcess, room string) (members []*listener) {
	for i, h := range hubs {
		members = append(members, h.follow(t, fmt.Sprint("user-", i), room))
	}
	return members
}

// TestHubsOnOneCluster has members on three hubs talk at once: all see one order. Then
// it kills the leader of the room's stream in the middle of what they say, and nobody
// begins to say anything afterwards. What was under way is stored by the next leader,
// which does not publish again what the one before it has committed: it must reach every
// member all the same.
func TestHubsOnOneCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of a cluster's elections")
	}
	servers := newNATS(t, 3, "")
	hubs := overNATS(t, 3, servers, "--partitions=1")
	members := followAll(t, hubs, "lobby")
	js := operator(t, servers)
	for round := range 2 {
		awaitCurrent(t, js, "HUBBUB_LOG_00")
		first := leader(js, servers, "HUBBUB_LOG_00")
		require.NotNil(t, first)
		var wg sync.WaitGroup
		var over atomic.Bool
		var said atomic.Int64
		var last, told atomic.Uint64
		for i, f := range members {
			for k := range 10 {
				wg.Go(func() {
					for n := 0; !over.Load(); n++ {
						seq := f.say(t, fmt.Sprint(round, " ", i, " ", k, " ", n)).Seq
						said.Add(1)
						told.Store(uint64(time.Now().UnixNano()))
						for at := last.Load(); seq > at && !last.CompareAndSwap(at, seq); at = last.Load() {
						}
					}
				})
			}
		}
		require.Eventually(t, func() bool { return said.Load() > 200 }, time.Minute, time.Millisecond)
		over.Store(true)
		first.kill()
		killed := time.Now()
		wg.Wait()
		acked := time.Unix(0, int64(told.Load()))
		requireOneOrder(t, members, last.Load())
		t.Logf("round %d: the last ack %v after the kill, heard by all %v after that", round, acked.Sub(killed), time.Since(acked))
		require.Less(t, time.Since(acked), 2*time.Second)
		first.start()
	}
}

// TestTailAfterALeader kills the leader of a room's stream while a single message is on
// its way, and says nothing else. A message that the leader has committed and not told
// of is one that the next leader takes for old news, and that nobody has before there is
// one: an election takes 4 to 9 s.
func TestTailAfterALeader(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of a cluster's elections")
	}
	servers := newNATS(t, 3, "")
	hubs := overNATS(t, 3, servers, "--partitions=1")
	members := followAll(t, hubs, "lobby")
	js := operator(t, servers)
	for round := range max(*killsFlag, 4) {
		awaitCurrent(t, js, "HUBBUB_LOG_00")
		first := leader(js, servers, "HUBBUB_LOG_00")
		require.NotNil(t, first)
		acked := make(chan client.Ack, 1)
		go func() { acked <- members[round%3].say(t, fmt.Sprint("alone ", round)) }()
		wait(t.Context(), time.Duration(rand.IntN(4000))*time.Microsecond)
		first.kill()
		elected := make(chan time.Time, 1)
		go func() {
			for leader(js, servers, "HUBBUB_LOG_00") == nil {
				wait(t.Context(), 10*time.Millisecond)
			}
			elected <- time.Now()
		}()
		ack := <-acked
		at := time.Now()
		requireOneOrder(t, members, ack.Seq)
		told, led := time.Now(), <-elected
		if at.Sub(led) > 10*time.Second {
			t.Logf("round %d: an ack %v after the election; the hub said:\n%s", round, at.Sub(led), hubs[round%3].tail())
		}
		t.Logf("round %d: answered again: %t; heard by all %v after the ack, %v after the election", round, ack.Duplicate, told.Sub(at), told.Sub(led))
		require.True(t, told.Sub(at) < 2*time.Second || told.Sub(led) < 2*time.Second)
		first.start()
	}
}
