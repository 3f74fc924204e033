package transport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// credentials are the ways to come to an endpoint. Each gives the header to send,
// or "".
var credentials = []struct {
	name string
	send func(e *edge) string
}{
	{"none", func(*edge) string { return "" }},
	{"empty Authorization", func(*edge) string { return "Authorization: " }},
	{"Bearer without a token", func(*edge) string { return "Authorization: Bearer " }},
	{"Basic", func(*edge) string { return "Authorization: Basic YTpi" }},
	{"malformed", func(*edge) string { return "Authorization: Bearer hello" }},
	{"alg none", func(*edge) string {
		return "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTksImNhcHMiOnsiKiI6WyIqIl19fQ."
	}},
	{"another hub's", func(e *edge) string {
		k, err := token.Secret([]byte(strings.Repeat("another-hub", 4)))
		require.NoError(e.t, err)
		tok, err := token.Sign(k, token.Claims{User: "ann", Grants: room.Everything(), Expires: time.Now().Add(time.Hour)})
		require.NoError(e.t, err)
		return "Authorization: Bearer " + tok
	}},
	{"expired", func(e *edge) string {
		return "Authorization: Bearer " + e.tokenUntil("ann", room.Everything(), time.Now().Add(-2*token.Skew))
	}},
	{"other room's", func(e *edge) string {
		return e.bearer("ann", room.Grants{"lobby-2": {room.VerbAny}, "lob": {room.VerbAny}, "lobby*": {room.VerbAny}})
	}},
	{"read-only", func(e *edge) string {
		return e.bearer("ann", room.Grants{"lobby": {room.VerbJoin, room.VerbHistory, room.VerbPresence}})
	}},
	{"write-only", func(e *edge) string {
		return e.bearer("ann", room.Grants{"lobby": {room.VerbPublish, room.VerbBroadcast}})
	}},
	{"everything", func(e *edge) string { return e.bearer("ann", room.Everything()) }},
	{"empty API key", func(*edge) string { return "X-API-Key: " }},
	{"wrong API key", func(*edge) string { return "X-API-Key: " + apiKey + "x" }},
	{"half an API key", func(*edge) string { return "X-API-Key: " + apiKey[:10] }},
	{"API key", func(*edge) string { return withKey }},
	{"API key as a Bearer", func(*edge) string { return "Authorization: Bearer " + apiKey }},
}

// verdict is what is expected: the status, and for errors the code.
type verdict struct {
	status int
	code   room.Code
}

var (
	yes        = verdict{http.StatusOK, ""}
	who        = verdict{http.StatusUnauthorized, room.CodeUnauthorized}
	late       = verdict{http.StatusUnauthorized, room.CodeTokenExpired}
	no         = verdict{http.StatusForbidden, room.CodeForbidden}
	whoseWords = verdict{http.StatusBadRequest, room.CodeBadRequest} // an API key that speaks for nobody
)

