package transport

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

const doc = "/api/docs/team%2Fnotes"

// asType gives the headers of a body that is no JSON.
func asType(kind string) []string { return []string{"Content-Type: -", "Content-Type: " + kind} }

func (e *edge) put(path, kind, body string, headers ...string) reply {
	e.t.Helper()
	return e.call("PUT", path, body, append(asType(kind), headers...)...)
}

// read gives the body of an answer that must be 200.
func read(t testing.TB, r reply) string {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, "%s", r.body)
	return string(r.body)
}

// TestDocsWalk goes through the life of a document as a back end would.
func TestDocsWalk(t *testing.T) {
	e := newAPIEdge(t)
	refused(t, e.call("GET", doc, "", withKey), 404, room.CodeNotFound, "no document of this name")
	made := decode[createAnswer](t, e.call("POST", "/api/docs", `{"doc":"team/notes","root":"codemirror","text":"Hello\n","as":{"user":"ann","name":"Ann"}}`, withKey))
	require.True(t, made.Created)
	refused(t, e.call("POST", "/api/docs", `{"doc":"team/notes"}`, withKey), 409, room.CodeConflict, "there is a document of this name")
	again := decode[createAnswer](t, e.call("POST", "/api/docs", `{"doc":"team/notes","root":"codemirror","text":"Hello\n","if_absent":true}`, withKey))
	require.Equal(t, createAnswer{"team/notes", false, made.Epoch, made.Seq}, again)

	r := e.call("GET", doc+"?format=text", "", withKey)
	require.Equal(t, "Hello\n", read(t, r))
	require.Equal(t, "text/plain; charset=utf-8", r.header.Get("Content-Type"))
	require.Equal(t, "default-src 'none'; sandbox", r.header.Get("Content-Security-Policy"))
	require.Equal(t, []string{made.Epoch, "1", "1"}, []string{r.header.Get("Hubbub-Epoch"), r.header.Get("Hubbub-Seq"), r.header.Get("Hubbub-Generation")})
	require.JSONEq(t, `{"codemirror":"Hello\n"}`, read(t, e.call("GET", doc, "", withKey)))
	require.JSONEq(t, `"Hello\n"`, read(t, e.call("GET", doc+"?root=codemirror", "", withKey)))
	require.JSONEq(t, `[{"insert":"Hello\n"}]`, read(t, e.call("GET", doc+"?format=delta", "", withKey)))
	require.Equal(t, "<p>Hello</p>", read(t, e.call("GET", doc+"?format=html", "", withKey)))
	require.Equal(t, "Hello", read(t, e.call("GET", doc+"?format=markdown", "", withKey)))

	done := decode[editAnswer](t, e.put(doc, "text/plain", "Hello you\n", e.bearer("bob", room.Everything())))
	require.True(t, done.Changed)
	require.Greater(t, done.Seq, made.Seq)
	require.False(t, decode[editAnswer](t, e.put(doc, "text/plain", "Hello you\n", withKey)).Changed)
	authors := decode[authorsAnswer](t, e.call("GET", doc+"?format=authors", "", withKey))
	for i := range authors.Runs {
		authors.Runs[i].Client = 0
	}
	require.Equal(t, []authoredRun{{Text: "Hello", User: "ann", Name: "Ann"}, {Text: " you", User: "bob", Name: "Name of bob"}, {Text: "\n", User: "ann", Name: "Ann"}}, authors.Runs)

	update := read(t, e.call("GET", doc+"?format=yjs", "", withKey))
	require.Equal(t, "Hello you\n", textOf(t, []byte(update), "codemirror"))
	second := read(t, e.call("GET", doc+"?format=yjs&v=2", "", withKey))
	merged := decode[editAnswer](t, e.call("POST", "/api/docs/team%2Fcopy?v=2", second, append(asType("application/octet-stream"), withKey)...))
	require.True(t, merged.Changed)
	require.Equal(t, "Hello you\n", read(t, e.call("GET", "/api/docs/team%2Fcopy?format=text", "", withKey)))
	require.False(t, decode[editAnswer](t, e.call("POST", "/api/docs/team%2Fcopy", update, append(asType("application/octet-stream"), withKey)...)).Changed)

	list := decode[docsAnswer](t, e.call("GET", "/api/docs?room=team&limit=1", "", withKey))
	require.Len(t, list.Docs, 1)
	require.True(t, list.More)
	require.Equal(t, "team/copy", list.Docs[0].Doc)
	list = decode[docsAnswer](t, e.call("GET", "/api/docs?room=team&after=team/copy", "", withKey))
	require.Equal(t, decode[docAnswer](t, e.call("GET", doc+"?format=info", "", withKey)), list.Docs[0])
	require.False(t, list.More)
	require.WithinDuration(t, time.Now(), *list.Docs[0].Edited, time.Hour)

	decode[deleteAnswer](t, e.call("DELETE", doc, "", withKey))
	refused(t, e.call("GET", doc, "", withKey), 404, room.CodeNotFound, "was deleted")
	refused(t, e.put(doc, "text/plain", "again", withKey), 404, room.CodeNotFound, "was deleted")
	require.Len(t, decode[docsAnswer](t, e.call("GET", "/api/docs?room=team", "", withKey)).Docs, 1)
	refused(t, e.call("POST", "/api/docs", `{"doc":"team/notes","update":"`+base64.StdEncoding.EncodeToString([]byte(update))+`"}`, withKey), 409, room.CodeConflict, "")
	decode[createAnswer](t, e.call("POST", "/api/docs", `{"doc":"team/notes"}`, withKey))
	require.Equal(t, 2, decode[docAnswer](t, e.call("GET", doc+"?format=info", "", withKey)).Generation)
	require.Empty(t, read(t, e.call("GET", doc+"?format=text", "", withKey)))
}

