package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// The HTTP API of documents. A document's name is one segment of the path, with its
// slashes written as %2F: behind it may stand what is asked of the document. DOCS.md
// tells of it with examples.

const (
	// docViews is how many documents are integrated at once, each of which takes
	// memory and a core for a moment.
	docViews = 8
	// docArchives is how many archives are given or taken at once.
	docArchives = 4
	// archiveTimeout is how long an export or import may take.
	archiveTimeout = 5 * time.Minute
)

// The media types of bodies and answers.
const (
	typeJSON     = "application/json"
	typeText     = "text/plain"
	typeBytes    = "application/octet-stream"
	typeHTML     = "text/html"
	typeMarkdown = "text/markdown"
	typeZip      = "application/zip"
)

// docEndpoint is one method of one path of documents.
type docEndpoint struct {
	pattern string
	takes   []string // media types of the body; none: there is no body
	most    int64    // bytes of the body
	view    bool     // a document is integrated for it
	archive bool     // many documents are moved by it
	timeout time.Duration
	run     func(context.Context, *docRequest) (any, error)
}

// docRequest is one call of a docEndpoint.
type docRequest struct {
	request
	doc   string
	id    string // of a version or comment
	query url.Values
	kind  string      // media type of the body
	out   http.Header // of the answer
}

// raw is an answer that is no JSON.
type raw struct {
	kind string
	body []byte
}

// streamed is an answer that is made while it is sent.
type streamed struct {
	kind, file string
	write      func(io.Writer) error
}

func (a *api) docEndpoints() []docEndpoint {
	limit := int64(8 << 20)
	if d := a.docs(); d != nil {
		limit = int64(d.Limits().Update)
	}
	text := limit + limit/3 + maxBody // of an update in base64
	return []docEndpoint{
		{pattern: "GET /api/docs", run: a.docList},
		{pattern: "POST /api/docs", takes: []string{typeJSON}, most: text, view: true, run: a.docCreate},
		{pattern: "GET /api/docs/{doc}", view: true, run: a.docRead},
		{pattern: "PUT /api/docs/{doc}", takes: []string{typeJSON, typeText}, most: limit, view: true, run: a.docReplace},
		{pattern: "PATCH /api/docs/{doc}", takes: []string{typeJSON}, most: limit, view: true, run: a.docPatch},
		{pattern: "POST /api/docs/{doc}", takes: []string{typeBytes}, most: limit, run: a.docMerge},
		{pattern: "DELETE /api/docs/{doc}", run: a.docDelete},
		{pattern: "GET /api/docs/{doc}/versions", run: a.docVersions},
		{pattern: "POST /api/docs/{doc}/versions", takes: []string{typeJSON}, most: maxBody, run: a.docMakeVersion},
		{pattern: "GET /api/docs/{doc}/versions/{id}", view: true, run: a.docVersion},
		{pattern: "PATCH /api/docs/{doc}/versions/{id}", takes: []string{typeJSON}, most: maxBody, run: a.docNameVersion},
		{pattern: "DELETE /api/docs/{doc}/versions/{id}", run: a.docDropVersion},
		{pattern: "POST /api/docs/{doc}/versions/{id}/restore", view: true, run: a.docRestore},
		{pattern: "GET /api/docs/{doc}/diff", view: true, run: a.docDiff},
		{pattern: "GET /api/docs/{doc}/comments", view: true, run: a.docComments},
		{pattern: "POST /api/docs/{doc}/comments", takes: []string{typeJSON}, most: maxBody, view: true, run: a.docComment},
		{pattern: "PATCH /api/docs/{doc}/comments/{id}", takes: []string{typeJSON}, most: maxBody, run: a.docResolve},
		{pattern: "DELETE /api/docs/{doc}/comments/{id}", run: a.docWithdraw},
		{pattern: "GET /api/docs-export", archive: true, timeout: archiveTimeout, run: a.docExport},
		{pattern: "POST /api/docs-import", takes: []string{typeZip}, most: maxArchive, archive: true, timeout: archiveTimeout, run: a.docImport},
	}
}

