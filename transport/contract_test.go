package transport

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// contract is openapi.yaml, read once, in a form in which no object may have a
// member that the file does not tell of. Clients ignore such members; a hub that
// sends them has an undocumented field.
var contract = sync.OnceValues(func() (routers.Router, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(openAPI)
	if err != nil {
		return nil, err
	}
	plain, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(plain, &tree); err != nil {
		return nil, err
	}
	closeObjects(tree["components"].(map[string]any)["schemas"])
	if plain, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	if doc, err = loader.LoadFromData(plain); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, open := node["additionalProperties"]
		if node["type"] == "object" && node["properties"] != nil && !open {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

// reply is an answer of the HTTP side, held to the contract.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// code is the error code that the answer gives, or "".
func (r reply) code(t testing.TB) room.Code {
	t.Helper()
	var body struct {
		Error *wire.Error
		Code  room.Code
		Type  string
	}
	require.NoError(t, json.Unmarshal(r.body, &body), "%s", r.body)
	switch {
	case body.Error != nil:
		return body.Error.Code
	case body.Type == "error":
		return body.Code
	}
	return ""
}

// call sends a request, headers as "Name: value", and holds the answer to
// openapi.yaml if that has the path.
func (e *edge) call(method, path, body string, headers ...string) reply {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, "http://"+e.addr+path, strings.NewReader(body))
	require.NoError(e.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ": ")
		require.True(e.t, ok, h)
		switch {
		case name == "Host":
			req.Host = value
		case value == "-":
			req.Header.Del(name)
		default:
			req.Header.Add(name, value)
		}
	}
	got := do(e.t, req)
	holdToContract(e.t, req, got)
	return got
}

func do(t testing.TB, req *http.Request) reply {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: patience}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, body}
}

func holdToContract(t testing.TB, req *http.Request, got reply) {
	t.Helper()
	router, err := contract()
	require.NoError(t, err)
	escaped := req.Clone(t.Context()) // a document's name is one part of the path
	escaped.URL.Path, escaped.URL.RawPath = req.URL.EscapedPath(), ""
	route, params, err := router.FindRoute(escaped)
	if err != nil {
		return // not in the file; TestContractHasEveryRoute sees to what must be
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(got.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	require.NoError(t, err, "%s %s: %d %s", req.Method, req.URL.Path, got.status, got.body)
}

func TestContractIsOpenAPI(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))

	var codes []room.Code
	for _, c := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		codes = append(codes, room.Code(c.(string)))
	}
	require.Equal(t, room.Codes, codes, "the codes of PROTOCOL.md, in its order")
	for name, max := range map[string]uint64{"RoomName": room.MaxName, "UserID": room.MaxUser} {
		require.Equal(t, max, *doc.Components.Schemas[name].Value.MaxLength, name)
	}
}

// TestContractHasEveryStatus holds each answer with an error to the codes that
// have its status, and each operation to statuses that some code has.
func TestContractHasEveryStatus(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	require.NoError(t, err)
	byStatus := map[int][]string{}
	for _, c := range room.Codes {
		byStatus[wire.HTTPStatus(c)] = append(byStatus[wire.HTTPStatus(c)], string(c))
	}
	named := regexp.MustCompile(`#/components/responses/(Frame)?(\w+)$`)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, ref := range op.Responses.Map() {
				n, err := strconv.Atoi(status)
				require.NoError(t, err)
				if n == http.StatusOK || path == "/readyz" {
					continue
				}
				match := named.FindStringSubmatch(ref.Ref)
				require.NotNil(t, match, "%s %s %s has an answer of its own", method, path, status)
				require.Equal(t, path == "/sse", match[1] == "Frame", "%s %s %s", method, path, status)
				got := codesOf(t, ref.Ref)
				slices.Sort(got)
				want := slices.Clone(byStatus[n])
				slices.Sort(want)
				require.Equal(t, want, got, "%s %s %s", method, path, status)
			}
		}
	}
}

// codesOf reads the codes that a response allows from the file itself: they stand
// beside a $ref, which the loader folds away.
func codesOf(t *testing.T, ref string) []string {
	t.Helper()
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	block := regexp.MustCompile(`(?s)\n    ` + name + `:\n.*?code: \{ enum: \[([^\]]*)\]`).FindSubmatch(openAPI)
	require.NotNil(t, block, name)
	return strings.Split(string(block[1]), ", ")
}

// TestContractHasEveryRoute compares the file with the patterns in the source.
func TestContractHasEveryRoute(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	require.NoError(t, err)
	documented := []string{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	served := routesInSource(t)
	for _, e := range (&api{}).endpoints() {
		served = append(served, "POST /api/"+e.name)
	}
	slices.Sort(documented)
	slices.Sort(served)
	require.Equal(t, served, documented)
}

// elsewhere are the patterns that are no part of the HTTP API: the WebSockets, of
// which PROTOCOL.md describes ours, the page, and the operator's own listener.
var elsewhere = regexp.MustCompile(`^GET (/ws|/yjs/\{doc\.\.\.\}|/hocuspocus|/examples/|/|/metrics|/debug/pprof/.*)$|^POST /api/$`)

func routesInSource(t *testing.T) []string {
	t.Helper()
	pattern := regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) /`)
	var routes []string
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				if pattern.MatchString(s) && !elsewhere.MatchString(s) {
					routes = append(routes, s)
				}
			}
			return true
		})
	}
	require.NotEmpty(t, routes)
	return routes
}
