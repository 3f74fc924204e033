package view

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// maxSafe is the largest integer that JavaScript counts exactly.
const maxSafe = 1<<53 - 1

// Position is a place in a type that stays where it is whatever is inserted or deleted
// around it: Yjs' RelativePosition. It names an item; or where there is none to name
// the type, and then stands for its end, or with a negative Assoc for its beginning.
type Position struct {
	// Item is the unit behind the place, or with a negative Assoc the one before it.
	Item *yjs.ID
	// Root is the name of a root type, and Type the item that holds any other type. An
	// encoding in bytes has them only if there is no Item.
	Root *string
	Type *yjs.ID
	// Assoc says with which side the place goes: the left one if it is negative.
	Assoc int64
}

// Position gives the place before the unit at an index, at most t.Len.
func (t Type) Position(index uint64, assoc int64) (Position, error) {
	if index > t.Len() {
		return Position{}, fmt.Errorf("view: index %d of a type of length %d: %w", index, t.Len(), ErrRange)
	}
	p := Position{Assoc: assoc}
	if t.node.item != nil {
		p.Type = &yjs.ID{Client: t.node.item.ID.Client, Clock: t.node.item.ID.Clock}
	} else {
		p.Root = &t.node.name
	}
	if assoc < 0 {
		if index == 0 {
			return p, nil
		}
		index--
	}
	for it := range t.items {
		if it.visible() {
			if it.Len > index {
				p.Item = &yjs.ID{Client: it.ID.Client, Clock: it.ID.Clock + index}
				return p, nil
			}
			index -= it.Len
		}
		if it.right == nil && assoc < 0 {
			last := it.LastID()
			p.Item = &last
		}
	}
	return p, nil
}

// Index gives the type and the index in it that a position stands for now; false if
// what it names is not there, or was deleted together with the type that it stood in.
// A root type comes as text; see Type.As.
func (d *Doc) Index(p Position) (t Type, index uint64, ok bool) {
	switch {
	case p.Item != nil:
		return d.indexOf(*p.Item, p.Assoc)
	case p.Root != nil:
		t = d.Text(*p.Root)
	case p.Type != nil:
		if t, ok = d.Resolve(*p.Type); !ok {
			return Type{}, 0, false
		}
	default:
		return Type{}, 0, false
	}
	if p.Assoc >= 0 {
		index = t.Len()
	}
	return t, index, true
}

func (d *Doc) indexOf(id yjs.ID, assoc int64) (t Type, index uint64, ok bool) {
	if id.Clock >= d.state(id.Client) {
		return Type{}, 0, false
	}
	it := d.find(id)
	if it.parent == nil || it.parent.gone() {
		return Type{}, 0, false
	}
	if it.visible() {
		index = id.Clock - it.ID.Clock
		if assoc < 0 {
			index++
		}
	}
	for left := it.left; left != nil; left = left.left {
		if left.visible() {
			index += left.Len
		}
	}
	t = Type{doc: d, node: it.parent, kind: yjs.TypeText}
	if it.parent.item != nil {
		t.kind = it.parent.item.Content.Type
	}
	return t, index, true
}

// Encode gives the bytes that Y.encodeRelativePosition gives.
func (p Position) Encode() []byte {
	var dst []byte
	switch {
	case p.Item != nil:
		dst = appendID(append(dst, 0), *p.Item)
	case p.Root != nil:
		dst = appendString(append(dst, 1), *p.Root)
	case p.Type != nil:
		dst = appendID(append(dst, 2), *p.Type)
	}
	size, first := uint64(max(p.Assoc, -p.Assoc)), byte(0)
	if p.Assoc < 0 {
		first = 0x40
	}
	first |= byte(size & 0x3f)
	if size < 0x40 {
		return append(dst, first)
	}
	return binary.AppendUvarint(append(dst, first|0x80), size>>6)
}

func appendID(dst []byte, id yjs.ID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, id.Client), id.Clock)
}