func textOf(t testing.TB, update []byte, root string) string {
	t.Helper()
	v, err := view.OpenUpdate(update, view.Limits{})
	require.NoError(t, err)
	return v.Text(root).Text()
}

const prose = `{"type":"doc","content":[{"type":"heading","attrs":{"level":1},"content":[{"type":"text","text":"Title"}]},{"type":"paragraph","content":[{"type":"text","text":"a "},{"type":"text","text":"bold","marks":[{"type":"bold"}]},{"type":"text","text":" word"}]}]}`

// TestDocsReplaceInEachShape puts what GET gives, for each kind of root.
func TestDocsReplaceInEachShape(t *testing.T) {
	e := newAPIEdge(t)
	json := func(path, body string) editAnswer {
		return decode[editAnswer](t, e.put(path, "application/json", body, withKey))
	}
	require.True(t, json(doc+"?root=default", prose).Changed)
	require.JSONEq(t, prose, read(t, e.call("GET", doc+"?root=default", "", withKey)))
	require.Equal(t, "<h1>Title</h1><p>a <strong>bold</strong> word</p>", read(t, e.call("GET", doc+"?format=html", "", withKey)))
	require.Equal(t, "# Title\n\na **bold** word", read(t, e.call("GET", doc+"?format=markdown", "", withKey)))
	require.Equal(t, "Title\na bold word", read(t, e.call("GET", doc+"?format=text", "", withKey)))

	require.True(t, json(doc+"?root=meta&shared=1", `{"tags":["a","b"],"n":1}`).Changed)
	require.True(t, json(doc+"?root=meta", `{"tags":["a","c"],"n":1}`).Changed)
	require.False(t, json(doc+"?root=meta", `{"tags":["a","c"],"n":1}`).Changed)
	require.True(t, json(doc+"?root=list", `[1,"two",null]`).Changed)
	require.True(t, json(doc+"?root=quill&format=delta", `[{"insert":"x","attributes":{"bold":true}},{"insert":"\n"}]`).Changed)
	require.JSONEq(t, `[{"insert":"x","attributes":{"bold":true}},{"insert":"\n"}]`, read(t, e.call("GET", doc+"?format=delta&root=quill", "", withKey)))
	require.JSONEq(t, `{"default":`+prose+`,"meta":{"tags":["a","c"],"n":1},"list":[1,"two",null],"quill":"x\n"}`, read(t, e.call("GET", doc, "", withKey)))

	refused(t, e.put(doc+"?root=meta", "text/plain", "x", withKey), 400, room.CodeBadRequest, `"meta" is map and no text`)
	refused(t, e.put(doc+"?root=list", "application/json", "{}", withKey), 400, room.CodeBadRequest, "a map takes an object")
	refused(t, e.put(doc+"?root=default", "application/json", `{"type":"paragraph"}`, withKey), 400, room.CodeBadRequest, `"type": "doc"`)
	refused(t, e.put(doc+"?root=default", "application/json", `{"type":"doc","content":[{"type":"text"}]}`, withKey), 400, room.CodeBadRequest, "at least one")
	refused(t, e.put(doc+"?root=quill&format=delta", "application/json", `[{"retain":1}]`, withKey), 400, room.CodeBadRequest, "beyond the end")
	refused(t, e.put(doc+"?format=json", "text/plain", `{}`, withKey), 400, room.CodeBadRequest, "application/json")
	refused(t, e.put("/api/docs/team%2Fempty", "text/plain", `x`, withKey), 400, room.CodeBadRequest, "name the type")
	refused(t, e.call("GET", doc+"?format=text&root=meta&type=xml", "", withKey), 400, room.CodeBadRequest, "seems to be map")
	refused(t, e.call("GET", doc+"?format=html&root=meta", "", withKey), 400, room.CodeBadRequest, "has no html")
	refused(t, e.call("GET", doc+"?format=odt", "", withKey), 400, room.CodeBadRequest, "give json, text")

	json("/api/docs/team%2Fodd?root=one", `[1]`)
	require.Equal(t, "[\n  1\n]", read(t, e.call("GET", "/api/docs/team%2Fodd?format=text", "", withKey)), "the only root")
	json("/api/docs/team%2Fodd?root=two", `[1]`)
	refused(t, e.call("GET", "/api/docs/team%2Fodd?format=text", "", withKey), 400, room.CodeBadRequest, "several: one, two")
}

