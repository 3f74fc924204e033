package view

import (
	"math/rand/v2"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

// everything gives all that a document reads as, by root.
func everything(t testing.TB, d *Doc) map[string]string {
	out := map[string]string{}
	for _, name := range d.Roots() {
		root := d.Root(name, yjs.TypeArray)
		if root.node.hasText() {
			root.kind = yjs.TypeText
		}
		if all := printed(t, root); all != "[]{}" {
			out[name] = all
		}
	}
	return out
}

// printed gives a type with all that is in it.
func printed(t testing.TB, typ Type) string {
	n, err := typ.Copy()
	require.NoError(t, err)
	o := typ.doc.output()
	var plainOf func(v any) any
	plainOf = func(v any) any {
		n, ok := v.(New)
		if !ok {
			return v
		}
		var items []any
		for _, v := range n.Items {
			items = append(items, plainOf(v))
		}
		for _, op := range joinedOps(n.Delta) {
			items = append(items, []any{plainOf(op.Insert), op.Attributes})
		}
		entries := map[string]any{}
		for key, v := range n.Entries {
			entries[key] = plainOf(v)
		}
		return map[string]any{"kind": float64(n.Kind), "name": n.Name, "items": items, "entries": entries}
	}
	if n.Kind == yjs.TypeArray && len(n.Items) == 0 && len(typ.Entries()) == 0 || n.Kind == yjs.TypeText && len(n.Delta) == 0 && len(typ.Entries()) == 0 {
		return "[]{}"
	}
	o.json(plainOf(n))
	out, err := o.done()
	require.NoError(t, err)
	return string(out)
}

func joinedOps(delta []Op) (out []Op) {
	for _, op := range delta {
		out = appendOp(out, op)
	}
	return out
}

// A document that is restored reads as it did, whatever was done since, for whoever has
// it; and restoring it once more changes nothing.
func TestRestore(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		store := yjs.New()
		some := func(client uint64) {
			for range 1 + r.IntN(4) {
				e := must(must(Open(store, Limits{})).Edit(client))
				edit(t, r, e)
				if u := e.Update(); u != nil {
					_, err := store.Apply(u)
					require.NoError(t, err)
				}
				client++
			}
		}
		some(10)
		version := store.Snapshot()
		some(20)
		for round := range 2 {
			now := must(Open(store, Limits{}))
			e := must(now.Edit(uint64(30 + round)))
			then := must(OpenUpdate(version, Limits{}))
			require.NoError(t, e.Restore(then), "seed %d", seed)
			require.Equal(t, everything(t, then), everything(t, now), "seed %d", seed)
			u := e.Update()
			if round == 1 {
				require.Nil(t, u, "seed %d", seed)
				continue
			}
			if u != nil {
				_, err := store.Apply(u)
				require.NoError(t, err)
			}
			require.Equal(t, everything(t, then), everything(t, must(Open(store, Limits{}))), "seed %d", seed)
			if r.IntN(2) == 0 { // what was deleted is thrown away, as when a document is compacted
				store = must(reopened(store))
			}
		}
	}
}

func reopened(s *yjs.Store) (*yjs.Store, error) {
	fresh := yjs.New()
	_, err := fresh.Apply(s.Snapshot())
	return fresh, err
}

// What somebody writes while the document is being restored stays, and so does what was
// there all the time.
func TestRestoreKeepsWhatOthersWrite(t *testing.T) {
	store := yjs.New()
	apply := func(client uint64, fn func(*Doc, *Edit)) []byte {
		d := must(Open(store, Limits{}))
		e := must(d.Edit(client))
		fn(d, e)
		return e.Update()
	}
	take := func(u []byte) {
		_, err := store.Apply(u)
		require.NoError(t, err)
	}
	take(apply(1, func(d *Doc, e *Edit) {
		require.NoError(t, e.InsertText(d.Text("t"), 0, "one three", nil))
		require.NoError(t, e.Push(d.Array("a"), "x", New{Kind: yjs.TypeMap, Entries: map[string]any{"k": 1}}))
	}))
	version := store.Snapshot()
	take(apply(2, func(d *Doc, e *Edit) {
		require.NoError(t, e.Delete(d.Text("t"), 0, 4))
		require.NoError(t, e.InsertText(d.Text("t"), 5, " four", nil))
		child, _ := d.Array("a").At(1)
		require.NoError(t, e.Set(child.(Type), "k", 2))
	}))
	other := apply(3, func(d *Doc, e *Edit) {
		require.NoError(t, e.InsertText(d.Text("t"), 5, "!", nil))
		child, _ := d.Array("a").At(1)
		require.NoError(t, e.Set(child.(Type), "mine", true))
	})
	take(apply(4, func(d *Doc, e *Edit) { require.NoError(t, e.Restore(must(OpenUpdate(version, Limits{})))) }))
	take(other)
	d := must(Open(store, Limits{}))
	require.Equal(t, "one three!", d.Text("t").Text())
	require.JSONEq(t, `["x",{"k":1,"mine":true}]`, string(must(d.Array("a").JSON())))
}

