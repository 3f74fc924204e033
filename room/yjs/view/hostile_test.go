package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

func id(client, clock uint64) yjs.ID { return yjs.ID{Client: client, Clock: clock} }

// text is an item of text; what it stands in or beside is to be set.
func text(at yjs.ID, s string) yjs.Struct {
	return yjs.Struct{ID: at, Len: length(s), Ref: yjs.RefString, Content: yjs.Content{Data: []byte(s)}}
}

func rooted(s yjs.Struct, root string) yjs.Struct {
	s.Parent = yjs.Parent{Kind: yjs.ParentRoot, Root: []byte(root)}
	return s
}

func between(s yjs.Struct, left, right *yjs.ID) yjs.Struct {
	if left != nil {
		s.HasOrigin, s.Origin = true, *left
	}
	if right != nil {
		s.HasRightOrigin, s.RightOrigin = true, *right
	}
	return s
}

// keyed is a value of a root map.
func keyed(s yjs.Struct) yjs.Struct {
	s.HasSub, s.Sub = true, []byte("k")
	return rooted(s, "map")
}

func subdoc(at, parent yjs.ID) yjs.Struct {
	return yjs.Struct{
		ID: at, Len: 1, Ref: yjs.RefDoc, Parent: yjs.Parent{Kind: yjs.ParentItem, ID: parent},
		Content: yjs.Content{Key: []byte("guid"), Data: []byte{118, 0}},
	}
}

func encoded(structs ...yjs.Struct) b64 {
	slices.SortStableFunc(structs, func(a, b yjs.Struct) int { return int(b.ID.Client) - int(a.ID.Client) })
	u := yjs.Update{Structs: structs}
	return u.EncodeV1()
}

// What no client writes reads as in Yjs, which lives with it in its own way.
func TestOddDocuments(t *testing.T) {
	a, b, c := id(1, 0), id(2, 0), id(3, 0)
	for name, structs := range map[string][]yjs.Struct{
		"left and right in two parents": {
			rooted(text(a, "left"), "text"), rooted(text(b, "right"), "array"), between(text(c, "mid"), &yjs.ID{Client: 1, Clock: 1}, &b),
		},
		"right alone in another": {
			rooted(text(a, "one"), "text"), rooted(text(b, "two"), "array"), between(text(c, "x"), nil, &yjs.ID{Client: 2, Clock: 1}),
		},
		"right before left": {
			rooted(text(a, "abc"), "text"), between(text(b, "x"), &yjs.ID{Client: 1, Clock: 2}, &a),
		},
		"a text as parent": {
			rooted(text(a, "abc"), "text"), {ID: b, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}, Parent: yjs.Parent{Kind: yjs.ParentItem, ID: a}},
		},
		"beside what has no parent": {
			rooted(text(a, "abc"), "text"),
			{ID: b, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}, Parent: yjs.Parent{Kind: yjs.ParentItem, ID: a}},
			between(text(c, "x"), &b, &a),
		},
		"a key beside a list": {
			rooted(text(a, "abc"), "map"), between(text(b, "x"), &yjs.ID{Client: 1, Clock: 2}, nil),
			{ID: c, Len: 2, Ref: yjs.RefAny, HasSub: true, Sub: []byte("k"), Parent: yjs.Parent{Kind: yjs.ParentRoot, Root: []byte("map")}, Content: yjs.Content{Data: []byte{126, 120}}},
		},
		"behind the values of a key": {
			{ID: a, Len: 2, Ref: yjs.RefAny, HasSub: true, Sub: []byte("k"), Parent: yjs.Parent{Kind: yjs.ParentRoot, Root: []byte("map")}, Content: yjs.Content{Data: []byte{126, 120}}},
			between(yjs.Struct{ID: b, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{121}}}, &a, nil),
			between(yjs.Struct{ID: c, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}}, nil, &yjs.ID{Client: 1, Clock: 1}),
		},
		"a subdocument in a value that lost": {
			keyed(yjs.Struct{ID: a, Len: 1, Ref: yjs.RefType}), keyed(yjs.Struct{ID: b, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}}), subdoc(c, a),
		},
		"a subdocument put into a value that had lost": {
			subdoc(a, b), keyed(yjs.Struct{ID: b, Len: 1, Ref: yjs.RefType}), keyed(yjs.Struct{ID: c, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}}),
		},
		"two that wait for each other":  {between(text(a, "x"), &b, nil), between(text(b, "y"), &a, nil), rooted(text(c, "z"), "text")},
		"three that wait in a ring":     {between(text(a, "x"), &b, nil), between(text(b, "y"), nil, &c), between(text(c, "z"), &a, nil)},
		"a parent that is not there":    {{ID: a, Len: 1, Ref: yjs.RefAny, Content: yjs.Content{Data: []byte{126}}, Parent: yjs.Parent{Kind: yjs.ParentItem, ID: id(9, 9)}}},
		"an origin that is not there":   {rooted(text(a, "x"), "text"), between(text(b, "y"), &yjs.ID{Client: 1, Clock: 7}, nil)},
		"a GC, and something beside it": {{ID: a, Len: 3, Ref: yjs.RefGC}, between(text(b, "y"), &yjs.ID{Client: 1, Clock: 1}, nil)},
	} {
		t.Run(name, func(t *testing.T) { compare(t, []b64{encoded(structs...)}) })
	}
}

