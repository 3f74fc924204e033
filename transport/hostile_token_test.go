package transport

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// soon is an expiry that a test can wait for; tokens count in seconds.
func soon() time.Time { return time.Now().Add(2 * time.Second).Truncate(time.Second) }

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	const grace = 200 * time.Millisecond
	e := newEdge(t, func(c *edgeConfig) { c.grace = grace })
	until := soon()
	p := e.dial()
	require.Equal(t, until.UnixMilli(), ask[wire.Connected](p, &wire.Connect{Token: e.tokenUntil("u", room.Everything(), until)}).ExpiresAt)
	ask[wire.Joined](p, &wire.Join{Room: "a"})
	require.Empty(t, p.cut(wire.CloseTokenExpired))
	require.False(t, time.Now().Before(until.Add(grace)), "not before its grace is over")
	require.WithinDuration(t, until.Add(grace), time.Now(), 2*time.Second)
}

// TestTokenIsRefreshed: with a new token in time the connection goes on past the
// end of the old one.
func TestTokenIsRefreshed(t *testing.T) {
	t.Parallel()
	const grace = 100 * time.Millisecond
	e := newEdge(t, func(c *edgeConfig) { c.grace = grace })
	until, later := soon(), time.Now().Add(time.Hour)
	p := e.as(e.tokenUntil("u", room.Everything(), until))
	got := ask[wire.Refreshed](p, &wire.Refresh{Token: e.tokenUntil("u", room.Everything(), later)})
	require.Equal(t, later.Truncate(time.Second).UnixMilli(), got.ExpiresAt)
	require.Eventually(t, func() bool {
		ask[wire.PongReply](p, &wire.Ping{})
		return time.Now().After(until.Add(2 * grace))
	}, patience, 10*time.Millisecond)
	p.bye()

	// And with one that ends sooner it ends sooner.
	p = e.as(e.tokenUntil("u", room.Everything(), later))
	until = soon()
	ask[wire.Refreshed](p, &wire.Refresh{Token: e.tokenUntil("u", room.Everything(), until)})
	p.cut(wire.CloseTokenExpired)
	require.WithinDuration(t, until.Add(grace), time.Now(), 2*time.Second)
}

func TestTokenIsOver(t *testing.T) {
	e := newEdge(t)
	for _, c := range []struct {
		name, tok string
		code      wire.CloseCode
		said      string
	}{
		{"long over", e.tokenUntil("u", room.Everything(), time.Now().Add(-time.Hour)), wire.CloseTokenExpired, "error 1 token_expired"},
		{"just beyond the skew", e.tokenUntil("u", room.Everything(), time.Now().Add(-token.Skew-2*time.Second)), wire.CloseTokenExpired, "error 1 token_expired"},
		{"within the skew, but beyond the grace", e.tokenUntil("u", room.Everything(), time.Now().Add(-45*time.Second)), wire.CloseTokenExpired, "error 1 token_expired"},
		{"garbage", "a.b.c", wire.CloseUnauthorized, "error 1 unauthorized"},
		{"none at all", " ", wire.CloseUnauthorized, "error 1 unauthorized"},
	} {
		p := e.dial()
		p.start(&wire.Connect{Token: c.tok})
		frames := p.cut(c.code)
		require.Len(t, frames, 1)
		require.Equal(t, c.said, brief([]byte(frames[0])), c.name)
	}
}

// TestGrantsShrinkAndGrow: a new token on the live connection narrows and widens
// what it may do, at once.
func TestGrantsShrinkAndGrow(t *testing.T) {
	e := newEdge(t)
	all := []room.Verb{room.VerbAny}
	writer := e.guest()
	p := e.as(e.token("u", room.Grants{"a": all, "b": all}))
	for _, name := range []string{"a", "b"} {
		ask[wire.Joined](p, &wire.Join{Room: name})
	}
	denied(p, &wire.Join{Room: "c"}, room.CodeForbidden)

	ask[wire.Refreshed](p, &wire.Refresh{Token: e.token("u", room.Grants{"a": {room.VerbJoin}, "c": all})})
	left := push[wire.LeftPush](p)
	require.Equal(t, "b", left.Room)
	require.Equal(t, room.CodeForbidden, left.Code)
	require.NotEmpty(t, left.Message)
	writer.post("b", "secret now")
	writer.post("a", "still heard")
	require.Equal(t, "still heard", eventOf(t, push[wire.EventPush](p).Event).Text)
	require.Empty(t, p.settled(), "nothing more of the room that was lost")
	denied(p, publishing("a", room.Command{Text: "no longer"}), room.CodeForbidden)
	denied(p, publishing("b", room.Command{Text: "no longer"}), room.CodeForbidden)
	denied(p, &wire.Join{Room: "b"}, room.CodeForbidden)
	denied(p, &wire.History{Room: "a"}, room.CodeForbidden)
	ask[wire.Joined](p, &wire.Join{Room: "c"})

	ask[wire.Refreshed](p, &wire.Refresh{Token: e.token("u", room.Grants{})})
	lost := map[string]bool{push[wire.LeftPush](p).Room: true, push[wire.LeftPush](p).Room: true}
	require.Equal(t, map[string]bool{"a": true, "c": true}, lost)
	require.Empty(t, ask[wire.PositionsReply](p, &wire.Positions{Rooms: []string{"a", "b", "c"}}).Positions)
	p.bye()
}

// TestRefreshForAnother: a connection stays who it is, and a refresh that fails
// changes nothing.
func TestRefreshForAnother(t *testing.T) {
	e := newEdge(t)
	grants := room.Grants{"a": {room.VerbAny}}
	p := e.as(e.token("u", grants))
	guest := e.dial()
	own := ask[wire.Connected](guest, &wire.Connect{}).Token
	other := ask[wire.Connected](e.dial(), &wire.Connect{}).Token
	for _, c := range []struct {
		p    *peer
		tok  string
		code room.Code
	}{
		{p, e.token("v", room.Everything()), room.CodeUnauthorized},
		{p, own, room.CodeUnauthorized},
		{p, "garbage", room.CodeUnauthorized},
		{p, e.tokenUntil("u", grants, time.Now().Add(-time.Hour)), room.CodeTokenExpired},
		{guest, e.token("u", room.Everything()), room.CodeUnauthorized},
		{guest, other, room.CodeUnauthorized},
	} {
		denied(c.p, &wire.Refresh{Token: c.tok}, c.code)
		ask[wire.Joined](c.p, &wire.Join{Room: "a"})
	}
	denied(p, &wire.Join{Room: "b"}, room.CodeForbidden)
	ask[wire.Refreshed](guest, &wire.Refresh{Token: own})
	denied(p, &wire.Refresh{}, room.CodeBadRequest)
}
