package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/transport/token"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// twoEdges are two instances of one hub, with the Orders that they share.
func twoEdges(t *testing.T) (a, b *edge, orders *hub.MemoryOrders) {
	bus, log := hub.NewMemoryBus(), hub.NewMemory()
	orders = hub.NewMemoryOrders()
	share := func(c *edgeConfig) { c.hub.Bus, c.hub.Orders, c.Log = bus, orders, log }
	a, b = newAPIEdge(t, share), newAPIEdge(t, share)
	require.Eventually(t, func() bool {
		return a.hub.Ready() == nil && b.hub.Ready() == nil && a.hub.Stats().Others == 1 && b.hub.Stats().Others == 1
	}, patience, time.Millisecond)
	return a, b, orders
}

// issued makes a token that has an id and says when it was made.
func (e *edge) issued(user, id string, at time.Time) string {
	tok, err := token.Sign(e.key, token.Claims{
		User: user, ID: id, IssuedAt: at, Grants: room.Everything(), Expires: time.Now().Add(time.Hour),
	})
	require.NoError(e.t, err)
	return tok
}

// everywhere connects a user to an instance in every way that there is. What it gives
// waits until all of them were cut, and how.
func (e *edge) everywhere(tok string) (cut func(code wire.CloseCode)) {
	chat := e.as(tok)
	ask[wire.Joined](chat, &wire.Join{Room: "lobby"})
	stream := e.stream("?room=lobby", "Authorization: Bearer "+tok)
	nextFrame[wire.Connected](stream)
	nextFrame[wire.Joined](stream)
	plain := e.dialDoc("/yjs/lobby/plain?token=" + tok)
	require.Equal(e.t, yjs.SyncStep1, plain.yjs().Sync)
	many := hocus{e.dialDoc("/hocuspocus"), "lobby/many"}
	many.auth(tok)
	many.wantGranted("read-write")
	return func(code wire.CloseCode) {
		start := time.Now()
		chat.cut(code)
		require.Equal(e.t, code, nextFrame[wire.DisconnectPush](stream).Code)
		stream.close()
		closed, _, _ := plain.closed()
		require.Equal(e.t, int(stayAway(code)), closed)
		closed, _, _ = many.closed()
		require.Equal(e.t, int(code), closed)
		require.Less(e.t, time.Since(start), time.Second)
	}
}

// keptOut: nobody comes in with the token, in no way.
func (e *edge) keptOut(tok string, status int, code room.Code, says string) {
	e.t.Helper()
	p := e.dial()
	p.send(1, &wire.Connect{Token: tok})
	err := p.next().Body.(*wire.Error)
	require.Equal(e.t, code, err.Code)
	require.Contains(e.t, err.Message, says)
	p.cut(refusalCode(room.Errorf(code, "")))
	auth := "Authorization: Bearer " + tok
	refused(e.t, e.call("GET", "/sse?room=lobby", "", auth), status, code, says)
	refused(e.t, e.call("POST", "/api/publish", `{"room":"lobby","event":{"text":"x"}}`, auth), status, code, says)
	refused(e.t, e.call("POST", "/sse", `{"id":1,"type":"ping"}`, auth), status, code, says)
	closed, _, _ := e.dialDoc("/yjs/lobby/plain?token=" + tok).closed()
	require.Equal(e.t, int(docCode(room.Errorf(code, ""))), closed)
	many := hocus{e.dialDoc("/hocuspocus"), "lobby/many"}
	many.auth(tok)
	many.wantDenied(says)
}

// TestABanReachesEveryInstance: whoever is banned on one instance is cut from the other,
// and comes back to neither, until the ban is taken back.
func TestABanReachesEveryInstance(t *testing.T) {
	a, b, _ := twoEdges(t)
	tok, bob := a.issued("ann", "1", time.Now()), b.as(b.token("bob", room.Everything()))
	cut := b.everywhere(tok)
	until := time.Now().Add(time.Hour).UnixMilli()
	got := decode[orderAnswer](t, a.call("POST", "/api/ban", fmt.Sprintf(`{"user":"ann","until":%d,"reason":"spam"}`, until), withKey))
	require.Equal(t, orderAnswer{Kind: room.OrderBan, User: "ann", Reason: "spam", Since: got.Since, Until: until}, got)
	cut(wire.CloseBanned)
	for _, e := range []*edge{a, b} {
		e.keptOut(tok, http.StatusForbidden, room.CodeForbidden, "spam")
		require.Equal(t, []orderAnswer{got}, decode[bansAnswer](t, e.call("GET", "/api/bans", "", withKey)).Bans)
	}
	require.Empty(t, bob.settled(), "nobody else is touched")
	require.Equal(t, unbanAnswer{true}, decode[unbanAnswer](t, a.call("POST", "/api/unban", `{"user":"ann"}`, withKey)))
	require.Equal(t, unbanAnswer{false}, decode[unbanAnswer](t, a.call("POST", "/api/unban", `{"user":"ann"}`, withKey)))
	b.as(tok)
	a.as(tok)
}

