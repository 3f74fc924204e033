package wire

import (
	"bytes"
	"encoding/json"
	"iter"
)

// The functions of this file walk JSON that json.Valid has passed, and none
// other: they check nothing, never recurse, and allocate only for keys that are
// written with escapes.

// members gives each key of an object with its value's bytes.
func members(data []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := skipSpace(data, 0) + 1
		for {
			i = skipSpace(data, i)
			switch data[i] {
			case '}':
				return
			case ',':
				i++
				continue
			}
			end := skipString(data, i)
			key := unquote(data[i:end])
			i = skipSpace(data, skipSpace(data, end)+1) // over the colon
			end = skipValue(data, i)
			if !yield(key, data[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// elements gives the bytes of each element of an array.
func elements(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		i := skipSpace(data, 0) + 1
		for {
			i = skipSpace(data, i)
			switch data[i] {
			case ']':
				return
			case ',':
				i++
				continue
			}
			end := skipValue(data, i)
			if !yield(data[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// unquote gives the text of a JSON string.
func unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil // cannot be: the bytes are valid JSON
	}
	return []byte(s)
}

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// skipString gives the index behind the string that begins at i.
func skipString(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skipValue gives the index behind the value that begins at i.
func skipValue(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		return skipNested(data, i)
	}
	for i < len(data) && bytes.IndexByte([]byte(",]} \t\r\n"), data[i]) < 0 {
		i++
	}
	return i
}

func skipNested(data []byte, i int) int {
	for level := 0; ; i++ {
		switch data[i] {
		case '"':
			i = skipString(data, i) - 1
		case '{', '[':
			level++
		case '}', ']':
			level--
			if level == 0 {
				return i + 1
			}
		}
	}
}

// depth is how deep the brackets of a value are nested.
func depth(data []byte) int {
	deepest, level := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = skipString(data, i) - 1
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
	}
	return deepest
}
