package transport

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func TestRoomsPerConnection(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	for i := range 500 {
		ask[wire.Joined](p, &wire.Join{Room: fmt.Sprintf("r%d", i)})
	}
	said := denied(p, &wire.Join{Room: "r500"}, room.CodeLimitReached)
	require.Contains(t, said.Message, "500")
	ask[wire.Joined](p, &wire.Join{Room: "r499"}) // which it is in
	ask[wire.Left](p, &wire.Leave{Room: "r7"})
	ask[wire.Joined](p, &wire.Join{Room: "r500"})
	denied(p, &wire.Join{Room: "r7"}, room.CodeLimitReached)
	p.bye()
}

func TestRateLimit(t *testing.T) {
	const perSecond, burst = 20, 5
	e := newEdge(t, func(c *edgeConfig) { c.Limits.Rate, c.Limits.Burst = perSecond, burst })
	p := e.guest()
	for range burst {
		ask[wire.PongReply](p, &wire.Ping{})
	}
	begun := time.Now()
	said := denied(p, publishing("a", room.Command{Text: "too soon"}), room.CodeRateLimited)
	require.Positive(t, said.RetryAfterMS)
	require.LessOrEqual(t, said.RetryAfterMS, int64(1000/perSecond))
	require.Eventually(t, func() bool {
		_, ok := p.reply(p.start(publishing("a", room.Command{Text: "later"}))).Body.(*wire.Ack)
		return ok
	}, patience, time.Duration(said.RetryAfterMS)*time.Millisecond)
	require.Greater(t, time.Since(begun), 10*time.Millisecond)
	page := ask[wire.HistoryPage](e.guest(), &wire.History{Room: "a"})
	require.Equal(t, []string{"later"}, texts(t, page.Events), "what was refused was not done")

	// A batch counts by its events, and one that counts more than the burst gets in
	// when nothing else has been taken.
	batch := &wire.Batch{Room: "a", Events: slices.Repeat([]room.Command{{Kind: room.KindMessage, Text: "x"}}, wire.MaxBatch)}
	q := e.guest()
	require.Len(t, ask[wire.Acks](q, batch).Acks, wire.MaxBatch)
	said = denied(q, batch, room.CodeRateLimited)
	require.LessOrEqual(t, said.RetryAfterMS, int64(1000*burst/perSecond))
}

// held is a log whose answers wait until they are let go.
type held struct {
	hub.Log
	mu      sync.Mutex
	waiting []func()
	open    bool
	appends int
}

