package yjs

// ID names one unit of a document: the clock-th thing that a client inserted.
type ID struct {
	// Client is at most 2^53-1: Yjs 13 draws 32 bits, Yjs 14 draws 53.
	Client uint64
	// Clock counts from 0, in UTF-16 code units for text, else in elements.
	Clock uint64
}

// Ref says what a struct is. The numbers are those of the format.
type Ref uint8

// The kinds of structs. All but RefGC and RefSkip are items.
const (
	// RefGC stands for items that are deleted, as is the type that they were in.
	RefGC Ref = iota
	// RefDeleted is an item whose content was deleted and thrown away.
	RefDeleted
	// RefJSON is an array's values as JSON texts; written by old versions of Yjs.
	RefJSON
	// RefBinary is a value that is bytes.
	RefBinary
	// RefString is text.
	RefString
	// RefEmbed is an object that stands within text.
	RefEmbed
	// RefFormat is an attribute that begins or ends within text. It counts as a clock
	// but as no length of the text.
	RefFormat
	// RefType is a shared type.
	RefType
	// RefAny is values of an array or map.
	RefAny
	// RefDoc is a subdocument.
	RefDoc
	// RefSkip is a gap: clocks that the update does not have.
	RefSkip
)

// TypeRef says which shared type a RefType holds.
type TypeRef uint8

// The shared types. TypeXMLElement and TypeXMLHook have a name.
const (
	TypeArray TypeRef = iota
	TypeMap
	TypeText
	TypeXMLElement
	TypeXMLFragment
	TypeXMLHook
	TypeXMLText
)

// ParentKind says how an item names what it stands in.
type ParentKind uint8

const (
	// ParentInherited: that of the item's Origin, else of its RightOrigin. GC and Skip
	// have none, and this value.
	ParentInherited ParentKind = iota
	// ParentRoot: a type of the document, by its name.
	ParentRoot
	// ParentItem: the type that another item holds, by that item's id.
	ParentItem
)

// Parent is what an item says that it stands in.
type Parent struct {
	Kind ParentKind
	ID   ID     // of ParentItem
	Root []byte // of ParentRoot: the name
}

// Content is what an item holds. Which field has what depends on the item's Ref:
//
//	RefDeleted  nothing; Struct.Len says how much
//	RefJSON     Data: Len times a length (varuint) and a JSON text, or "undefined"
//	RefBinary   Data: the bytes
//	RefString   Data: the text in UTF-8
//	RefEmbed    Data: a JSON text
//	RefFormat   Key: the attribute's name; Data: its value as a JSON text
//	RefType     Type; Key: the name of an XML element or hook
//	RefAny      Data: Len values of lib0's "any", one behind the other
//	RefDoc      Key: the guid; Data: the options as an "any"
type Content struct {
	Type TypeRef
	Key  []byte
	Data []byte
}

// Struct is one entry of an update: an item, a GC or a Skip. Its byte slices alias
// what it was decoded from; nobody writes to them.
type Struct struct {
	// ID is that of the first unit; the others follow by clock.
	ID ID
	// Len is the number of units, at least 1.
	Len uint64
	// Ref is the kind.
	Ref Ref

	// What an item stood between when it was inserted. Origin is the unit to the left.
	HasOrigin, HasRightOrigin bool
	Origin, RightOrigin       ID

	// Parent is given only by items that have neither origin.
	Parent Parent
	// HasSub: the item is the value of a key, in a map or among attributes. Yjs sets
	// it for every such item, but a merge by Yjs loses it where Parent is inherited.
	HasSub bool
	// Sub is the key, given only beside Parent; else it too is inherited.
	Sub []byte

	// Content is what an item holds.
	Content Content
}

// End is the clock behind the last unit.
func (s *Struct) End() uint64 { return s.ID.Clock + s.Len }

// forget lets go of what the struct was decoded from.
func (s *Struct) forget() {
	s.Parent.Root, s.Sub, s.Content.Key, s.Content.Data = nil, nil, nil, nil
}

// LastID is the id of the last unit.
func (s *Struct) LastID() ID { return ID{Client: s.ID.Client, Clock: s.End() - 1} }

// IsItem tells items from GC and Skip.
func (s *Struct) IsItem() bool { return s.Ref != RefGC && s.Ref != RefSkip }

// Countable reports whether the units count in the length of the type they stand in.
func (s *Struct) Countable() bool {
	return s.IsItem() && s.Ref != RefDeleted && s.Ref != RefFormat
}

// Cut drops the first n units, 0 < n < s.Len: the struct begins later, and an item
// has the unit before as its origin, as Yjs does when it splits one. Contents that
// cannot be split have a Len of 1.
func (s *Struct) Cut(n uint64) {
	_, s.Content.Data = s.cutData(n)
	s.skip(n)
}

// Truncate keeps the first n units, 0 < n < s.Len.
func (s *Struct) Truncate(n uint64) {
	s.Content.Data, _ = s.cutData(n)
	s.Len = n
}

// skip is Cut but for the content.
func (s *Struct) skip(n uint64) {
	s.ID.Clock += n
	s.Len -= n
	if s.IsItem() {
		s.HasOrigin, s.Origin = true, ID{Client: s.ID.Client, Clock: s.ID.Clock - 1}
		s.Parent, s.Sub = Parent{}, nil
	}
}

// cutData parts what contents of several units hold after n of them.
func (s *Struct) cutData(n uint64) (left, right []byte) {
	data := s.Content.Data
	switch s.Ref {
	case RefString:
		return cutString(data, n)
	case RefJSON, RefAny:
		r := trusted(data)
		r.skipValues(s.Ref, n)
		return data[:r.pos:r.pos], data[r.pos:]
	}
	return data, data
}

// pieces hands out a struct in parts, from the first unit on, in time that grows with
// the struct alone.
type pieces struct {
	rest   Struct
	text   textCursor
	values reader
}

func newPieces(s *Struct) pieces {
	return pieces{rest: *s, text: textCursor{rest: s.Content.Data}, values: trusted(s.Content.Data)}
}

// take gives the next n units, 0 < n <= rest.Len. Only if keep is set is the content
// what it should be.
func (p *pieces) take(n uint64, keep bool) Struct {
	piece := p.rest
	piece.Len = n
	switch {
	case piece.Ref == RefString && (keep || n < p.rest.Len):
		piece.Content.Data, _ = p.text.take(n)
	case (piece.Ref == RefJSON || piece.Ref == RefAny) && (keep || n < p.rest.Len):
		at := p.values.pos
		p.values.skipValues(piece.Ref, n)
		piece.Content.Data = p.values.data[at:p.values.pos:p.values.pos]
	}
	p.rest.skip(n)
	return piece
}

// delete turns a struct into what Yjs keeps of it once it is deleted.
func (s *Struct) delete() {
	if s.Ref != RefGC {
		s.Ref, s.Content = RefDeleted, Content{}
	}
}
