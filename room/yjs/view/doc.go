// Package view integrates a document of Yjs: it brings the inserts that a yjs.Store
// holds into the one order that all clients come to (YATA), so that the document can
// be read as text, delta, JSON or XML, and edited.
//
// A view is made when it is needed and thrown away after use. It does not follow the
// store. What is edited on it is visible in it at once, and is handed out as an
// ordinary update, which the caller applies to the store and relays like any other.
//
// The package is pure, as yjs is, and a view is for one goroutine at a time. Documents
// may be hostile: nesting, the number of items, the work of ordering them and the size
// of what is read are bounded by Limits.
package view

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// What is refused. Errors of this package wrap one of them, and say in words what was
// wrong, or are a *yjs.Error of the bytes that were given.
var (
	// ErrTooLarge: the document, or what was asked of it, is beyond a limit.
	ErrTooLarge = errors.New("too large")
	// ErrTooDeep: types or values are nested beyond the limit.
	ErrTooDeep = errors.New("nested too deep")
	// ErrRange: an index or length is beyond the type's end.
	ErrRange = errors.New("out of range")
	// ErrType: a type or value is not one that the operation takes.
	ErrType = errors.New("wrong type")
)

// Limits bound what a view takes in and gives. A zero field stands for its default.
type Limits struct {
	// MaxItems is the number of items, once they are parted where others refer into
	// them: 2,000,000.
	MaxItems int
	// MaxSteps is how many items may be passed in all while looking for the place of
	// others: 50,000,000. What people type needs few for each item; many clients that
	// all insert at one place need the square of their number.
	MaxSteps int
	// MaxDepth is how deep types may be nested in what is read or inserted, and values
	// in what is inserted: 200.
	MaxDepth int
	// MaxOutput is the size in bytes of what one call gives: 64 MiB.
	MaxOutput int
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.MaxItems, 2_000_000)
	set(&l.MaxSteps, 50_000_000)
	set(&l.MaxDepth, 200)
	set(&l.MaxOutput, 64<<20)
	return l
}

// Doc is an integrated document.
type Doc struct {
	limits  Limits
	clients map[uint64]*client
	roots   map[string]*node

	// of integrate
	steps            int
	before, conflict uint32 // the stamps that count at present

	edit *Edit // that records what is inserted and deleted
}

// client has all items of a client from clock 0 on, in order.
type client struct {
	items []*item
	next  int    // of items, which one is integrated next
	end   uint64 // the clock behind the last integrated one
	near  int    // of items, which one was found last
}

// Open gives the view of what a store has now. What waits in the store for others is
// not in it.
func Open(store *yjs.Store, limits Limits) (*Doc, error) {
	known, err := yjs.DecodeStateVector(store.StateVector(), yjs.Limits{})
	if err != nil {
		return nil, err
	}
	d := &Doc{limits: limits.withDefaults(), clients: map[uint64]*client{}, roots: map[string]*node{}}
	d.steps = d.limits.MaxSteps
	if err := d.load(store.Snapshot(), known); err != nil {
		return nil, err
	}
	return d, d.integrateAll()
}

// OpenUpdate gives the view of one update of version 1, such as a version that was
// kept.
func OpenUpdate(update []byte, limits Limits) (*Doc, error) {
	store := yjs.New()
	if _, err := store.Apply(update); err != nil {
		return nil, err
	}
	return Open(store, limits)
}

// Root gives a type of the document by its name, read as a kind: the document does not
// say of which kind its roots are. One that has nothing in it is empty.
func (d *Doc) Root(name string, kind yjs.TypeRef) Type {
	return Type{doc: d, node: d.root(name), kind: kind}
}

// Text gives a root type as text.
func (d *Doc) Text(name string) Type { return d.Root(name, yjs.TypeText) }

// Array gives a root type as an array.
func (d *Doc) Array(name string) Type { return d.Root(name, yjs.TypeArray) }

// Map gives a root type as a map.
func (d *Doc) Map(name string) Type { return d.Root(name, yjs.TypeMap) }

// XML gives a root type as an XML fragment.
func (d *Doc) XML(name string) Type { return d.Root(name, yjs.TypeXMLFragment) }

// Roots gives the names of the root types into which anything was ever inserted, in
// order.
func (d *Doc) Roots() (names []string) {
	for name, n := range d.roots {
		if n.start != nil || len(n.keys) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (d *Doc) root(name string) *node {
	n := d.roots[name]
	if n == nil {
		n = &node{name: name}
		d.roots[name] = n
	}
	return n
}

func tooLarge(what string, most int) error {
	return fmt.Errorf("view: %s; at most %d are allowed: %w", what, most, ErrTooLarge)
}
