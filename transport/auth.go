package transport

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// minAPIKey is the shortest API key, in bytes. Whoever guesses one may do anything.
const minAPIKey = 24

// CheckAPIKey reports what is wrong with an entry of Config.APIKeys, or nil. The
// error does not hold the key.
func CheckAPIKey(key string) error {
	if len(key) < minAPIKey {
		return fmt.Errorf("API key: is %d bytes long; give %d random ones or more, as `openssl rand -hex 24` gives", len(key), minAPIKey)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("API key: holds a space or a character beyond ASCII, which a header cannot carry")
	}
	return nil
}

// apiKeys knows the keys by their hashes: comparing takes the same time whatever
// is sent.
type apiKeys [][sha256.Size]byte

func newAPIKeys(keys []string) apiKeys {
	hashes := make(apiKeys, len(keys))
	for i, k := range keys {
		hashes[i] = sha256.Sum256([]byte(k))
	}
	return hashes
}

func (k apiKeys) holds(key string) bool {
	sent := sha256.Sum256([]byte(key))
	found := 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(sent[:], k[i][:])
	}
	return found == 1
}

// bearer gives the token of the Authorization header, or "" if there is no such
// header.
func bearer(r *http.Request) (string, error) {
	sent := r.Header.Values("Authorization")
	switch len(sent) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", room.Errorf(room.CodeUnauthorized, "Authorization: is sent %d times; send one", len(sent))
	}
	scheme, token, _ := strings.Cut(sent[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", room.Errorf(room.CodeUnauthorized, "Authorization: send \"Bearer\" and a token")
	}
	return token, nil
}

// urlSecrets are the names under which people put secrets into URLs, where every
// log on the way keeps them.
var urlSecrets = []string{"token", "access_token", "jwt", "api_key", "apikey"}

// documentPath is where y-websocket connects. It can send a token in the query alone.
const documentPath = "/yjs/"

func checkQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return room.Errorf(room.CodeBadRequest, "query: does not decode; escape it")
	}
	for _, name := range urlSecrets {
		if name == "token" && strings.HasPrefix(r.URL.Path, documentPath) {
			continue
		}
		if q.Has(name) {
			return room.Errorf(room.CodeBadRequest, "query: %s: a URL is no place for a secret, since logs keep it; send it in the header Authorization: Bearer, or in the connect command", name)
		}
	}
	return nil
}

// redacted gives the path and the query of a URL as a log may keep them: without what
// has the name of a secret, or cannot be told from one.
func redacted(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		switch {
		case err != nil || strings.Contains(part, ";"):
			parts[i] = "..."
		case slices.Contains(urlSecrets, strings.ToLower(plain)):
			parts[i] = name + "=..."
		}
	}
	return u.EscapedPath() + "?" + strings.Join(parts, "&")
}

// guard stands before every route. What it holds to the origin policy is what can
// be used: the page and the health answers are anybody's to read.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		s.parting(w)
		defer s.survive(r)
		if usable(r.URL.Path) && !s.admit(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

func usable(path string) bool {
	switch path {
	case "/ws", "/sse", "/hocuspocus":
		return true
	}
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, documentPath)
}

// admit answers what may not go on, and preflights. It is false if it has.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	cross, err := s.api.origins.check(r)
	if err == nil {
		err = checkQuery(r)
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if cross != "" {
		h.Set("Access-Control-Allow-Origin", cross)
		h.Set("Access-Control-Expose-Headers", "Retry-After, Hubbub-Epoch, Hubbub-Seq, Hubbub-Generation")
	}
	if err != nil {
		s.writeError(w, r, err)
		return false
	}
	if r.Method != http.MethodOptions {
		return true
	}
	methods := "GET, POST"
	if strings.HasPrefix(r.URL.Path, "/api/docs") {
		methods = "GET, POST, PUT, PATCH, DELETE"
	}
	h.Set("Allow", methods+", OPTIONS")
	if cross != "" {
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return false
}

// survive keeps a panic to its own request, and tells the operator of it. What
// was answered so far is unknown, so the connection is cut.
func (s *Server) survive(r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault != http.ErrAbortHandler {
		s.cfg.Logger.Error().Str("url", redacted(r.URL)).Interface("panic", fault).Bytes("stack", debug.Stack()).Msg("panic in a handler")
	}
	panic(http.ErrAbortHandler)
}
