package view

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// output collects what a call gives, up to a limit.
type output struct {
	buf   []byte
	most  int
	depth int // that is left
	err   error
}

func (d *Doc) output() *output {
	return &output{most: d.limits.MaxOutput, depth: d.limits.MaxDepth}
}

func (o *output) write(s string) {
	if o.err == nil && len(o.buf)+len(s) > o.most {
		o.err = tooLarge("what was asked for has too many bytes", o.most)
	}
	if o.err == nil {
		o.buf = append(o.buf, s...)
	}
}

// nested runs what writes something that is one level further in.
func (o *output) nested(write func()) {
	if o.depth == 0 {
		o.err = errDeepNode
	}
	if o.err != nil {
		return
	}
	o.depth--
	write()
	o.depth++
}

func (o *output) done() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return o.buf, nil
}

// quoted writes a JSON string.
func (o *output) quoted(s string) {
	if utf8.ValidString(s) {
		if o.err == nil && len(o.buf)+len(s) > o.most {
			o.write(s) // for its error
			return
		}
		o.write(string(yjs.AppendJSONString(nil, []byte(s))))
		return
	}
	b := []byte(s) // half of a surrogate pair
	if len(b) != 3 {
		o.write(`"` + string(utf8.RuneError) + `"`)
		return
	}
	o.write(fmt.Sprintf(`"\u%04x"`, rune(b[0]&0x0f)<<12|rune(b[1]&0x3f)<<6|rune(b[2]&0x3f)))
}

// json writes a value as JSON.stringify does of what toJSON gives.
func (o *output) json(v any) {
	if o.err != nil {
		return
	}
	switch v := v.(type) {
	case bool:
		o.write(strconv.FormatBool(v))
	case float64:
		o.write(string(yjs.AppendJSONNumber(nil, v)))
	case BigInt:
		o.write(`"` + strconv.FormatInt(int64(v), 10) + `"`)
	case string:
		o.quoted(v)
	case []byte:
		o.write("{")
		for i, b := range v {
			if i > 0 {
				o.write(",")
			}
			o.write(`"` + strconv.Itoa(i) + `":` + strconv.Itoa(int(b)))
		}
		o.write("}")
	case []any:
		o.array(v)
	case map[string]any:
		o.object(v)
	case Type:
		o.typeJSON(v)
	case Subdoc:
		o.write("{}")
	default:
		o.write("null")
	}
}

func (o *output) array(v []any) {
	o.list(func(yield func(any) bool) {
		for _, e := range v {
			if !yield(e) {
				return
			}
		}
	})
}

func (o *output) list(each func(yield func(any) bool)) {
	o.nested(func() {
		o.write("[")
		separator := ""
		each(func(v any) bool {
			o.write(separator)
			separator = ","
			o.json(v)
			return o.err == nil
		})
		o.write("]")
	})
}

func (o *output) object(v map[string]any) {
	o.nested(func() {
		o.write("{")
		separator := ""
		for _, key := range sortedKeys(v) {
			if _, none := v[key].(Undefined); none {
				continue
			}
			o.write(separator)
			o.quoted(key)
			o.write(":")
			o.json(v[key])
			separator = ","
		}
		o.write("}")
	})
}
