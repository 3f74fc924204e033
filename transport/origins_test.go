package transport

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestOrigins(t *testing.T) {
	allowed := []string{"https://chat.example.com", "http://dev.example.com:3000", "https://[2001:db8::1]", "capacitor://localhost", "HTTPS://Upper.Example:443/"}
	for _, c := range []struct {
		name, host string
		headers    []string // in pairs
		ok         bool
		cross      string
	}{
		{"a program", "hub.example", nil, true, ""},
		{"a page of the hub, over TLS that ends elsewhere", "hub.example", []string{"Origin", "https://hub.example"}, true, ""},
		{"a page of the hub, plain", "hub.example", []string{"Origin", "http://hub.example"}, true, ""},
		{"with its port", "hub.example:8080", []string{"Origin", "http://hub.example:8080"}, true, ""},
		{"with the usual port in Host", "hub.example:443", []string{"Origin", "https://hub.example"}, true, ""},
		{"with the usual port in both", "hub.example:80", []string{"Origin", "http://hub.example:80"}, true, ""},
		{"in other case", "Hub.Example", []string{"Origin", "https://hub.exAMPLE"}, true, ""},
		{"IPv6", "[::1]:8080", []string{"Origin", "http://[::1]:8080"}, true, ""},
		{"the browser says same origin", "hub.example", []string{"Sec-Fetch-Site", "same-origin"}, true, ""},
		{"typed into the address bar", "hub.example", []string{"Sec-Fetch-Site", "none"}, true, ""},
		{"allowed", "hub.example", []string{"Origin", "https://chat.example.com", "Sec-Fetch-Site", "cross-site"}, true, "https://chat.example.com"},
		{"allowed with a port", "hub.example", []string{"Origin", "http://dev.example.com:3000"}, true, "http://dev.example.com:3000"},
		{"allowed IPv6", "hub.example", []string{"Origin", "https://[2001:db8::1]"}, true, "https://[2001:db8::1]"},
		{"allowed app", "hub.example", []string{"Origin", "capacitor://localhost"}, true, "capacitor://localhost"},
		{"allowed, written otherwise", "hub.example", []string{"Origin", "https://upper.example"}, true, "https://upper.example"},

		{"other host", "hub.example", []string{"Origin", "https://evil.example"}, false, ""},
		{"suffix", "hub.example", []string{"Origin", "https://evilhub.example"}, false, ""},
		{"prefix", "hub.example", []string{"Origin", "https://hub.example.evil.com"}, false, ""},
		{"subdomain", "hub.example", []string{"Origin", "https://a.hub.example"}, false, ""},
		{"parent", "a.hub.example", []string{"Origin", "https://hub.example"}, false, ""},
		{"other port", "hub.example", []string{"Origin", "https://hub.example:8443"}, false, ""},
		{"other port on loopback", "localhost:8080", []string{"Origin", "http://localhost:3000"}, false, ""},
		{"the usual port of the other scheme", "hub.example", []string{"Origin", "https://hub.example:80"}, false, ""},
		{"null", "hub.example", []string{"Origin", "null"}, false, ""},
		{"empty", "hub.example", []string{"Origin", ""}, false, ""},
		{"no scheme", "hub.example", []string{"Origin", "hub.example"}, false, ""},
		{"a path", "hub.example", []string{"Origin", "https://hub.example/x"}, false, ""},
		{"user info", "hub.example", []string{"Origin", "https://hub.example@evil.example"}, false, ""},
		{"the hub as user info", "hub.example", []string{"Origin", "https://evil.example@hub.example"}, false, ""},
		{"two origins", "hub.example", []string{"Origin", "https://hub.example", "Origin", "https://evil.example"}, false, ""},
		{"two in one", "hub.example", []string{"Origin", "https://hub.example https://evil.example"}, false, ""},
		{"another scheme with our host", "hub.example", []string{"Origin", "chrome-extension://hub.example"}, false, ""},
		{"allowed host, plain", "hub.example", []string{"Origin", "http://chat.example.com"}, false, ""},
		{"allowed host, other port", "hub.example", []string{"Origin", "https://chat.example.com:444"}, false, ""},
		{"below an allowed host", "hub.example", []string{"Origin", "https://x.chat.example.com"}, false, ""},
		{"dot at the end", "hub.example", []string{"Origin", "https://hub.example."}, false, ""},
		{"cross-site without Origin", "hub.example", []string{"Sec-Fetch-Site", "cross-site"}, false, ""},
		{"same site is not same origin", "hub.example", []string{"Sec-Fetch-Site", "same-site"}, false, ""},
		{"a foreign page with a cookie", "hub.example", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "a=b"}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			r.Host = c.host
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			cross, err := newOrigins(allowed, func() bool { return false }).check(r)
			require.Equal(t, c.cross, cross)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, room.CodeForbidden, room.AsError(err).Code)
		})
	}
}

