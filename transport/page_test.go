package transport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func testPage() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"index.html": file("<!doctype html>"), "index.html.br": file("br:index"), "index.html.gz": file("gz:index"),
		"assets/app-B1a2C3d4.js": file("run()"), "assets/app-B1a2C3d4.js.gz": file("gz:run"),
		"favicon.svg": file("<svg/>"), "odd.xyz": file("?"), ".gitignore": file("*"), "lonely.js.br": file("br"),
	}
}

func get(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPage(t *testing.T) {
	h := newPage(testPage(), "default-src 'self'")
	for _, c := range []struct {
		path, accept       string
		status             int
		body, coding, kind string
		cache              string
	}{
		{"/", "", 200, "<!doctype html>", "", "text/html; charset=utf-8", cacheAsk},
		{"/", "gzip, deflate, br", 200, "br:index", "br", "text/html; charset=utf-8", cacheAsk},
		{"/", "gzip, br;q=0", 200, "gz:index", "gzip", "text/html; charset=utf-8", cacheAsk},
		{"/", "GZIP ; Q=0.5", 200, "gz:index", "gzip", "text/html; charset=utf-8", cacheAsk},
		{"/", "gzip;q=nonsense, zstd", 200, "<!doctype html>", "", "text/html; charset=utf-8", cacheAsk},
		{"/r/lobby", "", 200, "<!doctype html>", "", "text/html; charset=utf-8", cacheAsk},
		{"/r/a/b%2Fc:d", "", 200, "<!doctype html>", "", "text/html; charset=utf-8", cacheAsk},
		{"/index.html", "", 200, "<!doctype html>", "", "text/html; charset=utf-8", cacheAsk},
		{"/assets/app-B1a2C3d4.js", "br", 200, "run()", "", "text/javascript; charset=utf-8", cacheForever},
		{"/assets/app-B1a2C3d4.js", "gzip", 200, "gz:run", "gzip", "text/javascript; charset=utf-8", cacheForever},
		{"/favicon.svg", "gzip", 200, "<svg/>", "", "image/svg+xml", cacheAsk},
		{"/odd.xyz", "", 200, "?", "", "application/octet-stream", cacheAsk},
		{"/missing.js", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/r", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/.gitignore", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/index.html.br", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/lonely.js", "br", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/assets/../index.html", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/assets/", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
	} {
		t.Run(c.path+" "+c.accept, func(t *testing.T) {
			w := get(h, "GET", c.path, "Accept-Encoding", c.accept)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			require.Equal(t, c.coding, w.Header().Get("Content-Encoding"))
			require.Equal(t, c.kind, w.Header().Get("Content-Type"))
			require.Equal(t, c.cache, w.Header().Get("Cache-Control"))
			require.Equal(t, "default-src 'self'; frame-ancestors 'none'", w.Header().Get("Content-Security-Policy"))
			require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
			if strings.Contains(c.path, "assets/app") || c.kind == "text/html; charset=utf-8" {
				require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), "caches must keep the forms apart")
			}
		})
	}
}

func TestPageIsAskedForOnce(t *testing.T) {
	h := newPage(testPage(), "frame-ancestors https://portal.example")
	first := get(h, "GET", "/", "Accept-Encoding", "br")
	tag := first.Header().Get("ETag")
	require.Equal(t, "frame-ancestors https://portal.example", first.Header().Get("Content-Security-Policy"), "the operator's own is kept")
	for _, sent := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		w := get(h, "GET", "/", "Accept-Encoding", "br", "If-None-Match", sent)
		require.Equal(t, http.StatusNotModified, w.Code, sent)
		require.Empty(t, w.Body.String())
		require.Equal(t, tag, w.Header().Get("ETag"))
	}
	require.Equal(t, http.StatusOK, get(h, "GET", "/", "Accept-Encoding", "gzip", "If-None-Match", tag).Code, "another form has another tag")
	require.Equal(t, http.StatusOK, get(h, "GET", "/", "Accept-Encoding", "br", "If-None-Match", `"x"`).Code)

	head := get(h, "HEAD", "/")
	require.Equal(t, http.StatusOK, head.Code)
	require.Empty(t, head.Body.String())
	require.Equal(t, "15", head.Header().Get("Content-Length"))
}

func TestPageThatWasNotBuilt(t *testing.T) {
	h := newPage(fstest.MapFS{".gitignore": {Data: []byte("*")}}, "")
	w := get(h, "GET", "/r/lobby")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Contains(t, w.Body.String(), "make build")
	require.Equal(t, "frame-ancestors 'none'", w.Header().Get("Content-Security-Policy"))
}

// TestPageBesideTheRest: the page takes what is left, and no more.
func TestPageBesideTheRest(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.Page, c.CSP = testPage(), "default-src 'self'" })
	r := e.call("GET", "/r/lobby", "")
	require.Equal(t, "<!doctype html>", string(r.body))
	require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"))
	require.Equal(t, 200, e.call("GET", "/", "", "Sec-Fetch-Site: cross-site").status, "others may link to it")
	require.Equal(t, 404, e.call("GET", "/nothing", "").status)
	require.Equal(t, 404, e.call("GET", "/api/nothing", "").status)
	require.Equal(t, "application/json", e.call("GET", "/api/nothing", "").header.Get("Content-Type"))
	require.Equal(t, http.StatusMethodNotAllowed, e.call("POST", "/", "").status)
	require.Equal(t, "application/json", e.call("GET", "/livez", "").header.Get("Content-Type"))
}
