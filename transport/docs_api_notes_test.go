package transport

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func unmarshal(t testing.TB, data []byte, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(data, into), "%s", data)
}

func TestDocsVersions(t *testing.T) {
	e := newAPIEdge(t)
	ann := e.bearer("ann", room.Everything())
	decode[editAnswer](t, e.put(doc+"?root=t", "text/plain", "The quick fox\njumps\n", ann))
	v := decode[versionAnswer](t, e.call("POST", doc+"/versions", `{"name":"first"}`, ann))
	require.Equal(t, []string{"ann"}, v.Users)
	decode[editAnswer](t, e.put(doc+"?root=t", "text/plain", "The slow fox\njumps\nfar\n", e.bearer("bob", room.Everything())))

	d := decode[diffAnswer](t, e.call("GET", doc+"/diff?from="+v.ID, "", ann))
	require.Equal(t, []diffRun{
		{opEqual, "The "}, {opDelete, "quick"}, {opInsert, "slow"}, {opEqual, " fox\njumps\n"}, {opInsert, "far\n"},
	}, d.Runs)
	require.Equal(t, []string{v.ID, "current", "t"}, []string{d.From, d.To, d.Root})
	refused(t, e.call("GET", doc+"/diff", "", ann), 400, room.CodeBadRequest, "from: is missing")
	refused(t, e.call("GET", doc+"/diff?from=none", "", ann), 404, room.CodeNotFound, `no version "none"`)

	require.Equal(t, "The quick fox\njumps\n", read(t, e.call("GET", doc+"/versions/"+v.ID+"?format=text", "", ann)))
	require.Equal(t, "The quick fox\njumps\n", read(t, e.call("GET", doc+"?format=text&version="+v.ID, "", ann)))
	require.Equal(t, v, decode[versionAnswer](t, e.call("GET", doc+"/versions/"+v.ID, "", ann)))
	require.True(t, decode[editAnswer](t, e.call("POST", doc+"/versions/"+v.ID+"/restore", "", ann)).Changed)
	require.Equal(t, "The quick fox\njumps\n", read(t, e.call("GET", doc+"?format=text", "", ann)))
	list := decode[versionsAnswer](t, e.call("GET", doc+"/versions", "", ann))
	require.Len(t, list.Versions, 2)
	require.Equal(t, []string{"bob"}, list.Versions[1].Users)
	require.Equal(t, "The slow fox\njumps\nfar\n", read(t, e.call("GET", doc+"/versions/"+list.Versions[1].ID+"?format=text", "", ann)))

	require.Equal(t, "second", decode[versionAnswer](t, e.call("PATCH", doc+"/versions/"+v.ID, `{"name":"second"}`, ann)).Name)
	refused(t, e.call("PATCH", doc+"/versions/"+v.ID, `{}`, ann), 400, room.CodeBadRequest, "name: is missing")
	refused(t, e.call("POST", doc+"/versions", `{"name":""}`, ann), 400, room.CodeBadRequest, "name: is 0 bytes long")
	decode[deleteAnswer](t, e.call("DELETE", doc+"/versions/"+v.ID, "", ann))
	refused(t, e.call("GET", doc+"/versions/"+v.ID, "", ann), 404, room.CodeNotFound, "no version")
}

