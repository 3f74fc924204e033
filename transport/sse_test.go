package transport

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// say publishes a text over the API and gives its place.
func (e *edge) say(name, text string) wire.Ack {
	e.t.Helper()
	return decode[wire.Ack](e.t, e.call("POST", "/api/publish", fmt.Sprintf(`{"room":%q,"as":{"user":"bob"},"event":{"text":%q}}`, name, text), withKey))
}

// fill publishes n texts in batches.
func (e *edge) fill(name string, n int) {
	e.t.Helper()
	for n > 0 {
		part := min(n, wire.MaxBatch)
		decode[wire.Acks](e.t, e.call("POST", "/api/batch", `{"room":"`+name+`","as":{"user":"bob"},"events":[`+strings.Repeat(`{"text":"x"},`, part-1)+`{"text":"x"}]}`, withKey))
		n -= part
	}
}

func TestStreamFollowsItsRooms(t *testing.T) {
	e := newAPIEdge(t)
	e.say("a", "before")
	s := e.stream("?room=a&room=b&room=a&history=10&presence=1", e.bearer("ann", room.Everything()))
	defer s.close()
	require.Equal(t, "text/event-stream", s.header.Get("Content-Type"))
	require.Equal(t, "no-store", s.header.Get("Cache-Control"))

	hello := nextFrame[wire.Connected](s)
	require.Equal(t, "ann", hello.User)
	require.Equal(t, "Name of ann", hello.Name)
	require.Empty(t, hello.Token)
	require.NotEmpty(t, s.retry)
	require.Empty(t, s.lastID, "nothing was processed yet")

	a := nextFrame[wire.Joined](s)
	require.True(t, a.Live)
	require.Len(t, a.Events, 1)
	require.Equal(t, []room.Member{{User: "ann", Name: "Name of ann", Conns: 1}}, a.Members)
	b := nextFrame[wire.Joined](s)
	require.Equal(t, "b", b.Room, "a room that is named twice is joined once")
	require.Empty(t, b.Events)

	one := e.say("b", "one")
	require.Equal(t, one.Seq, nextEvent(s, "b").Seq)
	id := s.lastID
	decode[wire.Ack](t, e.call("POST", "/api/broadcast", `{"room":"a","as":{"user":"bob"},"data":{"x":1}}`, withKey))
	require.JSONEq(t, `{"x":1}`, string(nextFrame[wire.BroadcastPush](s).Data))
	require.Equal(t, id, s.lastID, "what is not stored moves nothing")
	e.say("a", "two")
	nextEvent(s, "a")
	require.NotEqual(t, id, s.lastID)
}

// nextEvent skips what tells of presence, which comes when it comes.
func nextEvent(s *sseStream, name string) *wire.EventPush {
	s.t.Helper()
	for {
		m := s.next()
		if m.kind == "presence" {
			continue
		}
		body, ok := m.frame.Body.(*wire.EventPush)
		require.True(s.t, ok, "%s", m.data)
		require.Equal(s.t, name, body.Room)
		require.True(s.t, m.moved, "an event carries the position")
		return body
	}
}

// TestStreamResumes cuts a stream after each of its messages in turn: with the id
// of that one, the next stream must give exactly the rest, in both rooms.
func TestStreamResumes(t *testing.T) {
	e := newAPIEdge(t)
	auth := e.bearer("ann", room.Everything())
	const query = "?room=a&room=b"
	s := e.stream(query, auth)
	defer s.close()
	nextFrame[wire.Connected](s)
	nextFrame[wire.Joined](s)
	nextFrame[wire.Joined](s)
	start := s.lastID
	var ids []string
	var all []string
	for i := range 6 {
		name := string("ab"[i%2])
		ack := e.say(name, fmt.Sprint(i))
		require.Equal(t, ack.Seq, nextEvent(s, name).Seq)
		ids = append(ids, s.lastID)
		all = append(all, fmt.Sprintf("%s%d", name, ack.Seq))
	}
	for i, id := range append([]string{start}, ids...) {
		again := e.stream(query, auth, "Last-Event-ID: "+id)
		nextFrame[wire.Connected](again)
		var got []string
		for range 2 {
			j := nextFrame[wire.Joined](again)
			require.True(t, j.Live)
			require.Nil(t, j.Reset)
			for _, it := range j.Events {
				got = append(got, fmt.Sprintf("%s%d", j.Room, it.Seq))
			}
		}
		require.ElementsMatch(t, all[i:], got)
		require.Equal(t, ids[len(ids)-1], again.lastID, "it stands where the other does")
		again.close()
	}
}

