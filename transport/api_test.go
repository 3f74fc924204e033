package transport

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const apiKey = "an-api-key-of-the-tests-0123456789"

// newAPIEdge is an edge with an API key.
func newAPIEdge(t testing.TB, change ...func(*edgeConfig)) *edge {
	t.Helper()
	return newEdge(t, append([]func(*edgeConfig){func(c *edgeConfig) { c.APIKeys = []string{apiKey, "another-" + apiKey} }}, change...)...)
}

const withKey = "X-API-Key: " + apiKey

func (e *edge) bearer(user string, grants room.Grants) string {
	return "Authorization: Bearer " + e.token(user, grants)
}

// decode reads an answer that must be 200.
func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, "%s", r.body)
	var v T
	require.NoError(t, json.Unmarshal(r.body, &v))
	return v
}

func refused(t testing.TB, r reply, status int, code room.Code, says string) {
	t.Helper()
	require.Equal(t, status, r.status, "%s", r.body)
	require.Equal(t, code, r.code(t), "%s", r.body)
	var body struct {
		Error   struct{ Message string }
		Message string
	}
	require.NoError(t, json.Unmarshal(r.body, &body))
	require.Contains(t, body.Error.Message+body.Message, says)
}

// TestAPIWalk goes through all of the API as a back end would, with a member
// watching.
func TestAPIWalk(t *testing.T) {
	e := newAPIEdge(t)
	ann := e.as(e.token("ann", room.Everything()))
	ask[wire.Joined](ann, &wire.Join{Room: "lobby"})

	first := decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"lobby","event":{"text":"one"}}`, e.bearer("bob", room.Everything())))
	seen := push[wire.EventPush](ann)
	require.Equal(t, first.Seq, seen.Seq)
	event, err := room.DecodeEvent(seen.Event)
	require.NoError(t, err)
	require.Equal(t, []string{"bob", "Name of bob", "one"}, []string{event.User, event.Name, event.Text})

	second := decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"lobby","as":{"user":"eve","name":"Eve"},"event":{"text":"two","reply_to":`+fmt.Sprint(first.Seq)+`}}`, withKey))
	seen = push[wire.EventPush](ann)
	event, err = room.DecodeEvent(seen.Event)
	require.NoError(t, err)
	require.Equal(t, []string{"eve", "Eve", "two"}, []string{event.User, event.Name, event.Text})

	acks := decode[wire.Acks](t, e.call("POST", "/api/batch", `{"type":"batch","room":"lobby","as":{"user":"eve"},"events":[{"text":"three"},{"text":""},{"kind":"react","target":`+fmt.Sprint(second.Seq)+`,"emoji":"x"}]}`, withKey))
	require.Len(t, acks.Acks, 3)
	require.Greater(t, acks.Acks[0].Seq, second.Seq)
	require.Equal(t, room.CodeBadRequest, acks.Acks[1].Error.Code)
	require.Greater(t, acks.Acks[2].Seq, acks.Acks[0].Seq)
	require.Equal(t, acks.Acks[0].Seq, push[wire.EventPush](ann).Seq)
	require.Equal(t, acks.Acks[2].Seq, push[wire.EventPush](ann).Seq)

	page := decode[wire.HistoryPage](t, e.call("POST", "/api/history", `{"room":"lobby","limit":2}`, withKey))
	require.Len(t, page.Events, 2)
	require.True(t, page.MoreBefore)
	page = decode[wire.HistoryPage](t, e.call("POST", "/api/history", fmt.Sprintf(`{"room":"lobby","around":%d,"limit":1,"changes":true}`, second.Seq), e.bearer("bob", room.Grants{"lobby": {room.VerbHistory}})))
	require.Equal(t, second.Seq, page.Events[0].Seq)
	require.Len(t, page.Changes, 1, "the reaction")

	require.Equal(t, wire.Members{Room: "lobby", Count: 1, Members: []room.Member{{User: "ann", Name: "Name of ann", Conns: 1}}},
		decode[wire.Members](t, e.call("POST", "/api/presence", `{"room":"lobby"}`, withKey)))
	where := decode[whereAnswer](t, e.call("POST", "/api/presence", `{"room":"lobby"}`, withKey))
	here := e.hub.Instance()
	require.Equal(t, []room.Share{{Instance: here, Users: 1, Conns: 1}}, where.Instances)
	require.Equal(t, []string{here}, where.Members[0].On)
	require.Equal(t, wire.Members{Room: "empty", Members: []room.Member{}},
		decode[wire.Members](t, e.call("POST", "/api/presence", `{"room":"empty"}`, withKey)))

	decode[wire.Ack](t, e.call("POST", "/api/broadcast", `{"room":"lobby","data":[1,{"a":null}],"as":{"user":"eve"}}`, withKey))
	told := push[wire.BroadcastPush](ann)
	require.Equal(t, "eve", told.User)
	require.JSONEq(t, `[1,{"a":null}]`, string(told.Data))

	rooms := decode[roomsAnswer](t, e.call("POST", "/api/rooms", `{}`, withKey))
	require.Equal(t, []roomAnswer{{"lobby", 1, 1, where.Instances, acks.Epoch, acks.Acks[2].Seq}}, rooms.Rooms)

	require.Equal(t, disconnectAnswer{Disconnected: 1}, decode[disconnectAnswer](t, e.call("POST", "/api/disconnect", `{"user":"ann"}`, withKey)))
	ann.cut(wire.CloseDisconnected)
	require.Equal(t, disconnectAnswer{}, decode[disconnectAnswer](t, e.call("POST", "/api/disconnect", `{"user":"nobody"}`, withKey)))
}