func (a *api) docRoutes(mux *http.ServeMux) {
	if a.docs() == nil {
		return
	}
	for _, e := range a.docEndpoints() {
		_, path, _ := strings.Cut(e.pattern, " ")
		mux.Handle(e.pattern, a.metrics.measure(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer, err := a.serveDoc(w, r, &e)
			if err != nil {
				a.srv.writeError(w, r, err)
				return
			}
			a.writeDoc(w, r, answer)
		})))
	}
}

// serveDoc runs one request; see api.serve.
func (a *api) serveDoc(w http.ResponseWriter, r *http.Request, e *docEndpoint) (answer any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			answer, err = nil, fmt.Errorf("panic: %v", fault)
		}
	}()
	req := &docRequest{doc: r.PathValue("doc"), id: r.PathValue("id"), query: r.URL.Query(), out: w.Header()}
	if req.principal, err = a.identify(r); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), max(e.timeout, requestTimeout))
	defer cancel()
	if e.archive { // before the body, which is large
		done, err := takeTurn(ctx, a.archives)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	if e.timeout > 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.timeout))
	}
	if len(e.takes) > 0 {
		if req.body, req.kind, err = readBodyOf(w, r, e.most, e.takes...); err != nil {
			return nil, err
		}
	}
	if req.key, err = idempotencyKey(r); err != nil {
		return nil, err
	}
	if err := req.speakForQuery(); err != nil {
		return nil, err
	}
	if e.view {
		done, err := takeTurn(ctx, a.views)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	answer, err = e.run(ctx, req)
	return answer, docError(err)
}

// takeTurn waits for one of a number of turns.
func takeTurn(ctx context.Context, turns chan struct{}) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-ctx.Done():
		return nil, room.Errorf(room.CodeUnavailable, "too many documents are being read and edited at once; try again")
	}
}

// speakForQuery takes the author out of ?as=USER&as_name=NAME, for bodies that have no
// place for it.
func (req *docRequest) speakForQuery() error {
	if !req.query.Has("as") {
		return nil
	}
	return req.speakFor(&author{User: req.query.Get("as"), Name: req.query.Get("as_name")})
}

// docError gives what a caller is told of an error of a view, or of bytes that are none
// of a document.
func docError(err error) error {
	said := func(code room.Code) error {
		return room.Errorf(code, "%s", strings.ReplaceAll(err.Error(), "view: ", ""))
	}
	if _, known := errors.AsType[*room.Error](err); known || err == nil {
		return err
	}
	if _, bytes := errors.AsType[*yjs.Error](err); bytes {
		return said(room.CodeBadRequest)
	}
	switch {
	case errors.Is(err, view.ErrTooLarge), errors.Is(err, view.ErrTooDeep):
		return said(room.CodeTooLarge)
	case errors.Is(err, view.ErrRange), errors.Is(err, view.ErrType):
		return said(room.CodeBadRequest)
	}
	return err
}

// writeDoc writes an answer.
func (a *api) writeDoc(w http.ResponseWriter, r *http.Request, answer any) {
	switch answer := answer.(type) {
	case raw:
		// Should a browser ever show it, nothing in it runs.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
		writeBody(w, http.StatusOK, answer.kind, answer.body)
	case streamed:
		h := w.Header()
		h.Set("Content-Type", answer.kind)
		h.Set("Content-Disposition", `attachment; filename="`+answer.file+`"`)
		h.Set("Cache-Control", "no-store")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(archiveTimeout))
		if err := answer.write(w); err != nil {
			a.srv.cfg.Logger.Warn().Err(err).Str("url", redacted(r.URL)).Msg("an answer was cut off")
			panic(http.ErrAbortHandler) // the peer must not take it for whole
		}
	default:
		writeJSON(w, http.StatusOK, encodeAnswer(answer))
	}
}

// place tells where the document stands, in headers of the answer.
func (req *docRequest) place(at hub.Position, generation int) {
	req.out.Set("Hubbub-Epoch", at.Epoch)
	req.out.Set("Hubbub-Seq", strconv.FormatUint(at.Seq, 10))
	req.out.Set("Hubbub-Generation", strconv.Itoa(generation))
}

// whole reads a whole number out of the query.
func (req *docRequest) whole(name string, otherwise, most int) (int, error) {
	s := req.query.Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, room.Errorf(room.CodeBadRequest, "%s: is %.20q; give 1 to %d", name, s, most)
	}
	return n, nil
}