// Updates with a byte changed, as far as the store accepts them and Yjs can read the
// document, read as there.
func TestTamperedAgainstYjs(t *testing.T) {
	compared := 0
	each(t, func(t *testing.T, c *crossing) {
		for range 30 {
			update := slices.Clone(c.updates[c.random.IntN(len(c.updates))])
			update[c.random.IntN(len(update))] ^= byte(1 << c.random.IntN(8))
			store := yjs.New()
			if _, err := store.Apply(c.state); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Apply(update); err != nil {
				continue
			}
			d, err := Open(store, Limits{})
			require.NoError(t, err)
			var want struct{ Read reading }
			// Yjs is given the store's document: what it makes of the update itself is
			// the store's concern.
			if yjs13.ask("read", args{"updates": []b64{store.Snapshot()}}, &want) != nil {
				readAll(d)
				continue
			}
			compared++
			require.Equal(t, want.Read, readingOf(t, d))
		}
	})
	require.NotZero(t, compared)
	t.Logf("%d compared", compared)
}

// readAll reads everything as everything.
func readAll(d *Doc) {
	for _, name := range append(d.Roots(), "text") {
		for kind := yjs.TypeArray; kind <= yjs.TypeXMLText; kind++ {
			t := d.Root(name, kind)
			_, _ = t.JSON()
			_, _ = t.String()
			_, _ = t.DeltaJSON()
			if n, err := t.Node(); err == nil {
				_, _ = n.JSON(Limits{})
				_, _ = n.HTML(Limits{})
				_, _ = n.Markdown(Limits{})
			}
			if p, err := t.Position(t.Len(), -1); err == nil {
				d.Index(p)
			}
		}
	}
}

// A type nested 100,000 deep opens, can be deleted, and is too deep to be read.
func TestDeepTypes(t *testing.T) {
	const deep = 100_000
	structs := make([]yjs.Struct, deep)
	for i := range structs {
		structs[i] = yjs.Struct{ID: id(1, uint64(i)), Len: 1, Ref: yjs.RefType, Content: yjs.Content{Type: yjs.TypeXMLElement, Key: []byte("p")}}
		structs[i].Parent = yjs.Parent{Kind: yjs.ParentItem, ID: id(1, uint64(i-1))}
	}
	structs[0] = rooted(structs[0], "xml")
	d := opened(t, encoded(structs...))
	_, err := d.XML("xml").String()
	require.ErrorIs(t, err, ErrTooDeep)
	_, err = d.XML("xml").Node()
	require.ErrorIs(t, err, ErrTooDeep)
	_, err = d.Array("xml").JSON()
	require.ErrorIs(t, err, ErrTooDeep)
	innermost, ok := d.Resolve(id(1, deep-1))
	require.True(t, ok)
	e := must(d.Edit(2))
	require.NoError(t, e.Delete(d.XML("xml"), 0, 1))
	require.ErrorIs(t, e.Push(innermost, New{Kind: yjs.TypeXMLText}), ErrRange)
	u := must(yjs.DecodeV1(e.Update(), yjs.Limits{}))
	require.NotEmpty(t, u.Deletes)
	require.Empty(t, must(d.XML("xml").String()))
}

