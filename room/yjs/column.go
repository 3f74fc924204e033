package yjs

// Version 2 keeps what the structs of an update consist of in columns, one for each
// field, so that equal and evenly growing values are written once with a count.

// byteColumn is lib0's RleDecoder of bytes: a value, then how often more it comes; the
// last one comes for ever.
type byteColumn struct {
	reader

	value byte
	left  uint64
	ever  bool
}

func (c *byteColumn) next() byte {
	if c.left == 0 && !c.ever {
		c.value = c.byte()
		if c.ever = c.remaining() == 0; !c.ever {
			c.left = c.uvarint() + 1
		}
	}
	c.left--
	return c.value
}

// uintColumn is lib0's UintOptRleDecoder: a value, and where it has a minus sign how
// often more than twice it comes.
type uintColumn struct {
	reader

	value, left uint64
}

func (c *uintColumn) next() uint64 {
	if c.left == 0 {
		value, repeated := c.varint()
		if value > maxSafe {
			c.failf(Malformed, "%d in a column; at most 2^53-1 is allowed", value)
		}
		c.value, c.left = value, 1
		if repeated {
			c.left = c.uvarint() + 2
		}
	}
	c.left--
	return c.value
}

// diffColumn is lib0's IntDiffOptRleDecoder: by how much the value grows, twice that
// and one more where a count follows.
type diffColumn struct {
	reader

	value, diff int64
	left        uint64
}

func (c *diffColumn) next() uint64 {
	if c.left == 0 {
		size, negative := c.varint()
		if size > 2*maxSafe+1 {
			c.failf(Malformed, "%d in a column; it leads beyond 2^53-1", size)
			return 0
		}
		signed := int64(size)
		if negative {
			signed = -signed
		}
		c.diff, c.left = signed>>1, 1
		if signed&1 != 0 {
			c.left = c.uvarint() + 2
		}
	}
	c.left--
	if c.value += c.diff; c.value < 0 || c.value > maxSafe {
		c.failf(Malformed, "%d in a column; it should be 0 to 2^53-1", c.value)
		c.value = 0
	}
	return uint64(c.value)
}

// stringColumn is lib0's StringDecoder: all strings as one, and then their lengths.
type stringColumn struct {
	lengths uintColumn
	text    textCursor
}

func newStringColumn(r reader) stringColumn {
	text := r.string()
	return stringColumn{lengths: uintColumn{reader: r}, text: textCursor{rest: text}}
}

// next gives the next string. It aliases the data unless a surrogate pair is cut.
func (c *stringColumn) next() []byte {
	s, missing := c.text.take(c.lengths.next())
	if missing > 0 {
		c.lengths.failf(Truncated, "a string is %d code units longer than what there is of text", missing)
		return nil
	}
	return s
}
