package view

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// typeString writes what toString of Yjs gives.
func (o *output) typeString(t Type) {
	switch t.kind {
	case yjs.TypeText:
		o.write(t.Text())
	case yjs.TypeXMLText:
		o.nested(func() { o.xmlText(t) })
	case yjs.TypeXMLFragment:
		o.nested(func() { o.children(t) })
	case yjs.TypeXMLElement:
		o.nested(func() { o.element(t) })
	default:
		o.write("[object Object]")
	}
}

func (o *output) children(t Type) {
	t.each(func(v any) bool {
		o.anyString(v)
		return o.err == nil
	})
}

func (o *output) anyString(v any) {
	if child, ok := v.(Type); ok {
		o.typeString(child)
		return
	}
	o.write(jsString(v))
}

func (o *output) element(t Type) {
	name := lower(t.Name())
	o.write("<" + name)
	attributes := t.Entries()
	for _, key := range sortedKeys(attributes) {
		o.write(" " + key + `="`)
		o.anyString(attributes[key])
		o.write(`"`)
	}
	o.write(">")
	o.children(t)
	o.write("</" + name + ">")
}

// lower is toLowerCase of JavaScript, which has two code points for one letter.
func lower(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "İ", "i̇"))
}

// xmlText writes a text with its attributes as tags, those of lower names outside.
func (o *output) xmlText(t Type) {
	ops, err := t.Delta()
	if err != nil {
		o.err = err
		return
	}
	for _, op := range ops {
		names := sortedKeys(op.Attributes)
		for _, name := range names {
			o.write("<" + name)
			o.tagAttributes(op.Attributes[name])
			o.write(">")
		}
		o.anyString(op.Insert)
		for i := len(names) - 1; i >= 0; i-- {
			o.write("</" + names[i] + ">")
		}
		if o.err != nil {
			return
		}
	}
}

// tagAttributes writes the properties of an attribute's value, which has some if it is
// an object, an array or a string.
func (o *output) tagAttributes(v any) {
	properties := map[string]string{}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			properties[key] = jsString(value)
		}
	case []any:
		for i, value := range v {
			properties[strconv.Itoa(i)] = jsString(value)
		}
	case string:
		for i, unit := range utf16.Encode([]rune(v)) {
			properties[strconv.Itoa(i)] = string(utf16.Decode([]uint16{unit}))
		}
	}
	for _, key := range sortedKeys(properties) {
		o.write(" " + key + `="` + properties[key] + `"`)
	}
}
