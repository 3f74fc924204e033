package transport

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func names(users []wire.User) []string {
	list := []string{}
	for _, u := range users {
		list = append(list, u.User)
	}
	return list
}

// come waits until a watcher has been told of so many who came and who went, and
// gives both in order, with the last count. The hub may gather them in any way.
func come(p *peer, joined, left int) (in, out []string, count int) {
	p.t.Helper()
	in, out = []string{}, []string{}
	for len(in) < joined || len(out) < left {
		news := push[wire.PresencePush](p)
		in, out, count = append(in, names(news.Joined)...), append(out, names(news.Left)...), news.Count
	}
	return in, out, count
}

// quick makes a hub that tells presence at once.
func quick(c *edgeConfig) { c.hub.PresenceDelay = time.Millisecond }

// TestPresence: exactly one join and one leave for a user, however many their
// connections are, and however they end.
func TestPresence(t *testing.T) {
	e := newEdge(t, quick)
	watch := e.as(e.token("watcher", room.Everything()))
	j := ask[wire.Joined](watch, &wire.Join{Room: "a", Presence: true})
	require.Equal(t, []room.Member{{User: "watcher", Name: "Name of watcher", Conns: 1}}, j.Members)
	in, out, count := come(watch, 1, 0)
	require.Equal(t, []string{"watcher"}, in)
	require.Empty(t, out)
	require.Equal(t, 1, count)

	tok := e.token("ann", room.Everything())
	tabs := []*peer{e.as(tok), e.as(tok), e.as(tok)}
	for _, tab := range tabs {
		ask[wire.Joined](tab, &wire.Join{Room: "a"})
	}
	in, out, count = come(watch, 1, 0)
	require.Equal(t, []string{"ann"}, in)
	require.Empty(t, out)
	require.Equal(t, 2, count)
	members := ask[wire.Members](watch, &wire.Presence{Room: "a"})
	require.Equal(t, &wire.Members{Room: "a", Count: 2, Members: []room.Member{
		{User: "ann", Name: "Name of ann", Conns: 3}, {User: "watcher", Name: "Name of watcher", Conns: 1},
	}}, members)

	ask[wire.Left](tabs[0], &wire.Leave{Room: "a"}) // one leaves, one is torn off, one closes
	require.NoError(t, tabs[1].conn.SetLinger(0))
	require.NoError(t, tabs[1].conn.Close())
	require.Eventually(t, func() bool {
		m := ask[wire.Members](watch, &wire.Presence{Room: "a"}).Members
		return m[0].User == "ann" && m[0].Conns == 1
	}, patience, time.Millisecond)
	require.Empty(t, watch.settled(), "ann is here as long as one of her connections is")
	tabs[2].bye()
	in, out, count = come(watch, 0, 1)
	require.Empty(t, in)
	require.Equal(t, []string{"ann"}, out)
	require.Equal(t, 1, count)
	require.Empty(t, watch.settled())
}

func TestPresenceIsAskedFor(t *testing.T) {
	e := newEdge(t, quick)
	p := e.as(e.token("p", room.Everything()))
	require.Nil(t, ask[wire.Joined](p, &wire.Join{Room: "a"}).Members)
	watch := e.as(e.token("w", room.Everything()))
	ask[wire.Joined](watch, &wire.Join{Room: "a", Presence: true})
	come(watch, 1, 0)
	require.Empty(t, p.settled(), "who did not ask is not told")
	require.Zero(t, ask[wire.Members](p, &wire.Presence{Room: "empty"}).Count)
}

// TestPresenceOfMany: a churn of users is told of without one who is forgotten or
// told twice.
func TestPresenceOfMany(t *testing.T) {
	e := newEdge(t, quick)
	watch := e.as(e.token("watcher", room.Everything()))
	ask[wire.Joined](watch, &wire.Join{Room: "a", Presence: true})
	come(watch, 1, 0)
	here := map[string]bool{}
	for i := range 60 {
		p := e.guest()
		ask[wire.Joined](p, &wire.Join{Room: "a"})
		news := push[wire.PresencePush](watch)
		require.Empty(t, news.Left)
		require.Len(t, news.Joined, 1)
		require.False(t, here[news.Joined[0].User])
		here[news.Joined[0].User] = true
		require.Equal(t, i+2, news.Count)
		defer p.bye()
	}
	require.Len(t, ask[wire.Members](watch, &wire.Presence{Room: "a"}).Members, 61)
}

