package transport

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func zipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &fstest.MapFile{Data: buf.Bytes()}
}

func testExamples(t *testing.T) fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"index.html": file("list"), "quill/index.html": file("quill"), "quill/index.html.br": file("br:quill"),
		"assets/quill-B1a2C3d4.js.br": file("br:run"), "assets/quill-B1a2C3d4.js.gz": zipped(t, "run()"),
		"assets/broken.js.gz": file("not gzip"), "assets/lonely.js.br": file("br"), "assets/icons.ttf": file("font"),
	}
}

func TestExamples(t *testing.T) {
	h := newExamples(testExamples(t), "default-src 'self'")
	for _, c := range []struct {
		path, accept       string
		status             int
		body, coding, kind string
		cache              string
	}{
		{"/examples/", "", 200, "list", "", "text/html; charset=utf-8", cacheAsk},
		{"/examples/quill/", "", 200, "quill", "", "text/html; charset=utf-8", cacheAsk},
		{"/examples/quill/", "br", 200, "br:quill", "br", "text/html; charset=utf-8", cacheAsk},
		{"/examples/assets/quill-B1a2C3d4.js", "br", 200, "br:run", "br", "text/javascript; charset=utf-8", cacheForever},
		{"/examples/assets/quill-B1a2C3d4.js", "", 200, "run()", "", "text/javascript; charset=utf-8", cacheForever},
		{"/examples/assets/icons.ttf", "br", 200, "font", "", "font/ttf", cacheForever},
		{"/examples/assets/broken.js", "gzip", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/examples/assets/lonely.js", "br", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/examples/word/", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
		{"/examples/r/lobby", "", 404, "There is nothing at this address.\n", "", "text/plain; charset=utf-8", "no-store"},
	} {
		t.Run(c.path+" "+c.accept, func(t *testing.T) {
			w := get(h, "GET", c.path, "Accept-Encoding", c.accept)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			require.Equal(t, c.coding, w.Header().Get("Content-Encoding"))
			require.Equal(t, c.kind, w.Header().Get("Content-Type"))
			require.Equal(t, c.cache, w.Header().Get("Cache-Control"))
			require.Equal(t, "default-src 'self'; frame-ancestors 'none'", w.Header().Get("Content-Security-Policy"))
		})
	}
}

// A page's own addresses are relative to its folder.
func TestExamplesRedirectIntoTheFolder(t *testing.T) {
	h := newExamples(testExamples(t), "")
	w := get(h, "GET", "/examples/quill?doc=a%2Fb&user=Ann")
	require.Equal(t, http.StatusMovedPermanently, w.Code)
	require.Equal(t, "quill/?doc=a%2Fb&user=Ann", w.Header().Get("Location"))
}

// Without the setting there is nothing at their address, and with it the client's own
// page stays as it was.
func TestExamplesAreServedOnlyIfAskedFor(t *testing.T) {
	off := (&Server{cfg: Config{Page: testPage()}})
	off.api = newAPI(off)
	require.Equal(t, http.StatusNotFound, get(off.routes(), "GET", "/examples/").Code)

	on := &Server{cfg: Config{Page: testPage(), CSP: "script-src 'self'", Examples: testExamples(t), ExamplesCSP: "script-src 'none'"}}
	on.api = newAPI(on)
	w := get(on.routes(), "GET", "/examples/quill/")
	require.Equal(t, "quill", w.Body.String())
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'none'")
	w = get(on.routes(), "GET", "/")
	require.Equal(t, "<!doctype html>", w.Body.String())
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'self'")
}
