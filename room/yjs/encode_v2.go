package yjs

import "encoding/binary"

// EncodeV2 encodes an update of version 2; what is asked of Structs is as for EncodeV1.
func (u *Update) EncodeV2() []byte {
	var c columnWriter
	groups := u.groups()
	c.rest = binary.AppendUvarint(c.rest, uint64(len(groups)))
	for _, structs := range groups {
		c.rest = binary.AppendUvarint(c.rest, uint64(len(structs)+gaps(structs)))
		c.clients.add(structs[0].ID.Client)
		c.rest = binary.AppendUvarint(c.rest, structs[0].ID.Clock)
		at := structs[0].ID.Clock
		for i := range structs {
			s := &structs[i]
			if s.ID.Clock > at {
				c.add(&Struct{Ref: RefSkip, Len: s.ID.Clock - at})
			}
			c.add(s)
			at = s.End()
		}
	}
	c.deletes(u.Deletes)
	return c.bytes()
}

// columnWriter is what columns read.
type columnWriter struct {
	rest        []byte
	keyClocks   diffWriter
	clients     uintWriter
	leftClocks  diffWriter
	rightClocks diffWriter
	infos       byteWriter
	text        []byte
	textLengths uintWriter
	parentInfos byteWriter
	typeRefs    uintWriter
	lengths     uintWriter

	keys uint64
}

func (c *columnWriter) bytes() []byte {
	text := append(appendBytes(nil, c.text), c.textLengths.bytes()...)
	out := []byte{0} // no feature
	for _, column := range [][]byte{
		c.keyClocks.bytes(), c.clients.bytes(), c.leftClocks.bytes(), c.rightClocks.bytes(), c.infos.out,
		text, c.parentInfos.out, c.typeRefs.bytes(), c.lengths.bytes(),
	} {
		out = appendBytes(out, column)
	}
	return append(out, c.rest...)
}

func (c *columnWriter) add(s *Struct) {
	c.infos.add(s.info())
	switch s.Ref {
	case RefGC:
		c.lengths.add(s.Len)
	case RefSkip:
		c.rest = binary.AppendUvarint(c.rest, s.Len)
	default:
		c.origins(s)
		c.content(s)
	}
}

func (c *columnWriter) origins(s *Struct) {
	if s.HasOrigin {
		c.clients.add(s.Origin.Client)
		c.leftClocks.add(s.Origin.Clock)
	}
	if s.HasRightOrigin {
		c.clients.add(s.RightOrigin.Client)
		c.rightClocks.add(s.RightOrigin.Clock)
	}
	if s.HasOrigin || s.HasRightOrigin {
		return
	}
	if s.Parent.Kind == ParentRoot {
		c.parentInfos.add(1)
		c.string(s.Parent.Root)
	} else {
		c.parentInfos.add(0)
		c.clients.add(s.Parent.ID.Client)
		c.leftClocks.add(s.Parent.ID.Clock)
	}
	if s.HasSub {
		c.string(s.Sub)
	}
}

func (c *columnWriter) content(s *Struct) {
	content := &s.Content
	switch s.Ref {
	case RefDeleted:
		c.lengths.add(s.Len)
	case RefJSON:
		c.lengths.add(s.Len)
		texts := newReader(content.Data, Limits{})
		for range s.Len {
			c.string(texts.bytes())
		}
	case RefBinary:
		c.rest = appendBytes(c.rest, content.Data)
	case RefString:
		c.string(content.Data)
	case RefEmbed:
		c.rest = appendAny(c.rest, content.Data)
	case RefFormat:
		c.key(content.Key)
		c.rest = appendAny(c.rest, content.Data)
	case RefType:
		c.typeRefs.add(uint64(content.Type))
		if content.Type.named() {
			c.key(content.Key)
		}
	case RefAny:
		c.lengths.add(s.Len)
		c.rest = append(c.rest, content.Data...)
	case RefDoc:
		c.string(content.Key)
		c.rest = append(c.rest, content.Data...)
	}
}

func (c *columnWriter) string(s []byte) {
	c.text = append(c.text, s...)
	c.textLengths.add(utf16Len(s))
}

// key writes a name. As in Yjs each one is written anew, and never referred to.
func (c *columnWriter) key(name []byte) {
	c.keyClocks.add(c.keys)
	c.keys++
	c.string(name)
}

func (c *columnWriter) deletes(deletes []Range) {
	sorted := joinRanges(append([]Range(nil), deletes...))
	c.rest = binary.AppendUvarint(c.rest, uint64(countRuns(sorted, func(a, b Range) bool { return a.Client == b.Client })))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Client == sorted[0].Client {
			n++
		}
		c.rest = binary.AppendUvarint(binary.AppendUvarint(c.rest, sorted[0].Client), uint64(n))
		at := uint64(0)
		for _, d := range sorted[:n] {
			c.rest = binary.AppendUvarint(binary.AppendUvarint(c.rest, d.Clock-at), d.Len-1)
			at = d.Clock + d.Len
		}
		sorted = sorted[n:]
	}
}

// byteWriter is lib0's RleEncoder. The count of the last value is never written.
type byteWriter struct {
	out   []byte
	value byte
	n     uint64
}

func (w *byteWriter) add(v byte) {
	if w.n > 0 && w.value == v {
		w.n++
		return
	}
	if w.n > 0 {
		w.out = binary.AppendUvarint(w.out, w.n-1)
	}
	w.out = append(w.out, v)
	w.value, w.n = v, 1
}

// uintWriter is lib0's UintOptRleEncoder.
type uintWriter struct {
	out      []byte
	value, n uint64
}

func (w *uintWriter) add(v uint64) {
	if w.value == v {
		w.n++
		return
	}
	w.flush()
	w.value, w.n = v, 1
}

func (w *uintWriter) flush() {
	if w.n == 0 {
		return
	}
	w.out = appendVarint(w.out, w.value, w.n > 1)
	if w.n > 1 {
		w.out = binary.AppendUvarint(w.out, w.n-2)
	}
}

func (w *uintWriter) bytes() []byte {
	w.flush()
	return w.out
}

// diffWriter is lib0's IntDiffOptRleEncoder.
type diffWriter struct {
	out         []byte
	value, diff int64
	n           uint64
}

func (w *diffWriter) add(v uint64) {
	if diff := int64(v) - w.value; diff != w.diff {
		w.flush()
		w.diff, w.n = diff, 0
	}
	w.value = int64(v)
	w.n++
}

func (w *diffWriter) flush() {
	if w.n == 0 {
		return
	}
	signed := w.diff * 2
	if w.n > 1 {
		signed++
	}
	size := uint64(max(signed, -signed))
	w.out = appendVarint(w.out, size, signed < 0)
	if w.n > 1 {
		w.out = binary.AppendUvarint(w.out, w.n-2)
	}
}

func (w *diffWriter) bytes() []byte {
	w.flush()
	return w.out
}
