// Package web holds the browser client as it was built, for the hub to serve.
//
// The files come from web/app (npm run build in web/). They are not kept in git:
// a program that was compiled without building the page first has none of them,
// and Built says so.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

// The folder's own .gitignore is always there, so that the pattern matches before
// the first build too.
//
//go:embed all:app/dist
var files embed.FS

// ContentSecurityPolicy is the value of the Content-Security-Policy header that
// the page is made for. Send it with every file.
//
// It allows no script, style, picture or connection from anywhere but the hub, no
// script or style inside the page, and no text that becomes HTML except through the
// two policies named: Svelte's, for its compiled templates, and DOMPurify's, for
// what people write.
const ContentSecurityPolicy = "default-src 'none'; " +
	"script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html dompurify"

// App gives the page's files, with index.html at the top.
//
//   - index.html is the page for "/" and for every address under "/r/"; it must be
//     asked for again each time (Cache-Control: no-cache).
//   - What lies under assets/ has the hash of its contents in its name and never
//     changes (Cache-Control: public, max-age=31536000, immutable).
//   - Beside each file of text lie the same bytes compressed, as name.br and name.gz,
//     to be sent to clients that take them (Content-Encoding, and Vary: Accept-Encoding).
func App() fs.FS {
	app, err := fs.Sub(files, "app/dist")
	if err != nil {
		panic(fmt.Sprintf("web: app/dist is no path: %v", err)) // a constant, so it cannot be
	}
	return app
}

// Built reports whether the page was built before this program was compiled.
func Built() bool {
	_, err := fs.Stat(App(), "index.html")
	return err == nil
}
