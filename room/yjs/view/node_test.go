package view

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/stretchr/testify/require"
)

// rich is a document in the shape of ProseMirror, in the names of both schemas.
const rich = `{"type":"doc","content":[
{"type":"heading","attrs":{"level":2},"content":[{"type":"text","text":"A <b> & 1*2"}]},
{"type":"paragraph","content":[{"type":"text","text":"see "},{"type":"text","marks":[{"type":"bold"},{"type":"link","attrs":{"href":"https://example.org/?a=1&b=(2)"}}],"text":"here"},{"type":"hardBreak"},{"type":"text","marks":[{"type":"em"},{"type":"strike"}],"text":"- gone "},{"type":"text","marks":[{"type":"code"}],"text":"a` + "`" + `b"}]},
{"type":"bullet_list","content":[{"type":"list_item","content":[{"type":"paragraph","content":[{"type":"text","text":"one"}]},{"type":"orderedList","attrs":{"start":3},"content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"three"}]}]}]}]},{"type":"list_item","content":[{"type":"paragraph","content":[{"type":"text","text":"two"}]}]}]},
{"type":"taskList","content":[{"type":"taskItem","attrs":{"checked":true},"content":[{"type":"paragraph","content":[{"type":"text","text":"done"}]}]},{"type":"taskItem","attrs":{"checked":false},"content":[{"type":"paragraph","content":[{"type":"text","text":"open"}]}]}]},
{"type":"blockquote","content":[{"type":"paragraph","content":[{"type":"text","text":"1. said"}]},{"type":"code_block","attrs":{"language":"go"},"content":[{"type":"text","text":"x := <-c\n"}]}]},
{"type":"horizontalRule"},
{"type":"image","attrs":{"src":"/a.png","alt":"an \"a\""}},
{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","attrs":{"colspan":2},"content":[{"type":"paragraph","content":[{"type":"text","text":"h|1"}]}]}]},{"type":"tableRow","content":[{"type":"tableCell","content":[{"type":"paragraph","content":[{"type":"text","marks":[{"type":"code"}],"text":"c|d"}]}]}]}]},
{"type":"callout","content":[{"type":"paragraph","content":[{"type":"text","marks":[{"type":"glow"}],"text":"kept"}]}]}
]}`

const richHTML = `<h2>A &lt;b&gt; &amp; 1*2</h2>` +
	`<p>see <a href="https://example.org/?a=1&amp;b=(2)" rel="noopener noreferrer nofollow"><strong>here</strong></a><br><em><s>- gone </s></em><code>a` + "`" + `b</code></p>` +
	`<ul><li><p>one</p><ol start="3"><li><p>three</p></li></ol></li><li><p>two</p></li></ul>` +
	`<ul data-type="taskList"><li><input type="checkbox" disabled checked><div><p>done</p></div></li><li><input type="checkbox" disabled><div><p>open</p></div></li></ul>` +
	`<blockquote><p>1. said</p><pre><code class="language-go">x := &lt;-c` + "\n" + `</code></pre></blockquote>` +
	`<hr><img src="/a.png" alt="an &#34;a&#34;">` +
	`<table><tbody><tr><th colspan="2"><p>h|1</p></th></tr><tr><td><p><code>c|d</code></p></td></tr></tbody></table><p>kept</p>`

const richMarkdown = `## A \<b\> \& 1\*2

see [**here**](https://example.org/?a=1&b=%282%29)\
*~~- gone~~* ` + "`` a`b ``" + `

- one

  3. three

- two

- [x] done

- [ ] open

> 1\. said
>
> ` + "```go" + `
> x := <-c
> ` + "```" + `

---

![an "a"](/a.png)

| h\|1 |
| --- |
| ` + "`c\\|d`" + ` |

kept`

func richNode(t testing.TB) (n Node) {
	require.NoError(t, json.Unmarshal([]byte(rich), &n))
	return n
}

