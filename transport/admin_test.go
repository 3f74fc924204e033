package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// sickLog is a log that can be made to refuse, with a reason, to never answer, or
// to panic.
type sickLog struct {
	hub.Log
	reason atomic.Pointer[error]
	silent atomic.Bool
	broken atomic.Bool
}

func (l *sickLog) Health() error {
	if reason := l.reason.Load(); reason != nil {
		return *reason
	}
	return l.Log.Health()
}

func (l *sickLog) Append(name string, records []hub.Record, done func([]hub.Ack)) error {
	switch {
	case l.broken.Load():
		panic("the log is broken")
	case l.silent.Load():
		return nil
	case l.reason.Load() != nil:
		acks := make([]hub.Ack, len(records))
		for i := range acks {
			acks[i].Err = hub.ErrUnavailable
		}
		go done(acks)
		return nil
	}
	return l.Log.Append(name, records, done)
}

func newSickEdge(t testing.TB) (*edge, *sickLog, *strings.Builder) {
	l := new(sickLog)
	var said strings.Builder
	e := newAPIEdge(t, func(c *edgeConfig) {
		l.Log = c.Log
		c.Log, c.Logger = l, zerolog.New(zerolog.SyncWriter(&said))
	})
	return e, l, &said
}

// TestHealthIsWhatTheHubSays where it knows more than the log does.
func TestHealthIsWhatTheHubSays(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Health = func() error { return errors.New("documents: no space") } })
	r := e.call("GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.JSONEq(t, `{"status":"unavailable","reason":"documents: no space"}`, string(r.body))
}

// TestHealthFollowsTheLog: red with the reason, and green again without a restart.
func TestHealthFollowsTheLog(t *testing.T) {
	e, l, _ := newSickEdge(t)
	require.JSONEq(t, `{"status":"ok"}`, string(e.call("GET", "/readyz", "").body))
	full := errors.New("no space left on device")
	l.reason.Store(&full)

	r := e.call("GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, r.status)
	require.JSONEq(t, `{"status":"unavailable","reason":"no space left on device"}`, string(r.body))
	require.Equal(t, http.StatusOK, e.call("GET", "/livez", "").status)
	require.Contains(t, metrics(t, e), "hubbub_log_healthy 0\n")

	r = e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"id":"k","text":"x"}}`, withKey)
	refused(t, r, http.StatusServiceUnavailable, room.CodeUnavailable, "no space left on device")
	r = e.call("POST", "/api/batch", `{"room":"a","as":{"user":"ann"},"events":[{"id":"k1","text":"x"},{"id":"k2","text":"x"}]}`, withKey)
	refused(t, r, http.StatusServiceUnavailable, room.CodeUnavailable, "no space left on device")
	acks := decode[wire.Acks](t, e.call("POST", "/api/batch", `{"room":"a","as":{"user":"ann"},"events":[{"id":"k1","text":"x"},{"text":" "}]}`, withKey))
	require.Equal(t, room.CodeUnavailable, acks.Acks[0].Error.Code, "one of them is the sender's to mend, so each is told")
	require.Equal(t, room.CodeBadRequest, acks.Acks[1].Error.Code)

	l.reason.Store(nil)
	require.Equal(t, http.StatusOK, e.call("GET", "/readyz", "").status)
	require.False(t, decode[wire.Ack](t, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"id":"k","text":"x"}}`, withKey)).Duplicate)
}

// TestPanicIsToldAsAFault: with its text to the operator, without it to the caller,
// and nobody else is any the worse.
func TestPanicIsToldAsAFault(t *testing.T) {
	e, l, said := newSickEdge(t)
	l.broken.Store(true)
	r := e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"text":"x"}}`, withKey)
	refused(t, r, http.StatusInternalServerError, room.CodeInternal, "the operator's log says why")
	require.NotContains(t, string(r.body), "broken")
	require.Contains(t, said.String(), "the log is broken")

	req, err := http.NewRequest("POST", "http://"+e.addr+"/sse", strings.NewReader(`{"id":1,"type":"publish","room":"a","event":{"text":"x"}}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+e.token("ann", room.Everything()))
	_, err = (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.Error(t, err, "the connection is cut")
	l.broken.Store(false)
	require.Equal(t, http.StatusOK, e.call("POST", "/api/publish", `{"room":"a","as":{"user":"ann"},"event":{"text":"x"}}`, withKey).status)
}

// TestSilentLog: a log that never answers must not keep a request for ever.
func TestSilentLog(t *testing.T) {
	e, l, _ := newSickEdge(t)
	l.silent.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.srv.answer(ctx, room.Caller{User: "ann", Grants: room.Everything()}, &wire.Publish{Room: "a", Event: room.Command{Kind: room.KindMessage, Text: "x"}})
	require.Equal(t, room.CodeUnavailable, room.AsError(err).Code)
}

func metrics(t testing.TB, e *edge) string {
	t.Helper()
	w := get(e.srv.Admin(), "GET", "/metrics", "Host", "localhost")
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	e := newAPIEdge(t)
	p := e.as(e.token("ann", room.Everything()))
	ask[wire.Joined](p, &wire.Join{Room: "a"})
	e.say("a", "x")
	push[wire.EventPush](p)
	e.call("POST", "/api/publish", `{}`, withKey)
	text := metrics(t, e)
	for _, line := range []string{
		"hubbub_hub_sessions 1\n", "hubbub_hub_rooms 1\n", "hubbub_hub_members 1\n", "hubbub_hub_published_total 1\n",
		"hubbub_hub_deliveries_total 1\n", "hubbub_log_healthy 1\n", `hubbub_build_info{version="test"} 1` + "\n",
		`hubbub_http_requests_total{path="/api/publish",status="200"} 1` + "\n",
		`hubbub_http_requests_total{path="/api/publish",status="400"} 1` + "\n",
		`hubbub_http_request_seconds_count{path="/api/publish"} 2` + "\n",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		require.Contains(t, text, line)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	ours := regexp.MustCompile(`(?m)^# TYPE (hubbub_\S+) (\S+)$`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, ours)
	name := regexp.MustCompile(`^hubbub_[a-z]+(_[a-z]+)+$`)
	for _, m := range ours {
		require.Regexp(t, name, m[1])
		require.Equal(t, m[2] == "counter", strings.HasSuffix(m[1], "_total"), m[1])
	}
	require.NotContains(t, text, "ann", "no label for a user or a room")
}

func TestAdminRoutes(t *testing.T) {
	h := newAPIEdge(t).srv.Admin()
	ask := func(path string, headers ...string) *httptest.ResponseRecorder {
		return get(h, "GET", path, headers...)
	}
	require.Contains(t, ask("/debug/pprof/").Body.String(), "goroutine")
	require.Equal(t, http.StatusOK, ask("/debug/pprof/goroutine?debug=1").Code)
	require.Equal(t, http.StatusNotFound, ask("/debug/pprof/cmdline").Code, "it would show secrets that were given as flags")
	require.Equal(t, http.StatusForbidden, ask("/metrics", "Origin", "https://evil.example").Code)
	require.Equal(t, http.StatusForbidden, ask("/metrics", "Sec-Fetch-Site", "cross-site").Code)
	require.Equal(t, http.StatusNotFound, ask("/api/rooms").Code)
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		require.NotEqual(t, http.StatusOK, get(newAPIEdge(t).srv.Handler(), "GET", path).Code, "not on the main listener")
	}
}
