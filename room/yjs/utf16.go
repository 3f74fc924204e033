package yjs

// replacement stands for each half of a surrogate pair that was cut in two.
const replacement = "\uFFFD"

// utf16Len is the length in UTF-16 code units of valid UTF-8, which is how Yjs counts.
func utf16Len(s []byte) uint64 {
	n := uint64(0)
	for _, b := range s {
		if b&0xC0 != 0x80 { // begins a character
			n++
			if b >= 0xF0 { // which is a surrogate pair
				n++
			}
		}
	}
	return n
}

// utf16Index finds the byte before which n code units stand. Where that is the middle
// of a surrogate pair, it gives the pair's first byte and true. Missing is by how many
// units s is too short.
func utf16Index(s []byte, n uint64) (index int, within bool, missing uint64) {
	for index < len(s) && n > 0 {
		switch b := s[index]; {
		case b < 0x80:
			index++
		case b < 0xE0:
			index += 2
		case b < 0xF0:
			index += 3
		default:
			if n == 1 {
				return index, true, 0
			}
			n--
			index += 4
		}
		n--
	}
	return index, false, n
}

// cutString parts valid UTF-8 after n code units. A pair that is cut in two becomes a
// replacement character on either side, as Yjs does it, and only then is something
// copied.
func cutString(s []byte, n uint64) (left, right []byte) {
	text := textCursor{rest: s}
	left, _ = text.take(n)
	if text.half {
		return left, append([]byte(replacement), text.rest...)
	}
	return left, text.rest
}

// textCursor hands out a text piece by piece, however many there are, in time that
// grows with the text alone.
type textCursor struct {
	rest []byte
	half bool // the second half of a surrogate pair comes next
}

// take gives the next n code units, and by how many the text is too short for them.
func (c *textCursor) take(n uint64) (piece []byte, missing uint64) {
	if n == 0 {
		return nil, 0
	}
	half := c.half
	if half {
		c.half = false
		n--
	}
	i, within, missing := utf16Index(c.rest, n)
	piece, c.rest = c.rest[:i:i], c.rest[i:]
	if half {
		piece = append([]byte(replacement), piece...)
	}
	if within {
		piece = append(piece, replacement...)
		c.rest, c.half = c.rest[4:], true
	}
	return piece, missing
}