// TestNamesOfThisMachine: while guests are let in on loopback, a page whose name
// was pointed there must not pass for the hub's own.
func TestNamesOfThisMachine(t *testing.T) {
	for _, c := range []struct {
		name, local, host string
		guests, ok        bool
	}{
		{"localhost", "127.0.0.1", "localhost:8080", true, true},
		{"a name below localhost", "127.0.0.1", "hub.localhost:8080", true, true},
		{"its address", "127.0.0.1", "127.0.0.1:8080", true, true},
		{"another of its addresses", "127.0.0.1", "127.8.8.8", true, true},
		{"IPv6", "::1", "[::1]:8080", true, true},
		{"IPv6 without port", "::1", "[::1]", true, true},
		{"a proxy on this machine, allowed", "127.0.0.1", "chat.example.com", true, true},
		{"the same with its port", "127.0.0.1", "Chat.example.com:443", true, true},
		{"rebound name", "127.0.0.1", "evil.example:8080", true, false},
		{"like localhost", "127.0.0.1", "localhost.evil.example", true, false},
		{"an address as a name", "127.0.0.1", "127.0.0.1.evil.example", true, false},
		{"a foreign address", "127.0.0.1", "192.0.2.1", true, false},
		{"no host", "127.0.0.1", "", true, false},
		{"any name where nobody gets in without a token", "127.0.0.1", "evil.example", false, true},
		{"any name from the network", "192.0.2.1", "hub.example", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			r.Host = c.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.ParseIP(c.local), Port: 8080})))
			_, err := newOrigins([]string{"https://chat.example.com"}, func() bool { return c.guests }).check(r)
			require.Equal(t, c.ok, err == nil, "%v", err)
		})
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, good := range []string{"https://example.com", "http://localhost:3000", "https://example.com/", "capacitor://localhost"} {
		require.NoError(t, CheckOrigin(good))
	}
	for _, bad := range []string{"", "*", "example.com", "https://", "https://*.example.com", "https://example.com/chat", "https://u:p@example.com", "https://example.com?x", "https://example.com#x", "://"} {
		require.Error(t, CheckOrigin(bad), bad)
	}
}

// TestGuard meets the routes as browsers do.
func TestGuard(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Origins = []string{"https://app.example"} })
	const evil, app = "Origin: https://evil.example", "Origin: https://app.example"
	for _, path := range []string{"/ws", "/sse?room=a"} {
		r := e.call("GET", path, "", evil)
		require.Equal(t, http.StatusForbidden, r.status, path)
		require.Equal(t, room.CodeForbidden, r.code(t))
		require.Empty(t, r.header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, r.header.Values("Vary"), "Origin")
	}
	require.Equal(t, http.StatusForbidden, e.call("POST", "/api/history", `{"room":"a"}`, withKey, evil).status)
	require.Equal(t, http.StatusForbidden, e.call("POST", "/api/history", `{"room":"a"}`, withKey, "Host: evil.example").status)
	require.Equal(t, http.StatusForbidden, e.call("OPTIONS", "/api/history", "", evil).status)

	r := e.call("POST", "/api/history", `{"room":"a"}`, e.bearer("ann", room.Everything()), app)
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "https://app.example", r.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, r.header.Get("Access-Control-Allow-Credentials"))

	r = e.call("OPTIONS", "/api/history", "", app, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
	require.Equal(t, http.StatusNoContent, r.status)
	require.Contains(t, r.header.Get("Access-Control-Allow-Headers"), "Authorization")
	require.NotContains(t, r.header.Get("Access-Control-Allow-Headers"), "X-API-Key", "keys have no place in browsers")
	r = e.call("OPTIONS", "/api/history", "")
	require.Empty(t, r.header.Get("Access-Control-Allow-Methods"))

	for _, path := range []string{"/livez", "/readyz"} {
		require.Equal(t, http.StatusOK, e.call("GET", path, "", evil).status, path)
	}
	for _, path := range []string{"/ws?token=x", "/ws?access_token=x", "/sse?room=a&jwt=x"} {
		refused(t, e.call("GET", path, ""), 400, room.CodeBadRequest, "a URL is no place for a secret")
	}
}