// TestStreamMakesUpForALongAbsence: in parts, one after the other, unasked; and a
// stream that is cut in the middle of them goes on from there.
func TestStreamMakesUpForALongAbsence(t *testing.T) {
	e := newAPIEdge(t)
	auth := e.bearer("ann", room.Everything())
	at := e.say("a", "first")
	const missed = 3*hub.ResumePage + 100
	e.fill("a", missed)
	since := fmt.Sprintf("Last-Event-ID: a=%s:%d", at.Epoch, at.Seq)

	s := e.stream("?room=a&room=b", auth, since)
	defer s.close()
	nextFrame[wire.Connected](s)
	got, parts := 0, 0
	for last := at.Seq; ; parts++ {
		j := nextFrame[wire.Joined](s)
		require.Equal(t, "a", j.Room)
		for _, it := range j.Events {
			require.Greater(t, it.Seq, last)
			last = it.Seq
		}
		got += len(j.Events)
		if j.Live {
			break
		}
		if parts == 1 {
			since = "Last-Event-ID: " + s.lastID
		}
	}
	require.Equal(t, missed, got)
	require.GreaterOrEqual(t, parts, 3)
	require.Equal(t, "b", nextFrame[wire.Joined](s).Room)

	cut := e.stream("?room=a", auth, since)
	defer cut.close()
	nextFrame[wire.Connected](cut)
	rest := 0
	for live := false; !live; {
		j := nextFrame[wire.Joined](cut)
		rest, live = rest+len(j.Events), j.Live
	}
	require.Equal(t, missed-2*hub.ResumePage, rest)
}

func TestStreamTellsOfAReset(t *testing.T) {
	e := newAPIEdge(t)
	ack := e.say("a", "x")
	for id, reason := range map[string]wire.ResetReason{
		"a=another:1": wire.ResetEpoch,
		fmt.Sprintf("a=%s:%d", ack.Epoch, ack.Seq+1000): wire.ResetAhead,
	} {
		s := e.stream("?room=a", e.bearer("ann", room.Everything()), "Last-Event-ID: "+id)
		nextFrame[wire.Connected](s)
		j := nextFrame[wire.Joined](s)
		require.NotNil(t, j.Reset)
		require.Equal(t, reason, j.Reset.Reason)
		require.Len(t, j.Events, 1)
		require.Equal(t, fmt.Sprintf("a=%s:%d", ack.Epoch, ack.Seq), s.lastID)
		s.close()
	}
}

func TestStreamOfAGuest(t *testing.T) {
	e := newAPIEdge(t)
	s := e.stream("?room=a&name=Zo%C3%AB")
	defer s.close()
	hello := nextFrame[wire.Connected](s)
	require.Equal(t, "Zoë", hello.Name)
	require.NotEmpty(t, hello.Token)
	auth := "Authorization: Bearer " + hello.Token
	nextFrame[wire.Joined](s)

	reply := decode[wire.Ack](t, e.call("POST", "/sse", `{"id":7,"type":"publish","room":"a","event":{"text":"hi"}}`, auth))
	seen := nextEvent(s, "a")
	require.Equal(t, reply.Seq, seen.Seq)
	event, err := room.DecodeEvent(seen.Event)
	require.NoError(t, err)
	require.Equal(t, []string{hello.User, "Zoë"}, []string{event.User, event.Name})

	again := e.stream("?room=a", auth)
	defer again.close()
	require.Equal(t, hello.User, nextFrame[wire.Connected](again).User, "the same guest, by the token")
}

func TestStreamRefusals(t *testing.T) {
	e := newAPIEdge(t)
	many := "&room=a"
	for i := range 21 {
		many += fmt.Sprintf("&room=r%d", i)
	}
	for _, c := range []struct{ name, query, id, says string }{
		{"no room", "", "", "room: 0 are given; give 1 to 20"},
		{"too many rooms", "?x=1" + many, "", "room: 22 are given"},
		{"bad room", "?room=a%20b", "", "room: holds ' '"},
		{"empty room", "?room=", "", "room: is empty"},
		{"history not a number", "?room=a&history=all", "", `history: is "all"`},
		{"history too large", "?room=a&history=201", "", "whole number from 0 to 200"},
		{"history empty", "?room=a&history=", "", "history: is"},
		{"presence", "?room=a&presence=yes", "", `presence: is "yes"`},
		{"token in the URL", "?room=a&token=x", "", "token: a URL is no place for a secret"},
		{"access_token in the URL", "?room=a&access_token=x", "", "access_token: a URL is no place"},
		{"id of nothing", "?room=a", "hello", "Last-Event-ID: is not the id of a message"},
		{"id with a bad room", "?room=a", "a%20b=e:1", "Last-Event-ID"},
		{"id with a bad sequence", "?room=a", "a=e:-1", "Last-Event-ID"},
		{"id beyond 2^53", "?room=a", "a=e:9007199254740992", "Last-Event-ID"},
		{"id with a room twice", "?room=a", "a=e:1,a=e:2", "Last-Event-ID"},
		{"id of 21 rooms", "?room=a", manyPositions(21), "Last-Event-ID"},
		{"long name", "?room=a&name=" + strings.Repeat("n", 65), "", "display name: is 65 bytes long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.id != "" {
				headers = append(headers, "Last-Event-ID: "+c.id)
			}
			s := e.stream(c.query, headers...)
			defer s.close()
			refused(t, s.refusal(), http.StatusBadRequest, room.CodeBadRequest, c.says)
		})
	}
	head := e.call("HEAD", "/sse?room=a", "")
	require.Equal(t, http.StatusBadRequest, head.status)
	require.Zero(t, e.hub.Stats().Sessions)
}