// A rich document goes into XML, is read back as it was, and gives HTML and Markdown.
func TestNode(t *testing.T) {
	d := opened(t)
	e := must(d.Edit(1))
	require.NoError(t, e.ReplaceList(d.XML("xml"), richNode(t).News()))
	updates := []b64{e.Update()}
	compare(t, updates)

	n := must(opened(t, updates...).XML("xml").Node())
	text := must(n.JSON(Limits{}))
	var again Node
	require.NoError(t, json.Unmarshal(text, &again))
	require.JSONEq(t, rich, string(text))
	require.Equal(t, n, again)
	require.Equal(t, richHTML, string(must(n.HTML(Limits{}))))
	require.Equal(t, richMarkdown, string(must(n.Markdown(Limits{}))))
	_, err := d.Map("map").Node()
	require.ErrorIs(t, err, ErrType)
}

// The name of a mark that may overlap itself has a hash behind it in XML.
func TestMarkNames(t *testing.T) {
	d := opened(t)
	e := must(d.Edit(1))
	require.NoError(t, e.Push(d.XML("xml"), New{Kind: yjs.TypeXMLText, Delta: []Op{{Insert: "x", Attributes: map[string]any{"comment--aB3+/9==": map[string]any{"id": 1.0}}}}}))
	n := must(d.XML("xml").Node())
	require.Equal(t, []Mark{{Type: "comment", Attrs: map[string]any{"id": 1.0}}}, n.Content[0].Marks)
}

func TestLinkTargets(t *testing.T) {
	for target, allowed := range map[string]bool{
		"https://a.b/c": true, "HTTP://a.b": true, "mailto:a@b.c": true, "/x": true, "x/y.png": true, "#top": true, "?q": true,
		"javascript:alert(1)": false, "JaVaScRiPt:x": false, "java\nscript:x": false, " javascript:x": false, "\x01javascript:x": false,
		"data:text/html,x": false, "vbscript:x": false, "//evil.example": false, `/\evil.example`: false, `\\evil.example`: false,
		"": false, "http:": false, "https:evil": false, "file:///etc/passwd": false, "%6aavascript:x": false, "javascript&colon;x": true,
	} {
		_, ok := safeURL(target)
		require.Equal(t, allowed, ok, "%q", target)
	}
	_, ok := safeURL(12.0)
	require.False(t, ok)
}

func TestDeepNode(t *testing.T) {
	n := Node{Type: "blockquote"}
	for range 1000 {
		n = Node{Type: "blockquote", Content: []Node{n}}
	}
	_, err := n.HTML(Limits{})
	require.ErrorIs(t, err, ErrTooDeep)
	_, err = n.Markdown(Limits{})
	require.ErrorIs(t, err, ErrTooDeep)
	_, err = richNode(t).HTML(Limits{MaxOutput: 100})
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = richNode(t).Markdown(Limits{MaxOutput: 100})
	require.ErrorIs(t, err, ErrTooLarge)
}

// tag is every tag that may be in what HTML gives.
var tag = regexp.MustCompile(`</?(p|h[1-6]|ul|ol|li|div|blockquote|pre|table|tbody|tr|th|td|strong|em|u|s|code|a)>|<(hr|br)>|` +
	`<ul data-type="taskList">|<ol start="-?[0-9]+">|<t[dh]( (col|row)span="[0-9]+")+>|<input type="checkbox" disabled( checked)?>|` +
	`<code class="language-[^"<>]*">|<a href="([^"<>]*)" rel="noopener noreferrer nofollow">|<img src="([^"<>]*)" alt="[^"<>]*"( title="[^"<>]*")?>`)

// Whatever a document says, HTML has no tags but ours, and no link that runs anything.
func FuzzHTML(f *testing.F) {
	f.Add([]byte(rich))
	f.Add([]byte(`{"type":"doc","content":[{"type":"image","attrs":{"src":"x\" onerror=\"y","alt":"\"><script>"}}]}`))
	f.Add([]byte(`{"type":"text","text":"<script>","marks":[{"type":"link","attrs":{"href":"javascript:1"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var n Node
		if json.Unmarshal(data, &n) != nil {
			return
		}
		_, err := n.Markdown(Limits{})
		out, err2 := n.HTML(Limits{})
		if err != nil || err2 != nil {
			return
		}
		require.NotContains(t, tag.ReplaceAllString(string(out), ""), "<")
		for _, parts := range tag.FindAllStringSubmatch(string(out), -1) {
			for _, target := range []string{parts[6], parts[7]} {
				target = strings.ToLower(html.UnescapeString(target))
				require.NotRegexp(t, `^[\x00-\x20]*(javascript|data|vbscript)\s*:`, target)
			}
		}
	})
}