// What is beyond a limit is refused in words.
func TestLimits(t *testing.T) {
	var crowd []yjs.Struct
	for client := uint64(3000); client > 0; client-- {
		crowd = append(crowd, rooted(text(id(client, 0), "x"), "text"))
	}
	update := encoded(crowd...)
	d := must(OpenUpdate(update, Limits{}))
	require.EqualValues(t, 3000, d.Text("text").Len())
	_, err := OpenUpdate(update, Limits{MaxSteps: 2000})
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "2000 steps")
	_, err = OpenUpdate(update, Limits{MaxItems: 2999})
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "2999")

	// One long attribute on many pieces of text is written with each of them.
	d = must(OpenUpdate([]byte{0, 0}, Limits{MaxOutput: 1 << 20}))
	e := must(d.Edit(1))
	attributes := map[string]any{"a": strings.Repeat("a", 20_000)}
	require.NoError(t, e.InsertText(d.Text("big"), 0, "x", attributes))
	for range 100 {
		require.NoError(t, e.InsertEmbed(d.Text("big"), 1, map[string]any{}, attributes))
	}
	_, err = d.Text("big").DeltaJSON()
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = d.Root("big", yjs.TypeXMLText).String()
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = OpenUpdate([]byte{1, 2, 3}, Limits{})
	require.ErrorAs(t, err, new(*yjs.Error))
}

// Whatever a store takes, its view opens, is read, and edited so that the store takes
// the edit and comes to the same.
func FuzzOpen(f *testing.F) {
	d := must(OpenUpdate([]byte{0, 0}, Limits{}))
	e := must(d.Edit(5))
	err := e.ReplaceList(d.XML("xml"), richNode(f).News())
	require.NoError(f, err)
	f.Add([]byte(e.Update()))
	e = must(d.Edit(6))
	require.NoError(f, e.InsertText(d.Text("text"), 0, "a😀b", map[string]any{"b": true}))
	require.NoError(f, e.InsertText(d.Text("text"), 3, "x", nil))
	require.NoError(f, e.Push(d.Array("array"), 1, []byte{1}, New{Kind: yjs.TypeMap, Entries: map[string]any{"k": BigInt(3), "s": Subdoc{GUID: "g"}}}))
	require.NoError(f, e.Delete(d.Array("array"), 0, 1))
	f.Add([]byte(e.Update()))
	f.Fuzz(func(t *testing.T, update []byte) {
		store := yjs.New()
		if _, err := store.Apply(update); err != nil {
			return
		}
		limits := Limits{MaxOutput: 1 << 20, MaxItems: 10_000, MaxSteps: 1 << 20}
		d, err := Open(store, limits)
		if err != nil {
			require.ErrorIs(t, err, ErrTooLarge)
			return
		}
		readAll(d)
		edited(t, store, d)
	})
}

