package view

import (
	"strconv"
	"strings"
)

// Markdown gives the node as Markdown: CommonMark with the tables, task lists and
// strike-through of GitHub. What has a meaning in Markdown or HTML is escaped, links
// are bounded as in HTML, and of a node or mark that is not known, the text is kept.
func (n Node) Markdown(limits Limits) ([]byte, error) {
	limits = limits.withDefaults()
	m := &markdown{output: output{most: limits.MaxOutput, depth: limits.MaxDepth}}
	m.blocks(n, "")
	return m.done()
}

// markdown writes blocks, each line of which begins with a prefix.
type markdown struct {
	output
	started bool   // something was written before
	first   string // instead of the prefix, before the next line
	outer   string // if first is set, the prefix of the line before that
	inTable bool
}

// begin starts a block: an empty line, unless it is the first one, and the prefix.
func (m *markdown) begin(prefix string, tight bool) {
	between := prefix
	if m.first != "" {
		between = m.outer
	}
	if m.started {
		m.write("\n")
		if !tight {
			m.write(strings.TrimRight(between, " ") + "\n")
		}
	}
	if m.started = true; m.first != "" {
		m.write(m.first)
		m.first = ""
		return
	}
	m.write(prefix)
}

// blocks writes what is in a node, of which text that stands between blocks is a block
// of its own.
func (m *markdown) blocks(n Node, prefix string) {
	m.nested(func() {
		for i := 0; i < len(n.Content) && m.err == nil; {
			run := i
			for run < len(n.Content) && inline(n.Content[run]) {
				run++
			}
			if run > i {
				m.begin(prefix, false)
				m.line(n.Content[i:run], "\\\n"+prefix)
				i = run
				continue
			}
			m.block(n.Content[i], prefix)
			i++
		}
	})
}

func inline(n Node) bool {
	kind := name(n.Type)
	return kind == "text" || kind == "hardBreak" || kind == "image"
}

func (m *markdown) block(n Node, prefix string) {
	switch name(n.Type) {
	case "paragraph":
		m.begin(prefix, false)
		m.line(n.Content, "\\\n"+prefix)
	case "heading":
		m.begin(prefix, false)
		m.write(strings.Repeat("#", level(n)) + " ")
		m.line(n.Content, " ")
	case "blockquote":
		m.container(n, prefix, "> ", prefix+"> ")
	case "bulletList", "orderedList", "taskList":
		m.list(n, prefix)
	case "codeBlock":
		m.code(n, prefix)
	case "horizontalRule":
		m.begin(prefix, false)
		m.write("---")
	case "table":
		m.table(n, prefix)
	default:
		m.blocks(n, prefix)
	}
}

// container writes a node's blocks, the first line with a mark before it and all others
// with a prefix.
func (m *markdown) container(n Node, prefix, mark, inner string) {
	if m.first == "" {
		m.first, m.outer = prefix, prefix
	}
	m.first += mark
	if len(n.Content) == 0 {
		m.begin(inner, false)
		return
	}
	m.blocks(n, inner)
	if m.first != "" { // nothing in it wrote a line
		m.begin(inner, false)
	}
}

func (m *markdown) list(n Node, prefix string) {
	number := 1
	if start, ok := n.Attrs["start"].(float64); ok && start >= 0 && start < 1e9 {
		number = int(start)
	}
	for _, item := range n.Content {
		if m.err != nil {
			return
		}
		mark := "- "
		switch {
		case name(n.Type) == "orderedList":
			mark = strconv.Itoa(number) + ". "
			number++
		case name(item.Type) == "taskItem":
			mark = "- [ ] "
			if done, _ := item.Attrs["checked"].(bool); done {
				mark = "- [x] "
			}
		}
		width := len(mark)
		if name(item.Type) == "taskItem" {
			width = 2
		}
		m.container(item, prefix, mark, prefix+strings.Repeat(" ", width))
	}
}

// code writes a block of code, in a fence that is longer than any in it.
func (m *markdown) code(n Node, prefix string) {
	text := plainText(n, m.most)
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	m.begin(prefix, false)
	language, _ := n.Attrs["language"].(string)
	if strings.ContainsFunc(language, func(c rune) bool { return c <= ' ' || c == '`' }) {
		language = ""
	}
	m.write(fence + escapeMarkdown(language) + "\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		m.write(prefix + line + "\n")
	}
	m.write(prefix + fence)
}

