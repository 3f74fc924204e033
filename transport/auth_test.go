package transport

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"/yjs/a":                              "/yjs/a",
		"/yjs/a%2Fb%0A?x=1":                   "/yjs/a%2Fb%0A?x=1",
		"/yjs/a?token=hidden":                 "/yjs/a?token=...",
		"/yjs/a?x=1&token=hidden&y=2":         "/yjs/a?x=1&token=...&y=2",
		"/yjs/a?token=hidden&token=hidden":    "/yjs/a?token=...&token=...",
		"/yjs/a?Token=hidden&API_KEY=hidden":  "/yjs/a?Token=...&API_KEY=...",
		"/yjs/a?%74oken=hidden&jwt=hidden":    "/yjs/a?%74oken=...&jwt=...",
		"/yjs/a?token=hidden=&apikey=hidden":  "/yjs/a?token=...&apikey=...",
		"/yjs/a?x;token=hidden&y=2":           "/yjs/a?...&y=2",
		"/yjs/a?%zztoken=hidden":              "/yjs/a?...",
		"/yjs/a?access_token=hidden&tokens=1": "/yjs/a?access_token=...&tokens=1",
		"http://u:hidden@host/ws?token":       "/ws?token=...",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		require.Equal(t, want, redacted(u), in)
	}
}

// What the operator is told of a request does not hold the token of its URL.
func TestLogHoldsNoToken(t *testing.T) {
	said := new(lines)
	e := newEdge(t, func(c *edgeConfig) { c.Logger = zerolog.New(said) })
	r := httptest.NewRequest(http.MethodGet, "/yjs/notes?token=hidden&x=1", nil)
	e.srv.writeError(httptest.NewRecorder(), r, errors.New("a fault"))
	require.Panics(t, func() {
		e.srv.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a fault") })).ServeHTTP(httptest.NewRecorder(), r)
	})
	require.Len(t, said.all(), 2)
	for _, line := range said.all() {
		require.Contains(t, line, `"/yjs/notes?token=...&x=1"`)
	}
}

// Documents have the origin policy of all that can be used, and y-websocket, which has
// no other place for it, may send its token in the URL.
func TestGuardOfDocuments(t *testing.T) {
	e := newEdge(t)
	passed := e.srv.guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	ask := func(url string, headers ...string) int {
		r, w := httptest.NewRequest(http.MethodGet, url, nil), httptest.NewRecorder()
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		passed.ServeHTTP(w, r)
		if w.Code != http.StatusTeapot {
			require.NotContains(t, w.Body.String(), "hidden")
			require.Contains(t, w.Body.String(), string(map[int]room.Code{400: room.CodeBadRequest, 403: room.CodeForbidden}[w.Code]))
		}
		return w.Code
	}
	for _, path := range []string{"/yjs/notes", "/yjs/", "/yjs/team/notes", "/hocuspocus"} {
		require.Equal(t, http.StatusTeapot, ask(path))
		require.Equal(t, http.StatusForbidden, ask(path, "Origin", "https://evil.example"), path)
		for _, name := range urlSecrets[1:] {
			require.Equal(t, http.StatusBadRequest, ask(path+"?"+name+"=hidden"), path)
		}
	}
	require.Equal(t, http.StatusTeapot, ask("/yjs/notes?token=hidden"))
	require.Equal(t, http.StatusBadRequest, ask("/yjs/notes?token=hidden&jwt=hidden"))
	for _, path := range []string{"/hocuspocus", "/ws", "/sse", "/api/publish"} {
		require.Equal(t, http.StatusBadRequest, ask(path+"?token=hidden"), path)
	}
}
