package yjs

import "encoding/json"

// What stands in a struct's first byte beside its Ref.
const (
	infoRef         = 0x1f
	infoSub         = 0x20
	infoRightOrigin = 0x40
	infoOrigin      = 0x80
)

// structV1 reads one struct. All of s is written.
func (r *reader) structV1(s *Struct, id ID) {
	info := r.byte()
	*s = Struct{ID: id, Ref: Ref(info & infoRef)}
	switch s.Ref {
	case RefGC, RefSkip:
		s.Len = r.safe("a length")
	default:
		r.originsV1(s, info)
		r.contentV1(s)
	}
	r.checkEnd(id.Clock, s.Len)
}

func (r *reader) originsV1(s *Struct, info byte) {
	s.HasOrigin, s.HasRightOrigin, s.HasSub = info&infoOrigin != 0, info&infoRightOrigin != 0, info&infoSub != 0
	if s.HasOrigin {
		s.Origin = r.id()
	}
	if s.HasRightOrigin {
		s.RightOrigin = r.id()
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		switch kind := r.uvarint(); kind {
		case 0:
			s.Parent = Parent{Kind: ParentItem, ID: r.id()}
		case 1:
			s.Parent = Parent{Kind: ParentRoot, Root: r.string()}
		default:
			r.failf(Malformed, "a parent of kind %d; it should be 0, an item, or 1, a name", kind)
		}
		if s.HasSub {
			s.Sub = r.string()
		}
	}
	r.checkOrigins(s)
}

// checkOrigins refuses an item that refers to itself or to what its own client had
// yet to insert: Yjs breaks on it, or waits for ever.
func (r *reader) checkOrigins(s *Struct) {
	late := func(id ID) bool { return id.Client == s.ID.Client && id.Clock >= s.ID.Clock }
	if s.HasOrigin && late(s.Origin) || s.HasRightOrigin && late(s.RightOrigin) || s.Parent.Kind == ParentItem && late(s.Parent.ID) {
		r.failf(Malformed, "the item %d of client %d refers to a later one of the same client", s.ID.Clock, s.ID.Client)
	}
}

func (r *reader) contentV1(s *Struct) {
	c := &s.Content
	s.Len = 1
	switch s.Ref {
	case RefDeleted:
		s.Len = r.safe("a length")
	case RefJSON:
		s.Len, c.Data = r.repeated(r.jsonValue)
	case RefBinary:
		c.Data = r.bytes()
	case RefString:
		c.Data = r.string()
		s.Len = utf16Len(c.Data)
	case RefEmbed:
		c.Data = r.json()
	case RefFormat:
		c.Key = r.string()
		c.Data = r.json()
	case RefType:
		r.typeV1(c)
	case RefAny:
		s.Len, c.Data = r.repeated(func() { r.skipAny(r.limits.MaxDepth) })
	case RefDoc:
		c.Key = r.string()
		c.Data = r.any()
	default:
		r.failf(Malformed, "a struct of kind %d; it should be 0 to 10", s.Ref)
	}
}

func (r *reader) typeV1(c *Content) {
	ref := r.uvarint()
	if ref > uint64(TypeXMLText) {
		r.failf(Malformed, "a shared type of kind %d; it should be 0 to 6", ref)
		return
	}
	c.Type = TypeRef(ref)
	if c.Type.named() {
		c.Key = r.string()
	}
}

// named reports whether a name stands beside the type.
func (t TypeRef) named() bool { return t == TypeXMLElement || t == TypeXMLHook }

// repeated reads a count and so many elements, and gives the bytes of all of them.
func (r *reader) repeated(element func()) (n uint64, data []byte) {
	n = uint64(r.count("elements", 1))
	at := r.pos
	for range n {
		if element(); r.err != nil {
			return 0, nil
		}
	}
	return n, r.data[at:r.pos:r.pos]
}

// skipValues reads over n elements of a RefJSON or RefAny.
func (r *reader) skipValues(ref Ref, n uint64) {
	for ; n > 0 && r.err == nil; n-- {
		if ref == RefJSON {
			r.bytes()
		} else {
			r.skipAny(maxInt)
		}
	}
}

// jsonValue checks an element of RefJSON.
func (r *reader) jsonValue() {
	at := r.pos
	if s := r.string(); string(s) != "undefined" {
		r.checkJSON(s, at)
	}
}

// json reads a JSON text.
func (r *reader) json() []byte {
	at := r.pos
	s := r.string()
	r.checkJSON(s, at)
	return s
}

func (r *reader) checkJSON(s []byte, at int) {
	switch {
	case r.err != nil || r.trusted:
	case jsonDeeper(s, r.limits.MaxDepth+1): // bytes have one level more in JSON
		r.pos = at
		r.failf(TooLarge, "JSON is nested more than %d deep", r.limits.MaxDepth)
	case !json.Valid(s):
		r.pos = at
		r.failf(Malformed, "a value that is not JSON")
	}
}

// jsonDeeper reports whether brackets are nested deeper than limit. It is right for
// JSON, and may be wrong for what is not.
func jsonDeeper(s []byte, limit int) bool {
	level := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			if level++; level > limit {
				return true
			}
		case ']', '}':
			level--
		}
	}
	return false
}
