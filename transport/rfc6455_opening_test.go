package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// opening is one request to open a WebSocket, and its answer.
type opening struct {
	rule, name string
	request    string
	status     int // 101: and the connection then works
	protocol   string
	code       wire.CloseCode // with 101: the connection is closed with it instead
}

// The parts of a good request.
var goodOpening = []string{
	"GET /ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
}

// asking is the good request with some lines in the place of those that begin the
// same way, or behind them. A line that ends in a colon takes its header away.
func asking(lines ...string) string {
	all := slices.Clone(goodOpening)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		at := slices.IndexFunc(all, func(l string) bool { return strings.HasPrefix(l, name+":") })
		switch {
		case strings.HasSuffix(line, " HTTP/1.1"), strings.Contains(line, " HTTP/") && !strings.Contains(line, ":"):
			all[0] = line
		case value == "":
			all = slices.Delete(all, at, at+1)
		case at < 0:
			all = append(all, line)
		default:
			all[at] = line
		}
	}
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// adding is the good request with lines behind it, whatever they are.
func adding(lines ...string) string {
	return strings.Join(append(slices.Clone(goodOpening), lines...), "\r\n") + "\r\n\r\n"
}

func requestRows() []opening {
	rows := []opening{
		{rule: "4.1", name: "the example of the RFC", request: asking("Origin: http://localhost"), status: 101},
		{rule: "4.1", name: "with nothing more than it must have", request: asking(), status: 101},
		{rule: "4.1", name: "with a query", request: asking("GET /ws?a=1&b HTTP/1.1"), status: 101},
		{rule: "4.1", name: "with the whole URL", request: asking("GET http://localhost/ws HTTP/1.1"), status: 101},
		{rule: "4.1", name: "POST", request: asking("POST /ws HTTP/1.1"), status: 405},
		{rule: "4.1", name: "PUT", request: asking("PUT /ws HTTP/1.1"), status: 405},
		{rule: "4.1", name: "get", request: asking("get /ws HTTP/1.1"), status: 405},
		{rule: "4.1", name: "HTTP/1.0", request: asking("GET /ws HTTP/1.0"), status: 426},
		{rule: "HTTP", name: "HTTP/3.0", request: asking("GET /ws HTTP/3.0"), status: 505},
		{rule: "HTTP", name: "no HTTP", request: "hello\r\n\r\n", status: 400},
		{rule: "HTTP", name: "the preface of HTTP/2", request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400},
		{rule: "HTTP", name: "a TLS hello", request: "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + strings.Repeat("x", 200) + "\r\n\r\n", status: 400},
		{rule: "4.1", name: "another path below", request: asking("GET /ws/ HTTP/1.1"), status: 404},
		{rule: "4.1", name: "another path in capitals", request: asking("GET /WS HTTP/1.1"), status: 404},
		{rule: "HTTP", name: "no Host", request: asking("Host:"), status: 400},
		{rule: "HTTP", name: "Host twice", request: adding("Host: localhost"), status: 400},
		{rule: "4.1", name: "no Upgrade", request: asking("Upgrade:"), status: 426},
		{rule: "4.1", name: "Upgrade: WebSocket", request: asking("Upgrade: WebSocket"), status: 101},
		{rule: "4.1", name: "Upgrade: WEBSOCKET", request: asking("Upgrade: WEBSOCKET"), status: 101},
		{rule: "4.1", name: "Upgrade to one of two", request: asking("Upgrade: h2c, websocket"), status: 101},
		{rule: "4.1", name: "Upgrade: h2c", request: asking("Upgrade: h2c"), status: 426},
		{rule: "4.1", name: "Upgrade: websockets", request: asking("Upgrade: websockets"), status: 426},
		{rule: "4.1", name: "no Connection", request: asking("Connection:"), status: 426},
		{rule: "4.1", name: "Connection: upgrade", request: asking("Connection: upgrade"), status: 101},
		{rule: "4.1", name: "Connection as Firefox has it", request: asking("Connection: keep-alive, Upgrade"), status: 101},
		{rule: "4.1", name: "Connection in two lines", request: asking("Connection: keep-alive\r\nConnection: Upgrade"), status: 101},
		{rule: "4.1", name: "Connection: keep-alive", request: asking("Connection: keep-alive"), status: 426},
		{rule: "4.1", name: "Connection: close", request: asking("Connection: close"), status: 426},
		{rule: "4.4", name: "no version", request: asking("Sec-WebSocket-Version:"), status: 400},
		{rule: "4.4", name: "version 8", request: asking("Sec-WebSocket-Version: 8"), status: 400},
		{rule: "4.4", name: "version 14", request: asking("Sec-WebSocket-Version: 14"), status: 400},
		{rule: "4.4", name: "two versions", request: asking("Sec-WebSocket-Version: 13, 8"), status: 400},
		{rule: "4.4", name: "version thirteen", request: asking("Sec-WebSocket-Version: thirteen"), status: 400},
		{rule: "4.1", name: "a key with space around it", request: asking("Sec-WebSocket-Key:   dGhlIHNhbXBsZSBub25jZQ== "), status: 101},
	}
	for name, key := range map[string]string{
		"of nothing": "", "of 15 bytes": "AAAAAAAAAAAAAAAAAAAA", "of 17 bytes": "AAAAAAAAAAAAAAAAAAAAAAA=", "without padding": "dGhlIHNhbXBsZSBub25jZQ",
		"that is not base64": "hello, hello, hello, hel", "for URLs": "_-__-__-__-__-__-__-_w==", "of 8 KiB": strings.Repeat("A", 8192),
	} {
		line := "Sec-WebSocket-Key: " + key
		if key == "" {
			line = "Sec-WebSocket-Key:"
		}
		rows = append(rows, opening{rule: "4.1", name: "a key " + name, request: asking(line), status: 400})
	}
	return append(rows,
		opening{rule: "4.1", name: "two keys", request: adding("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), status: 400},
		opening{rule: "10", name: "a body, which could be taken for frames", request: asking("Content-Length: 4") + "\x89\x80\x00\x00", status: 400},
		opening{rule: "10", name: "a chunked body", request: asking("Transfer-Encoding: chunked") + "0\r\n\r\n", status: 400},
		opening{rule: "hubbub", name: "a token in the URL", request: asking("GET /ws?token=abc HTTP/1.1"), status: 400},
		opening{rule: "hubbub", name: "an access_token in the URL", request: asking("GET /ws?access_token=abc HTTP/1.1"), status: 400},
	)
}

func headerRows() []opening {
	many := func(n int) string {
		return adding(strings.Split(strings.TrimSuffix(strings.Repeat("X-A: b\n", n), "\n"), "\n")...)
	}
	rows := []opening{
		{rule: "10.4", name: "100 headers", request: many(100), status: 101},
		{rule: "10.4", name: "10,000 headers", request: many(10_000), status: 431},
		{rule: "10.4", name: "a header of 8 KiB", request: adding("X-A: " + strings.Repeat("a", 8<<10)), status: 101},
		{rule: "10.4", name: "a header of 1 MiB", request: adding("X-A: " + strings.Repeat("a", 1<<20)), status: 431},
		{rule: "10.4", name: "a header's name of 1 MiB", request: adding(strings.Repeat("a", 1<<20) + ": x"), status: 431},
		{rule: "10.4", name: "a path of 1 MiB", request: asking("GET /ws?" + strings.Repeat("a", 1<<20) + " HTTP/1.1"), status: 431},
		{rule: "HTTP", name: "a line without a colon", request: adding("X-A"), status: 400},
		{rule: "HTTP", name: "a space before the colon", request: adding("X-A : b"), status: 400},
		{rule: "HTTP", name: "NUL in a value", request: adding("X-A: a\x00b"), status: 400},
		{rule: "4.1", name: "a value that is not UTF-8", request: adding("User-Agent: \xff\xfe\x80"), status: 101},
		{rule: "HTTP", name: "a name that is not ASCII", request: adding("X-\xc3\xa9: b"), status: 400},
		{rule: "4.1", name: "headers in small letters", request: strings.Replace(strings.ToLower(asking("Sec-WebSocket-Key:")), "get /ws http/1.1", "GET /ws HTTP/1.1\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", 1), status: 101},
	}
	for _, offer := range []struct {
		value, picked string
		ok            bool
	}{
		{"hubbub.v1.json", "hubbub.v1.json", true},
		{"other, hubbub.v1.json", "hubbub.v1.json", true},
		{"hubbub.v1.json,other", "hubbub.v1.json", true},
		{"hubbub.v1.json, hubbub.v1.json", "hubbub.v1.json", true},
		{"a\r\nSec-WebSocket-Protocol: hubbub.v1.json", "hubbub.v1.json", true},
		{" ,, hubbub.v1.json ,", "hubbub.v1.json", true},
		{strings.Repeat("p,", 4000) + "hubbub.v1.json", "hubbub.v1.json", true},
		{"hubbub.v2.json", "", false},
		{"hubbub.v1.json;q=1", "", false},
		{"hubbub", "", false},
		{"graphql-ws, mqtt", "", false},
		{"__proto__", "", false},
		{"constructor, toString, valueOf", "", false},
		{",", "", false},
		{"\"hubbub.v1.json\"", "", false},
		{strings.Repeat("p,", 4000), "", false},
	} {
		row := opening{rule: "4.2.2", name: fmt.Sprintf("subprotocol %.40q (%d bytes)", offer.value, len(offer.value)), request: adding("Sec-WebSocket-Protocol: " + offer.value), status: 101, protocol: offer.picked}
		if !offer.ok {
			row.code = wire.CloseBadProtocol
		}
		rows = append(rows, row)
	}
	for _, ext := range []string{
		"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"permessage-deflate; server_max_window_bits=8", "permessage-deflate; client_max_window_bits=99", "permessage-deflate; a=b; a=c", "permessage-deflate, permessage-deflate",
		"x-webkit-deflate-frame", "permessage-bzip2", "__proto__", "constructor; prototype=1", "hasOwnProperty, toString; valueOf", ";;;", ",,,", "=", "a=\"b", "a; b=\"c;d\", e",
		"\xff\xfe", strings.Repeat("x; y, ", 2000), strings.Repeat(";", 8000),
	} {
		rows = append(rows, opening{rule: "9.1", name: fmt.Sprintf("extensions %.40q (%d bytes)", ext, len(ext)), request: adding("Sec-WebSocket-Extensions: " + ext), status: 101})
	}
	return rows
}

func originRows() []opening {
	var rows []opening
	from := func(host, origin string, status int) {
		rows = append(rows, opening{rule: "10.2", name: fmt.Sprintf("origin %q to %s", origin, host), request: asking("Host: "+host, "Origin: "+origin), status: status})
	}
	for _, o := range []string{
		"http://localhost:8080", "https://localhost:8080", "HTTP://LOCALHOST:8080", "https://app.example.com", "HTTPS://App.Example.COM", "https://app.example.com:443",
	} {
		from("localhost:8080", o, 101)
	}
	for _, o := range []string{
		"null", "http://localhost", "http://localhost:8081", "http://localhost:80800", "http://evillocalhost:8080", "http://localhost.evil.com:8080", "http://localhost:8080.evil.com",
		"http://localhost:8080@evil.com", "http://evil.com@localhost:8080", "http://evil.com/localhost:8080", "http://evil.com#localhost:8080", "http://localhost.:8080", "file://", "file://localhost:8080", "//localhost:8080",
		"localhost:8080", "chrome-extension://localhost:8080", "http://app.example.com", "https://app.example.com.evil.com", "https://evilapp.example.com", "https://example.com",
		"https://app.example.com:444", "https://app.example.com, https://evil.com", "http://127.0.0.1:8080", "http://[::1]:8080", "http://%6cocalhost:8080.evil.com", "*", "\xff", strings.Repeat("a", 4000),
	} {
		from("localhost:8080", o, 403)
	}
	from("127.0.0.1:8080", "http://127.0.0.1:8080", 101)
	from("[::1]:8080", "http://[::1]:8080", 101)
	from("[::1]:8080", "http://[::2]:8080", 403)
	from("[::1]:8080", "http://::1:8080", 403)
	from("localhost", "http://localhost:80", 101)
	from("localhost", "https://localhost:443", 101)
	from("localhost", "https://localhost:80", 403)
	return append(rows,
		opening{rule: "10.2", name: "two origins, one of them good", request: asking("Host: localhost", "Origin: http://localhost\r\nOrigin: http://evil.com"), status: 403},
		opening{rule: "10.2", name: "a name that was made to point here", request: asking("Host: evil.com", "Origin: http://evil.com"), status: 403},
		opening{rule: "10.2", name: "a name that was made to point here, without an origin", request: asking("Host: evil.com"), status: 403},
		opening{rule: "10.2", name: "no origin, as of another site", request: asking("Sec-Fetch-Site: cross-site"), status: 403},
		opening{rule: "10.2", name: "a cookie changes nothing", request: asking("Origin: http://evil.com", "Cookie: session=1"), status: 403},
	)
}

// TestRFC6455Openings holds the hub to the rows, each as the network may give it.
func TestRFC6455Openings(t *testing.T) {
	rows := slices.Concat(requestRows(), headerRows(), originRows())
	inChops(t, func(t *testing.T, e *edge) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) { row.run(e.with(t).raw()) })
		}
		t.Logf("%d rows", len(rows))
	}, func(c *edgeConfig) { c.Origins = []string{"https://app.example.com"} })
}

