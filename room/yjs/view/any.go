package view

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// anyReader reads values of lib0's "any" that have been checked.
type anyReader struct{ data []byte }

func (r *anyReader) take(n int) []byte {
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *anyReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	r.data = r.data[n:]
	return v
}

func (r *anyReader) bytes() []byte { return r.take(int(r.uvarint())) }

func (r *anyReader) integer() float64 {
	first := r.take(1)[0]
	v := float64(first & 0x3f)
	if first >= 0x80 {
		v = float64(uint64(first&0x3f) | r.uvarint()<<6)
	}
	if first&0x40 != 0 {
		return math.Copysign(v, -1)
	}
	return v
}

func (r *anyReader) value() any {
	switch kind := r.take(1)[0]; kind {
	case 127:
		return Undefined{}
	case 125:
		return r.integer()
	case 124:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(r.take(4))))
	case 123:
		return math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
	case 122:
		return BigInt(binary.BigEndian.Uint64(r.take(8)))
	case 120, 121:
		return kind == 120
	case 119:
		return string(r.bytes())
	case 118:
		n := r.uvarint()
		out := make(map[string]any, n)
		for range n {
			key := string(r.bytes())
			out[key] = r.value()
		}
		return out
	case 117:
		out := make([]any, r.uvarint())
		for i := range out {
			out[i] = r.value()
		}
		return out
	case 116:
		return r.bytes()
	}
	return nil
}

// appendAny appends a value as lib0's "any".
func appendAny(dst []byte, v any, depth int) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return append(dst, 126), nil
	case Undefined:
		return append(dst, 127), nil
	case bool:
		if v {
			return append(dst, 120), nil
		}
		return append(dst, 121), nil
	case BigInt:
		return binary.BigEndian.AppendUint64(append(dst, 122), uint64(v)), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("view: a string that is not UTF-8: %w", ErrType)
		}
		return appendString(append(dst, 119), v), nil
	case []byte:
		return appendString(append(dst, 116), string(v)), nil
	case []any:
		if depth == 0 {
			return nil, errDeepValue
		}
		dst = binary.AppendUvarint(append(dst, 117), uint64(len(v)))
		for _, e := range v {
			if dst, err = appendAny(dst, e, depth-1); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case map[string]any:
		return appendAnyObject(dst, v, depth)
	}
	f, ok := number(v)
	if !ok {
		return nil, fmt.Errorf("view: a %T within a value; it should be nil, Undefined, bool, a number, BigInt, string, []byte, []any or map[string]any: %w", v, ErrType)
	}
	return yjs.AppendAnyNumber(dst, f), nil
}

func appendAnyObject(dst []byte, v map[string]any, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errDeepValue
	}
	dst = binary.AppendUvarint(append(dst, 118), uint64(len(v)))
	for _, key := range sortedKeys(v) {
		if !utf8.ValidString(key) {
			return nil, fmt.Errorf("view: a key that is not UTF-8: %w", ErrType)
		}
		var err error
		if dst, err = appendAny(appendString(dst, key), v[key], depth-1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

var errDeepValue = fmt.Errorf("view: a value is nested beyond Limits.MaxDepth: %w", ErrTooDeep)

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