// TestDocsComments follows a comment: a thread of the room, with a place in the text.
func TestDocsComments(t *testing.T) {
	e := newAPIEdge(t)
	decode[editAnswer](t, e.put(doc+"?root=t", "text/plain", "one two three", withKey))
	eve := e.bearer("eve", room.Grants{"team*": {room.VerbDocComment}})
	body := `{"text":"why two?","anchor":{"root":"t","start":4,"end":7}}`
	c := decode[commentAnswer](t, e.call("POST", doc+"/comments", body, eve, "Idempotency-Key: k"))
	require.Equal(t, []string{"team", "eve", "t", "two"}, []string{c.Room, c.User, c.Root, c.Quote})
	again := decode[commentAnswer](t, e.call("POST", doc+"/comments", body, eve, "Idempotency-Key: k"))
	require.Equal(t, []any{c.ID, c.Seq}, []any{again.ID, again.Seq})

	page := decode[wire.HistoryPage](t, e.call("POST", "/api/history", fmt.Sprintf(`{"room":"team","around":%d,"limit":1}`, c.Seq), withKey))
	event, err := room.DecodeEvent(page.Events[0].Event)
	require.NoError(t, err)
	require.Equal(t, []string{"eve", "why two?"}, []string{event.User, event.Text})
	require.JSONEq(t, `{"document":"team/notes","comment":"`+c.ID+`","quote":"two"}`, string(event.Data))
	decode[wire.Ack](t, e.call("POST", "/api/publish", fmt.Sprintf(`{"room":"team","as":{"user":"bob"},"event":{"text":"because","reply_to":%d}}`, c.Seq), withKey))

	decode[editAnswer](t, e.put(doc, "text/plain", "one and two and three", withKey))
	list := decode[commentsAnswer](t, e.call("GET", doc+"/comments", "", eve))
	require.Len(t, list.Comments, 1)
	require.Equal(t, &placeAnswer{8, 11}, list.Comments[0].Place)

	position := `{"text":"here","anchor":{"start":` + jsonOf(t, c.Start) + `,"end":"` + base64.StdEncoding.EncodeToString(c.End.Encode()) + `"},"as":{"user":"bob"}}`
	second := decode[commentAnswer](t, e.call("POST", doc+"/comments", position, withKey))
	require.Equal(t, "two", second.Quote)

	require.Equal(t, "eve", decode[commentAnswer](t, e.call("PATCH", doc+"/comments/"+second.ID, `{"resolved":true}`, eve)).Resolved.User)
	require.Nil(t, decode[commentAnswer](t, e.call("PATCH", doc+"/comments/"+second.ID, `{"resolved":false}`, eve)).Resolved)
	refused(t, e.call("DELETE", doc+"/comments/"+second.ID, "", eve), 403, room.CodeForbidden, "only its author")
	decode[deleteAnswer](t, e.call("DELETE", doc+"/comments/"+second.ID, "", withKey))
	decode[deleteAnswer](t, e.call("DELETE", doc+"/comments/"+c.ID, "", eve))
	require.Empty(t, decode[commentsAnswer](t, e.call("GET", doc+"/comments", "", eve)).Comments)

	for _, c := range []struct{ body, says string }{
		{`{"text":"x"}`, "anchor: is missing"},
		{`{"text":"x","anchor":{"root":"t"}}`, "anchor.start: is missing"},
		{`{"text":"x","anchor":{"root":"none","start":1}}`, `nothing in "none"`},
		{`{"text":"x","anchor":{"root":"t","start":5,"end":2}}`, "before the start"},
		{`{"text":"x","anchor":{"root":"t","start":500}}`, "index 500"},
		{`{"text":" ","anchor":{"root":"t","start":5}}`, "text: is missing"},
		{`{"text":"x","anchor":{"start":{"item":{"client":9,"clock":9}}}}`, "does not have"},
		{`{"text":"x","anchor":{"start":"AAAA!"}}`, "body: is not JSON"},
		{`{"text":"x","anchor":{"start":[]}}`, "start"},
	} {
		r := e.call("POST", doc+"/comments", c.body, eve)
		require.Equal(t, 400, r.status, "%s: %s", c.body, r.body)
		require.Contains(t, errorText(t, r), c.says)
	}
	refused(t, e.call("POST", doc+"/comments", body, withKey), 400, room.CodeBadRequest, "as: is missing")
}

