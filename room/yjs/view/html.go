package view

import (
	"html"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonical gives the names that ProseMirror's and Tiptap's schemas have for the same
// thing, besides the one that is used here.
var canonical = map[string]string{
	"bullet_list": "bulletList", "ordered_list": "orderedList", "list_item": "listItem",
	"task_list": "taskList", "todo_list": "taskList", "task_item": "taskItem", "todo_item": "taskItem",
	"code_block": "codeBlock", "horizontal_rule": "horizontalRule", "hard_break": "hardBreak",
	"table_row": "tableRow", "table_cell": "tableCell", "table_header": "tableHeader",
	"bold": "strong", "italic": "em", "strikethrough": "strike", "s": "strike", "u": "underline",
}

func name(s string) string {
	if c, ok := canonical[s]; ok {
		return c
	}
	return s
}

// HTML gives the node as HTML. Text and attributes are escaped, links and images that
// lead elsewhere than to http, https, mailto or a relative place are left out, and of a
// node or mark that is not known, the text is kept.
func (n Node) HTML(limits Limits) ([]byte, error) {
	limits = limits.withDefaults()
	o := &output{most: limits.MaxOutput, depth: limits.MaxDepth}
	o.html(n)
	return o.done()
}

// tags are the nodes that are an element around what is in them.
var tags = map[string]string{
	"paragraph": "p", "bulletList": "ul", "listItem": "li", "blockquote": "blockquote",
	"tableRow": "tr", "tableCell": "td", "tableHeader": "th",
}

func (o *output) html(n Node) {
	switch kind := name(n.Type); kind {
	case "text":
		o.htmlText(n)
	case "heading":
		o.around("h"+strconv.Itoa(level(n)), "", n)
	case "orderedList":
		start := ""
		if first, ok := n.Attrs["start"].(float64); ok && first != 1 && first == math.Trunc(first) && math.Abs(first) < 1e9 {
			start = ` start="` + strconv.Itoa(int(first)) + `"`
		}
		o.around("ol", start, n)
	case "taskList":
		o.around("ul", ` data-type="taskList"`, n)
	case "taskItem":
		o.htmlTask(n)
	case "codeBlock":
		o.htmlCode(n)
	case "table":
		o.write("<table>")
		o.around("tbody", "", n)
		o.write("</table>")
	case "horizontalRule":
		o.write("<hr>")
	case "hardBreak":
		o.write("<br>")
	case "image":
		o.htmlImage(n)
	default:
		o.around(tags[kind], cellSpans(kind, n), n)
	}
}

// around writes what is in a node within an element, if that has a name.
func (o *output) around(tag, attributes string, n Node) {
	if tag != "" {
		o.write("<" + tag + attributes + ">")
	}
	o.nested(func() {
		for _, c := range n.Content {
			if o.html(c); o.err != nil {
				return
			}
		}
	})
	if tag != "" {
		o.write("</" + tag + ">")
	}
}

func level(n Node) int {
	l, _ := n.Attrs["level"].(float64)
	if l >= 1 && l <= 6 {
		return int(l)
	}
	return 1
}

func cellSpans(kind string, n Node) (out string) {
	if kind != "tableCell" && kind != "tableHeader" {
		return ""
	}
	for _, key := range []string{"colspan", "rowspan"} {
		if span, ok := n.Attrs[key].(float64); ok && span > 1 && span <= 1000 {
			out += " " + key + `="` + strconv.Itoa(int(span)) + `"`
		}
	}
	return out
}

func (o *output) htmlTask(n Node) {
	checked := ""
	if done, _ := n.Attrs["checked"].(bool); done {
		checked = " checked"
	}
	o.write(`<li><input type="checkbox" disabled` + checked + ">")
	o.around("div", "", n)
	o.write("</li>")
}

func (o *output) htmlCode(n Node) {
	class := ""
	if language, _ := n.Attrs["language"].(string); language != "" {
		class = ` class="language-` + html.EscapeString(language) + `"`
	}
	o.write("<pre>")
	o.around("code", class, n)
	o.write("</pre>")
}

func (o *output) htmlImage(n Node) {
	src, ok := safeURL(n.Attrs["src"])
	alt, _ := n.Attrs["alt"].(string)
	if !ok {
		o.write(html.EscapeString(alt))
		return
	}
	o.write(`<img src="` + html.EscapeString(src) + `" alt="` + html.EscapeString(alt) + `"`)
	if title, _ := n.Attrs["title"].(string); title != "" {
		o.write(` title="` + html.EscapeString(title) + `"`)
	}
	o.write(">")
}

// markOrder is from the outermost mark to the innermost.
var markOrder = []string{"link", "strong", "em", "underline", "strike", "code"}

// ordered gives the known marks, each once.
func ordered(marks []Mark) (out []Mark) {
	for _, kind := range markOrder {
		i := slices.IndexFunc(marks, func(m Mark) bool { return name(m.Type) == kind })
		if i >= 0 {
			out = append(out, Mark{Type: kind, Attrs: marks[i].Attrs})
		}
	}
	return out
}

var markTags = map[string]string{"strong": "strong", "em": "em", "underline": "u", "strike": "s", "code": "code"}

func (o *output) htmlText(n Node) {
	var ends []string
	for _, m := range ordered(n.Marks) {
		if m.Type != "link" {
			o.write("<" + markTags[m.Type] + ">")
			ends = append(ends, "</"+markTags[m.Type]+">")
		} else if href, ok := safeURL(m.Attrs["href"]); ok {
			o.write(`<a href="` + html.EscapeString(href) + `" rel="noopener noreferrer nofollow">`)
			ends = append(ends, "</a>")
		}
	}
	o.write(html.EscapeString(n.Text))
	for i := len(ends) - 1; i >= 0; i-- {
		o.write(ends[i])
	}
}

// safeURL gives a link's target if it is http, https, mailto or relative. What browsers
// skip while they read a scheme (control characters, spaces) is not allowed in it.
func safeURL(v any) (string, bool) {
	s, ok := v.(string)
	if !ok || s == "" || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7F || c == '\\' }) {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return s, u.Host != ""
	case "mailto":
		return s, true
	case "":
		return s, !strings.HasPrefix(s, "//")
	}
	return "", false
}
