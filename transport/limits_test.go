package transport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestRateLimits(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newRateLimits(10, 20, 3)
	require.NoError(t, l.take("a", 20, now))
	err := l.take("a", 5, now)
	require.Equal(t, room.CodeRateLimited, room.AsError(err).Code)
	require.Equal(t, 500*time.Millisecond, room.AsError(err).RetryAfter)
	require.Error(t, l.take("a", 5, now.Add(499*time.Millisecond)), "a refusal costs nothing, and gives nothing")
	require.NoError(t, l.take("a", 5, now.Add(500*time.Millisecond)))
	require.NoError(t, l.take("b", 20, now), "others have their own")
	require.NoError(t, l.take("c", 1000, now), "more than can ever be is all that can be")
	require.NoError(t, l.take("c", 0, now))
	require.Error(t, l.take("c", 1, now))
}

func TestRateLimitsAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newRateLimits(1, 1, 100)
	require.NoError(t, l.take("busy", 1, now))
	for i := range 10_000 {
		require.NoError(t, l.take(fmt.Sprint(i), 1, now))
		require.Error(t, l.take("busy", 1, now), "who is seen often is remembered")
		require.LessOrEqual(t, len(l.byKey), 100)
		require.Equal(t, len(l.byKey), l.recent.Len())
	}
}

func TestRemoteKey(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:5":              "192.0.2.7",
		"[::ffff:192.0.2.7]:5":     "192.0.2.7",
		"[2001:db8:1:2:aaaa::1]:5": "2001:db8:1:2::/64",
		"[2001:db8:1:2:bbbb::2]:9": "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:5":      "2001:db8:1:3::/64",
		"[fe80::1%eth0]:5":         "fe80::/64",
		"@":                        "@",
	} {
		key, local := remoteKey(remote)
		require.Equal(t, want, key)
		require.False(t, local)
	}
	for _, remote := range []string{"127.0.0.1:5", "127.9.9.9:5", "[::1]:5", "[::ffff:127.0.0.1]:5"} {
		_, local := remoteKey(remote)
		require.True(t, local, remote)
	}
}

func TestAPIRateLimit(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Limits.Rate, c.Limits.Burst = 0.001, 3 })
	ann := e.bearer("ann", room.Everything())
	for range 3 {
		require.Equal(t, http.StatusOK, e.call("POST", "/api/history", `{"room":"a"}`, ann).status)
	}
	r := e.call("POST", "/api/history", `{"room":"a"}`, ann)
	refused(t, r, http.StatusTooManyRequests, room.CodeRateLimited, "too many requests")
	require.Regexp(t, `^[1-9][0-9]*$`, r.header.Get("Retry-After"))
	require.Contains(t, string(r.body), "retry_after_ms")
	refused(t, e.call("POST", "/sse", `{"id":1,"type":"ping"}`, ann), http.StatusTooManyRequests, room.CodeRateLimited, "")
	require.Equal(t, http.StatusOK, e.call("POST", "/api/history", `{"room":"a"}`, e.bearer("bob", room.Everything())).status)

	events := `{"room":"a","events":[` + strings.Repeat(`{"text":"x"},`, 29) + `{"text":"x"}]}`
	refused(t, e.call("POST", "/api/batch", events, e.bearer("cat", room.Everything())), http.StatusTooManyRequests, room.CodeRateLimited, "")
	for range 10 {
		require.Equal(t, http.StatusOK, e.call("POST", "/api/history", `{"room":"a"}`, withKey).status, "a back end has more")
	}
}

// TestStrangersAreLimited charges bad credentials and guests to their address. The
// test's own connections come over loopback, which is not charged, so the address
// is set.
func TestStrangersAreLimited(t *testing.T) {
	e := newAPIEdge(t)
	from := func(addr, method, path string, headers ...string) int {
		r, err := http.NewRequest(method, path, strings.NewReader("{}"))
		require.NoError(t, err)
		r.RemoteAddr = addr
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		w := newRecorder()
		e.srv.Handler().ServeHTTP(w, r)
		return w.status
	}
	counts := map[int]int{}
	for range strangerBurst + 50 {
		counts[from("192.0.2.1:5", "POST", "/api/rooms", "X-API-Key: guess")]++
	}
	require.GreaterOrEqual(t, counts[401], strangerBurst)
	require.Positive(t, counts[429])
	require.Equal(t, 429, from("192.0.2.1:6", "GET", "/sse?room=a"), "a guest of the same address")
	require.Equal(t, 400, from("192.0.2.1:6", "POST", "/api/rooms", withKey), "who is known is not charged: this fails for its Content-Type")
	require.Equal(t, 401, from("192.0.2.2:5", "POST", "/api/rooms", "X-API-Key: guess"))
	for range strangerBurst + 50 {
		require.Equal(t, 401, from("127.0.0.1:5", "POST", "/api/rooms", "X-API-Key: guess"))
	}
}

// recorder keeps the status alone.
type recorder struct {
	header http.Header
	status int
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }

func TestAPIKeys(t *testing.T) {
	keys := newAPIKeys([]string{"one-key-0123456789-0123456789", "two-key-0123456789-0123456789"})
	require.True(t, keys.holds("one-key-0123456789-0123456789"))
	require.True(t, keys.holds("two-key-0123456789-0123456789"))
	for _, wrong := range []string{"", "one-key", "one-key-0123456789-0123456789 ", "ONE-KEY-0123456789-0123456789"} {
		require.False(t, keys.holds(wrong))
	}
	require.False(t, newAPIKeys(nil).holds(""))
	require.False(t, newAPIKeys([]string{"x"}).holds(""))

	require.NoError(t, CheckAPIKey(strings.Repeat("k", minAPIKey)))
	for _, bad := range []string{"", "short", strings.Repeat("k", minAPIKey) + " ", strings.Repeat("k", minAPIKey) + "é"} {
		err := CheckAPIKey(bad)
		require.Error(t, err)
		if bad != "" {
			require.NotContains(t, err.Error(), bad)
		}
	}
}

func TestBadSettingsLetNobodyIn(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.APIKeys, c.Origins = []string{"", "weak"}, []string{"*"} })
	for _, key := range []string{"", "weak"} {
		require.Equal(t, http.StatusUnauthorized, e.call("POST", "/api/rooms", `{}`, "X-API-Key: "+key).status)
	}
	require.Equal(t, http.StatusForbidden, e.call("GET", "/sse?room=a", "", "Origin: https://evil.example").status)
}