// edited edits a view, and holds it against one of the store that has the update.
func edited(t *testing.T, store *yjs.Store, d *Doc) {
	e := must(d.Edit(maxSafe))
	if d.state(maxSafe) > 0 || must(store.Diff(nil)) == nil {
		return
	}
	text := d.Text("text")
	_ = e.InsertText(text, text.Len(), "end", map[string]any{"b": true})
	_ = e.InsertText(text, text.Len()/2, "mid", nil)
	_ = e.Delete(text, 0, text.Len()/3)
	_ = e.Set(d.Map("map"), "k", "v")
	_ = e.Insert(d.Array("array"), d.Array("array").Len()/2, 1, 2)
	update := e.Update()
	_, err := store.Apply(update)
	require.NoError(t, err)
	again, err := Open(store, d.limits)
	if err != nil {
		require.ErrorIs(t, err, ErrTooLarge)
		return
	}
	require.Equal(t, text.Text(), again.Text("text").Text())
	require.Equal(t, must(text.Delta()), must(again.Text("text").Delta()))
	for _, kind := range []yjs.TypeRef{yjs.TypeArray, yjs.TypeMap} {
		for _, name := range []string{"array", "map"} {
			one, err1 := d.Root(name, kind).JSON()
			two, err2 := again.Root(name, kind).JSON()
			require.Equal(t, err1, err2)
			require.Equal(t, string(one), string(two))
		}
	}
}

// long gives a store that a million updates went into: people who type in runs, jump
// and delete, or one who sets a key.
func long(t testing.TB, updates int, key bool) *yjs.Store {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	store := yjs.New()
	next := make([]uint64, 0, updates) // of each unit the one behind it, plus 1
	at := uint64(0)
	for clock := uint64(0); clock < uint64(updates); clock++ {
		s := text(id(7, clock), string(rune('a'+clock%26)))
		switch {
		case clock == 0:
			s = rooted(s, "text")
		case key:
			s = between(s, &yjs.ID{Client: 7, Clock: clock - 1}, nil)
		default:
			if r.IntN(30) == 0 {
				at = r.Uint64N(clock)
			}
			s = between(s, &yjs.ID{Client: 7, Clock: at}, nil)
			if next[at] != 0 {
				s = between(s, nil, &yjs.ID{Client: 7, Clock: next[at] - 1})
			}
		}
		u := yjs.Update{}
		if key {
			s.Ref, s.Content.Data = yjs.RefAny, []byte{125, byte(clock % 64)}
			if s.HasSub = true; clock == 0 {
				s.Sub = []byte("k")
			} else {
				u.Deletes = []yjs.Range{{Client: 7, Clock: clock - 1, Len: 1}}
			}
		} else if r.IntN(3) == 0 && clock > 40 {
			u.Deletes = []yjs.Range{{Client: 7, Clock: clock - 1 - r.Uint64N(40), Len: 1}}
		}
		if !key {
			behind := uint64(0)
			if clock > 0 {
				behind, next[at] = next[at], clock+1
			}
			next = append(next, behind)
			at = clock
		}
		u.Structs = []yjs.Struct{s}
		_, err := store.Apply(u.EncodeV1())
		require.NoError(t, err)
	}
	return store
}

// A document of many updates opens fast, once it is compacted.
func TestLong(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	for _, key := range []bool{false, true} {
		t.Run(fmt.Sprintf("key %v", key), func(t *testing.T) {
			store := yjs.New()
			_, err := store.Apply(long(t, n, key).Snapshot())
			require.NoError(t, err)
			began := time.Now()
			d, err := Open(store, Limits{})
			took := time.Since(began)
			require.NoError(t, err)
			items := 0
			for _, c := range d.clients {
				items += len(c.items)
			}
			t.Logf("%d updates: %d B, %d items, opened in %v, %d units", n, len(store.Snapshot()), items, took, d.Text("text").Len())
			require.Less(t, took, 10*time.Second)
			if key {
				require.Len(t, d.Map("text").Entries(), 1)
			}
			compareLong(t, store, d)
		})
	}
}

// compareLong holds a long text against Yjs.
func compareLong(t *testing.T, store *yjs.Store, d *Doc) {
	want := ask[struct {
		Read   reading
		OpenMS float64
	}](t, "read", args{"updates": []b64{store.Snapshot()}})
	t.Logf("Yjs opens it in %.0f ms", want.OpenMS)
	require.Equal(t, want.Read.Text, d.Text("text").Text())
}

func BenchmarkOpen(b *testing.B) {
	store := long(b, 1_000_000, false)
	b.ReportAllocs()
	for b.Loop() {
		must(Open(store, Limits{}))
	}
}
