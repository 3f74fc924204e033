package view

import (
	"math"
	"strconv"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// jsString gives a value as JavaScript does when it is put into a string.
func jsString(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case Undefined:
		return "undefined"
	case bool:
		return strconv.FormatBool(v)
	case BigInt:
		return strconv.FormatInt(int64(v), 10)
	case string:
		return v
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 0):
			return map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0]
		}
		return string(yjs.AppendJSONNumber(nil, v))
	case []byte:
		return joined(len(v), func(i int) string { return strconv.Itoa(int(v[i])) })
	case []any:
		return joined(len(v), func(i int) string {
			switch v[i].(type) {
			case nil, Undefined:
				return ""
			}
			return jsString(v[i])
		})
	}
	return "[object Object]"
}

func joined(n int, element func(int) string) string {
	var out []byte
	for i := range n {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, element(i)...)
	}
	return string(out)
}