// DecodePosition reads what Y.encodeRelativePosition has written. The error is a
// *yjs.Error.
func DecodePosition(data []byte) (p Position, err error) {
	r := positionReader{data: data}
	switch kind := r.uvarint(maxSafe); kind {
	case 0:
		p.Item = r.id()
	case 1:
		root := r.string()
		p.Root = &root
	case 2:
		p.Type = r.id()
	default:
		r.fail(yjs.Malformed, fmt.Sprintf("a position of kind %d; it should be 0, an item, 1, a name, or 2, a type", kind))
	}
	if r.pos < len(r.data) {
		p.Assoc = r.varint()
	}
	if r.pos < len(r.data) {
		r.fail(yjs.Malformed, "bytes behind the end of a position; there should be none")
	}
	if r.err != nil {
		return Position{}, r.err
	}
	return p, nil
}

// positionReader keeps its first fault.
type positionReader struct {
	data []byte
	pos  int
	err  error
}

func (r *positionReader) fail(kind yjs.Kind, reason string) {
	if r.err == nil {
		r.err = &yjs.Error{Kind: kind, Offset: r.pos, Reason: reason}
	}
}

func (r *positionReader) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(r.data[r.pos:])
	switch {
	case n == 0:
		r.fail(yjs.Truncated, "an integer of a position is not there to its end")
	case n < 0 || v > most:
		r.fail(yjs.Malformed, fmt.Sprintf("an integer above %d", most))
	}
	if r.err != nil {
		return 0
	}
	r.pos += n
	return v
}

func (r *positionReader) varint() int64 {
	first := r.data[r.pos]
	v := uint64(first & 0x3f)
	r.pos++
	if first >= 0x80 {
		v |= r.uvarint(maxSafe>>6) << 6
	}
	if first&0x40 != 0 {
		return -int64(v)
	}
	return int64(v)
}

func (r *positionReader) id() *yjs.ID {
	client := r.uvarint(maxSafe)
	return &yjs.ID{Client: client, Clock: r.uvarint(maxSafe)}
}

func (r *positionReader) string() string {
	n := r.uvarint(maxSafe)
	if n > uint64(len(r.data)-r.pos) {
		r.fail(yjs.Truncated, fmt.Sprintf("a name of %d bytes announced, %d are there", n, len(r.data)-r.pos))
		return ""
	}
	s := string(r.data[r.pos : r.pos+int(n)])
	if !utf8.ValidString(s) {
		r.fail(yjs.Malformed, "a name that is not UTF-8")
	}
	r.pos += int(n)
	return s
}

type positionJSON struct {
	Type  *idJSON `json:"type,omitempty"`
	Root  *string `json:"tname,omitempty"`
	Item  *idJSON `json:"item,omitempty"`
	Assoc int64   `json:"assoc"`
}

type idJSON struct {
	Client uint64 `json:"client"`
	Clock  uint64 `json:"clock"`
}

// MarshalJSON gives what Y.relativePositionToJSON gives.
func (p Position) MarshalJSON() ([]byte, error) {
	return json.Marshal(positionJSON{Type: (*idJSON)(p.Type), Root: p.Root, Item: (*idJSON)(p.Item), Assoc: p.Assoc})
}

// UnmarshalJSON reads what Y.relativePositionToJSON gives, or JSON.stringify of a
// position.
func (p *Position) UnmarshalJSON(data []byte) error {
	var v positionJSON
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	for _, id := range []*idJSON{v.Type, v.Item} {
		if id != nil && (id.Client > maxSafe || id.Clock > maxSafe) {
			return fmt.Errorf("view: a position names %d, %d; at most 2^53-1 is allowed: %w", id.Client, id.Clock, ErrRange)
		}
	}
	if v.Type == nil && v.Root == nil && v.Item == nil {
		return fmt.Errorf("view: a position needs an item, a tname or a type: %w", ErrType)
	}
	if max(v.Assoc, -v.Assoc) > maxSafe || v.Assoc == -v.Assoc && v.Assoc != 0 {
		return fmt.Errorf("view: a position's assoc is %d; at most 2^53-1 is allowed: %w", v.Assoc, ErrRange)
	}
	*p = Position{Type: (*yjs.ID)(v.Type), Root: v.Root, Item: (*yjs.ID)(v.Item), Assoc: v.Assoc}
	return nil
}
