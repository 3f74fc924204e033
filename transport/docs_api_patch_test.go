package transport

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

func ops(list ...string) string { return `{"operations":[` + strings.Join(list, ",") + `]}` }

// TestDocsPatch does each operation once, in transactions that build on one another.
func TestDocsPatch(t *testing.T) {
	e := newAPIEdge(t)
	for _, c := range []struct{ operations, want string }{
		{ops(`{"op":"text.insert","path":["t"],"text":"Hello 👋 world"}`), `"t":"Hello 👋 world"`},
		{ops(`{"op":"text.replace","path":["t"],"index":9,"length":5,"text":"all"}`), `"t":"Hello 👋 all"`},
		{ops(`{"op":"text.delete","path":["t"],"index":0,"length":6}`, `{"op":"text.insert","path":["t"],"index":0,"text":"hi "}`), `"t":"hi 👋 all"`},
		{ops(`{"op":"text.delta","path":["t"],"delta":[{"retain":3},{"delete":2},{"insert":"x"}]}`), `"t":"hi x all"`},
		{ops(
			`{"op":"map.set","path":["m"],"key":"plain","value":{"a":[1]}}`,
			`{"op":"map.set","path":["m"],"key":"deep","value":{"list":[1,2]},"shared":true}`,
			`{"op":"array.push","path":["m","deep","list"],"values":[3]}`,
			`{"op":"array.insert","path":["m","deep","list"],"index":0,"values":[0,null]}`,
			`{"op":"array.delete","path":["m","deep","list"],"index":1,"length":1}`,
		), `"m":{"plain":{"a":[1]},"deep":{"list":[0,1,2,3]}}`},
		{ops(`{"op":"map.delete","path":["m"],"key":"plain"}`), `"m":{"deep":{"list":[0,1,2,3]}}`},
		{ops(
			`{"op":"xml.push","path":["x"],"nodes":[{"type":"paragraph","content":[{"type":"text","text":"one"}]}]}`,
			`{"op":"xml.insert","path":["x"],"nodes":[{"type":"heading"},{"type":"rule"}]}`,
			`{"op":"xml.set","path":["x",0],"key":"level","value":2}`,
			`{"op":"xml.set","path":["x",0],"key":"id","value":"h"}`,
			`{"op":"xml.unset","path":["x",0],"key":"id"}`,
			`{"op":"xml.delete","path":["x"],"index":1,"length":1}`,
			`{"op":"text.insert","path":["x",1,0],"index":3,"text":" two","attributes":{"bold":{}}}`,
		), `"x":{"type":"doc","content":[{"type":"heading","attrs":{"level":2}},{"type":"paragraph","content":[{"type":"text","text":"one"},{"type":"text","text":" two","marks":[{"type":"bold"}]}]}]}`},
	} {
		require.True(t, decode[editAnswer](t, e.call("PATCH", doc, c.operations, withKey)).Changed, c.operations)
		root := strings.SplitN(c.want, `"`, 3)[1]
		require.JSONEq(t, c.want[len(root)+3:], read(t, e.call("GET", doc+"?root="+root, "", withKey)), c.operations)
	}
	decode[editAnswer](t, e.call("PATCH", doc, ops(
		`{"op":"text.format","path":["t"],"index":0,"length":2,"attributes":{"bold":true}}`,
		`{"op":"text.embed","path":["t"],"index":2,"value":{"image":"u"}}`,
	), withKey))
	require.JSONEq(t, `[{"insert":"hi","attributes":{"bold":true}},{"insert":{"image":"u"}},{"insert":" x all"}]`,
		read(t, e.call("GET", doc+"?root=t&format=delta", "", withKey)))
}