func TestRevokedTokensEndEverywhere(t *testing.T) {
	a, b, _ := twoEdges(t)
	old, other := a.issued("ann", "1", time.Now().Add(-time.Minute)), a.issued("ann", "2", time.Now().Add(-time.Minute))
	cut := b.everywhere(old)
	spared := b.as(other)
	decode[orderAnswer](t, a.call("POST", "/api/revoke", `{"token":"1"}`, withKey))
	cut(wire.CloseRevoked)
	a.keptOut(old, http.StatusUnauthorized, room.CodeUnauthorized, "was revoked")
	b.keptOut(old, http.StatusUnauthorized, room.CodeUnauthorized, "was revoked")
	require.Empty(t, spared.settled(), "her other token is good")

	refresh := spared.start(&wire.Refresh{Token: old})
	require.Equal(t, room.CodeUnauthorized, spared.reply(refresh).Body.(*wire.Error).Code, "nor is it taken on a live connection")

	cut = b.everywhere(other)
	decode[orderAnswer](t, a.call("POST", "/api/revoke", `{"user":"ann"}`, withKey))
	cut(wire.CloseRevoked)
	spared.cut(wire.CloseRevoked)
	b.keptOut(other, http.StatusUnauthorized, room.CodeUnauthorized, "was revoked")
	b.keptOut(a.token("ann", room.Everything()), http.StatusUnauthorized, room.CodeUnauthorized, "was revoked") // says not when it was issued
	b.as(a.issued("ann", "3", time.Now().Add(time.Second)))
}

// TestABanInARoomLeavesTheConnection takes away the rooms and the documents that it is
// about, and nothing else.
func TestABanInARoomLeavesTheConnection(t *testing.T) {
	a, b, _ := twoEdges(t)
	tok := a.issued("ann", "1", time.Now())
	ann := b.as(tok)
	ask[wire.Joined](ann, &wire.Join{Room: "team-a"})
	ask[wire.Joined](ann, &wire.Join{Room: "lobby"})
	ask[wire.DocOpened](ann, &wire.DocOpen{Doc: "team-a/notes"})
	ask[wire.DocOpened](ann, &wire.DocOpen{Doc: "lobby/notes"})
	plain := b.dialDoc("/yjs/team-a/plain?token=" + tok)
	require.Equal(t, yjs.SyncStep1, plain.yjs().Sync)
	many := hocus{b.dialDoc("/hocuspocus"), "team-a/many"}
	many.auth(tok)
	many.wantGranted("read-write")

	decode[orderAnswer](t, a.call("POST", "/api/ban", `{"user":"ann","rooms":"team-*"}`, withKey))
	left := push[wire.LeftPush](ann)
	require.Equal(t, "team-a", left.Room)
	require.Equal(t, room.CodeForbidden, left.Code)
	require.Equal(t, "team-a/notes", push[wire.DocLostPush](ann).Doc)
	closed, _, denied := plain.closed()
	require.Equal(t, 4403, closed)
	require.Contains(t, denied, "banned")
	many.wantDenied("banned")

	require.Equal(t, room.CodeForbidden, ann.reply(ann.start(&wire.Join{Room: "team-a"})).Body.(*wire.Error).Code)
	require.Equal(t, room.CodeForbidden, ann.reply(ann.start(&wire.DocOpen{Doc: "team-a/notes"})).Body.(*wire.Error).Code)
	ask[wire.Ack](ann, &wire.Publish{Room: "lobby", Event: room.Command{Kind: room.KindMessage, Text: "still here"}})
	refused(t, a.call("POST", "/api/publish", `{"room":"team-a","event":{"text":"x"}}`, "Authorization: Bearer "+tok), 403, room.CodeForbidden, "")
	again := a.as(tok)
	require.Equal(t, room.CodeForbidden, again.reply(again.start(&wire.Join{Room: "team-b"})).Body.(*wire.Error).Code)
	ask[wire.Joined](again, &wire.Join{Room: "lobby"})
	ask[wire.Refreshed](again, &wire.Refresh{Token: tok})
	require.Equal(t, room.CodeForbidden, again.reply(again.start(&wire.Join{Room: "team-b"})).Body.(*wire.Error).Code, "a refresh brings nothing back")
}

