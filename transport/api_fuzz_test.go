package transport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// FuzzAPIBody sends any body to any endpoint. Every answer must be one that
// openapi.yaml tells of, and never a fault of the hub.
func FuzzAPIBody(f *testing.F) {
	e := newAPIEdge(f)
	paths := []string{
		"/api/publish", "/api/batch", "/api/broadcast", "/api/history", "/api/presence", "/api/rooms", "/api/disconnect", "/sse",
	}
	user := e.bearer("ann", room.Everything())
	for i, body := range []string{
		`{"room":"a","as":{"user":"u"},"event":{"text":"x","data":{"a":[1]},"id":"k"}}`,
		`{"room":"a","as":{"user":"u","name":"U"},"events":[{"kind":"react","target":1,"emoji":"x"},{}]}`,
		`{"type":"broadcast","room":"a","as":{"user":"u"},"data":null}`,
		`{"room":"a","around":1,"limit":2,"changes":true}`, ` {"room":"ä"} `, `{"prefix":"a","limit":5,"after":"b"}`, `{"user":"u"}`,
		`{"id":1,"type":"positions","rooms":["a","b"]}`, `{}`, `[]`, `{"room":1e400}`, "{\"room\":\"\xff\"}", `{"type":{},"as":[]}`,
	} {
		f.Add(uint8(i), body, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, path uint8, body string, withIdempotency bool) {
		r := httptest.NewRequest(http.MethodPost, "http://localhost"+paths[int(path)%len(paths)], strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if r.URL.Path == "/sse" {
			name, value, _ := strings.Cut(user, ": ")
			r.Header.Set(name, value)
		} else {
			r.Header.Set("X-API-Key", apiKey)
		}
		if withIdempotency {
			r.Header.Set("Idempotency-Key", "k")
		}
		w := httptest.NewRecorder()
		e.srv.Handler().ServeHTTP(w, r)
		require.NotEqual(t, http.StatusInternalServerError, w.Code, "%s", w.Body)
		holdToContract(t, r, reply{w.Code, w.Header(), w.Body.Bytes()})
	})
}

// FuzzPositions gives any text as a Last-Event-ID. What is taken must come back as
// the same positions.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{"", "a=e:1", "a=e:1,b=:0", "%C3%A4=x%2Cy:9007199254740991", "a=e:1,a=e:2", "=:", "a=%zz:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePositions(s)
		if err != nil {
			return
		}
		again, err := parsePositions(string(p.appendTo(nil)))
		require.NoError(t, err)
		require.Equal(t, p, again)
		require.LessOrEqual(t, len(p), maxStreamRooms)
	})
}
