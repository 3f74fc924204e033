package view

import (
	"slices"
	"unicode/utf16"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// piece is a part of an item that is visible in its view, all of it in the other view
// too or none of it.
type piece struct {
	it         *item // a copy that has these units alone, but for the type in it
	shared     bool
	attributes map[string]any // of text
}

func (p *piece) typ(d *Doc) Type { return Type{doc: d, node: p.it.child, kind: p.it.Content.Type} }

// pieces parts what is visible in a type by whether it is in the other view.
func (t Type) pieces(other *Doc) (out []piece, err error) {
	attributes, budget := map[string]any{}, t.doc.limits.MaxOutput
	for it := range t.items {
		if it.Ref == yjs.RefFormat && !it.deleted {
			attributes = cloneOf(attributes)
			budget -= 32 * len(attributes)
			update(attributes, it)
		}
		if !it.visible() {
			continue
		}
		for at := uint64(0); at < it.Len; {
			n, shared := other.has(yjs.ID{Client: it.ID.Client, Clock: it.ID.Clock + at})
			n = min(n, it.Len-at)
			out = append(out, piece{it.part(at, n), shared, attributes})
			at += n
		}
		if budget -= 64; budget < 0 {
			return nil, tooLarge("the document has too much formatting to be restored", t.doc.limits.MaxOutput)
		}
	}
	return out, nil
}

func cloneOf(m map[string]any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	return out
}

// has reports whether a unit is visible here, and for how many from it on that holds.
func (d *Doc) has(id yjs.ID) (n uint64, visible bool) {
	if id.Clock >= d.state(id.Client) {
		return ^uint64(0), false
	}
	it := d.find(id)
	return it.End() - id.Clock, it.visible() && it.parent != nil
}

// part gives n units of an item as an item of their own that stands nowhere.
func (it *item) part(from, n uint64) *item {
	p := &item{Struct: it.Struct, child: it.child}
	if from > 0 {
		p.Cut(from)
	}
	if n < p.Len {
		p.Truncate(n)
	}
	return p
}

// stepKind says what becomes of units.
type stepKind uint8

const (
	keep   stepKind = iota // a piece of now is one of then
	drop                   // a piece of now
	insert                 // a piece of then
)

type step struct {
	kind      stepKind
	now, then *piece
}

// script says how a type comes to read as another one did: what is in both is kept, and
// so is what reads the same at both ends of what lies between.
func script(now, then Type) (steps []step, err error) {
	a, err := now.pieces(then.doc)
	if err != nil {
		return nil, err
	}
	b, err := then.pieces(now.doc)
	if err != nil {
		return nil, err
	}
	for len(a) > 0 || len(b) > 0 {
		i, j := unshared(a), unshared(b)
		steps = append(steps, middle(now.doc, then.doc, a[:i], b[:j])...)
		if a, b = a[i:], b[j:]; len(a) == 0 && len(b) == 0 {
			break
		}
		if len(a) == 0 || len(b) == 0 || a[0].it.ID != b[0].it.ID {
			return nil, errOrder
		}
		n := min(a[0].it.Len, b[0].it.Len)
		var x, y piece
		x, a = a[0].cut(n, a)
		y, b = b[0].cut(n, b)
		steps = append(steps, step{keep, &x, &y})
	}
	return steps, nil
}

func unshared(p []piece) int {
	i := slices.IndexFunc(p, func(p piece) bool { return p.shared })
	if i < 0 {
		return len(p)
	}
	return i
}

// cut takes n units off the first of pieces, and gives what is left of all.
func (p piece) cut(n uint64, all []piece) (piece, []piece) {
	if n == p.it.Len {
		return p, all[1:]
	}
	all[0].it = p.it.part(n, p.it.Len-n)
	p.it = p.it.part(0, n)
	return p, all
}

// middle gives the steps where nothing is shared. What reads the same is kept, so that
// restoring twice changes nothing the second time.
func middle(now, then *Doc, a, b []piece) (steps []step) {
	if size := unitsOf(a) + unitsOf(b); len(a) > 0 && len(b) > 0 && size <= maxCompared {
		a, b = units(a), units(b)
	}
	head := 0
	for head < min(len(a), len(b)) && sameUnit(now, then, a[head], b[head]) {
		steps = append(steps, step{keep, &a[head], &b[head]})
		head++
	}
	a, b = a[head:], b[head:]
	tail := 0
	for tail < min(len(a), len(b)) && sameUnit(now, then, a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
	}
	for i := range a[:len(a)-tail] {
		steps = append(steps, step{drop, &a[i], nil})
	}
	for i := range b[:len(b)-tail] {
		steps = append(steps, step{insert, nil, &b[i]})
	}
	for i := range tail {
		steps = append(steps, step{keep, &a[len(a)-tail+i], &b[len(b)-tail+i]})
	}
	return steps
}

// maxCompared bounds how many units are compared one by one.
const maxCompared = 100_000

func unitsOf(p []piece) (n uint64) {
	for i := range p {
		n += p[i].it.Len
	}
	return n
}

func sameUnit(now, then *Doc, a, b piece) bool {
	if a.it.Len != b.it.Len {
		return false
	}
	if a.it.Ref == yjs.RefString || b.it.Ref == yjs.RefString {
		return a.it.Ref == b.it.Ref && string(a.it.Content.Data) == string(b.it.Content.Data)
	}
	return a.it.Len == 1 && alike(now.at(a.it, 0), then.at(b.it, 0))
}

// units parts pieces so far that each can be compared: text by its characters, and
// anything else by its units.
func units(p []piece) (out []piece) {
	for _, p := range p {
		if p.it.Len == 1 {
			out = append(out, p)
			continue
		}
		rest := p.it
		for rest.Len > 0 {
			n := uint64(1)
			if rest.Ref == yjs.RefString {
				n = firstCharacter(rest)
			}
			if n >= rest.Len {
				out = append(out, piece{rest, p.shared, p.attributes})
				break
			}
			out = append(out, piece{rest.part(0, n), p.shared, p.attributes})
			rest = rest.part(n, rest.Len-n)
		}
	}
	return out
}

func firstCharacter(it *item) uint64 {
	for _, c := range string(it.Content.Data) {
		return uint64(max(utf16.RuneLen(c), 1))
	}
	return 1
}
