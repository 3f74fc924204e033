package yjs

import (
	"cmp"
	"encoding/binary"
	"slices"
)

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendID(dst []byte, id ID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, id.Client), id.Clock)
}

// EncodeV1 encodes an update of version 1. The structs of a client have to stand
// together by ascending clock without overlap; a Skip is written where they have a
// gap, and clients are written in the order in which they stand. The delete ranges
// are sorted and joined.
func (u *Update) EncodeV1() []byte {
	groups := u.groups()
	dst := binary.AppendUvarint(nil, uint64(len(groups)))
	for _, structs := range groups {
		dst = binary.AppendUvarint(dst, uint64(len(structs)+gaps(structs)))
		dst = appendStructs(appendID(dst, structs[0].ID), structs, structs[0].ID.Clock)
	}
	return appendDeletes(dst, u.Deletes)
}

// groups gives the runs of structs that have one client.
func (u *Update) groups() (groups [][]Struct) {
	for structs := u.Structs; len(structs) > 0; {
		n := 1
		for n < len(structs) && structs[n].ID.Client == structs[0].ID.Client {
			n++
		}
		groups = append(groups, structs[:n])
		structs = structs[n:]
	}
	return groups
}

// gaps counts the places where a Skip has to be written.
func gaps(structs []Struct) (n int) {
	for i := 1; i < len(structs); i++ {
		if structs[i].ID.Clock > structs[i-1].End() {
			n++
		}
	}
	return n
}

func appendSkip(dst []byte, length uint64) []byte {
	return binary.AppendUvarint(append(dst, byte(RefSkip)), length)
}

// appendStruct appends a struct as version 1 has it.
func appendStruct(dst []byte, s *Struct) []byte {
	if !s.IsItem() {
		return binary.AppendUvarint(append(dst, byte(s.Ref)), s.Len)
	}
	return appendContent(appendHead(dst, s), s)
}

// appendHead appends what stands before an item's content.
func appendHead(dst []byte, s *Struct) []byte {
	dst = append(dst, s.info())
	if s.HasOrigin {
		dst = appendID(dst, s.Origin)
	}
	if s.HasRightOrigin {
		dst = appendID(dst, s.RightOrigin)
	}
	if s.HasOrigin || s.HasRightOrigin {
		return dst
	}
	if s.Parent.Kind == ParentRoot {
		dst = appendBytes(append(dst, 1), s.Parent.Root)
	} else {
		dst = appendID(append(dst, 0), s.Parent.ID)
	}
	if s.HasSub {
		dst = appendBytes(dst, s.Sub)
	}
	return dst
}

// info gives the first byte.
func (s *Struct) info() byte {
	info := byte(s.Ref)
	if s.HasOrigin {
		info |= infoOrigin
	}
	if s.HasRightOrigin {
		info |= infoRightOrigin
	}
	if s.HasSub {
		info |= infoSub
	}
	return info
}

func appendContent(dst []byte, s *Struct) []byte {
	c := &s.Content
	switch s.Ref {
	case RefDeleted:
		return binary.AppendUvarint(dst, s.Len)
	case RefJSON, RefAny:
		return append(binary.AppendUvarint(dst, s.Len), c.Data...)
	case RefBinary, RefString, RefEmbed:
		return appendBytes(dst, c.Data)
	case RefFormat:
		return appendBytes(appendBytes(dst, c.Key), c.Data)
	case RefDoc:
		return append(appendBytes(dst, c.Key), c.Data...)
	case RefType:
		dst = append(dst, byte(c.Type))
		if c.Type.named() {
			dst = appendBytes(dst, c.Key)
		}
	}
	return dst
}

// appendDeletes appends a delete set: clients in descending order, their ranges in
// ascending order and joined where they touch, as Yjs writes them.
func appendDeletes(dst []byte, deletes []Range) []byte {
	sorted := joinRanges(slices.Clone(deletes))
	byClient := func(a, b Range) bool { return a.Client == b.Client }
	dst = binary.AppendUvarint(dst, uint64(countRuns(sorted, byClient)))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Client == sorted[0].Client {
			n++
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, sorted[0].Client), uint64(n))
		for _, d := range sorted[:n] {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, d.Clock), d.Len)
		}
		sorted = sorted[n:]
	}
	return dst
}

// countRuns counts the runs of neighbours that are equal.
func countRuns[T any](list []T, same func(a, b T) bool) (n int) {
	for i := range list {
		if i == 0 || !same(list[i-1], list[i]) {
			n++
		}
	}
	return n
}

// joinRanges sorts ranges, clients descending and clocks ascending, and joins those
// that touch or overlap. It works in place.
func joinRanges(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int {
		return cmp.Or(cmp.Compare(b.Client, a.Client), cmp.Compare(a.Clock, b.Clock))
	})
	out := ranges[:0]
	for _, d := range ranges {
		if last := len(out) - 1; last >= 0 && out[last].Client == d.Client && out[last].Clock+out[last].Len >= d.Clock {
			out[last].Len = max(out[last].Len, d.Clock+d.Len-out[last].Clock)
			continue
		}
		out = append(out, d)
	}
	return out
}