// TestMatrix has every endpoint met with every kind of credential. A verdict that
// is not named here is refusal.
func TestMatrix(t *testing.T) {
	say := map[string]verdict{"write-only": yes, "everything": yes, "read-only": no, "other room's": no, "API key": whoseWords}
	see := map[string]verdict{"read-only": yes, "everything": yes, "write-only": no, "other room's": no, "API key": yes}
	keyed := map[string]verdict{"read-only": no, "everything": no, "write-only": no, "other room's": no, "API key": yes}
	open := map[string]verdict{"everything": yes, "read-only": yes, "write-only": yes, "other room's": yes, "API key": no}
	frame := func(m map[string]verdict) map[string]verdict { // the same by POST /sse, which takes no key
		out := map[string]verdict{"API key": no}
		for k, v := range m {
			if k != "API key" {
				out[k] = v
			}
		}
		return out
	}
	e := newAPIEdge(t, func(c *edgeConfig) { c.hub.Orders = hub.NewMemoryOrders() })
	require.Eventually(t, func() bool { return e.hub.Ready() == nil }, patience, time.Millisecond)
	for _, ep := range []struct {
		path, body string
		expected   map[string]verdict
	}{
		{"/api/publish", `{"room":"lobby","event":{"text":"x"}}`, say},
		{"/api/batch", `{"room":"lobby","events":[{"text":"x"}]}`, map[string]verdict{
			// Each event is judged for itself: the answer is 200, and says forbidden inside.
			"write-only": yes, "everything": yes, "read-only": yes, "other room's": yes, "API key": whoseWords,
		}},
		{"/api/broadcast", `{"room":"lobby","data":1}`, say},
		{"/api/history", `{"room":"lobby"}`, see},
		{"/api/presence", `{"room":"lobby"}`, see},
		{"/api/rooms", `{}`, keyed},
		{"/api/disconnect", `{"user":"zoe"}`, keyed},
		{"/api/revoke", `{"user":"zoe"}`, keyed},
		{"/api/ban", `{"user":"zoe"}`, keyed},
		{"/api/unban", `{"user":"zoe"}`, keyed},
		{"/sse", `{"id":1,"type":"publish","room":"lobby","event":{"text":"x"}}`, frame(say)},
		{"/sse", `{"id":1,"type":"broadcast","room":"lobby","data":1}`, frame(say)},
		{"/sse", `{"id":1,"type":"history","room":"lobby"}`, frame(see)},
		{"/sse", `{"id":1,"type":"presence","room":"lobby"}`, frame(see)},
		{"/sse", `{"id":1,"type":"positions","rooms":["lobby"]}`, open},
		{"/sse", `{"id":1,"type":"ping"}`, open},
	} {
		for _, c := range credentials {
			t.Run(fmt.Sprintf("%s %.24s/%s", ep.path, ep.body, c.name), func(t *testing.T) {
				var headers []string
				if h := c.send(e); h != "" {
					headers = append(headers, h)
				}
				want, named := ep.expected[c.name]
				switch {
				case c.name == "expired":
					want = late
				case !named:
					want = who
				}
				got := e.call("POST", ep.path, ep.body, headers...)
				require.Equal(t, want, verdict{got.status, got.code(t)}, "%s", got.body)
				if want.status == http.StatusUnauthorized {
					require.Equal(t, `Bearer realm="hubbub"`, got.header.Get("WWW-Authenticate"))
				}
			})
		}
	}
}

// TestMatrixOfStreams is the same for GET /sse, where nobody is a guest.
func TestMatrixOfStreams(t *testing.T) {
	e := newAPIEdge(t)
	for _, c := range credentials {
		for query, needs := range map[string]map[string]verdict{
			"":             {"everything": yes, "read-only": yes, "write-only": no, "other room's": no},
			"&history=5":   {"everything": yes, "read-only": yes, "write-only": no, "other room's": no},
			"&presence=1":  {"everything": yes, "read-only": yes, "write-only": no, "other room's": no},
			"&room=secret": {"everything": yes, "read-only": no, "write-only": no, "other room's": no},
		} {
			t.Run(c.name+query, func(t *testing.T) {
				want, named := needs[c.name]
				switch {
				case c.name == "expired":
					want = late
				case c.name == "none", strings.HasSuffix(c.name, " API key"), c.name == "API key": // a guest
					want = yes
				case !named:
					want = who
				}
				var headers []string
				if h := c.send(e); h != "" {
					headers = append(headers, h)
				}
				s := e.stream("?room=lobby"+query, headers...)
				defer s.close()
				require.Equal(t, want.status, s.status)
				if want != yes {
					require.Equal(t, want.code, s.refusal().code(t))
					return
				}
				require.Equal(t, "connected", s.next().kind)
			})
		}
	}
}

// TestForbiddenAndMissingAnswerTheSame: whether a room exists is not told to those
// who may not see it.
func TestForbiddenAndMissingAnswerTheSame(t *testing.T) {
	e := newAPIEdge(t)
	p := e.as(e.token("bob", room.Everything()))
	ask[wire.Joined](p, &wire.Join{Room: "there"})
	ask[wire.Ack](p, &wire.Publish{Room: "there", Event: room.Command{Kind: room.KindMessage, Text: "x"}})
	auth := e.bearer("ann", room.Grants{"lobby": {room.VerbAny}})
	for _, body := range []string{
		`"type":"publish","event":{"text":"x"}`, `"type":"publish","event":{"kind":"delete","target":1}`,
		`"type":"batch","events":[{"text":"x"}]`, `"type":"history"`, `"type":"presence"`, `"type":"broadcast","data":1`,
	} {
		there := e.call("POST", "/sse", `{"id":1,"room":"there",`+body+`}`, auth)
		gone := e.call("POST", "/sse", `{"id":1,"room":"gone1",`+body+`}`, auth)
		require.Equal(t, there.status, gone.status, body)
		require.Equal(t, strings.ReplaceAll(string(there.body), "there", "gone1"), string(gone.body), body)
	}
	positions := decode[wire.PositionsReply](t, e.call("POST", "/sse", `{"id":1,"type":"positions","rooms":["there","gone1","lobby"]}`, auth))
	require.Len(t, positions.Positions, 1)
}