// TestDocsThatWereEmptied: a root of which all was deleted is still what it was.
func TestDocsThatWereEmptied(t *testing.T) {
	e := newAPIEdge(t)
	for _, name := range []string{"codemirror", "mine"} {
		decode[editAnswer](t, e.put(doc+"?root="+name, "text/plain", "x", withKey))
		decode[editAnswer](t, e.put(doc+"?root="+name, "text/plain", "", withKey))
		require.Empty(t, read(t, e.call("GET", doc+"?format=text&root="+name, "", withKey)))
		require.Equal(t, "[]", read(t, e.call("GET", doc+"?format=delta&root="+name, "", withKey)))
		require.Empty(t, read(t, e.call("GET", doc+"?format=html&root="+name, "", withKey)))
	}
	require.JSONEq(t, `""`, read(t, e.call("GET", doc+"?root=codemirror", "", withKey)))
	decode[editAnswer](t, e.put(doc+"?root=default", "application/json", prose, withKey))
	decode[editAnswer](t, e.put(doc+"?root=default", "application/json", `{"type":"doc"}`, withKey))
	require.JSONEq(t, `{"type":"doc"}`, read(t, e.call("GET", doc+"?root=default", "", withKey)))
	refused(t, e.put(doc+"?root=default", "text/plain", "x", withKey), 400, room.CodeBadRequest, "is xml and no text")
	refused(t, e.call("POST", "/api/docs", `{"doc":"team/new","root":"default","text":"x"}`, withKey), 400, room.CodeBadRequest, "is xml and no text")
	refused(t, e.call("PATCH", doc, ops(`{"op":"text.insert","path":["default"],"text":"x"}`), withKey), 400, room.CodeBadRequest, "at the path is xml")
}

// TestDocsKeepWhatOthersWrite has an editor who writes while the document is replaced.
func TestDocsKeepWhatOthersWrite(t *testing.T) {
	e := newAPIEdge(t)
	c := e.dialDoc("/yjs/team/notes?token=" + e.token("ann", room.Everything()))
	require.Equal(t, yjs.SyncStep1, c.yjs().Sync)
	decode[editAnswer](t, e.put(doc+"?root=t", "text/plain", "one two three", withKey))
	store := yjs.New()
	update := c.yjs()
	_, err := store.Apply(update.Data)
	require.NoError(t, err)
	v, err := view.Open(store, view.Limits{})
	require.NoError(t, err)
	edit, err := v.Edit(5)
	require.NoError(t, err)
	require.NoError(t, edit.InsertText(v.Text("t"), 3, "!", nil))
	decode[editAnswer](t, e.put(doc+"?root=t", "text/plain", "one 2 three", withKey))
	c.send(syncing(yjs.SyncUpdate, edit.Update()))
	require.Eventually(t, func() bool {
		return read(t, e.call("GET", doc+"?format=text", "", withKey)) == "one! 2 three"
	}, patience, patience/1000)
}

