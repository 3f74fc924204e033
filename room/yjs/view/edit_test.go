package view

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

// What is edited here and what Yjs edits in the same way reads the same: on the view at
// once, and for everybody who gets the updates, beside edits that others made at the
// same time.
func TestEditAgainstYjs(t *testing.T) {
	each(t, func(t *testing.T, c *crossing) {
		updates := []b64{c.state}
		for round := range 4 {
			ours := opened(t, updates...)
			const client = 7_000_000
			e := must(ours.Edit(client))
			operations := edit(t, c.random, e)
			update := e.Update()

			theirs := ask[struct {
				Read   reading
				Update b64
			}](t, "edit", args{"updates": updates, "client": client, "operations": operations})
			require.Equal(t, joinedDeltas(t, theirs.Read), joinedDeltas(t, readingOf(t, ours)), "round %d: %v", round, operations)

			// Somebody else edits the same document at the same time.
			other := must(opened(t, updates...).Edit(uint64(6_999_999 + 2*(round%2))))
			edit(t, c.random, other)
			if update != nil {
				updates = append(updates, update)
			}
			compare(t, updates)
			require.Equal(t, readingOf(t, ours), readingOf(t, opened(t, updates...)))
			if u := other.Update(); u != nil {
				updates = append(updates, u)
			}
			compare(t, updates)
		}
	})
}

// joinedDeltas joins characters that have the same attributes. Yjs takes two objects
// with equal objects in them for different attributes, and parts the text there.
func joinedDeltas(t *testing.T, r reading) reading {
	var ops, joined []map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.Delta), &ops))
	for _, op := range ops {
		if text, ok := op["insert"].(string); ok && len(joined) > 0 {
			last := joined[len(joined)-1]
			if before, ok := last["insert"].(string); ok && reflect.DeepEqual(last["attributes"], op["attributes"]) {
				last["insert"] = before + text
				continue
			}
		}
		joined = append(joined, op)
	}
	text, err := json.Marshal(joined)
	require.NoError(t, err)
	r.Delta, r.Children = string(text), ""
	for _, name := range []string{"bold", "color", "ö"} {
		r.XML = strings.ReplaceAll(r.XML, "</"+name+"><"+name+` a="1">`, "")
	}
	return r
}

// Marks that have become needless are deleted as Yjs deletes them, so that a text which
// is formatted and deleted again and again does not grow. With several attributes it
// depends on their order how many there are, and a Go map has none.
func TestMarksAgainstYjs(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 10
	}
	for seed := range n {
		d := opened(t)
		ed := editor{t, rand.New(rand.NewPCG(uint64(seed), 3)), must(d.Edit(5)), true}
		var operations []args
		for range 40 {
			operations = append(operations, ed.text(d.Text("text")))
		}
		want := ask[struct{ Marks int }](t, "edit", args{"updates": []b64{}, "client": 5, "operations": operations}).Marks
		marks := 0
		for it := range d.Text("text").items {
			if it.Ref == yjs.RefFormat && !it.deleted {
				marks++
			}
		}
		require.Equal(t, want, marks, "seed %d", seed)
	}
}

// A value that is replaced is deleted in the same update, and what was in it too.
func TestSetDeletes(t *testing.T) {
	d := opened(t)
	e := must(d.Edit(1))
	require.NoError(t, e.Set(d.Map("map"), "k", New{Kind: yjs.TypeArray, Items: []any{1, Subdoc{GUID: "g"}}}))
	require.NotNil(t, e.Update())
	e = must(d.Edit(1))
	require.NoError(t, e.Set(d.Map("map"), "k", 2))
	u := must(yjs.DecodeV1(e.Update(), yjs.Limits{}))
	require.Equal(t, []yjs.Range{{Client: 1, Clock: 0, Len: 3}}, u.Deletes)
	require.Empty(t, d.Subdocs())
}

// editor makes random edits of a view, and notes them for Yjs.
type editor struct {
	*testing.T
	*rand.Rand
	*Edit
	flat bool // there is one attribute, and it is no object
}

