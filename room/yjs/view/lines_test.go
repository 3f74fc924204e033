package view

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A text with the line formats of Quill gives the blocks that they stand for.
func TestQuillLines(t *testing.T) {
	line := func(attributes map[string]any) Op { return Op{Insert: "\n", Attributes: attributes} }
	d := opened(t)
	e := must(d.Edit(1))
	require.NoError(t, e.ApplyDelta(d.Text("text"), []Op{
		{Insert: "Title"},
		line(map[string]any{"header": 1}),
		{Insert: "plain\nsee "},
		{Insert: "here", Attributes: map[string]any{"bold": true, "link": "https://a.b"}},
		line(nil),
		{Insert: "one"},
		line(map[string]any{"list": "bullet"}),
		{Insert: "two"},
		line(map[string]any{"list": "bullet"}),
		{Insert: "first"},
		line(map[string]any{"list": "ordered"}),
		{Insert: "done"},
		line(map[string]any{"list": "checked"}),
		{Insert: "open"},
		line(map[string]any{"list": "unchecked"}),
		{Insert: "said"},
		line(map[string]any{"blockquote": true}),
		{Insert: "a := 1"},
		line(map[string]any{"code-block": true}),
		{Insert: "<b>"},
		line(map[string]any{"code-block": true}),
		{Insert: map[string]any{"image": "/x.png"}},
		{Insert: "\n"},
		{Insert: map[string]any{"image": "javascript:1"}},
		{Insert: " end"},
	}))
	n := must(opened(t, e.Update()).Text("text").Node())
	require.Equal(t, `<h1>Title</h1><p>plain</p><p>see <a href="https://a.b" rel="noopener noreferrer nofollow"><strong>here</strong></a></p>`+
		`<ul><li><p>one</p></li><li><p>two</p></li></ul><ol><li><p>first</p></li></ol>`+
		`<ul data-type="taskList"><li><input type="checkbox" disabled checked><div><p>done</p></div></li><li><input type="checkbox" disabled><div><p>open</p></div></li></ul>`+
		`<blockquote><p>said</p></blockquote><pre><code>a := 1`+"\n"+`&lt;b&gt;</code></pre><p><img src="/x.png" alt=""></p><p> end</p>`,
		string(must(n.HTML(Limits{}))))
	require.Equal(t, "Title\nplain\nsee here\none\ntwo\nfirst\ndone\nopen\nsaid\na := 1\n<b>\n\n end", must(n.PlainText(Limits{})))
	require.Contains(t, string(must(n.Markdown(Limits{}))), "# Title\n\nplain\n\nsee [**here**](https://a.b)\n\n- one")
}

func TestPlainText(t *testing.T) {
	require.Equal(t, "A <b> & 1*2\nsee here\n- gone a`b\none\nthree\ntwo\ndone\nopen\n1. said\nx := <-c\n\nh|1\nc|d\nkept",
		must(richNode(t).PlainText(Limits{})))
	_, err := richNode(t).PlainText(Limits{MaxOutput: 10})
	require.ErrorIs(t, err, ErrTooLarge)
}