func plainText(n Node, most int) string {
	var b strings.Builder
	var walk func(Node)
	walk = func(n Node) {
		if name(n.Type) == "hardBreak" {
			b.WriteByte('\n')
		}
		b.WriteString(n.Text)
		for _, c := range n.Content {
			if b.Len() <= most {
				walk(c)
			}
		}
	}
	walk(n)
	return strings.ReplaceAll(b.String(), "\r", "\n")
}

// table writes rows, the first one as the head, which Markdown needs.
func (m *markdown) table(n Node, prefix string) {
	for i, row := range n.Content {
		m.begin(prefix, i > 0)
		m.write("|")
		for _, cell := range row.Content {
			inner := &markdown{output: output{most: m.most, depth: m.depth}, inTable: true}
			inner.nested(func() { inner.cell(cell) })
			if m.err == nil {
				m.err = inner.err
			}
			m.write(" " + string(inner.buf) + " |")
		}
		if i == 0 {
			m.write("\n" + prefix + "|" + strings.Repeat(" --- |", max(len(row.Content), 1)))
		}
		if m.err != nil {
			return
		}
	}
}

// cell writes all text of a node on one line.
func (m *markdown) cell(n Node) {
	for _, c := range n.Content {
		if inline(c) {
			if name(c.Type) == "hardBreak" {
				m.write(" ")
				continue
			}
			m.span(c)
			continue
		}
		if len(m.buf) > 0 {
			m.write(" ")
		}
		m.nested(func() { m.cell(c) })
	}
}

// line writes text with its marks, and something where a line is to be broken.
func (m *markdown) line(nodes []Node, lineBreak string) {
	start := len(m.buf)
	for i, n := range nodes {
		switch {
		case m.err != nil:
			return
		case name(n.Type) == "hardBreak":
			m.guard(start)
			if i < len(nodes)-1 {
				m.write(lineBreak)
			}
			start = len(m.buf)
		case inline(n):
			m.span(n)
		default:
			m.nested(func() { m.line(n.Content, lineBreak) })
		}
	}
	m.guard(start)
}

// guard escapes what would make a block of its own at the beginning of a line.
func (m *markdown) guard(start int) {
	if m.err != nil {
		return
	}
	line := strings.TrimLeft(string(m.buf[start:]), " \t")
	m.buf = m.buf[:start]
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	switch {
	case line == "":
	case strings.IndexByte("+-=", line[0]) >= 0:
		line = `\` + line
	case digits > 0 && digits < len(line) && (line[digits] == '.' || line[digits] == ')'):
		line = line[:digits] + `\` + line[digits:]
	}
	m.buf = append(m.buf, line...)
}

var delimiters = map[string]string{"strong": "**", "em": "*", "strike": "~~"}

// span writes a text or an image. Spaces at the ends stay outside of the marks, which
// Markdown would not take for marks otherwise.
func (m *markdown) span(n Node) {
	if name(n.Type) == "image" {
		alt, _ := n.Attrs["alt"].(string)
		if src, ok := safeURL(n.Attrs["src"]); ok {
			m.write("![" + escapeMarkdown(alt) + "](" + escapeURL(src) + ")")
			return
		}
		m.write(escapeMarkdown(alt))
		return
	}
	text := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(n.Text)
	core := strings.TrimSpace(text)
	if core == "" {
		m.write(text)
		return
	}
	at := strings.Index(text, core)
	open, body, end := "", escapeMarkdown(core), ""
	for _, mark := range ordered(n.Marks) {
		switch d := delimiters[mark.Type]; {
		case d != "":
			open, end = open+d, d+end
		case mark.Type == "code":
			if body = codeSpan(core); m.inTable {
				body = strings.ReplaceAll(body, "|", `\|`)
			}
		case mark.Type == "link":
			if href, ok := safeURL(mark.Attrs["href"]); ok {
				open, end = open+"[", "]("+escapeURL(href)+")"+end
			}
		}
	}
	m.write(text[:at] + open + body + end + text[at+len(core):])
}

// codeSpan puts text between more backticks than it has in a row.
func codeSpan(s string) string {
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + s + fence
}

// escapeMarkdown escapes what is a mark anywhere in a line.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte("\\`*_[]<>#|~!&", c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

func escapeURL(s string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C").Replace(s)
}