func TestAPIRoomsArePaged(t *testing.T) {
	e := newAPIEdge(t)
	p := e.as(e.token("ann", room.Everything()))
	for _, name := range []string{"b2", "a1", "b1", "b3", "c1"} {
		ask[wire.Joined](p, &wire.Join{Room: name})
	}
	names := func(body string) (list []string, more bool) {
		answer := decode[roomsAnswer](t, e.call("POST", "/api/rooms", body, withKey))
		for _, r := range answer.Rooms {
			list = append(list, r.Room)
		}
		return list, answer.More
	}
	for _, c := range []struct {
		body string
		want []string
		more bool
	}{
		{`{}`, []string{"a1", "b1", "b2", "b3", "c1"}, false},
		{`{"limit":2}`, []string{"a1", "b1"}, true},
		{`{"limit":2,"after":"b1"}`, []string{"b2", "b3"}, true},
		{`{"limit":2,"after":"b3"}`, []string{"c1"}, false},
		{`{"prefix":"b","limit":3}`, []string{"b1", "b2", "b3"}, false},
		{`{"prefix":"x"}`, nil, false},
	} {
		got, more := names(c.body)
		require.Equal(t, c.want, got, c.body)
		require.Equal(t, c.more, more, c.body)
	}
	refused(t, e.call("POST", "/api/rooms", `{"limit":0}`, withKey), 400, room.CodeBadRequest, "limit: is 0; give 1 to 1000")
	refused(t, e.call("POST", "/api/rooms", `{"limit":"5"}`, withKey), 400, room.CodeBadRequest, "limit: is string")
}

