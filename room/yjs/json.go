package yjs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
)

// Version 1 writes embeds and the values of attributes as JSON, version 2 as "any".
// What is lost on the way from one to the other is what JSON.stringify and JSON.parse
// lose.

var errBigInt = errors.New("a bigint, which has no form in JSON")

// JSON gives a value of lib0's "any" as a JSON text, as JSON.stringify would: what is
// undefined is null, or left out of an object; bytes are an object with indices as
// its keys. A bigint is an error, as is what follows behind the value.
func JSON(value []byte, limits Limits) ([]byte, error) {
	r := limits.withDefaults().reader(value)
	r.any()
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	return appendJSON(nil, value)
}

// appendJSON expects a value that has been checked.
func appendJSON(dst, value []byte) ([]byte, error) {
	r := newReader(value, Limits{})
	return r.appendJSON(dst)
}

func (r *reader) appendJSON(dst []byte) ([]byte, error) {
	switch kind := r.byte(); kind {
	case anyTrue:
		return append(dst, "true"...), nil
	case anyFalse:
		return append(dst, "false"...), nil
	case anyInteger:
		size, negative := r.varint()
		if negative && size > 0 {
			dst = append(dst, '-')
		}
		return strconv.AppendUint(dst, size, 10), nil
	case anyFloat32:
		return appendNumber(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(r.take(4))))), nil
	case anyFloat64:
		return appendNumber(dst, math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))), nil
	case anyString:
		return appendQuoted(dst, r.bytes()), nil
	case anyBigInt:
		return nil, errBigInt
	case anyBytes:
		return appendIndexed(dst, r.bytes()), nil
	case anyArray:
		return r.appendArray(dst)
	case anyObject:
		return r.appendObject(dst)
	}
	return append(dst, "null"...), nil
}

func (r *reader) appendArray(dst []byte) (_ []byte, err error) {
	dst = append(dst, '[')
	for i := range r.uvarint() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = r.appendJSON(dst); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (r *reader) appendObject(dst []byte) (_ []byte, err error) {
	var fields fields
	for range r.uvarint() {
		key := r.bytes()
		if r.data[r.pos] == anyUndefined {
			r.pos++
			continue
		}
		value, err := r.appendJSON(nil)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{key, value})
	}
	dst = append(dst, '{')
	for i, f := range fields.ordered() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(appendQuoted(dst, f.key), ':'), f.value...)
	}
	return append(dst, '}'), nil
}

type field struct{ key, value []byte }

type fields []field

// ordered gives the fields in the order in which a JavaScript object has them: keys
// that are array indices first, by their value, then the others as they were set. Of
// a key that comes twice the last value counts, at the place of the first.
func (fs fields) ordered() fields {
	at := make(map[string]int, len(fs))
	out := fs[:0]
	for _, f := range fs {
		if i, again := at[string(f.key)]; again {
			out[i].value = f.value
			continue
		}
		at[string(f.key)] = len(out)
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b field) int { return cmp.Compare(index(a.key), index(b.key)) })
	return out
}

// index gives the value of a key that is an array index, and for all others one that
// is beyond.
func index(key []byte) uint64 {
	n, err := strconv.ParseUint(string(key), 10, 32)
	if err != nil || n == math.MaxUint32 || len(key) > 1 && (key[0] == '0' || key[0] == '+') {
		return math.MaxUint32
	}
	return n
}

func appendIndexed(dst, data []byte) []byte {
	dst = append(dst, '{')
	for i, b := range data {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(strconv.AppendInt(append(dst, '"'), int64(i), 10), '"', ':')
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, '}')
}

// appendNumber writes a number as JavaScript does.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0')
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && n-start >= 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1] // e-07 is e-7 there
		dst = dst[:n-1]
	}
	return dst
}

// appendQuoted writes a string as JSON.stringify does: nothing is escaped that need
// not be.
func appendQuoted(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b >= 0x20:
			dst = append(dst, b)
		case bytes.IndexByte([]byte("\b\f\n\r\t"), b) >= 0:
			dst = append(dst, '\\', "bfnrt"[bytes.IndexByte([]byte("\b\f\n\r\t"), b)])
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return append(dst, '"')
}

// appendAny gives a JSON text as a value of lib0's "any". Text that is not JSON gives
// null; there is none in an update that was decoded.
func appendAny(dst, text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	start := len(dst)
	dst, err := appendToken(dst, d)
	if err != nil {
		return append(dst[:start], anyNull)
	}
	return dst
}

func appendToken(dst []byte, d *json.Decoder) ([]byte, error) {
	token, err := d.Token()
	if err != nil {
		return dst, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return appendAnyArray(dst, d)
		}
		return appendAnyObject(dst, d)
	case bool:
		if v {
			return append(dst, anyTrue), nil
		}
		return append(dst, anyFalse), nil
	case json.Number:
		f, _ := v.Float64() // beyond the range it is infinite, as in JavaScript
		return appendAnyNumber(dst, f), nil
	case string:
		return appendBytes(append(dst, anyString), []byte(v)), nil
	}
	return append(dst, anyNull), nil
}

func appendAnyArray(dst []byte, d *json.Decoder) (_ []byte, err error) {
	var elements []byte
	n := uint64(0)
	for ; d.More(); n++ {
		if elements, err = appendToken(elements, d); err != nil {
			return dst, err
		}
	}
	_, err = d.Token()
	return append(binary.AppendUvarint(append(dst, anyArray), n), elements...), err
}

func appendAnyObject(dst []byte, d *json.Decoder) ([]byte, error) {
	var all fields
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return dst, err
		}
		name, _ := key.(string)
		value, err := appendToken(nil, d)
		if err != nil {
			return dst, err
		}
		all = append(all, field{[]byte(name), value})
	}
	all = all.ordered()
	dst = binary.AppendUvarint(append(dst, anyObject), uint64(len(all)))
	for _, f := range all {
		dst = append(appendBytes(dst, f.key), f.value...)
	}
	_, err := d.Token()
	return dst, err
}

// appendAnyNumber writes a number in the form that lib0 chooses for it.
func appendAnyNumber(dst []byte, f float64) []byte {
	switch {
	case f == math.Trunc(f) && math.Abs(f) <= math.MaxInt32:
		return appendVarint(append(dst, anyInteger), uint64(math.Abs(f)), math.Signbit(f))
	case float64(float32(f)) == f:
		return binary.BigEndian.AppendUint32(append(dst, anyFloat32), math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64(append(dst, anyFloat64), math.Float64bits(f))
}

// appendVarint writes a signed integer; zero can have a sign too.
func appendVarint(dst []byte, size uint64, negative bool) []byte {
	first := byte(size & 0x3f)
	if negative {
		first |= 0x40
	}
	if size < 0x40 {
		return append(dst, first)
	}
	return binary.AppendUvarint(append(dst, first|0x80), size>>6)
}
