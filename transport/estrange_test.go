package transport

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// cutOff says that a server has been cut off for seven seconds.
func cutOff() Estrangement {
	return Estrangement{From: "NATS", Since: time.Now().Add(-7 * time.Second)}
}

// estranges cuts the edge off. What it gives is closed when all were told.
func (e *edge) estranges() <-chan struct{} {
	told := make(chan struct{})
	go func() {
		defer close(told)
		e.srv.Estrange(e.t.Context(), cutOff())
	}()
	return told
}

// begins reports whether a connection may begin, and ends it.
func (e *edge) begins() bool {
	c := new(told)
	defer e.srv.conns.end(c)
	return e.srv.conns.begin(c)
}

func TestEstrangedSendsAllAwayAndTakesThemBack(t *testing.T) {
	e := newAPIEdge(t)
	auth := e.bearer("ann", room.Everything())
	p, s := e.guest(), e.stream("?room=a", auth)
	defer s.close()
	nextFrame[wire.Connected](s)
	nextFrame[wire.Joined](s)
	p.post("a", "before")
	nextFrame[wire.EventPush](s)
	told := e.estranges()
	p.hearMoved()
	require.Equal(t, wire.CloseMoved, nextFrame[wire.DisconnectPush](s).Code)
	<-told

	ready := e.call("GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, ready.status)
	require.Regexp(t, `"cut off from NATS for \d+s"`, string(ready.body))
	require.Equal(t, http.StatusOK, e.call("GET", "/livez", "").status, "a restart mends no network")
	newcomer := e.raw()
	newcomer.write([]byte(handshake + "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n\r\n"))
	res := newcomer.response()
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "2", res.Header.Get("Retry-After"))
	late := e.stream("?room=a", auth)
	defer late.close()
	refused(t, late.refusal(), http.StatusServiceUnavailable, room.CodeUnavailable, "cut off from NATS; connect to another one")

	e.srv.Return()
	require.Equal(t, http.StatusOK, e.call("GET", "/readyz", "").status)
	again := e.guest()
	require.Equal(t, []string{"before"}, texts(t, ask[wire.Joined](again, newest("a", 5)).Events))
	again.post("a", "after")
}

// The log answers nothing while the hub is cut off from it, so who waits for an answer
// is told all the same, and soon.
func TestEstrangedDoesNotWaitForTheLog(t *testing.T) {
	log := &held{Log: hub.NewMemory()}
	e := newEdge(t, func(c *edgeConfig) { c.Log = log })
	t.Cleanup(log.letGo)
	p, idle := e.guest(), e.guest()
	p.tell(publishing("a", room.Command{Text: "x"}))
	require.Eventually(t, func() bool { return log.count() == 1 }, patience, time.Millisecond)
	began := time.Now()
	told := e.estranges()
	idle.hearMoved()
	p.hearMoved()
	<-told
	require.GreaterOrEqual(t, time.Since(began), estrangedAnswers, "an answer may be on its way")
}

// An answer that does come is given first.
func TestEstrangedAnswersWhatItCan(t *testing.T) {
	log := &held{Log: hub.NewMemory()}
	e := newEdge(t, func(c *edgeConfig) { c.Log = log })
	t.Cleanup(log.letGo)
	p := e.guest()
	id := p.start(publishing("a", room.Command{Text: "x"}))
	require.Eventually(t, func() bool { return log.count() == 1 }, patience, time.Millisecond)
	told := e.estranges()
	require.Eventually(t, func() bool { return e.srv.refuseNew() != nil }, patience, time.Millisecond)
	log.letGo()
	_, acked := p.reply(id).Body.(*wire.Ack)
	require.True(t, acked)
	p.hearMoved()
	<-told
}

func TestEstrangedMovesEditors(t *testing.T) {
	e := newEdge(t)
	a, h := e.dialDoc("/yjs/room/doc"), hocus{e.dialDoc("/hocuspocus"), "room/doc"}
	require.Equal(t, yjs.SyncStep1, a.yjs().Sync)
	h.auth("")
	h.wantGranted("read-write")
	told := e.estranges()
	for _, c := range []*docClient{a, h.docClient} {
		code, _, denied := c.closed()
		require.Equal(t, int(wire.CloseMoved), code, "stock clients come back after it")
		require.Empty(t, denied)
	}
	<-told
	e.srv.Return()
	require.Equal(t, yjs.SyncStep1, e.dialDoc("/yjs/room/doc").yjs().Sync)
}

// A server that leaves stays shut, whatever becomes of its connection.
func TestEstrangedMayLeave(t *testing.T) {
	e := newAPIEdge(t)
	p := e.guest()
	<-e.estranges()
	p.hearMoved()
	e.srv.Retire()
	require.Contains(t, string(e.call("GET", "/readyz", "").body), "draining")
	require.NoError(t, <-e.leaves(t.Context(), Leaving{}))
	e.srv.Return()
	require.ErrorIs(t, e.srv.refuseNew(), errLeaving)
	require.False(t, e.begins(), "nor by a request that was looked at before")
}

// Who was being made while all were sent away is sent after them; who is made later
// stays.
func TestEstrangedMovesWhoWasComing(t *testing.T) {
	e := newEdge(t)
	var at []time.Time
	coming := &told{&at, closedNow()}
	require.True(t, e.srv.conns.begin(coming))
	defer e.srv.conns.end(coming)
	e.srv.Estrange(t.Context(), cutOff())
	require.Empty(t, at, "it can be told nothing yet")
	require.False(t, e.begins(), "nor does a request begin that was looked at before")
	e.srv.conns.start(coming)
	require.Len(t, at, 1)
	e.srv.Return()
	e.srv.conns.start(coming)
	require.Len(t, at, 1)
}