// TestAPIBadRequests sends what is wrong to each endpoint, and reads that the
// answer says what.
func TestAPIBadRequests(t *testing.T) {
	e := newAPIEdge(t)
	deep := strings.Repeat("[", 100_000)
	for _, c := range []struct {
		name, path, body string
		headers          []string
		status           int
		code             room.Code
		says             string
	}{
		{"no body", "publish", "", []string{"Content-Type: application/json"}, 400, room.CodeBadRequest, "body: is not a JSON object"},
		{"an array", "publish", "[]", nil, 400, room.CodeBadRequest, "body: is not a JSON object"},
		{"null", "rooms", "null", nil, 400, room.CodeBadRequest, "body: is not a JSON object"},
		{"cut off", "publish", `{"room":"a"`, nil, 400, room.CodeBadRequest, "body: is not JSON: unexpected end of JSON input at byte 11"},
		{"two values", "publish", `{"room":"a"}{}`, nil, 400, room.CodeBadRequest, "at byte 13"},
		{"two values to rooms", "rooms", `{} {}`, nil, 400, room.CodeBadRequest, "at byte 4"},
		{"deep", "publish", `{"room":"a","x":` + deep, nil, 400, room.CodeBadRequest, "body: is not JSON"},
		{"bad UTF-8", "publish", "{\"room\":\"\xff\"}", nil, 400, room.CodeBadRequest, "UTF-8"},
		{"another type", "publish", `{"type":"history","room":"a"}`, nil, 400, room.CodeBadRequest, `type: is "history"; this path takes "publish"`},
		{"an unknown type", "publish", `{"type":"fly","room":"a"}`, nil, 400, room.CodeUnknownCommand, `no command "fly"`},
		{"a type that is none", "publish", `{"type":7,"room":"a"}`, nil, 400, room.CodeBadRequest, "type: is 7"},
		{"no room", "publish", `{"event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "room: is missing"},
		{"room a number", "history", `{"room":7}`, nil, 400, room.CodeBadRequest, "room: is 7"},
		{"room twice", "publish", `{"room":"a","room":"b","event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "room: is given twice"},
		{"room with a space", "presence", `{"room":"a b"}`, nil, 400, room.CodeBadRequest, "room: holds ' '"},
		{"no event", "publish", `{"room":"a","as":{"user":"u"}}`, nil, 400, room.CodeBadRequest, "event: is missing"},
		{"event a string", "publish", `{"room":"a","event":"hi"}`, nil, 400, room.CodeBadRequest, "event: is a string"},
		{"empty event", "publish", `{"room":"a","as":{"user":"u"},"event":{}}`, nil, 400, room.CodeBadRequest, "neither text nor data"},
		{"too much text", "publish", `{"room":"a","as":{"user":"u"},"event":{"text":"` + strings.Repeat("x", room.MaxText+1) + `"}}`, nil, 413, room.CodeTooLarge, "text: is 16385 bytes long"},
		{"no such message", "publish", `{"room":"a","as":{"user":"u"},"event":{"kind":"delete","target":9}}`, nil, 404, room.CodeNotFound, "no message with sequence 9"},
		{"nobody speaks", "publish", `{"room":"a","event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "as: is missing"},
		{"nobody speaks in a batch", "batch", `{"room":"a","events":[{"text":"x"}]}`, nil, 400, room.CodeBadRequest, "as: is missing"},
		{"nobody broadcasts", "broadcast", `{"room":"a","data":1}`, nil, 400, room.CodeBadRequest, "as: is missing"},
		{"as a string", "publish", `{"room":"a","as":"u","event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "as: is string"},
		{"as without user", "publish", `{"room":"a","as":{"name":"U"},"event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "as.user: user id: is missing"},
		{"as with a line end", "publish", `{"room":"a","as":{"user":"u\n"},"event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "as.user: user id: holds a control character"},
		{"as with a long name", "publish", `{"room":"a","as":{"user":"u","name":"` + strings.Repeat("n", 65) + `"},"event":{"text":"x"}}`, nil, 400, room.CodeBadRequest, "as.name: display name: is 65 bytes"},
		{"empty batch", "batch", `{"room":"a","as":{"user":"u"},"events":[]}`, nil, 400, room.CodeBadRequest, "events: is empty; give an array of 1 to 500"},
		{"501 events", "batch", `{"room":"a","as":{"user":"u"},"events":[` + strings.Repeat("{},", 500) + `{}]}`, nil, 400, room.CodeBadRequest, "more than 500"},
		{"limit too high", "history", `{"room":"a","limit":201}`, nil, 400, room.CodeBadRequest, "limit: is 201; give a whole number from 1 to 200"},
		{"two anchors", "history", `{"room":"a","before":1,"after":2}`, nil, 400, room.CodeBadRequest, "at most one of before, after and around"},
		{"no data", "broadcast", `{"room":"a","as":{"user":"u"}}`, nil, 400, room.CodeBadRequest, "data: is missing"},
		{"no user", "disconnect", `{}`, nil, 400, room.CodeBadRequest, "user: user id: is missing"},
		{"user an array", "disconnect", `{"user":[]}`, nil, 400, room.CodeBadRequest, "user: is array"},

		{"a form", "publish", "room=a", []string{"Content-Type: application/x-www-form-urlencoded", "Content-Type: -"}, 400, room.CodeBadRequest, "Content-Type: is \"\"; send application/json"},
		{"text/plain, which needs no preflight", "publish", `{}`, []string{"Content-Type: -", "Content-Type: text/plain"}, 400, room.CodeBadRequest, `"text/plain"; send application/json`},
		{"another charset", "publish", `{}`, []string{"Content-Type: -", "Content-Type: application/json; charset=latin1"}, 400, room.CodeBadRequest, `charset is "latin1"`},
		{"gzip", "publish", `{}`, []string{"Content-Encoding: gzip"}, 400, room.CodeBadRequest, `Content-Encoding: is "gzip"`},
		{"too long", "publish", `{"room":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, room.CodeTooLarge, "longer than 262144 bytes"},
		{"batch too long", "batch", `{"room":"` + strings.Repeat("x", maxBatchBody) + `"}`, nil, 413, room.CodeTooLarge, "longer than 4194304 bytes"},
		{"secret in the URL", "publish?access_token=x", `{}`, nil, 400, room.CodeBadRequest, "access_token: a URL is no place for a secret"},
		{"API key in the URL", "rooms?api_key=x", `{}`, nil, 400, room.CodeBadRequest, "api_key: a URL is no place"},
		{"bad query", "rooms?%zz", `{}`, nil, 400, room.CodeBadRequest, "query: does not decode"},
		{"no such endpoint", "fly", `{}`, nil, 404, room.CodeBadRequest, "no such endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := e.call("POST", "/api/"+c.path, c.body, append([]string{withKey}, c.headers...)...)
			refused(t, r, c.status, c.code, c.says)
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
			require.Equal(t, "no-store", r.header.Get("Cache-Control"))
			require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
		})
	}
}

func TestAPIMethods(t *testing.T) {
	e := newAPIEdge(t)
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
		r := e.call(method, "/api/publish", "", withKey)
		refused(t, r, http.StatusMethodNotAllowed, room.CodeBadRequest, "this path takes POST")
		require.Equal(t, "POST, OPTIONS", r.header.Get("Allow"))
	}
	require.Equal(t, http.StatusMethodNotAllowed, e.call("HEAD", "/api/publish", "", withKey).status)
	require.Equal(t, http.StatusNoContent, e.call("OPTIONS", "/api/publish", "").status)
	r := e.call("GET", "/api/openapi.yaml", "")
	require.Equal(t, openAPI, r.body)
}

// TestAPIAnswersABatchInFull sends as many events as there may be, larger than a
// frame may be.
func TestAPIAnswersABatchInFull(t *testing.T) {
	e := newAPIEdge(t)
	event := `{"text":"` + strings.Repeat("x", 4000) + `"}`
	body := `{"room":"a","as":{"user":"u"},"events":[` + strings.Repeat(event+",", wire.MaxBatch-1) + event + `]}`
	require.Greater(t, len(body), maxBody)
	acks := decode[wire.Acks](t, e.call("POST", "/api/batch", body, withKey))
	require.Len(t, acks.Acks, wire.MaxBatch)
	for i, a := range acks.Acks[1:] {
		require.Greater(t, a.Seq, acks.Acks[i].Seq)
	}
}

// TestOnlyServersSpeakForOthers, and nobody is two callers at once.
func TestOnlyServersSpeakForOthers(t *testing.T) {
	e := newAPIEdge(t)
	ann := e.bearer("ann", room.Everything())
	for path, body := range map[string]string{
		"publish": `{"room":"a","as":{"user":"bob"},"event":{"text":"x"}}`, "broadcast": `{"room":"a","as":{"user":"bob"},"data":1}`,
		"batch": `{"room":"a","as":{"user":"bob"},"events":[{"text":"x"}]}`, "history": `{"room":"a","as":{"user":"bob"}}`,
	} {
		refused(t, e.call("POST", "/api/"+path, body, ann), http.StatusForbidden, room.CodeForbidden, "as: only an API key may speak for others")
		refused(t, e.call("POST", "/api/"+path, body, ann, withKey), http.StatusUnauthorized, room.CodeUnauthorized, "both are sent")
		refused(t, e.call("POST", "/api/"+path, body, ann, ann), http.StatusUnauthorized, room.CodeUnauthorized, "Authorization: is sent 2 times")
		refused(t, e.call("POST", "/api/"+path, body, withKey, withKey), http.StatusUnauthorized, room.CodeUnauthorized, "X-API-Key")
	}
	require.Empty(t, e.ids("a"))
}
