package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	maxBody      = wire.MaxFrame // bytes of a request's body, as of a frame
	maxBatchBody = 4 << 20       // of a batch, which a back end may fill with 500 events

	requestTimeout = 15 * time.Second // for the log to answer
	answerTimeout  = 30 * time.Second // for the peer to take the answer
)

// api is the HTTP side: requests that are answered at once, for back ends and for
// networks that block WebSockets. openapi.yaml is its contract.
type api struct {
	srv     *Server
	keys    apiKeys
	origins *origins

	callers   *rateLimits   // by user, of those with a token
	backends  *rateLimits   // by API key
	strangers *rateLimits   // by address, of those with neither
	views     chan struct{} // a token for each document that is being integrated
	archives  chan struct{} // a token for each archive under way
	metrics   *httpMetrics
}

func newAPI(s *Server) *api {
	l := s.cfg.Limits
	s.dropBadSettings()
	return &api{
		srv: s, keys: newAPIKeys(s.cfg.APIKeys),
		origins:   newOrigins(s.cfg.Origins, func() bool { return s.cfg.Identity.verifier().Guests() }),
		callers:   newRateLimits(l.Rate, l.Burst, maxLimited),
		backends:  newRateLimits(keyFactor*l.Rate, keyFactor*l.Burst, maxLimited),
		strangers: newRateLimits(strangerRate, strangerBurst, maxLimited),
		views:     make(chan struct{}, docViews),
		archives:  make(chan struct{}, docArchives),
		metrics:   newHTTPMetrics(),
	}
}

// dropBadSettings takes out what whoever built the Config should have refused, with
// CheckAPIKey and CheckOrigin: an empty key would be known to everybody.
func (s *Server) dropBadSettings() {
	drop := func(check func(string) error) func(string) bool {
		return func(v string) bool {
			err := check(v)
			if err != nil {
				s.cfg.Logger.Error().Err(err).Msg("a setting is not used")
			}
			return err != nil
		}
	}
	s.cfg.APIKeys = slices.DeleteFunc(slices.Clone(s.cfg.APIKeys), drop(CheckAPIKey))
	s.cfg.Origins = slices.DeleteFunc(slices.Clone(s.cfg.Origins), drop(CheckOrigin))
}

// endpoint is one path under /api.
type endpoint struct {
	name   string
	most   int64 // bytes of the body
	server bool  // for API keys alone
	run    func(ctx context.Context, req *request) (any, error)
}

// request is one call of an endpoint, by somebody known.
type request struct {
	principal
	body []byte
	key  string // the Idempotency-Key header
}

func (a *api) endpoints() []endpoint {
	return []endpoint{
		{name: "publish", most: maxBody, run: a.publish},
		{name: "batch", most: maxBatchBody, run: a.batch},
		{name: "broadcast", most: maxBody, run: a.broadcast},
		{name: "history", most: maxBody, run: a.history},
		{name: "presence", most: maxBody, run: a.presence},
		{name: "rooms", most: maxBody, server: true, run: a.rooms},
		{name: "disconnect", most: maxBody, server: true, run: a.disconnect},
		{name: "revoke", most: maxBody, server: true, run: a.revoke},
		{name: "ban", most: maxBody, server: true, run: a.ban},
		{name: "unban", most: maxBody, server: true, run: a.unban},
	}
}

func (a *api) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/openapi.yaml", a.serveOpenAPI)
	for _, e := range a.endpoints() {
		mux.Handle("POST /api/"+e.name, a.handler(e))
	}
	mux.Handle("GET /api/bans", a.metrics.measure("/api/bans", http.HandlerFunc(a.bans)))
	mux.Handle("GET /api/rooms/{room}/trace/{id}", a.metrics.measure("/api/rooms/{room}/trace/{id}", http.HandlerFunc(a.trace)))
	a.docRoutes(mux)
	other := func(w http.ResponseWriter, r *http.Request) {
		if allowed := methodsOf(mux, r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", ")+", OPTIONS")
			a.srv.writeErrorStatus(w, r, http.StatusMethodNotAllowed, room.Errorf(room.CodeBadRequest, "method: is %s; this path takes %s", r.Method, strings.Join(allowed, ", ")))
			return
		}
		where := "there is no such endpoint"
		if strings.HasPrefix(r.URL.Path, "/api/docs/") && a.docs() != nil {
			where = "there is no such endpoint; a document's name is one part of the path, its slashes written as %2F"
		}
		a.srv.writeErrorStatus(w, r, http.StatusNotFound, room.Errorf(room.CodeBadRequest, "path: %s; /api/openapi.yaml lists them", where))
	}
	// One pattern for each method: a pattern for all of them would cross "GET /".
	for _, method := range apiMethods {
		mux.HandleFunc(method+anywhereElse, other)
	}
}