func manyPositions(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("r%d=e:1", i)
	}
	return strings.Join(parts, ",")
}

func TestStreamEnds(t *testing.T) {
	t.Run("when the peer goes", func(t *testing.T) {
		e := newAPIEdge(t)
		s := e.stream("?room=a", e.bearer("ann", room.Everything()))
		nextFrame[wire.Connected](s)
		nextFrame[wire.Joined](s)
		s.close()
		require.Eventually(t, func() bool { return e.hub.Stats().Sessions == 0 }, patience, time.Millisecond)
	})
	for _, c := range []struct {
		name string
		code wire.CloseCode
		cut  func(e *edge)
	}{
		{"by the API", wire.CloseDisconnected, func(e *edge) { e.hub.Disconnect("ann") }},
		{"with the hub", wire.CloseShutdown, func(e *edge) { e.hub.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newAPIEdge(t)
			s := e.stream("?room=a", e.bearer("ann", room.Everything()))
			defer s.close()
			nextFrame[wire.Connected](s)
			nextFrame[wire.Joined](s)
			c.cut(e)
			require.Equal(t, &wire.DisconnectPush{Code: c.code, Reason: c.code.Name()}, nextFrame[wire.DisconnectPush](s))
			_, more := s.message()
			require.False(t, more)
		})
	}
	t.Run("with its token", func(t *testing.T) {
		e := newAPIEdge(t, func(c *edgeConfig) { c.grace = time.Millisecond })
		s := e.stream("?room=a", "Authorization: Bearer "+e.tokenUntil("ann", room.Everything(), time.Now().Add(time.Second)))
		defer s.close()
		nextFrame[wire.Connected](s)
		nextFrame[wire.Joined](s)
		require.Equal(t, wire.CloseTokenExpired, nextFrame[wire.DisconnectPush](s).Code)
	})
}

func TestStreamPings(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Limits.Ping = 5 * time.Millisecond })
	s := e.stream("?room=a", e.bearer("ann", room.Everything()))
	defer s.close()
	for pings := 0; pings < 3; {
		m, ok := s.message()
		require.True(t, ok)
		if m.kind == "ping" {
			require.False(t, m.moved)
			pings++
		}
	}
}

// TestStreamOfASlowReader stops reading while much is said: the hub must cut it
// rather than keep what waits.
func TestStreamOfASlowReader(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Limits.QueueBytes = 64 << 10 })
	s := e.stream("?room=a", e.bearer("ann", room.Everything()))
	defer s.close()
	nextFrame[wire.Connected](s)
	nextFrame[wire.Joined](s)
	text := strings.Repeat("x", 8000)
	body := `{"room":"a","as":{"user":"bob"},"events":[` + strings.Repeat(`{"text":"`+text+`"},`, 49) + `{"text":"` + text + `"}]}`
	for deadline := time.Now().Add(patience); e.hub.Stats().Slow == 0; {
		require.True(t, time.Now().Before(deadline))
		decode[wire.Acks](t, e.call("POST", "/api/batch", body, withKey))
	}
	last := sseMessage{}
	for {
		m, ok := s.message()
		if !ok {
			break
		}
		last = m
	}
	bye, ok := last.frame.Body.(*wire.DisconnectPush)
	require.True(t, ok, "%.200s", last.data)
	require.Equal(t, wire.CloseSlow, bye.Code)

	again := e.stream("?room=a", e.bearer("ann", room.Everything()), "Last-Event-ID: "+s.lastID)
	defer again.close()
	nextFrame[wire.Connected](again)
	require.Nil(t, nextFrame[wire.Joined](again).Reset, "and it can go on from there")
}

