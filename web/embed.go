// Package web holds the browser client and the example pages as they were built, for
// the hub to serve.
//
// The files come from web/app and web/examples (npm run build in web/). They are not
// kept in git: a program that was compiled without building them first has none, and
// Built and ExamplesBuilt say so.
package web

import (
	"embed"
	"fmt"
	"io/fs"
)

// Each folder's own .gitignore is always there, so that the pattern matches before
// the first build too.
//
//go:embed all:app/dist all:examples/dist
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

// ExamplesPolicy is the value of the same header for the pages of Examples. Beside
// what the browser client may, editors put styles into the page while they run, draw
// pictures that stand in their styles, and make HTML out of text. Monaco brings a
// worker and a font. None needs a script that is not a file of the hub.
const ExamplesPolicy = "default-src 'none'; " +
	"script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// App gives the page's files, with index.html at the top.
//
//   - index.html is the page for "/" and for every address under "/r/"; it must be
//     asked for again each time (Cache-Control: no-cache).
//   - What lies under assets/ has the hash of its contents in its name and never
//     changes (Cache-Control: public, max-age=31536000, immutable).
//   - Beside each file of text lie the same bytes compressed, as name.br and name.gz,
//     to be sent to clients that take them (Content-Encoding, and Vary: Accept-Encoding).
func App() fs.FS { return folder("app/dist") }

// Built reports whether the page was built before this program was compiled.
func Built() bool { return hasIndex(App()) }

// Examples gives the example pages, one folder for each editor with an index.html in
// it, and one at the top. They are laid out as App's files, except that what lies under
// assets/ and is text is there as name.br and name.gz only, which spares the program
// 6 MB.
func Examples() fs.FS { return folder("examples/dist") }

// ExamplesBuilt reports whether the example pages were built before this program was
// compiled.
func ExamplesBuilt() bool { return hasIndex(Examples()) }

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(fmt.Sprintf("web: %s is no path: %v", name, err)) // a constant, so it cannot be
	}
	return sub
}

func hasIndex(files fs.FS) bool {
	_, err := fs.Stat(files, "index.html")
	return err == nil
}