func TestDocsArchive(t *testing.T) {
	e := newAPIEdge(t)
	for _, name := range []string{"team", "team%2Fa", "team%2Fb"} {
		decode[editAnswer](t, e.put("/api/docs/"+name+"?root=t", "text/plain", "text of "+name, withKey))
	}
	decode[versionAnswer](t, e.call("POST", "/api/docs/team%2Fa/versions", `{"name":"first"}`, withKey))
	decode[commentAnswer](t, e.call("POST", "/api/docs/team%2Fa/comments", `{"text":"hm","anchor":{"root":"t","start":0},"as":{"user":"ann"}}`, withKey))
	decode[editAnswer](t, e.put("/api/docs/team%2Fgone?root=t", "text/plain", "x", withKey))
	decode[deleteAnswer](t, e.call("DELETE", "/api/docs/team%2Fgone", "", withKey))
	archive := read(t, e.call("GET", "/api/docs-export?room=team", "", withKey))
	_, m, err := openArchive([]byte(archive))
	require.NoError(t, err)
	require.Len(t, m.Docs, 3)
	require.Equal(t, "first", m.Docs[1].Versions[0].Name)
	require.Equal(t, "ann", m.Docs[1].Comments[0].User)

	taken := func(to string) importAnswer {
		return decode[importAnswer](t, e.call("POST", "/api/docs-import?room="+to, archive, append(asType("application/zip"), withKey)...))
	}
	require.Equal(t, importAnswer{"new", []string{"new", "new/a", "new/b"}, []importRefusals{}}, taken("new"))
	require.Equal(t, "text of team%2Fb", read(t, e.call("GET", "/api/docs/new%2Fb?format=text", "", withKey)))
	decode[editAnswer](t, e.put("/api/docs/new%2Fb", "text/plain", "changed", withKey))
	again := taken("new")
	require.Empty(t, again.Created)
	require.Len(t, again.Refused, 3)
	require.Equal(t, room.CodeConflict, again.Refused[0].Code)
	require.Equal(t, "changed", read(t, e.call("GET", "/api/docs/new%2Fb?format=text", "", withKey)))
}

// packed gives an archive with a manifest of one document, and files.
func packed(t testing.TB, manifest string, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	files[manifestName] = []byte(manifest)
	for name, data := range files {
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

func TestDocsArchiveRefuses(t *testing.T) {
	e := newAPIEdge(t, func(c *edgeConfig) { c.docs.Limits.Document = 1 << 20 })
	one := `{"version":1,"room":"r","docs":[{"doc":"r/a","file":"a"}]}`
	send := func(body string) reply {
		return e.call("POST", "/api/docs-import?room=r", body, append(asType("application/zip"), withKey)...)
	}
	for _, c := range []struct{ body, says string }{
		{"no zip", "is no zip archive"},
		{packed(t, "{", map[string][]byte{}), "manifest.json"},
		{packed(t, `{"version":2}`, map[string][]byte{}), "version is 2"},
	} {
		refused(t, send(c.body), 400, room.CodeBadRequest, c.says)
	}
	for _, c := range []struct {
		manifest string
		file     []byte
		code     room.Code
	}{
		{one, bytes.Repeat([]byte{0}, 30<<20), room.CodeTooLarge},
		{one, []byte("no update"), room.CodeBadRequest},
		{strings.Replace(one, `"file":"a"`, `"file":"b"`, 1), nil, room.CodeBadRequest},
		{strings.Replace(one, `"doc":"r/a"`, `"doc":"other/a"`, 1), nil, room.CodeBadRequest},
		{strings.Replace(one, `"doc":"r/a"`, `"doc":"r/"`, 1), nil, room.CodeBadRequest},
	} {
		got := decode[importAnswer](t, send(packed(t, c.manifest, map[string][]byte{"a": c.file})))
		require.Empty(t, got.Created)
		require.Equal(t, c.code, got.Refused[0].Code, "%+v", got)
	}
}

// FuzzDocsImport sends any bytes as an archive.
func FuzzDocsImport(f *testing.F) {
	e := newAPIEdge(f)
	v, err := view.Open(yjs.New(), view.Limits{})
	require.NoError(f, err)
	edit, err := v.Edit(1)
	require.NoError(f, err)
	require.NoError(f, edit.InsertText(v.Text("t"), 0, "x", nil))
	f.Add([]byte(packed(f, `{"version":1,"room":"r","docs":[{"doc":"r/a","file":"a"}]}`, map[string][]byte{"a": edit.Update()})))
	f.Add([]byte(packed(f, `{"version":1}`, map[string][]byte{})))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/api/docs-import?room=r", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/zip")
		r.Header.Set("X-API-Key", apiKey)
		w := httptest.NewRecorder()
		e.srv.Handler().ServeHTTP(w, r)
		require.NotEqual(t, http.StatusInternalServerError, w.Code, "%s", w.Body)
		holdToContract(t, r, reply{w.Code, w.Header(), w.Body.Bytes()})
	})
}
