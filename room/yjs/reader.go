package yjs

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// maxSafe is the largest integer that JavaScript counts exactly, and so the bound of
// client ids, clocks and lengths.
const maxSafe = 1<<53 - 1

// reader reads lib0's encoding. The first fault stays in err, and from then on every
// read gives a zero value, so that callers check once.
type reader struct {
	data   []byte
	pos    int
	limits Limits
	err    *Error

	// trusted: the bytes have been checked before, so that text need not be.
	trusted bool
}

// newReader expects limits that have their defaults.
func newReader(data []byte, limits Limits) reader {
	return reader{data: data, limits: limits}
}

// trusted gives a reader of bytes that have been checked.
func trusted(data []byte) reader {
	return reader{data: data, limits: Limits{MaxDepth: maxInt}, trusted: true}
}

const maxInt = int(^uint(0) >> 1)

func (r *reader) checkSize() {
	if len(r.data) > r.limits.MaxBytes {
		r.failf(TooLarge, "%d bytes; at most %d are taken", len(r.data), r.limits.MaxBytes)
	}
}

// failf keeps the first fault.
func (r *reader) failf(kind Kind, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Offset: r.pos, Reason: fmt.Sprintf(format, args...)}
	}
}

// remaining is the number of bytes that are left, 0 after a fault.
func (r *reader) remaining() int {
	if r.err != nil {
		return 0
	}
	return len(r.data) - r.pos
}

// end asks that nothing be left.
func (r *reader) end() {
	if n := r.remaining(); n > 0 {
		r.failf(Malformed, "%d bytes behind the end; there should be none", n)
	}
}

func (r *reader) byte() byte {
	if r.err != nil || r.pos >= len(r.data) {
		r.failf(Truncated, "one more byte was expected")
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

// uvarint reads an unsigned integer of up to 64 bits, seven to a byte, low ones first.
func (r *reader) uvarint() uint64 {
	if r.err == nil && r.pos < len(r.data) && r.data[r.pos] < 0x80 { // nearly all there are
		r.pos++
		return uint64(r.data[r.pos-1])
	}
	return r.longUvarint()
}

func (r *reader) longUvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data[r.pos:])
	switch {
	case n == 0:
		r.failf(Truncated, "an integer goes on behind the end")
		return 0
	case n < 0:
		r.failf(Malformed, "an integer of more than 64 bits")
		return 0
	}
	r.pos += n
	return v
}

// varint reads a signed integer: its size, and whether a sign was set. The sign of
// zero carries meaning in version 2.
func (r *reader) varint() (size uint64, negative bool) {
	first := r.byte()
	size, negative = uint64(first&0x3f), first&0x40 != 0
	if first < 0x80 {
		return size, negative
	}
	rest := r.uvarint()
	if rest > 1<<58-1 {
		r.failf(Malformed, "an integer of more than 64 bits")
		return 0, false
	}
	return size | rest<<6, negative
}

// safe reads an integer that JavaScript can hold. What names it in the error.
func (r *reader) safe(what string) uint64 {
	at := r.pos
	v := r.uvarint()
	if v > maxSafe {
		r.pos = at
		r.failf(Malformed, "%s is %d; at most 2^53-1 is allowed", what, v)
		return 0
	}
	return v
}

// count reads how many of something follow, and refuses more than the bytes that are
// left can hold at size bytes each.
func (r *reader) count(what string, size int) int {
	at := r.pos
	n := r.uvarint()
	if most := uint64(r.remaining() / size); n > most {
		r.pos = at
		r.failf(Truncated, "%d %s announced; the %d bytes that follow hold at most %d", n, what, len(r.data)-at, most)
		return 0
	}
	return int(n)
}

// take reads n bytes, which alias the data.
func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.data)-r.pos) {
		r.failf(Truncated, "%d bytes announced, %d are there", n, len(r.data)-r.pos)
		return nil
	}
	b := r.data[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// bytes reads a length and as many bytes, which alias the data.
func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

// string reads bytes that have to be UTF-8, since everybody else refuses what is not.
func (r *reader) string() []byte {
	at := r.pos
	s := r.bytes()
	if !r.trusted && !utf8.Valid(s) {
		r.pos = at
		r.failf(Malformed, "a string that is not UTF-8")
		return nil
	}
	return s
}

// id reads a client id and a clock.
func (r *reader) id() ID {
	client := r.safe("a client id")
	return ID{Client: client, Clock: r.safe("a clock")}
}
