package transport

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// page serves the web client or the examples: files that are there from the start,
// each with the compressed forms that the build made of it.
type page struct {
	files  map[string]*pageFile // by path, without the slash in front
	csp    string
	locate func(name string) string // the file for a path
	absent string                   // what to say where there is no index.html
}

type pageFile struct {
	kind  string // Content-Type
	cache string // Cache-Control
	forms []pageForm
}

// pageForm is a file's content under one Content-Encoding.
type pageForm struct {
	coding string // "" is the file itself, and comes last
	tag    string // ETag
	body   []byte
}

const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAsk     = "no-cache" // keep it, and ask whether it is still the one
)

// pageKinds are the types of what a build makes. The system's own table would
// differ from machine to machine.
var pageKinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".map": "application/json",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".jpg": "image/jpeg", ".webp": "image/webp",
	".woff2": "font/woff2", ".ttf": "font/ttf", ".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8",
}

// newPage makes the web client. A room's own address is the page as well: it finds the
// room in the URL.
func newPage(files fs.FS, csp string) http.Handler {
	p := readPage(files, csp)
	p.absent = "This program was built without its web client; `make build` puts it in.\n"
	p.locate = func(name string) string {
		if name == "" || strings.HasPrefix(name, "r/") {
			return "index.html"
		}
		return name
	}
	return p
}

// newExamples makes the pages under /examples/, where each folder has one of its own.
func newExamples(files fs.FS, csp string) http.Handler {
	p := readPage(files, csp)
	p.absent = "This program was built without the examples; `make build` puts them in.\n"
	p.locate = func(name string) string {
		if name == "" || strings.HasSuffix(name, "/") {
			return name + "index.html"
		}
		return name
	}
	return http.StripPrefix("/examples", p)
}

// readPage reads the files; there is no other than what files holds now.
func readPage(files fs.FS, csp string) *page {
	if !strings.Contains(csp, "frame-ancestors") {
		csp = strings.TrimPrefix(strings.TrimRight(csp, "; ")+"; frame-ancestors 'none'", "; ")
	}
	p := &page{files: make(map[string]*pageFile), csp: csp}
	// A file that cannot be read is one that is not served: the answer says so.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return nil
		}
		name = strings.TrimSuffix(name, ".gz")
		if path.Ext(name) == ".br" || p.files[name] != nil {
			return nil
		}
		if f := readPageFile(files, name); f != nil {
			p.files[name] = f
		}
		return nil
	})
	return p
}

func readPageFile(files fs.FS, name string) *pageFile {
	f := &pageFile{kind: pageKinds[path.Ext(name)], cache: cacheAsk}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") { // the build puts the hash of the content into these names
		f.cache = cacheForever
	}
	for _, form := range []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}, {"", ""}} {
		body, err := fs.ReadFile(files, name+form.suffix)
		if err != nil && form.coding == "" && len(f.forms) > 0 {
			body, err = unzip(f.forms[len(f.forms)-1])
		}
		if err != nil {
			continue
		}
		sum := sha256.Sum256(body)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		f.forms = append(f.forms, pageForm{form.coding, tag, body})
	}
	if n := len(f.forms); n == 0 || f.forms[n-1].coding != "" {
		return nil
	}
	return f
}

// unzip makes a file of its gzip form, for a build that left the file itself out.
func unzip(form pageForm) ([]byte, error) {
	if form.coding != "gzip" {
		return nil, fs.ErrNotExist
	}
	r, err := gzip.NewReader(bytes.NewReader(form.body))
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return body, nil
}

// ServeHTTP answers GET and HEAD.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.csp)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	name := p.locate(strings.TrimPrefix(r.URL.Path, "/"))
	f := p.files[name]
	switch {
	case f != nil:
		f.serve(w, r)
	case name == "index.html":
		plain(w, http.StatusNotFound, p.absent)
	case p.files[name+"/index.html"] != nil: // its own addresses are relative to the folder
		h.Set("Location", path.Base(name)+"/"+query(r))
		w.WriteHeader(http.StatusMovedPermanently)
	default:
		plain(w, http.StatusNotFound, "There is nothing at this address.\n")
	}
}

func query(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func (f *pageFile) serve(w http.ResponseWriter, r *http.Request) {
	form := f.choose(r.Header.Get("Accept-Encoding"))
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", form.tag)
	if len(f.forms) > 1 {
		h.Add("Vary", "Accept-Encoding")
	}
	if matches(r.Header.Values("If-None-Match"), form.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if form.coding != "" {
		h.Set("Content-Encoding", form.coding)
	}
	h.Set("Content-Length", strconv.Itoa(len(form.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(form.body).WriteTo(w)
	}
}

// choose gives the first form that the peer takes; the file itself always is one.
func (f *pageFile) choose(accept string) *pageForm {
	for i := range f.forms {
		if form := &f.forms[i]; form.coding == "" || takes(accept, form.coding) {
			return form
		}
	}
	return &f.forms[len(f.forms)-1]
}

// takes reads Accept-Encoding: a coding is taken if it is named with a weight
// above 0.
func takes(accept, coding string) bool {
	for item := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		weight, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		if !ok {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}

// matches compares weakly, as RFC 9110 wants it for If-None-Match.
func matches(sent []string, tag string) bool {
	for _, line := range sent {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
			if item == tag || item == "*" {
				return true
			}
		}
	}
	return false
}