func (l *held) Append(name string, records []hub.Record, done func([]hub.Ack)) error {
	l.mu.Lock()
	l.appends++
	l.mu.Unlock()
	return l.Log.Append(name, records, func(acks []hub.Ack) {
		l.mu.Lock()
		if !l.open {
			l.waiting = append(l.waiting, func() { done(acks) })
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		done(acks)
	})
}

func (l *held) letGo() {
	l.mu.Lock()
	waiting := l.waiting
	l.open, l.waiting = true, nil
	l.mu.Unlock()
	for _, done := range waiting {
		done()
	}
}

func (l *held) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// TestInFlight: a connection with too much under way is not read further, and
// goes on when the log has answered.
func TestInFlight(t *testing.T) {
	const window = 4
	log := &held{Log: hub.NewMemory()}
	e := newEdge(t, func(c *edgeConfig) { c.Log = log; c.Limits.InFlight = window })
	t.Cleanup(log.letGo)
	p, other := e.guest(), e.guest()
	ids := []uint64{}
	for i := range window + 2 {
		ids = append(ids, p.start(publishing("a", room.Command{Text: fmt.Sprint(i)})))
	}
	last := p.start(&wire.Ping{})
	require.Eventually(t, func() bool { return log.count() == window }, patience, time.Millisecond)
	for range 100 {
		ask[wire.PongReply](other, &wire.Ping{}) // nobody else is held up
	}
	require.NoError(t, p.conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := p.in.Peek(1)
	require.ErrorContains(t, err, "timeout", "nothing is answered")
	require.Equal(t, window, log.count(), "and nothing more is taken")
	log.letGo()
	require.IsType(t, &wire.PongReply{}, p.reply(last).Body)
	for _, id := range ids {
		require.IsType(t, &wire.Ack{}, p.reply(id).Body)
	}
	full := &wire.Batch{Room: "a", Events: slices.Repeat([]room.Command{{Kind: room.KindMessage, Text: "x"}}, 3*window)}
	ask[wire.Acks](p, full) // something always fits an empty window
	p.bye()
}

// slowly makes a client that takes little and then stops reading.
func (e *edge) slowly(name string) *peer {
	p := e.guest()
	require.NoError(e.t, p.conn.SetReadBuffer(4<<10))
	ask[wire.Joined](p, &wire.Join{Room: name})
	return p
}

// TestStalledReader: who does not read is cut with 3001 and can resume; the others
// in the room have everything, in order, and do not wait.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(c *edgeConfig) {
		c.Limits.QueueBytes = 64 << 10
		c.listen = func(l net.Listener) net.Listener { return tight{l} }
	})
	stalled, dead := e.slowly("a"), e.slowly("a")
	readers := []*peer{e.guest(), e.guest()}
	for _, r := range readers {
		ask[wire.Joined](r, &wire.Join{Room: "a"})
	}
	writer := e.guest()
	const n = 120
	begun, body := time.Now(), strings.Repeat("x", 12<<10)
	for i := range n {
		writer.post("a", fmt.Sprint(i, " ", body))
		for _, r := range readers {
			said := eventOf(t, push[wire.EventPush](r).Event).Text
			require.True(t, strings.HasPrefix(said, fmt.Sprint(i, " ")), "%.10s where %d is expected", said, i)
		}
	}
	require.Less(t, time.Since(begun), writeTimeout, "nobody waited for who does not read")
	require.Equal(t, uint64(2), e.hub.Stats().Slow)
	t.Logf("%d events of 12 KiB to two readers beside two stalled ones: %v", n, time.Since(begun))

	frames := stalled.cut(wire.CloseSlow) // it reads again: in order, up to where it was cut off
	require.Less(t, len(frames), n)
	last := uint64(0)
	for i, f := range frames {
		r, err := wire.DecodeReply([]byte(f))
		require.NoError(t, err)
		ev := r.Body.(*wire.EventPush)
		require.True(t, strings.HasPrefix(eventOf(t, ev.Event).Text, fmt.Sprint(i, " ")))
		last = ev.Seq
	}
	epoch := ask[wire.Joined](writer, &wire.Join{Room: "b"}).Epoch
	back, missed := e.guest(), 0
	for live := false; !live; {
		j := ask[wire.Joined](back, since("a", epoch, last))
		require.Nil(t, j.Reset)
		missed, last, live = missed+len(j.Events), j.Seq, j.Live
	}
	require.Equal(t, n, len(frames)+missed, "what it had and what it resumed with is all")

	require.Eventually(t, func() bool { // the one that never reads again
		return e.hub.Stats().Sessions == len(readers)+2
	}, writeTimeout+closeTimeout+patience, 10*time.Millisecond)
	require.NoError(t, dead.conn.Close())
}

// TestSilentPeer: who does not answer pings is cut with 3002, also while events go
// out to it; who answers is not.
func TestSilentPeer(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.Limits.Ping, c.Limits.PongWait = 50*time.Millisecond, time.Second })
	silent, good := e.guest(), e.guest()
	ask[wire.Joined](silent, &wire.Join{Room: "a"})
	begun := time.Now()
	for e.hub.Stats().Sessions > 1 {
		good.post("a", "hello?")
		require.Less(t, time.Since(begun), patience)
	}
	require.GreaterOrEqual(t, time.Since(begun), time.Second)
	frames := silent.cut(wire.CloseNoPong)
	require.Equal(t, 1, strings.Count(strings.Join(frames, "\n"), `{"type":"ping"}`))
	good.bye()
}
