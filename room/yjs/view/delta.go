package view

import (
	"maps"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// Op is one part of a delta. Of a document's delta only Insert and Attributes are set;
// of a change, one of Insert, Retain and Delete.
type Op struct {
	// Insert is a string, or an embed: any other value, a Type, or a New to be made.
	Insert any
	// Retain and Delete count UTF-16 code units, and 1 for an embed.
	Retain, Delete uint64
	// Attributes hold of what is inserted, or are set (nil: taken away) on what is
	// retained. Several Ops may share one map, which nobody writes to.
	Attributes map[string]any
}

// Delta gives a text with its attributes and embeds, parted where toDelta of Yjs parts
// it.
func (t Type) Delta() ([]Op, error) {
	w := deltaWriter{budget: t.doc.limits.MaxOutput}
	for it := range t.items {
		if it.deleted {
			continue
		}
		switch it.Ref {
		case yjs.RefString:
			w.text = append(w.text, it.Content.Data...)
		case yjs.RefType, yjs.RefEmbed:
			w.pack()
			w.op(t.doc.at(it, 0))
		case yjs.RefFormat:
			w.pack()
			w.format(it)
		}
		if w.budget < 0 {
			return nil, tooLarge("the delta has too many bytes", t.doc.limits.MaxOutput)
		}
	}
	w.pack()
	return w.ops, nil
}

// DeltaJSON gives the delta as JSON, in the form of Quill: a list of objects with
// insert and, where there are any, attributes.
func (t Type) DeltaJSON() ([]byte, error) {
	ops, err := t.Delta()
	if err != nil {
		return nil, err
	}
	o := t.doc.output()
	o.list(func(yield func(any) bool) {
		for _, op := range ops {
			v := map[string]any{"insert": op.Insert}
			if op.Attributes != nil {
				v["attributes"] = op.Attributes
			}
			if !yield(v) {
				return
			}
		}
	})
	return o.done()
}

type deltaWriter struct {
	ops    []Op
	text   []byte
	budget int

	attributes map[string]any
	shared     bool // by an Op: to be copied before it is changed
}

// pack ends a run of characters.
func (w *deltaWriter) pack() {
	if len(w.text) > 0 {
		w.op(string(w.text))
		w.budget -= len(w.text)
		w.text = w.text[:0]
	}
}

func (w *deltaWriter) op(insert any) {
	op := Op{Insert: insert}
	if len(w.attributes) > 0 {
		op.Attributes, w.shared = w.attributes, true
	}
	w.budget -= 16
	w.ops = append(w.ops, op)
}

func (w *deltaWriter) format(it *item) {
	if w.shared {
		w.budget -= 32 * len(w.attributes)
		w.attributes, w.shared = maps.Clone(w.attributes), false
	}
	if w.attributes == nil {
		w.attributes = map[string]any{}
	}
	update(w.attributes, it)
}

// update applies what a RefFormat sets or takes away.
func update(attributes map[string]any, it *item) {
	if value := parseJSON(it.Content.Data); value == nil {
		delete(attributes, string(it.Content.Key))
	} else {
		attributes[string(it.Content.Key)] = value
	}
}