// TestDocsGrants goes through what each grant allows, and no other.
func TestDocsGrants(t *testing.T) {
	e := newAPIEdge(t)
	decode[createAnswer](t, e.call("POST", "/api/docs", `{"doc":"team/notes","root":"t","text":"Hello"}`, withKey))
	may := func(verbs ...room.Verb) string { return e.bearer("eve", room.Grants{"team*": verbs}) }
	comment := `{"text":"hm","anchor":{"root":"t","start":0,"end":2}}`
	calls := []struct {
		method, path, body string
		needs              room.Verb
	}{
		{"GET", doc, "", room.VerbDocRead},
		{"GET", doc + "/versions", "", room.VerbDocRead},
		{"GET", doc + "/comments", "", room.VerbDocRead},
		{"GET", doc + "/diff?from=current", "", room.VerbDocRead},
		{"POST", doc + "/comments", comment, room.VerbDocComment},
		{"POST", "/api/docs", `{"doc":"team/new"}`, room.VerbDocWrite},
		{"PUT", doc, `"x"`, room.VerbDocWrite},
		{"PATCH", doc, `{"operations":[{"op":"text.insert","path":["t"],"text":"x"}]}`, room.VerbDocWrite},
		{"POST", doc + "/versions", `{"name":"v"}`, room.VerbDocWrite},
		{"DELETE", doc, "", room.VerbDocWrite},
	}
	rank := map[room.Verb]int{room.VerbDocRead: 1, room.VerbDocComment: 2, room.VerbDocWrite: 3}
	for _, verb := range []room.Verb{room.VerbPublish, room.VerbDocRead, room.VerbDocComment, room.VerbDocWrite} {
		for _, c := range calls {
			r := e.call(c.method, c.path, c.body, may(verb))
			if rank[verb] >= rank[c.needs] {
				require.Equal(t, http.StatusOK, r.status, "%s may %s %s: %s", verb, c.method, c.path, r.body)
			} else {
				refused(t, r, 403, room.CodeForbidden, string(c.needs))
			}
		}
	}
	refused(t, e.call("GET", doc, ""), 401, room.CodeUnauthorized, "")
	refused(t, e.call("GET", doc+"?as=bob", "", may(room.VerbDocRead)), 403, room.CodeForbidden, "only an API key may speak for others")
}

func TestDocsPathsAndMethods(t *testing.T) {
	e := newAPIEdge(t)
	refused(t, e.call("GET", "/api/docs/team/notes", "", withKey), 404, room.CodeBadRequest, "slashes written as %2F")
	r := e.call("PUT", doc+"/versions", "{}", withKey)
	refused(t, r, 405, room.CodeBadRequest, "takes GET, POST")
	require.Equal(t, "GET, POST, OPTIONS", r.header.Get("Allow"))
	require.Equal(t, "GET, POST, PUT, PATCH, DELETE, OPTIONS", e.call("OPTIONS", doc, "").header.Get("Allow"))
	refused(t, e.call("GET", "/api/docs/team%2F", "", withKey), 400, room.CodeBadRequest, "behind its last slash")
	refused(t, e.call("GET", "/api/docs?room=a%20b", "", withKey), 400, room.CodeBadRequest, "room: holds")
	refused(t, e.call("POST", doc, "xx", append(asType("application/octet-stream"), withKey)...), 400, room.CodeBadRequest, "")
	refused(t, e.call("POST", doc, "{}", withKey), 400, room.CodeBadRequest, "send application/octet-stream")
	refused(t, e.call("GET", "/api/docs?room=a&limit=0", "", withKey), 400, room.CodeBadRequest, "give 1 to 200")
	refused(t, e.call("POST", "/api/docs", `{"doc":"a/b","text":"x"}`, withKey), 400, room.CodeBadRequest, "root: is missing")
	refused(t, e.call("POST", "/api/docs", `{"doc":"a/b","text":"x","json":1,"root":"t"}`, withKey), 400, room.CodeBadRequest, "give one")
}

func TestDocsAreBounded(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.docs.Limits.Update, c.docs.Limits.Document = 10_000, 20_000 })
	refused(t, e.put(doc+"?root=t", "text/plain", strings.Repeat("x", 10_001), withKey), 413, room.CodeTooLarge, "longer than 10000 bytes")
	for range 2 {
		decode[editAnswer](t, e.call("PATCH", doc, `{"operations":[{"op":"text.insert","path":["t"],"text":"`+strings.Repeat("x", 9000)+`"}]}`, withKey))
	}
	refused(t, e.call("PATCH", doc, `{"operations":[{"op":"text.insert","path":["t"],"text":"`+strings.Repeat("x", 9000)+`"}]}`, withKey), 413, room.CodeTooLarge, "take something out")
}

// jsonOf is what a test compares with.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