func edit(t *testing.T, r *rand.Rand, e *Edit) (operations []args) {
	ed := editor{t, r, e, false}
	for range 1 + r.IntN(6) {
		if o := ed.one(); o != nil {
			operations = append(operations, o)
		}
	}
	if operations == nil {
		operations = []args{}
	}
	return operations
}

func (e editor) one() args {
	text := e.doc.Text("text")
	if children := must(e.doc.XML("xml").Values()); len(children) > 0 && e.IntN(3) == 0 {
		i := e.IntN(len(children))
		switch child := children[i].(Type); child.Kind() {
		case yjs.TypeXMLText:
			o := e.text(child)
			if o != nil {
				o["child"] = i
			}
			return o
		case yjs.TypeXMLElement:
			require.NoError(e, e.Set(child, "class", "c"))
			return args{"do": "setAttribute", "child": i, "key": "class", "value": "c"}
		}
	}
	switch e.IntN(4) {
	case 0:
		return e.list("array", e.doc.Array("array"))
	case 1:
		return e.list("xml", e.doc.XML("xml"))
	case 2:
		return e.keys()
	}
	return e.text(text)
}

func (e editor) text(t Type) args {
	at := e.whole(t, e.Uint64N(t.Len()+1))
	n := e.whole(t, at+min(e.Uint64N(9), t.Len()-at)) - at
	word := []string{"x", "hello", "漢字", "a😀b", "\n"}[e.IntN(5)]
	attributes := e.attributes()
	switch e.IntN(6) {
	case 0:
		require.NoError(e, e.Delete(t, at, n))
		return args{"do": "deleteText", "index": at, "length": n}
	case 1:
		require.NoError(e, e.Format(t, at, n, attributes))
		return args{"do": "format", "index": at, "length": n, "attributes": attributes}
	case 2:
		embed := map[string]any{"image": word}
		require.NoError(e, e.InsertEmbed(t, at, embed, attributes))
		return args{"do": "insertEmbed", "index": at, "value": embed, "attributes": attributes}
	case 3:
		delta := []Op{{Retain: at}, {Insert: word, Attributes: attributes}, {Delete: n}, {Retain: t.Len() - at - n, Attributes: e.attributes()}, {Insert: "end"}}
		require.NoError(e, e.ApplyDelta(t, delta))
		return args{"do": "delta", "delta": wireDelta(delta)}
	case 4:
		require.NoError(e, e.InsertText(t, at, word, attributes))
		return args{"do": "insertText", "index": at, "text": word, "attributes": attributes}
	}
	require.NoError(e, e.InsertText(t, at, word, nil))
	return args{"do": "insertText", "index": at, "text": word}
}

// whole gives the index, or the one before it if that would part a character.
func (e editor) whole(t Type, index uint64) uint64 {
	if t.whole(index) != nil {
		require.ErrorIs(e, e.InsertText(t, index, "x", nil), ErrRange)
		return index - 1
	}
	return index
}

func (e editor) attributes() map[string]any {
	values := []any{true, nil, "red", 12.0}
	if e.flat {
		return map[string]any{"bold": values[e.IntN(len(values))]}
	}
	values = append(values, map[string]any{"a": []any{1.0}})
	v := values[e.IntN(len(values))]
	return map[string]any{[]string{"bold", "color", "ö"}[e.IntN(3)]: v}
}

func wireDelta(delta []Op) (out []args) {
	for _, op := range delta {
		o := args{}
		switch {
		case op.Insert != nil:
			o["insert"] = op.Insert
		case op.Retain > 0:
			o["retain"] = op.Retain
		case op.Delete > 0:
			o["delete"] = op.Delete
		default:
			continue
		}
		if op.Attributes != nil {
			o["attributes"] = op.Attributes
		}
		out = append(out, o)
	}
	return out
}