func TestRestoreOfAnotherDocument(t *testing.T) {
	made := func(a, b string) []byte {
		d := must(Open(yjs.New(), Limits{}))
		e := must(d.Edit(1))
		require.NoError(t, e.InsertText(d.Text("t"), 0, a, nil))
		require.NoError(t, e.InsertText(d.Text("t"), 0, b, nil))
		return e.Update()
	}
	e := must(must(OpenUpdate(made("aa", "bb"), Limits{})).Edit(2))
	other := func() []byte {
		d := must(Open(yjs.New(), Limits{}))
		e := must(d.Edit(1))
		require.NoError(t, e.InsertText(d.Text("t"), 0, "aabb", nil))
		return e.Update()
	}()
	require.ErrorIs(t, e.Restore(must(OpenUpdate(other, Limits{}))), errOrder)
}

func TestAuthors(t *testing.T) {
	d := must(Open(yjs.New(), Limits{}))
	e := must(d.Edit(1))
	require.NoError(t, e.InsertText(d.Text("t"), 0, "ad", nil))
	require.NoError(t, e.Push(d.XML("x"), New{Kind: yjs.TypeXMLElement, Name: "p", Items: []any{New{Kind: yjs.TypeXMLText, Delta: []Op{{Insert: "one"}}}}}))
	e = must(d.Edit(2))
	require.NoError(t, e.InsertText(d.Text("t"), 1, "bc", nil))
	require.Equal(t, []Run{{1, "a"}, {2, "bc"}, {1, "d"}}, must(d.Text("t").Authors()))
	require.Equal(t, []Run{{1, "one\n"}}, must(d.XML("x").Authors()))
	_, err := d.Map("m").Authors()
	require.ErrorIs(t, err, ErrType)
}

func TestGuess(t *testing.T) {
	d := must(Open(yjs.New(), Limits{}))
	e := must(d.Edit(1))
	require.NoError(t, e.InsertText(d.Text("t"), 0, "a", nil))
	require.NoError(t, e.Push(d.XML("x"), New{Kind: yjs.TypeXMLElement, Name: "p"}))
	require.NoError(t, e.Push(d.Array("a"), 1))
	require.NoError(t, e.Set(d.Map("m"), "k", 1))
	for name, kind := range map[string]yjs.TypeRef{"t": yjs.TypeText, "x": yjs.TypeXMLFragment, "a": yjs.TypeArray, "m": yjs.TypeMap} {
		got, ok := d.Guess(name)
		require.True(t, ok)
		require.Equal(t, kind, got.Kind(), name)
	}
	_, ok := d.Guess("none")
	require.False(t, ok)
}

// Places finds what Index finds.
func TestPlaces(t *testing.T) {
	for seed := range 40 {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		store := yjs.New()
		var positions []Position
		for client := range uint64(6) {
			d := must(Open(store, Limits{}))
			for _, name := range d.Roots() {
				typ := d.Root(name, yjs.TypeArray)
				for range 10 {
					positions = append(positions, must(typ.Position(r.Uint64N(typ.Len()+1), r.Int64N(3)-1)))
				}
			}
			e := must(d.Edit(client + 1))
			edit(t, r, e)
			if u := e.Update(); u != nil {
				_, err := store.Apply(u)
				require.NoError(t, err)
			}
		}
		d := must(Open(store, Limits{}))
		for i, place := range d.Places(positions) {
			typ, index, ok := d.Index(positions[i])
			require.Equal(t, []any{ok, index}, []any{place.Found, place.Index}, "seed %d: %+v", seed, positions[i])
			require.Equal(t, typ.node, place.Type.node)
		}
	}
}

func TestReplaceJSON(t *testing.T) {
	d := must(Open(yjs.New(), Limits{}))
	e := must(d.Edit(1))
	m := d.Map("m")
	require.NoError(t, e.Set(m, "list", Shared([]any{1, map[string]any{"a": "x"}, 3})))
	require.NoError(t, e.Set(m, "gone", 1))
	list, _ := m.Get("list")
	child, _ := list.(Type).At(1)
	want := map[string]any{"list": []any{1.0, map[string]any{"a": "y", "b": true}, 4.0, nil}, "new": map[string]any{"plain": 1.0}}
	require.NoError(t, e.ReplaceJSON(m, want))
	require.JSONEq(t, `{"list":[1,{"a":"y","b":true},4,null],"new":{"plain":1}}`, string(must(m.JSON())))
	again, _ := list.(Type).At(1)
	require.Equal(t, child.(Type).node, again.(Type).node, "it is the same map, so that what others write in it stays")
	require.NotNil(t, e.Update())
	e = must(d.Edit(2))
	require.NoError(t, e.ReplaceJSON(m, want))
	require.Nil(t, e.Update(), "nothing is different")
	e = must(d.Edit(3))
	require.ErrorIs(t, e.ReplaceJSON(m, []any{}), ErrType)
}
