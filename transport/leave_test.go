package transport

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// leaves begins to leave, and gives how that ends.
func (e *edge) leaves(ctx context.Context, how Leaving) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- e.srv.Leave(ctx, how) }()
	return ended
}

// hearMoved reads to the end of the connection, which must say where to go.
func (p *peer) hearMoved() {
	p.t.Helper()
	bye := push[wire.DisconnectPush](p)
	require.Equal(p.t, wire.CloseMoved, bye.Code)
	require.Positive(p.t, bye.RetryAfterMS)
	require.LessOrEqual(p.t, bye.RetryAfterMS, returnWithin.Milliseconds())
	code, more := p.ended()
	require.Equal(p.t, int(wire.CloseMoved), code)
	require.Empty(p.t, more)
}

// told is resident that notes when it was told.
type told struct {
	at   *[]time.Time
	owed chan struct{}
}

func (r told) settle() <-chan struct{}            { return r.owed }
func (r told) move(wire.CloseCode, time.Duration) { *r.at = append(*r.at, time.Now()) }
func (r told) abort()                             {}

func TestPaceOfMoving(t *testing.T) {
	for _, c := range []struct {
		n    int
		over time.Duration
		most int           // in any 100 ms
		last time.Duration // the last is told by then
	}{
		{5000, 20 * time.Second, 26, 20 * time.Second},
		{500, 5 * time.Second, 11, 5 * time.Second},
		{30, 20 * time.Second, 6, 600 * time.Millisecond},
		{1, 20 * time.Second, 1, 20 * time.Millisecond},
		{100, 0, 100, 0},
		{0, time.Second, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			all := make([]resident, c.n)
			for i := range all {
				all[i] = told{&at, closedNow()}
			}
			began := time.Now()
			m := &mover{ctx: t.Context(), code: wire.CloseMoved}
			m.tell(all, c.over)
			m.waits.Wait()
			require.Len(t, at, c.n)
			for i, from := range at {
				require.LessOrEqual(t, from.Sub(began), c.last)
				within := 0
				for _, other := range at[i:] {
					if other.Sub(from) <= 100*time.Millisecond {
						within++
					}
				}
				require.LessOrEqual(t, within, c.most, "%d over %s", c.n, c.over)
			}
		})
	}
}