func (e editor) list(root string, t Type) args {
	at := e.Uint64N(t.Len() + 1)
	n := min(e.Uint64N(4), t.Len()-at)
	var values, wires []any
	for range 1 + e.IntN(3) {
		v, w := e.value()
		if root == "xml" {
			v, w = e.child(2)
		}
		values, wires = append(values, v), append(wires, w)
	}
	switch e.IntN(3) {
	case 0:
		require.NoError(e, e.Delete(t, at, n))
		return args{"do": "delete", "root": root, "index": at, "length": n}
	case 1:
		require.NoError(e, e.Push(t, values...))
		return args{"do": "push", "root": root, "values": wires}
	}
	require.NoError(e, e.Insert(t, at, values...))
	return args{"do": "insert", "root": root, "index": at, "values": wires}
}

func (e editor) keys() args {
	key := []string{"a", "b", "c", "ключ"}[e.IntN(4)]
	if e.IntN(4) == 0 {
		require.NoError(e, e.Unset(e.doc.Map("map"), key))
		return args{"do": "unset", "key": key}
	}
	v, w := e.value()
	require.NoError(e, e.Set(e.doc.Map("map"), key, v))
	return args{"do": "set", "key": key, "value": w}
}

// value gives a value, and how Yjs is told of it.
func (e editor) value() (v, w any) {
	switch e.IntN(8) {
	case 0:
		b := []byte{1, 2, byte(e.IntN(256))}
		return b, b64(b)
	case 1:
		v, w := e.value()
		return New{Kind: yjs.TypeMap, Entries: map[string]any{"k": v}}, args{"new": "map", "entries": args{"k": w}}
	case 2:
		v, w := e.value()
		return New{Kind: yjs.TypeArray, Items: []any{1, v, "x"}}, args{"new": "array", "items": []any{1, w, "x"}}
	case 3:
		delta := []Op{{Insert: "ab", Attributes: e.attributes()}, {Insert: "c"}}
		return New{Kind: yjs.TypeText, Delta: delta}, args{"new": "text", "delta": wireDelta(delta)}
	}
	v = []any{nil, true, 3.5, -1.0, 1e15, "wörld😀", []any{1.0, map[string]any{"z": 1.0, "a": nil}}}[e.IntN(7)]
	return v, v
}

// child gives a child of XML.
func (e editor) child(deep int) (v, w any) {
	if deep == 0 || e.IntN(3) == 0 {
		delta := []Op{{Insert: "text", Attributes: map[string]any{"strong": map[string]any{}}}, {Insert: fmt.Sprint(e.IntN(100))}}
		return New{Kind: yjs.TypeXMLText, Delta: delta}, args{"new": "xmltext", "delta": wireDelta(delta)}
	}
	n := New{Kind: yjs.TypeXMLElement, Name: "Para", Entries: map[string]any{"id": "x"}}
	var items []any
	for range e.IntN(3) {
		v, w := e.child(deep - 1)
		n.Items, items = append(n.Items, v), append(items, w)
	}
	return n, args{"new": "element", "name": "Para", "entries": args{"id": "x"}, "items": items}
}

// Replacing what a type holds leaves exactly what was asked for, also after the update
// has gone through a store, and keeps what somebody else typed beside it meanwhile.
func TestReplace(t *testing.T) {
	each(t, func(t *testing.T, c *crossing) {
		updates := []b64{c.state}
		d := opened(t, updates...)
		e := must(d.Edit(8_000_000))
		delta := []Op{{Insert: "one ", Attributes: map[string]any{"b": true}}, {Insert: "two"}}
		items := []any{1.0, "two", nil}
		require.NoError(t, e.ReplaceDelta(d.Text("text"), delta))
		require.NoError(t, e.ReplaceList(d.Array("array"), items))
		require.NoError(t, e.ReplaceMap(d.Map("map"), map[string]any{"a": 1, "new": true}))
		require.NoError(t, e.ReplaceList(d.XML("xml"), []any{New{Kind: yjs.TypeXMLElement, Name: "p"}}))
		updates = append(updates, e.Update())
		compare(t, updates)
		for _, d := range []*Doc{d, opened(t, updates...)} {
			require.Equal(t, delta, must(d.Text("text").Delta()))
			require.Equal(t, items, must(d.Array("array").Values()))
			require.Equal(t, map[string]any{"a": 1.0, "new": true}, d.Map("map").Entries())
			require.Equal(t, "<p></p>", must(d.XML("xml").String()))
		}
		e = must(d.Edit(8_000_000))
		require.NoError(t, e.ReplaceMap(d.Map("map"), map[string]any{"a": 1, "new": true}))
		require.NoError(t, e.ReplaceList(d.Array("array"), items))
		require.Nil(t, e.Update(), "nothing was to change")
		require.NoError(t, must(d.Edit(8_000_000)).ReplaceText(d.Text("text"), "three"))
		require.Equal(t, "three", d.Text("text").Text())
	})
}

