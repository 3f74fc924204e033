package yjs

// What a value of lib0's "any" begins with.
const (
	anyBytes = iota + 116
	anyArray
	anyObject
	anyString
	anyTrue
	anyFalse
	anyBigInt
	anyFloat64
	anyFloat32
	anyInteger
	anyNull
	anyUndefined
)

// any checks one value and gives its bytes.
func (r *reader) any() []byte {
	at := r.pos
	r.skipAny(r.limits.MaxDepth)
	if r.err != nil {
		return nil
	}
	return r.data[at:r.pos:r.pos]
}

func (r *reader) skipAny(depth int) {
	switch kind := r.byte(); kind {
	case anyUndefined, anyNull, anyTrue, anyFalse:
	case anyInteger:
		if size, _ := r.varint(); size > maxSafe {
			r.failf(Malformed, "the integer %d; JavaScript counts to 2^53-1", size)
		}
	case anyFloat32:
		r.take(4)
	case anyFloat64, anyBigInt:
		r.take(8)
	case anyString:
		r.string()
	case anyBytes:
		r.bytes()
	case anyArray, anyObject:
		r.skipNested(kind, depth)
	default:
		if r.err == nil {
			r.pos--
			r.failf(Malformed, "a value begins with %d; it should be one of 116 to 127", kind)
		}
	}
}

func (r *reader) skipNested(kind byte, depth int) {
	if depth == 0 {
		r.failf(TooLarge, "a value is nested more than %d deep", r.limits.MaxDepth)
		return
	}
	size := 1
	if kind == anyObject {
		size = 2
	}
	for n := r.count("elements of a value", size); n > 0 && r.err == nil; n-- {
		if kind == anyObject {
			r.string()
		}
		r.skipAny(depth - 1)
	}
}