func TestDisconnectReachesEveryInstance(t *testing.T) {
	a, b, _ := twoEdges(t)
	here, there := a.as(a.token("ann", room.Everything())), b.as(b.token("ann", room.Everything()))
	require.Equal(t, disconnectAnswer{Disconnected: 2}, decode[disconnectAnswer](t, a.call("POST", "/api/disconnect", `{"user":"ann"}`, withKey)))
	here.cut(wire.CloseDisconnected)
	there.cut(wire.CloseDisconnected)

	one := b.dial()
	one.send(1, &wire.Connect{Token: b.token("ann", room.Everything())})
	conn := one.next().Body.(*wire.Connected).Conn
	two := b.as(b.token("ann", room.Everything()))
	body, err := json.Marshal(map[string]string{"connection": conn})
	require.NoError(t, err)
	require.Equal(t, disconnectAnswer{Disconnected: 1}, decode[disconnectAnswer](t, a.call("POST", "/api/disconnect", string(body), withKey)))
	one.cut(wire.CloseDisconnected)
	require.Empty(t, two.settled())
}

// TestNobodyIsLetInBeforeTheOrdersAreRead: a hub that cannot know whom it must keep out
// is not ready.
func TestNobodyIsLetInBeforeTheOrdersAreRead(t *testing.T) {
	orders := hub.NewMemoryOrders()
	orders.Fail(errors.New("the bucket is out"))
	e := newAPIEdge(t, func(c *edgeConfig) { c.hub.Orders = orders })
	require.Equal(t, http.StatusServiceUnavailable, e.call("GET", "/readyz", "").status)
	tok := e.token("ann", room.Everything())
	p := e.dial()
	p.send(1, &wire.Connect{Token: tok})
	require.Equal(t, room.CodeUnavailable, p.next().Body.(*wire.Error).Code)
	p.cut(wire.CloseOverloaded)
	refused(t, e.call("POST", "/api/publish", `{"room":"a","event":{"text":"x"}}`, "Authorization: Bearer "+tok), 503, room.CodeUnavailable, "not been read")
	orders.Fail(nil)
	require.Eventually(t, func() bool { return e.call("GET", "/readyz", "").status == http.StatusOK }, patience, time.Millisecond)
	e.as(tok)

	orders.Fail(errors.New("the bucket is out"))
	refused(t, e.call("POST", "/api/ban", `{"user":"ann"}`, withKey), 503, room.CodeUnavailable, "the bucket is out")
	e.as(tok)
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.hub.Orders = hub.NewMemoryOrders() })
	require.Eventually(t, func() bool { return e.hub.Ready() == nil }, patience, time.Millisecond)
	for path, bodies := range map[string][]string{
		"/api/ban":        {`{}`, `{"user":""}`, `{"user":"a","until":5}`, `{"user":"a","rooms":"a*b"}`, `{"user":"a","token":"x"}`},
		"/api/unban":      {`{}`, `{"user":"a","token":"x"}`},
		"/api/revoke":     {`{}`, `{"user":"a","token":"x"}`, `{"user":"a","rooms":"x"}`, `{"token":"x","until":1}`},
		"/api/disconnect": {`{}`, `{"user":"a","connection":"x"}`},
	} {
		for _, body := range bodies {
			refused(t, e.call("POST", path, body, withKey), 400, room.CodeBadRequest, "")
		}
	}
	refused(t, e.call("GET", "/api/bans", "", e.bearer("ann", room.Everything())), 403, room.CodeForbidden, "API key")
	refused(t, e.call("GET", "/api/bans?from=x", "", withKey), 400, room.CodeBadRequest, "from")
	require.Empty(t, decode[bansAnswer](t, e.call("GET", "/api/bans", "", withKey)).Bans)
}