func TestReplaceTextKeepsWhatIsEqual(t *testing.T) {
	d := opened(t)
	e := must(d.Edit(1))
	require.NoError(t, e.InsertText(d.Text("text"), 0, "héllo 😀 world", nil))
	base := e.Update()

	other := opened(t, base)
	theirs := must(other.Edit(2))
	require.NoError(t, theirs.InsertText(other.Text("text"), 0, "> ", nil))

	e = must(d.Edit(1))
	require.NoError(t, e.ReplaceText(d.Text("text"), "héllo 😁 world"))
	require.Equal(t, "héllo 😁 world", d.Text("text").Text())
	require.Equal(t, "> héllo 😁 world", opened(t, base, e.Update(), theirs.Update()).Text("text").Text())
}

// What cannot be inserted is refused, and nothing of it is there.
func TestEditRefused(t *testing.T) {
	d := opened(t)
	e := must(d.Edit(1))
	text, array, m, xml := d.Text("text"), d.Array("array"), d.Map("map"), d.XML("xml")
	require.NoError(t, e.InsertText(text, 0, "abc", nil))
	require.NotNil(t, e.Update())
	require.ErrorIs(t, e.Set(m, "a", 1), ErrType, "the edit has ended")

	e = must(d.Edit(1))
	var deep any = 1.0
	for range 300 {
		deep = []any{deep}
	}
	nested := New{Kind: yjs.TypeMap}
	for range 300 {
		nested = New{Kind: yjs.TypeArray, Items: []any{nested}}
	}
	for name, c := range map[string]struct{ err, want error }{
		"index":         {e.InsertText(text, 4, "x", nil), ErrRange},
		"format":        {e.Format(text, 1, 3, map[string]any{"b": 1}), ErrRange},
		"delete":        {e.Delete(text, 1, 3), ErrRange},
		"far":           {e.Delete(text, 1, ^uint64(0)), ErrRange},
		"delta":         {e.ApplyDelta(text, []Op{{Insert: "x"}, {Retain: 4}}), ErrRange},
		"two at once":   {e.ApplyDelta(text, []Op{{Insert: "x", Delete: 1}}), ErrType},
		"not UTF-8":     {e.InsertText(text, 0, "\xff", nil), ErrType},
		"deep value":    {e.Push(array, 1, deep), ErrTooDeep},
		"deep types":    {e.Push(array, 1, nested), ErrTooDeep},
		"deep embed":    {e.InsertEmbed(text, 0, map[string]any{"a": deep}, nil), ErrTooDeep},
		"a channel":     {e.Set(m, "a", make(chan int)), ErrType},
		"wrong kind":    {e.Set(array, "a", 1), ErrType},
		"text in XML":   {e.Push(xml, New{Kind: yjs.TypeXMLElement, Name: "p"}, "x"), ErrType},
		"map in XML":    {e.Push(xml, New{Kind: yjs.TypeMap}), ErrType},
		"kind 9":        {e.Set(m, "a", New{Kind: 9}), ErrType},
		"items in text": {e.Set(m, "a", New{Kind: yjs.TypeText, Items: []any{1}}), ErrType},
		"other view":    {e.Set(opened(t).Map("map"), "a", 1), ErrType},
	} {
		require.ErrorIs(t, c.err, c.want, name)
	}
	require.Nil(t, e.Update())
	require.Equal(t, "abc", text.Text())
	require.Empty(t, m.Entries())
	_, err := d.Edit(1 << 53)
	require.ErrorIs(t, err, ErrRange)
	require.Equal(t, []string{"text"}, slices.Clone(d.Roots()))
}