func (row *opening) run(p *peer) {
	p.t.Helper()
	send := []byte(row.request)
	if row.status == http.StatusSwitchingProtocols && row.code == 0 {
		send = append(send, text(connectText)...) // at once, as a client may
	}
	go func() { _, _ = p.conn.Write(send) }() // a request that is too large is not read to its end
	res := p.response()
	defer func() { _ = res.Body.Close() }()
	require.Equal(p.t, row.status, res.StatusCode, "RFC 6455, section %s", row.rule)
	if row.status != http.StatusSwitchingProtocols {
		row.refused(p, res)
		return
	}
	require.Equal(p.t, "websocket", strings.ToLower(res.Header.Get("Upgrade")))
	require.Equal(p.t, "upgrade", strings.ToLower(res.Header.Get("Connection")))
	require.Equal(p.t, []string{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, res.Header.Values("Sec-WebSocket-Accept"))
	if agreed := res.Header.Get("Sec-WebSocket-Extensions"); agreed != "" {
		// Only what was offered is agreed to, and never a window that is kept.
		require.Contains(p.t, row.request, "permessage-deflate")
		require.ElementsMatch(p.t, strings.Split(noTakeover, "; "), strings.Split(agreed, "; "))
	}
	require.Equal(p.t, row.protocol, strings.Join(res.Header.Values("Sec-WebSocket-Protocol"), "|"))
	if row.code != 0 {
		p.cut(row.code)
		return
	}
	require.Equal(p.t, uint64(1), p.next().ID)
	p.bye()
}

// refused checks that a refusal says why and leads to nothing. What is no HTTP at
// all is net/http's to answer, which it does tersely, and resets the connection.
func (row *opening) refused(p *peer, res *http.Response) {
	p.t.Helper()
	if row.rule == "HTTP" {
		return
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	require.NoError(p.t, err)
	require.NotEmpty(p.t, bytes.TrimSpace(body), "an answer that says what was wrong")
	require.Empty(p.t, res.Header.Values("Sec-WebSocket-Accept"))
	if row.rule == "4.4" {
		require.Equal(p.t, "13", res.Header.Get("Sec-WebSocket-Version"), "the version that would be right")
	}
}
