package view

import "github.com/hubbub-im/hubbub/room/yjs"

// Guess gives a root type as what it seems to be, from what is in it: a document does
// not say of which kind its roots are. Characters make it a text, XML a fragment, keys
// a map, and anything else an array. It is false if nothing is in it now.
func (d *Doc) Guess(name string) (Type, bool) {
	n := d.roots[name]
	if n == nil {
		return d.Map(name), false
	}
	for it := n.start; it != nil; it = it.right {
		if !it.visible() {
			continue
		}
		switch {
		case it.Ref == yjs.RefString, it.Ref == yjs.RefEmbed:
			return d.Text(name), true
		case it.Ref == yjs.RefType && isXML(it.Content.Type):
			return d.XML(name), true
		}
		return d.Array(name), true
	}
	t := d.Map(name)
	return t, len(t.Entries()) > 0
}

func isXML(kind yjs.TypeRef) bool { return kind >= yjs.TypeXMLElement }
