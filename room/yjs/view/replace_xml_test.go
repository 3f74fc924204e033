package view

import (
	"encoding/json"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

func nodeOf(t *testing.T, text string) (n Node) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &n))
	return n
}

const (
	para  = `{"type":"paragraph","content":[{"type":"text","text":"one "},{"type":"text","text":"two","marks":[{"type":"bold"}]}]}`
	para2 = `{"type":"paragraph","content":[{"type":"text","text":"one and "},{"type":"text","text":"two","marks":[{"type":"italic"}]}]}`
	head1 = `{"type":"heading","attrs":{"level":1},"content":[{"type":"text","text":"Title"}]}`
	head2 = `{"type":"heading","attrs":{"id":"x","level":2},"content":[{"type":"text","text":"Title"}]}`
	list  = `{"type":"bulletList","content":[{"type":"listItem","content":[` + para + `]}]}`
	list2 = `{"type":"bulletList","content":[{"type":"listItem","content":[` + para2 + `,` + para + `]},{"type":"listItem"}]}`
)

func docOf(blocks ...string) string {
	out := `{"type":"doc"`
	for i, b := range blocks {
		out += map[bool]string{true: `,"content":[`, false: `,`}[i == 0] + b
	}
	if len(blocks) > 0 {
		out += `]`
	}
	return out + `}`
}

// A document of ProseMirror becomes any other, and the same one changes nothing.
func TestReplaceNode(t *testing.T) {
	all := []string{
		docOf(), docOf(para), docOf(head1, para), docOf(head2, para2), docOf(para, head1, list), docOf(list2),
		docOf(head1, list2, para), docOf(list, list), docOf(para2, para, para2),
	}
	for _, from := range all {
		for _, to := range all {
			d := must(Open(yjs.New(), Limits{}))
			require.NoError(t, must(d.Edit(1)).ReplaceNode(d.XML("x"), nodeOf(t, from)))
			require.NoError(t, must(d.Edit(2)).ReplaceNode(d.XML("x"), nodeOf(t, to)))
			require.JSONEq(t, to, string(must(must(d.XML("x").Node()).JSON(Limits{}))), "from %s", from)
			e := must(d.Edit(3))
			require.NoError(t, e.ReplaceNode(d.XML("x"), nodeOf(t, to)))
			require.Nil(t, e.Update(), "%s -> %s", from, to)
		}
	}
}

// What somebody writes meanwhile in another paragraph, and in another place of the same
// one, stays.
func TestReplaceNodeKeepsWhatOthersWrite(t *testing.T) {
	store := yjs.New()
	apply := func(u []byte) {
		_, err := store.Apply(u)
		require.NoError(t, err)
	}
	d := must(Open(store, Limits{}))
	e := must(d.Edit(1))
	require.NoError(t, e.ReplaceNode(d.XML("x"), nodeOf(t, docOf(head1, para, para))))
	apply(e.Update())

	d = must(Open(store, Limits{}))
	e = must(d.Edit(2))
	require.NoError(t, e.ReplaceNode(d.XML("x"), nodeOf(t, docOf(head2, para2, para))))
	replaced := e.Update()
	d = must(Open(store, Limits{}))
	e = must(d.Edit(3))
	for i := range uint64(3) {
		block, _ := d.XML("x").At(i)
		text, _ := block.(Type).At(0)
		require.NoError(t, e.InsertText(text.(Type), 0, ">", map[string]any{}))
	}
	apply(e.Update())
	apply(replaced)
	d = must(Open(store, Limits{}))
	require.Equal(t, ">Title\n>one and two\n>one two", must(must(d.XML("x").Node()).PlainText(Limits{})))
}