func TestTyping(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	require.Contains(t, denied(ann, &wire.Typing{Room: "a", Typing: true}, room.CodeNotJoined).Message, "join")
	for _, p := range []*peer{ann, bob} {
		ask[wire.Joined](p, &wire.Join{Room: "a"})
	}
	for _, on := range []bool{true, false} {
		require.Zero(t, ask[wire.Ack](ann, &wire.Typing{Room: "a", Typing: on}).Seq)
		require.Equal(t, &wire.TypingPush{Room: "a", User: "ann", Name: "Name of ann", Typing: on}, push[wire.TypingPush](bob))
	}
	require.Empty(t, ask[wire.HistoryPage](ann, &wire.History{Room: "a"}).Events, "it is not kept")
}

func TestBroadcast(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	ask[wire.Joined](bob, &wire.Join{Room: "a"})
	for _, data := range []string{`{"x":[1,2]}`, `null`, `"s"`, `0`, `[]`} {
		ask[wire.Ack](ann, &wire.Broadcast{Room: "a", Data: json.RawMessage(data)})
		got := push[wire.BroadcastPush](bob)
		require.JSONEq(t, data, string(got.Data))
		require.Equal(t, []string{"a", "ann", "Name of ann"}, []string{got.Room, got.User, got.Name})
	}
	require.Empty(t, ask[wire.HistoryPage](ann, &wire.History{Room: "a"}).Events, "it is not kept")
	ask[wire.Ack](ann, &wire.Broadcast{Room: "nobody", Data: json.RawMessage(`1`)})
}

func TestPositions(t *testing.T) {
	e := newEdge(t)
	writer := e.guest()
	a, b := writer.post("team-a", "x"), writer.post("secret", "x")
	p := e.as(e.token("u", room.Grants{"team-*": {room.VerbJoin}, "read": {room.VerbHistory}, "shout": {room.VerbPublish}}))
	got := ask[wire.PositionsReply](p, &wire.Positions{Rooms: []string{"team-a", "team-b", "read", "secret", "shout", "team-a"}}).Positions
	require.Len(t, got, 3, "rooms that are not granted are left out")
	require.Equal(t, a, got["team-a"].Seq)
	require.Zero(t, got["team-b"].Seq)
	require.Zero(t, got["read"].Seq)
	require.NotEmpty(t, got["read"].Epoch)
	require.Equal(t, b, ask[wire.PositionsReply](writer, &wire.Positions{Rooms: []string{"secret"}}).Positions["secret"].Seq)
	require.Empty(t, ask[wire.PositionsReply](p, &wire.Positions{Rooms: []string{"secret"}}).Positions)

	tooMany := &wire.Positions{}
	for range wire.MaxPositions + 1 {
		tooMany.Rooms = append(tooMany.Rooms, "team-a")
	}
	denied(p, tooMany, room.CodeBadRequest)
	denied(p, &wire.Positions{}, room.CodeBadRequest)
	tooMany.Rooms = tooMany.Rooms[1:]
	ask[wire.PositionsReply](p, tooMany)
}

// TestPings: a client that says nothing is pinged, and stays as long as it answers.
func TestPings(t *testing.T) {
	const every, grace = 30 * time.Millisecond, 500 * time.Millisecond
	e := newEdge(t, func(c *edgeConfig) { c.Limits.Ping, c.Limits.PongWait = every, grace })
	p := e.dial()
	require.Equal(t, every.Milliseconds(), ask[wire.Connected](p, &wire.Connect{}).PingMS)
	begun := time.Now()
	p.mute = true
	for range 5 {
		push[wire.PingPush](p)
		p.tell(&wire.Pong{})
	}
	require.GreaterOrEqual(t, time.Since(begun), 5*every, "one for each silence")
	require.Less(t, time.Since(begun), 5*(every+grace)+3*time.Second)
	require.NotNil(t, ask[wire.PongReply](p, &wire.Ping{}))
	p.bye()
}
