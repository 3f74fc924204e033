package view

import (
	"strings"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Run is a stretch of text that one client has inserted.
type Run struct {
	Client uint64
	Text   string
}

// Authors gives the characters of a text, or of all that is in an XML type, with the
// client that inserted each; a block of XML ends with a newline. It is "who wrote what"
// and says nothing of who formatted it.
func (t Type) Authors() ([]Run, error) {
	if err := t.want(yjs.TypeText, yjs.TypeXMLText, yjs.TypeXMLElement, yjs.TypeXMLFragment); err != nil {
		return nil, err
	}
	a := authors{budget: t.doc.limits.MaxOutput, most: t.doc.limits.MaxOutput}
	_, err := a.walk(t.node, t.doc.limits.MaxDepth)
	a.end()
	return a.runs, err
}

// authors gathers runs, up to a size.
type authors struct {
	runs         []Run
	client       uint64
	text         strings.Builder // of the run that has not ended
	budget, most int
}

// walk adds what is in a type, and reports whether that ends with characters.
func (a *authors) walk(n *node, depth int) (inline bool, err error) {
	if depth == 0 {
		return false, errDeepNode
	}
	for it := n.start; it != nil; it = it.right {
		switch {
		case !it.visible():
		case it.Ref == yjs.RefString:
			inline = true
			err = a.add(it.ID.Client, string(it.Content.Data))
		case it.child != nil:
			var within bool
			if within, err = a.walk(it.child, depth-1); err == nil && within && it.Content.Type == yjs.TypeXMLElement {
				within, err = false, a.add(it.ID.Client, "\n")
			}
			inline = within
		}
		if err != nil {
			return false, err
		}
	}
	return inline, nil
}

func (a *authors) add(client uint64, text string) error {
	if client != a.client {
		a.end()
		a.client = client
		a.budget -= 32
	}
	a.text.WriteString(text)
	if a.budget -= len(text); a.budget < 0 {
		return tooLarge("what was asked for has too many bytes", a.most)
	}
	return nil
}

func (a *authors) end() {
	if a.text.Len() > 0 {
		a.runs = append(a.runs, Run{a.client, a.text.String()})
		a.text.Reset()
	}
}
