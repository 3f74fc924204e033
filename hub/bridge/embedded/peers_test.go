package embedded_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// peersOf gives three engines that are each other's peers, not started.
func peersOf(t *testing.T) (all []*embedded.Peers) {
	var addrs []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addrs = append(addrs, l.Addr().String())
		defer func() { require.NoError(t, l.Close()) }()
	}
	for i, addr := range addrs {
		p := &embedded.Peers{Name: fmt.Sprint("hub", i), Listen: addr}
		for j, other := range addrs {
			if i != j {
				p.Others = append(p.Others, other)
			}
		}
		all = append(all, p)
	}
	return all
}

// An engine reaches its peers for as long as one is there.
func TestReached(t *testing.T) {
	run := func(p *embedded.Peers, dir string) *embedded.Server {
		s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Peers: p})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Shutdown()) })
		return s
	}
	peers, dir := peersOf(t), t.TempDir()
	one := run(peers[0], t.TempDir())
	reached := func() bool { return one.Reached(t.Context()) }
	require.False(t, reached(), "nobody is there yet")
	two, three := run(peers[1], dir), run(peers[2], t.TempDir())
	require.NoError(t, one.AwaitPeers(t.Context(), true, func(error) {}))
	require.True(t, reached())
	require.NoError(t, three.Shutdown())
	require.Never(t, func() bool { return !reached() }, time.Second, 10*time.Millisecond)
	require.NoError(t, two.Shutdown())
	require.Eventually(t, func() bool { return !reached() }, time.Minute, 10*time.Millisecond)
	run(peers[1], dir)
	require.Eventually(t, reached, time.Minute, 10*time.Millisecond)

	alone := start(t, t.TempDir())
	require.True(t, alone.Reached(t.Context()), "who has no peers is cut off from nobody")
	require.NoError(t, alone.Shutdown())
}
