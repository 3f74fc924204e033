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
// of a surrogate pair, it gives the pair's first byte and true.
func utf16Index(s []byte, n uint64) (index int, within bool) {
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
				return index, true
			}
			n--
			index += 4
		}
		n--
	}
	return index, false
}

// cutString parts valid UTF-8 after n code units. A pair that is cut in two becomes a
// replacement character on either side, as Yjs does it, and only then is something
// copied.
func cutString(s []byte, n uint64) (left, right []byte) {
	i, within := utf16Index(s, n)
	if !within {
		return s[:i:i], s[i:]
	}
	left = append(append(make([]byte, 0, i+len(replacement)), s[:i]...), replacement...)
	right = append(append(make([]byte, 0, len(s)-i), replacement...), s[i+4:]...)
	return left, right
}