func TestStreamCommands(t *testing.T) {
	e := newAPIEdge(t)
	auth := e.bearer("ann", room.Everything())
	for _, c := range []struct {
		body   string
		status int
		code   room.Code
		says   string
	}{
		{`{"id":3,"type":"ping"}`, 200, "", `{"type":"pong","id":3}`},
		{`{"type":"ping"}`, 200, "", `{"type":"pong"}`},
		{`{"id":3,"type":"join","room":"a"}`, 400, room.CodeBadRequest, "join: needs an open WebSocket"},
		{`{"id":3,"type":"connect"}`, 400, room.CodeBadRequest, "connect: needs"},
		{`{"id":3,"type":"fly"}`, 400, room.CodeUnknownCommand, "no command"},
		{`{"id":0,"type":"ping"}`, 400, room.CodeBadRequest, "id: is 0"},
		{`{"id":3}`, 400, room.CodeBadRequest, "type: is missing"},
		{`nonsense`, 400, room.CodeBadRequest, "frame: is not JSON"},
		{`{"id":3,"type":"publish","room":"a","event":{"kind":"edit","target":5,"text":"x"}}`, 404, room.CodeNotFound, "no message"},
		{`{"id":3,"x":"` + strings.Repeat("x", maxBody) + `"}`, 413, room.CodeTooLarge, "longer than 262144"},
	} {
		r := e.call("POST", "/sse", c.body, auth)
		require.Equal(t, c.status, r.status, "%s", r.body)
		require.Equal(t, c.code, r.code(t))
		require.Contains(t, string(r.body), c.says)
		if c.status != 200 && strings.Contains(c.body, `"id":3,"type"`) {
			require.Contains(t, string(r.body), `"id":3`, "the error is told under the command's id")
		}
	}
}

// TestStreamIsRefusedWhole: what may not be had of the last room is told before
// the stream begins.
func TestStreamIsRefusedWhole(t *testing.T) {
	e := newAPIEdge(t)
	auth := e.bearer("ann", room.Grants{"a": {room.VerbAny}, "b": {room.VerbJoin}})
	for query, id := range map[string]string{"": "a=e:1,b=e:1", "&history=1": "a=e:1", "&presence=1": ""} {
		headers := []string{auth}
		if id != "" {
			headers = append(headers, "Last-Event-ID: "+id)
		}
		s := e.stream("?room=a&room=b"+query, headers...)
		refused(t, s.refusal(), http.StatusForbidden, room.CodeForbidden, `room "b": the grants do not cover`)
		s.close()
	}
	s := e.stream("?room=a&room=b", auth, "Last-Event-ID: a=e:1")
	defer s.close()
	require.Equal(t, http.StatusOK, s.status)
}

// meanwhileLog runs something while a page of room b is read.
type meanwhileLog struct {
	hub.Log
	do func()
}

func (l *meanwhileLog) Read(ctx context.Context, name string, r hub.Range) (hub.Page, error) {
	if name == "b" && r.After > 0 {
		l.do()
	}
	return l.Log.Read(ctx, name, r)
}

// TestStreamCatchesUpBesideTraffic: a part of a long absence is larger than what
// may wait for a peer, and a room that is live already has something waiting.
func TestStreamCatchesUpBesideTraffic(t *testing.T) {
	l := new(meanwhileLog)
	e := newAPIEdge(t, func(c *edgeConfig) {
		c.Limits.QueueBytes = 16 << 10
		l.Log, c.Log = c.Log, l
	})
	l.do = func() {
		was := e.hub.Stats().Deliveries
		e.say("a", "meanwhile")
		require.Eventually(t, func() bool { return e.hub.Stats().Deliveries > was }, patience, time.Millisecond)
	}
	at := e.say("b", "first")
	e.fill("b", 2*hub.ResumePage)
	s := e.stream("?room=a&room=b", e.bearer("ann", room.Everything()), fmt.Sprintf("Last-Event-ID: b=%s:%d", at.Epoch, at.Seq))
	defer s.close()
	nextFrame[wire.Connected](s)
	got, said := 0, 0
	for live := false; !live; {
		switch body := s.next().frame.Body.(type) {
		case *wire.Joined:
			got, live = got+len(body.Events), body.Live && body.Room == "b"
		case *wire.EventPush:
			said++
		default:
			require.Fail(t, "unexpected", "%T %+v", body, body)
		}
	}
	require.Equal(t, 2*hub.ResumePage, got)
	require.Positive(t, said)
}
