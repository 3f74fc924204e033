package yjs

import "encoding/binary"

// blockSize is about how many bytes of structs stand together. What is searched or
// rewritten is one block.
const blockSize = 2 << 10

// block holds consecutive structs of one client as version 1 has them, joined where
// they can be: Yjs reads a joined item as it reads its parts.
type block struct {
	clock uint64 // of the first unit
	buf   []byte
	n     uint32 // structs
	last  uint32 // where the last struct begins
	dead  uint32 // units that were deleted since the block was packed
}

// fits reports whether a struct should go into the block rather than into a new one.
// A block is as large as what joins its last struct makes it.
func (b *block) fits(s *Struct) bool {
	return len(b.buf) < blockSize || b.joins(s) > 0
}

// add appends a struct that begins where the block ends.
func (b *block) add(s *Struct) {
	if b.n == 0 {
		b.clock = s.ID.Clock
	} else if b.join(s) {
		return
	}
	b.last = uint32(len(b.buf))
	b.buf = appendStruct(b.buf, s)
	b.n++
}

// join appends to the last struct what continues it.
func (b *block) join(s *Struct) bool {
	at := b.joins(s)
	switch {
	case at == 0:
		return false
	case s.Ref == RefString:
		b.grow(at, uint64(len(s.Content.Data)), s.Content.Data)
	default:
		b.grow(at, s.Len, s.Content.Data)
	}
	return true
}

// joins gives the place of the count that grows if the last struct takes in s, and 0 if
// s does not continue it.
func (b *block) joins(s *Struct) (at int) {
	info := b.buf[b.last]
	if Ref(info&infoRef) != s.Ref {
		return 0
	}
	switch s.Ref {
	case RefGC:
		return int(b.last) + 1
	case RefString, RefAny, RefJSON:
		if s.HasSub || info&infoSub != 0 {
			return 0 // the left one is overwritten, and should be deleted by itself
		}
	case RefDeleted:
	default:
		return 0
	}
	if !s.HasOrigin || s.Origin.Clock != s.ID.Clock-1 || s.Origin.Client != s.ID.Client {
		return 0
	}
	return b.continues(info, s)
}

// continues reads the head of the last struct and gives the place of its content if it
// has the right origin of s, else 0.
func (b *block) continues(info byte, s *Struct) (at int) {
	r := trusted(b.buf)
	r.pos = int(b.last) + 1
	if info&infoOrigin != 0 {
		r.id()
	}
	hasRight := info&infoRightOrigin != 0
	if hasRight != s.HasRightOrigin || hasRight && r.id() != s.RightOrigin {
		return 0
	}
	if info&(infoOrigin|infoRightOrigin) == 0 {
		if r.uvarint() == 1 {
			r.bytes()
		} else {
			r.id()
		}
		if info&infoSub != 0 {
			r.bytes()
		}
	}
	return r.pos
}

// grow adds to the count that stands at a place of the last struct, and appends data.
func (b *block) grow(at int, by uint64, data []byte) {
	old, size := binary.Uvarint(b.buf[at:])
	var count [binary.MaxVarintLen64]byte
	if n := binary.PutUvarint(count[:], old+by); n > size {
		b.buf = append(b.buf, count[:n-size]...)
		copy(b.buf[at+n:], b.buf[at+size:len(b.buf)-n+size])
		size = n
	}
	copy(b.buf[at:], count[:size])
	b.buf = append(b.buf, data...)
}

// structs reads the structs of a block. The one that is handed out is good until the
// next one; end is the byte behind it.
func (b *block) structs(client uint64, each func(s *Struct, end int) bool) {
	r := trusted(b.buf)
	id := ID{Client: client, Clock: b.clock}
	var s Struct
	for range b.n {
		r.structV1(&s, id)
		if !each(&s, r.pos) {
			return
		}
		id.Clock += s.Len
	}
}

// pack gives the block with what is deleted replaced by its length, as several blocks
// if it has come to be in many pieces.
func (b *block) pack(client uint64, deleted *rangeSet) []block {
	packed := []block{{buf: make([]byte, 0, min(len(b.buf), 2*blockSize))}}
	b.structs(client, func(s *Struct, _ int) bool {
		eachPiece(s, deleted, func(piece *Struct, dead bool) {
			if dead {
				piece.delete()
			}
			if !packed[len(packed)-1].fits(piece) {
				packed = append(packed, block{})
			}
			packed[len(packed)-1].add(piece)
		})
		return true
	})
	return packed
}

// eachPiece parts a struct where it begins and ends to be deleted. The content of
// what is dead is not to be looked at.
func eachPiece(s *Struct, deleted *rangeSet, each func(piece *Struct, dead bool)) {
	dead, until := deleted.at(s.ID.Clock)
	if until >= s.End() {
		each(s, dead)
		return
	}
	p := newPieces(s)
	for p.rest.Len > 0 {
		dead, until = deleted.at(p.rest.ID.Clock)
		piece := p.take(min(until, p.rest.End())-p.rest.ID.Clock, !dead)
		each(&piece, dead)
	}
}

// concat appends a block that begins where this one ends.
func (b *block) concat(client uint64, next *block) {
	r := trusted(next.buf)
	var first Struct
	r.structV1(&first, ID{Client: client, Clock: next.clock})
	b.add(&first)
	if next.n > 1 {
		b.last = uint32(len(b.buf) + int(next.last) - r.pos)
		b.buf = append(b.buf, next.buf[r.pos:]...)
		b.n += next.n - 1
	}
	b.dead += next.dead
}
