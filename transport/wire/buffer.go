package wire

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// buf is a JSON object being written, without reflection. The fields appear in
// the order of the calls.
type buf []byte

// begin opens the object of a frame.
func (b *buf) begin(kind string, id uint64) {
	*b = append(*b, `{"type":"`...)
	*b = append(*b, kind...)
	*b = append(*b, '"')
	if id != 0 {
		b.whole("id", id)
	}
}

func (b *buf) end() { *b = append(*b, '}') }

// key begins a field; the first one of a nested object has no comma before it.
func (b *buf) key(name string) {
	if last := (*b)[len(*b)-1]; last != '{' {
		*b = append(*b, ',')
	}
	*b = append(*b, '"')
	*b = append(*b, name...)
	*b = append(*b, '"', ':')
}

func (b *buf) text(name, value string) {
	b.key(name)
	*b = appendString(*b, value)
}

// optText leaves an empty string out; the other opt methods do the same for
// their zero.
func (b *buf) optText(name, value string) {
	if value != "" {
		b.text(name, value)
	}
}

func (b *buf) whole(name string, n uint64) {
	b.key(name)
	*b = strconv.AppendUint(*b, n, 10)
}

func (b *buf) optWhole(name string, n uint64) {
	if n != 0 {
		b.whole(name, n)
	}
}

func (b *buf) boolean(name string, v bool) {
	b.key(name)
	*b = strconv.AppendBool(*b, v)
}

func (b *buf) optBoolean(name string, v bool) {
	if v {
		b.boolean(name, v)
	}
}

// raw splices JSON that is valid already; nothing stands for null.
func (b *buf) raw(name string, value []byte) {
	b.key(name)
	if len(value) == 0 {
		*b = append(*b, "null"...)
		return
	}
	*b = append(*b, value...)
}

func (b *buf) optRaw(name string, value []byte) {
	if len(value) != 0 {
		b.raw(name, value)
	}
}

// list writes an array with one call of each for each element.
func list[T any](b *buf, name string, elements []T, each func(*buf, *T)) {
	b.key(name)
	*b = append(*b, '[')
	for i := range elements {
		if i > 0 {
			*b = append(*b, ',')
		}
		each(b, &elements[i])
	}
	*b = append(*b, ']')
}

func optList[T any](b *buf, name string, elements []T, each func(*buf, *T)) {
	if elements != nil {
		list(b, name, elements, each)
	}
}

// appendString writes a JSON string. Most hold nothing that needs an escape.
func appendString(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == 0x7f {
			return appendEscaped(dst, s)
		}
	}
	if !utf8.ValidString(s) {
		return appendEscaped(dst, s)
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendEscaped leaves it to encoding/json, which also mends invalid UTF-8.
func appendEscaped(dst []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // cannot be: any string can be marshalled
	}
	return append(dst, quoted...)
}
