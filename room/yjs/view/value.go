package view

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// The values of a document are, in Go: nil, Undefined, bool, float64, BigInt, string,
// []byte, []any and map[string]any of such; and beside other values, not within them,
// Type and Subdoc. A string may hold one half of a surrogate pair, as the three bytes
// that its code point would have in UTF-8; in JSON it is escaped.
type (
	// Undefined is JavaScript's undefined. JSON has null for it in arrays, and nothing
	// in objects.
	Undefined struct{}
	// BigInt is JavaScript's bigint, of which Yjs keeps 64 bits. In JSON, which has no
	// such thing, it is a string of digits.
	BigInt int64
	// Subdoc is a document within the document, of which only the name is here.
	Subdoc struct {
		GUID    string
		Options map[string]any // as they were given: meta, autoLoad and others
	}
)

// each hands out the units of a countable item, until yield wants no more. The document
// has checked that they are what they should be.
func (d *Doc) each(it *item, yield func(any) bool) bool {
	switch data := it.Content.Data; it.Ref {
	case yjs.RefJSON:
		return eachJSON(data, it.Len, yield)
	case yjs.RefBinary:
		return yield(data)
	case yjs.RefString:
		return eachUnit(string(data), yield)
	case yjs.RefEmbed:
		return yield(parseJSON(data))
	case yjs.RefType:
		return yield(Type{doc: d, node: it.child, kind: it.Content.Type})
	case yjs.RefDoc:
		r := anyReader{data}
		options, _ := r.value().(map[string]any)
		return yield(Subdoc{GUID: string(it.Content.Key), Options: options})
	case yjs.RefAny:
		r := anyReader{data}
		for range it.Len {
			if !yield(r.value()) {
				return false
			}
		}
	}
	return true
}

// at gives one unit of a countable item.
func (d *Doc) at(it *item, index uint64) (value any) {
	d.each(it, func(v any) bool {
		value = v
		index--
		return index != ^uint64(0)
	})
	return value
}

// eachUnit gives the UTF-16 code units of a text, as an array that text was put into
// has them.
func eachUnit(s string, yield func(any) bool) bool {
	for _, c := range s {
		high, low := utf16.EncodeRune(c)
		if high == utf8.RuneError {
			if !yield(string(c)) {
				return false
			}
		} else if !yield(half(high)) || !yield(half(low)) {
			return false
		}
	}
	return true
}

// half gives one half of a surrogate pair.
func half(c rune) string {
	return string([]byte{0xE0 | byte(c>>12), 0x80 | byte(c>>6)&0x3F, 0x80 | byte(c)&0x3F})
}

func eachJSON(data []byte, n uint64, yield func(any) bool) bool {
	for range n {
		size, m := binary.Uvarint(data)
		text := data[m : m+int(size)]
		data = data[m+int(size):]
		v := any(Undefined{})
		if string(text) != "undefined" {
			v = parseJSON(text)
		}
		if !yield(v) {
			return false
		}
	}
	return true
}

// parseJSON gives a JSON text as a value; numbers beyond the range of JavaScript are
// infinite, as there.
func parseJSON(text []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil // none that a decoded update has
	}
	return plain(v)
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

// number gives a number of Go as JavaScript has it.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// sortedKeys gives the keys in the order of their UTF-16 code units, as JavaScript
// sorts.
func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareUTF16)
	return keys
}

// compareUTF16 differs from the order of bytes only where a surrogate pair meets what
// is behind the surrogates.
func compareUTF16(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n == len(a) || n == len(b) {
		return len(a) - len(b)
	}
	x, y := int(a[n]), int(b[n])
	if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
		return y - x
	}
	return x - y
}
