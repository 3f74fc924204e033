package bridge_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// lostSwap is a swap whose answer is lost.
type lostSwap struct {
	name         string
	before, then func(t *testing.T, direct *bridge.Log) // what others do before it, and while its answer is missed
	want         error                                  // of the repeat
}

func otherAppends(t *testing.T, direct *bridge.Log) {
	require.NoError(t, put(t, direct, "a/b", hub.Record{Data: []byte("other")})[0].Err)
}

func otherReplaces(t *testing.T, direct *bridge.Log) {
	_, err := direct.Swap(t.Context(), "a/b", tail(t, direct, "a/b").Seq, []byte("other"), true)
	require.NoError(t, err)
}

func nobody(*testing.T, *bridge.Log) {}

// TestLostAnswersToSwaps has the answer to a swap get lost. One server calls the
// repeat stale although it knows its id, so whether it was stored is found out here;
// and where that cannot be, it is said.
func TestLostAnswersToSwaps(t *testing.T) {
	for _, c := range []lostSwap{
		{"stored", nobody, nobody, nil},
		{"stored, and others go on", nobody, otherAppends, nil},
		{"others appended before", otherAppends, nobody, hub.ErrStale},
		{"others replaced before", otherReplaces, nobody, hub.ErrStale},
		{"others replaced before and go on", otherReplaces, otherAppends, hub.ErrStale},
		{"stored, and replaced by others", nobody, otherReplaces, hub.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) { loseAnswer(t, c) })
	}
}

func loseAnswer(t *testing.T, c lostSwap) {
	s, err := server.NewServer(listening(t.TempDir()))
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	direct := openExternal(t, s.ClientURL(), bridge.Config{Of: bridge.Documents, Partitions: 1})
	p := newProxy(t, s.Addr().String())
	l := openExternal(t, "nats://"+p.listener.Addr().String(), bridge.Config{Of: bridge.Documents, AckTimeout: 300 * time.Millisecond, GiveUp: patience})
	last := fill(t, direct, "a/b", 3)[2]
	c.before(t, direct)
	at := tail(t, direct, "a/b").Seq

	p.mute.Store(true)
	type answer struct {
		at  hub.Position
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		at, err := l.Swap(t.Context(), "a/b", last, []byte("mine"), true)
		answered <- answer{at, err}
	}()
	stored := at == last
	eventually(t, "the answer is lost, and missed", func() bool {
		return (tail(t, direct, "a/b").Seq > at) == stored && p.lost.Load() > 0 && l.Stats().Retries > 0
	})
	mine := tail(t, direct, "a/b").Seq
	c.then(t, direct)
	p.mute.Store(false)
	p.cut() // its clients have lost the thread
	select {
	case a := <-answered:
		require.ErrorIs(t, a.err, c.want)
		if c.want == nil {
			require.Equal(t, mine, a.at.Seq)
		}
	case <-time.After(patience):
		require.FailNow(t, "a swap was never answered")
	}
	require.Empty(t, l.Findings())
}