// TestDocsPatchRefuses reads what is said of what is wrong, and that nothing was done.
func TestDocsPatchRefuses(t *testing.T) {
	e := newAPIEdge(t)
	decode[editAnswer](t, e.call("PATCH", doc, ops(
		`{"op":"text.insert","path":["t"],"text":"a👋b"}`, `{"op":"map.set","path":["m"],"key":"k","value":{"a":1}}`,
		`{"op":"xml.push","path":["x"],"nodes":[{"type":"paragraph"}]}`,
	), withKey))
	before := read(t, e.call("GET", doc+"?format=yjs", "", withKey))
	first := `{"op":"text.insert","path":["t"],"text":"never"}`
	for _, c := range []struct{ operations, says string }{
		{`{"operations":[]}`, "operations: are 0; give 1 to 500"},
		{`{"operations":[` + strings.Repeat(first+",", 500) + first + `]}`, "are 501"},
		{`{"operations":{}}`, "operations: is object"},
		{ops(first, `{"op":"fly","path":["t"]}`), `operations[1]: op: there is none called "fly"; nothing was changed`},
		{ops(first, `{"op":"text.insert","text":"x"}`), "operations[1]: path: is missing"},
		{ops(first, `{"op":"text.insert","path":[1],"text":"x"}`), "path: begins with a float64"},
		{ops(first, `{"op":"text.insert","path":["m"],"text":"x"}`), "text.insert is for text, and at the path is map"},
		{ops(first, `{"op":"text.insert","path":["m","k"],"text":"x"}`), "is a plain value"},
		{ops(first, `{"op":"text.insert","path":["m","no"],"text":"x"}`), "there is no no at step 1"},
		{ops(first, `{"op":"text.insert","path":["m",-1],"text":"x"}`), "there is no -1 at step 1"},
		{ops(first, `{"op":"text.insert","path":["m",{}],"text":"x"}`), "neither a key nor an index"},
		{ops(first, `{"op":"text.insert","path":["t"]}`), "text: is missing"},
		{ops(first, `{"op":"text.insert","path":["t"],"index":99,"text":"x"}`), "index 99 of a text of length 9"},
		{ops(`{"op":"text.insert","path":["t"],"index":2,"text":"x"}`), "within a character of two UTF-16 code units"},
		{ops(first, `{"op":"text.delete","path":["t"],"index":8,"length":9}`), "9 elements from index 8"},
		{ops(first, `{"op":"text.delete","path":["t"],"index":1}`), "length: is 0 or missing"},
		{ops(first, `{"op":"text.replace","path":["t"],"index":1,"length":18446744073709551615}`), "length: 18446744073709551615 units"},
		{ops(first, `{"op":"text.format","path":["t"],"length":1}`), "attributes: are missing"},
		{ops(first, `{"op":"text.embed","path":["t"],"value":"x"}`), "text goes through InsertText"},
		{ops(first, `{"op":"map.set","path":["m"],"value":1}`), "key: is missing"},
		{ops(first, `{"op":"array.push","path":["l"]}`), "values: are missing"},
		{ops(first, `{"op":"xml.push","path":["x"],"nodes":[{"attrs":{}}]}`), "type: a node has none"},
		{ops(first, `{"op":"xml.set","path":["x"],"key":"a","value":1}`), "fragment, which has no attributes"},
		{ops(first, `{"op":"map.set","path":["m"],"key":"k","value":`+strings.Repeat("[", 300)+strings.Repeat("]", 300)+`}`), "nested"},
	} {
		r := e.call("PATCH", doc, c.operations, withKey)
		require.Contains(t, []int{400, 413}, r.status, "%s: %s", c.operations, r.body)
		require.Contains(t, errorText(t, r), c.says)
	}
	refused(t, e.call("PATCH", doc, ops(first), withKey, "Idempotency-Key: k"), 400, room.CodeBadRequest, "cannot be told")
	require.Equal(t, before, read(t, e.call("GET", doc+"?format=yjs", "", withKey)))
}

func errorText(t testing.TB, r reply) string {
	var body struct{ Error struct{ Message string } }
	unmarshal(t, r.body, &body)
	return body.Error.Message
}

// FuzzDocsPatch carries out any body as operations. What is refused is refused for a
// reason that the caller is told, and what is done is an update that everybody can take,
// after which the document reads as it did where it was edited.
func FuzzDocsPatch(f *testing.F) {
	for _, body := range []string{
		ops(`{"op":"text.insert","path":["t"],"text":"x","attributes":{"b":1}}`, `{"op":"text.delete","path":["t"],"length":1}`),
		ops(`{"op":"map.set","path":["m"],"key":"k","value":{"a":[1]},"shared":true}`, `{"op":"array.push","path":["m","k","a"],"values":[1,"x",null]}`),
		ops(`{"op":"xml.insert","path":["x"],"nodes":[{"type":"p","attrs":{"a":1},"content":[{"type":"text","text":"x","marks":[{"type":"b"}]}]}]}`, `{"op":"xml.set","path":["x",0],"key":"k","value":1}`),
		ops(`{"op":"text.delta","path":["t"],"delta":[{"retain":1},{"insert":{"a":1}},{"delete":1}]}`), `{"operations":[{}]}`, `{"operations":null,"as":{}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var ask patchRequest
		if (&request{body: []byte(body)}).envelope(&ask) != nil {
			return
		}
		store := yjs.New()
		v, err := view.Open(store, view.Limits{})
		require.NoError(t, err)
		e, err := v.Edit(1)
		require.NoError(t, err)
		require.NoError(t, e.InsertText(v.Text("t"), 0, "a👋b", nil))
		for i := range ask.Operations {
			if err := ask.Operations[i].apply(v, e); err != nil {
				require.NotEqual(t, room.CodeInternal, room.AsError(atOperation(i, err)).Code, "%v", err)
			}
		}
		_, err = store.Apply(e.Update())
		require.NoError(t, err)
		again, err := view.Open(store, view.Limits{})
		require.NoError(t, err)
		here, err := rootsJSON(v)
		require.NoError(t, err)
		there, err := rootsJSON(again)
		require.NoError(t, err)
		require.Equal(t, here, there)
	})
}