func closedNow() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestRetireSaysSoAndServes(t *testing.T) {
	e := newAPIEdge(t)
	require.Equal(t, http.StatusOK, e.call("GET", "/readyz", "").status)
	e.srv.Retire()
	ready := e.call("GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, ready.status)
	require.JSONEq(t, `{"status":"unavailable","reason":"draining"}`, string(ready.body))
	require.Equal(t, http.StatusOK, e.call("GET", "/livez", "").status)
	p := e.guest() // a load balancer has not looked yet
	ask[wire.Joined](p, &wire.Join{Room: "a"})
}

func TestLeaveRefusesNewcomers(t *testing.T) {
	log := &held{Log: hub.NewMemory()}
	e := newAPIEdge(t, func(c *edgeConfig) { c.Log = log })
	t.Cleanup(log.letGo)
	stays := e.guest()
	stays.tell(publishing("a", room.Command{Text: "x"}))
	require.Eventually(t, func() bool { return log.count() == 1 }, patience, time.Millisecond)
	ended := e.leaves(t.Context(), Leaving{})
	require.Eventually(t, func() bool { return e.srv.refuseNew() != nil }, patience, time.Millisecond)

	p := e.raw()
	p.write([]byte(handshake + "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n\r\n"))
	res := p.response()
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	s := e.stream("?room=a", e.bearer("ann", room.Everything()))
	defer s.close()
	refused(t, s.refusal(), http.StatusServiceUnavailable, room.CodeUnavailable, "connect to another one")
	auth := e.bearer("ann", room.Everything())
	require.Equal(t, http.StatusOK, e.call("POST", "/sse", `{"type":"ping"}`, auth).status, "what needs no connection is served to the end")

	log.letGo()
	stays.hearMoved()
	require.NoError(t, <-ended)
}

func TestLeaveAnswersFirst(t *testing.T) {
	log := &held{Log: hub.NewMemory()}
	e := newEdge(t, func(c *edgeConfig) { c.Log = log })
	t.Cleanup(log.letGo)
	p := e.guest()
	first := p.start(publishing("a", room.Command{Text: "first"}))
	require.Eventually(t, func() bool { return log.count() == 1 }, patience, time.Millisecond)
	ended := e.leaves(t.Context(), Leaving{})
	require.Eventually(t, func() bool { return e.srv.refuseNew() != nil }, patience, time.Millisecond)
	for _, l := range e.srv.conns.made() {
		l.settle() // as Leave does, which may not have come to it
	}
	late := p.start(publishing("a", room.Command{Text: "late"}))
	log.letGo()

	_, acked := p.reply(first).Body.(*wire.Ack)
	require.True(t, acked)
	p.hearMoved()
	for _, r := range p.kept {
		require.NotEqual(t, late, r.ID, "%+v", r.Body)
	}
	require.NoError(t, <-ended)
	require.Equal(t, 1, log.count(), "what came later is for another instance")
}

// A log that does not answer must not keep the hub for ever.
func TestLeaveEndsWithItsTime(t *testing.T) {
	log := &held{Log: hub.NewMemory()}
	e := newEdge(t, func(c *edgeConfig) { c.Log = log })
	t.Cleanup(log.letGo)
	p := e.guest()
	p.tell(publishing("a", room.Command{Text: "x"}))
	require.Eventually(t, func() bool { return log.count() == 1 }, patience, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended := e.leaves(ctx, Leaving{Over: time.Hour})
	require.Eventually(t, func() bool { return e.srv.refuseNew() != nil }, patience, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	p.hearMoved()
}

func TestLeaveAlone(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	ended := e.leaves(t.Context(), Leaving{Alone: true})
	p.cut(wire.CloseShutdown)
	require.NoError(t, <-ended)
}

func TestLeaveOfStreams(t *testing.T) {
	e := newAPIEdge(t)
	s := e.stream("?room=a", e.bearer("ann", room.Everything()))
	defer s.close()
	nextFrame[wire.Connected](s)
	nextFrame[wire.Joined](s)
	before := s.retry
	ended := e.leaves(t.Context(), Leaving{})
	bye := nextFrame[wire.DisconnectPush](s)
	require.Equal(t, wire.CloseMoved, bye.Code)
	require.NotEqual(t, before, s.retry, "EventSource knows no codes")
	_, more := s.message()
	require.False(t, more)
	require.NoError(t, <-ended)
}

func TestLeaveOfDocuments(t *testing.T) {
	e := newEdge(t)
	a, h := e.dialDoc("/yjs/room/doc"), hocus{e.dialDoc("/hocuspocus"), "room/doc"}
	require.Equal(t, yjs.SyncStep1, a.yjs().Sync)
	h.auth("")
	h.wantGranted("read-write")
	a.send(syncing(yjs.SyncUpdate, writes(1, "hello")))
	require.Equal(t, writes(1, "hello"), h.hear().Data)
	ended := e.leaves(t.Context(), Leaving{})
	for _, c := range []*docClient{a, h.docClient} {
		code, _, denied := c.closed()
		require.Equal(t, int(wire.CloseMoved), code, "stock clients come back after it")
		require.Empty(t, denied)
	}
	require.NoError(t, <-ended)
	require.NoError(t, e.docs.Settle(t.Context()))
	require.Zero(t, e.docs.Stats().Documents)
}

// Who goes by themselves is not waited for.
func TestLeaveEndsWhenAllHaveGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		all := make([]resident, 10_000)
		for i := range all {
			all[i] = told{&at, closedNow()}
		}
		gone := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(gone) })
		began := time.Now()
		m := &mover{ctx: t.Context(), gone: gone, code: wire.CloseMoved}
		m.tell(all, time.Hour)
		require.Equal(t, time.Second, time.Since(began))
	})
}