// apiMethods are those that endpoints have.
var apiMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// anywhereElse is the pattern of the paths under /api that are no endpoint's.
const anywhereElse = " /api/"

// methodsOf gives the methods that a request's path takes.
func methodsOf(mux *http.ServeMux, r *http.Request) (methods []string) {
	for _, method := range apiMethods {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); strings.Contains(pattern, " /api/") && !strings.HasSuffix(pattern, anywhereElse) {
			methods = append(methods, method)
		}
	}
	return methods
}

// handler answers an endpoint's requests.
func (a *api) handler(e endpoint) http.Handler {
	return a.metrics.measure("/api/"+e.name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := a.serve(w, r, e)
		if err != nil {
			a.srv.writeError(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, encodeAnswer(answer))
	}))
}

// serve runs one request. A fault in it is answered as such, and told to the
// operator by writeError.
func (a *api) serve(w http.ResponseWriter, r *http.Request, e endpoint) (answer any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			answer, err = nil, fmt.Errorf("panic: %v", fault)
		}
	}()
	who, err := a.identify(r)
	if err != nil {
		return nil, err
	}
	if e.server && !who.server {
		return nil, room.Errorf(room.CodeForbidden, "%s: takes an API key, not a user's token", e.name)
	}
	body, err := readBody(w, r, e.most)
	if err != nil {
		return nil, err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	return e.run(ctx, &request{principal: who, body: body, key: key})
}

// principal is who makes a request: a user by their token, or a server by an API
// key, which may do anything in the name of anybody.
type principal struct {
	caller room.Caller
	server bool
	pay    func(cost int) error // charges the caller's rate limit
}

// identify knows the caller by exactly one of the two headers, and charges the
// request.
func (a *api) identify(r *http.Request) (principal, error) {
	who, err := a.known(r)
	if err == nil {
		return who, who.pay(1)
	}
	if limited := a.srv.strange(r.RemoteAddr); limited != nil {
		return principal{}, limited
	}
	return principal{}, err
}

func (a *api) known(r *http.Request) (principal, error) {
	tok, err := bearer(r)
	if err != nil {
		return principal{}, err
	}
	keys := r.Header.Values("X-API-Key")
	switch {
	case tok != "" && len(keys) > 0:
		return principal{}, room.Errorf(room.CodeUnauthorized, "Authorization and X-API-Key: both are sent; send one")
	case tok != "":
		claims, err := a.srv.verify(tok)
		if err != nil {
			return principal{}, err
		}
		return a.user(claims), nil
	case len(keys) == 0:
		return principal{}, room.Errorf(room.CodeUnauthorized, "send Authorization: Bearer with a user's token, or X-API-Key")
	case len(keys) > 1 || !a.keys.holds(keys[0]):
		return principal{}, room.Errorf(room.CodeUnauthorized, "X-API-Key: is not a key of this hub")
	}
	return principal{server: true, caller: room.Caller{Grants: room.Everything()}, pay: func(cost int) error {
		return a.backends.take(keys[0], cost, time.Now())
	}}, nil
}

func (a *api) user(claims token.Claims) principal {
	return principal{caller: claims.Caller(), pay: func(cost int) error {
		return a.callers.take(claims.User, cost, time.Now())
	}}
}

// readBody reads a JSON body of at most so many bytes.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, _, err := readBodyOf(w, r, most, "application/json")
	return body, err
}

// readBodyOf reads a body of one of several media types, and gives that too.
func readBodyOf(w http.ResponseWriter, r *http.Request, most int64, kinds ...string) (body []byte, kind string, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(kinds, kind) {
		return nil, "", room.Errorf(room.CodeBadRequest, "Content-Type: is %.80q; send %s", r.Header.Get("Content-Type"), strings.Join(kinds, " or "))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, "", room.Errorf(room.CodeBadRequest, "Content-Type: charset is %.40q; send UTF-8", charset)
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, "", room.Errorf(room.CodeBadRequest, "Content-Encoding: is %.40q; send the body as it is", coding)
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, "", room.Errorf(room.CodeTooLarge, "body: is longer than %d bytes", most)
	}
	if err != nil {
		return nil, "", room.Errorf(room.CodeBadRequest, "body: did not arrive whole, or in time")
	}
	return body, kind, nil
}
