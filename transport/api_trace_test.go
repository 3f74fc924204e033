package transport

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func tightly(l net.Listener) net.Listener { return tight{l} }

// tracedEdges are two instances whose peers are felt soon when they do not read.
func tracedEdges(t *testing.T) (a, b *edge) {
	bus, log := hub.NewMemoryBus(), hub.NewMemory()
	share := func(c *edgeConfig) { c.hub.Bus, c.Log, c.Limits.QueueBytes = bus, log, 128<<10 }
	named := func(name string) func(*edgeConfig) {
		return func(c *edgeConfig) { c.hub.Name, c.listen = name, tightly }
	}
	a, b = newAPIEdge(t, share, named("a")), newAPIEdge(t, share, named("b"))
	require.Eventually(t, func() bool { return a.hub.Stats().Others == 1 && b.hub.Stats().Others == 1 }, patience, time.Millisecond)
	return a, b
}

// traced asks until each instance has brought the event: who has it can be quicker than
// what is noted of that.
func (e *edge) traced(path string) (tr hub.Trace, parts map[string]hub.TracePart) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		tr, parts = decode[hub.Trace](e.t, e.call("GET", path, "", withKey)), map[string]hub.TracePart{}
		brought := true
		for _, p := range tr.Instances {
			parts[p.Name], brought = p, brought && p.Delivery == hub.DeliveryBrought
		}
		return brought && len(parts) == 2
	}, patience, 10*time.Millisecond)
	return tr, parts
}

// TestTraceOfASlowMember: the trace of what a member was too slow for names that member,
// and what waited, whichever instance is asked.
func TestTraceOfASlowMember(t *testing.T) {
	a, b := tracedEdges(t)
	ann, bob := a.as(a.token("ann", room.Everything())), b.as(b.token("bob", room.Everything()))
	slow := b.dial()
	slow.send(1, &wire.Connect{Token: b.token("slow", room.Everything())})
	conn := slow.next().Body.(*wire.Connected).Conn
	for _, p := range []*peer{ann, bob, slow} {
		ask[wire.Joined](p, &wire.Join{Room: "team/a"})
	}
	begun, body, n := time.Now(), strings.Repeat("x", 12<<10), 0
	waited := false
	for ; b.hub.Stats().Slow == 0; n++ {
		require.Less(t, n, 1000)
		got := decode[wire.Ack](t, a.call("POST", "/api/publish", fmt.Sprintf(`{"room":"team/a","as":{"user":"eve"},"event":{"id":"m/%d","text":%q}}`, n, body), withKey))
		require.Equal(t, got.Seq, push[wire.EventPush](ann).Seq)
		require.Equal(t, got.Seq, push[wire.EventPush](bob).Seq)
		_, parts := a.traced(fmt.Sprintf("/api/rooms/team%%2Fa/trace/%d?by=seq", got.Seq))
		waited = waited || parts["b"].Round.Waiting == 1
	}
	require.True(t, waited, "much waits for a peer before it is cut")
	for _, e := range []*edge{a, b} {
		tr, parts := e.traced("/api/rooms/team%2Fa/trace/m%2F0")
		require.Equal(t, []any{"team/a", "m/0", "eve", room.KindMessage}, []any{tr.Room, tr.ID, tr.User, tr.Kind})
		require.Equal(t, e.hub.Instance(), tr.Instances[0].Instance)
		for _, at := range []int64{tr.Accepted, tr.Stored, parts["a"].Acked.At, parts["a"].Round.At, parts["b"].Round.At} {
			require.WithinRange(t, time.UnixMilli(at), begun.Add(-time.Second), time.Now())
		}
		require.Nil(t, parts["b"].Acked)
		require.Equal(t, []int{1, 2}, []int{parts["a"].Round.Members, parts["b"].Round.Members})
		require.Zero(t, parts["b"].Round.Waiting)

		_, parts = e.traced(fmt.Sprintf("/api/rooms/team%%2Fa/trace/m%%2F%d?user=eve", n-1))
		require.Equal(t, []int{1, 1}, []int{parts["a"].Round.Members, parts["b"].Round.Members})
		require.Empty(t, parts["a"].Cuts)
		require.Len(t, parts["b"].Cuts, 1)
		cut := parts["b"].Cuts[0]
		require.Equal(t, hub.TraceCut{At: cut.At, User: "slow", Connection: conn, Why: hub.ExcessBytes, Bytes: cut.Bytes}, cut)
		require.Greater(t, cut.Bytes, 128<<10)
	}
}

// TestTraceOfAnAgedMember: what waited was little, but for long.
func TestTraceOfAnAgedMember(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) {
		c.listen = tightly
		c.Limits.QueueAge, c.Limits.QueueBytes = 100*time.Millisecond, 64<<20
	})
	e.idler("a")
	writer := e.guest()
	for n := 0; e.hub.Stats().Slow == 0; n++ {
		writer.post("a", fmt.Sprint(n, " ", strings.Repeat("x", 12<<10)))
	}
	got := decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"eve"},"event":{"text":"x"}}`, withKey))
	tr := decode[hub.Trace](t, e.call("GET", fmt.Sprintf("/api/rooms/a/trace/%d?by=seq", got.Seq), "", withKey))
	require.Len(t, tr.Instances[0].Cuts, 1)
	require.Equal(t, hub.ExcessAge, tr.Instances[0].Cuts[0].Why)
	require.Positive(t, tr.Instances[0].Cuts[0].Bytes)
}

func TestTraceIsForTheOperator(t *testing.T) {
	e := newAPIEdge(t)
	decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"eve"},"event":{"id":"m","text":"x"}}`, withKey))
	require.Equal(t, http.StatusOK, e.call("GET", "/api/rooms/a/trace/m", "", withKey).status)
	refused(t, e.call("GET", "/api/rooms/a/trace/m", "", e.bearer("eve", room.Everything())), 403, room.CodeForbidden, "takes an API key")
	refused(t, e.call("GET", "/api/rooms/a/trace/m", ""), 401, room.CodeUnauthorized, "")
	for path, says := range map[string]string{
		"/api/rooms/a/trace/other":          "there is no event with this id in this room, which has 1",
		"/api/rooms/a/trace/m?user=ann":     "of this user",
		"/api/rooms/b/trace/m":              "which has 0",
		"/api/rooms/a/trace/99?by=seq":      "there is no event 99 in this room",
		"/api/rooms/nowhere/trace/1?by=seq": "there is no event 1",
	} {
		refused(t, e.call("GET", path, "", withKey), 404, room.CodeNotFound, says)
	}
	for path, says := range map[string]string{
		"/api/rooms/a/trace/m?by=seq":                           "give a sequence",
		"/api/rooms/a/trace/0?by=seq":                           "from 1 on",
		"/api/rooms/a/trace/m?by=name":                          "give id or seq",
		"/api/rooms/a/trace/1?by=seq&user=eve":                  "user: is for ids",
		"/api/rooms/a%20b/trace/m":                              "room",
		"/api/rooms/a/trace/" + strings.Repeat("x", 65):         "an event's id has 1 to 64",
		"/api/rooms/a/trace/m?user=" + strings.Repeat("u", 129): "user:",
	} {
		refused(t, e.call("GET", path, "", withKey), 400, room.CodeBadRequest, says)
	}
	require.Equal(t, "GET, OPTIONS", e.call("POST", "/api/rooms/a/trace/m", "{}", withKey).header.Get("Allow"))
}
