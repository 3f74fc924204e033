package document

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"
)

// Kind says what a record brings. The numbers are stored.
type Kind uint8

// The kinds of records.
const (
	// KindEdits: updates, and who has made them.
	KindEdits Kind = 1
	// KindSnapshot: all that the records before it come to.
	KindSnapshot Kind = 2
	// KindNote: something that is no edit: a version, a comment.
	KindNote Kind = 3
	// KindDeleted: the document is no more; what comes after it is another one.
	KindDeleted Kind = 4
	// KindElsewhere: the record is too large for the log, and is kept as a blob.
	KindElsewhere Kind = 5
)

// Origin names the instance that has stored a record.
type Origin [8]byte

// Edits is what a record of KindEdits brings.
type Edits struct {
	At      time.Time // when the first of them came, to the millisecond
	Authors []Authored
	Base    uint64 // where the snapshot is that they stand on; 0: there is none, or an older program wrote this
}

// Authored are updates that one user has made, in their order.
type Authored struct {
	User, Name string
	Updates    [][]byte
}

// Elsewhere says where a large record is kept.
type Elsewhere struct {
	Blob string `json:"blob"` // its name
	Size int    `json:"size"` // of the record, in bytes
	Kind Kind   `json:"kind"` // of the record
}

// Record is one entry of a document's log. Which field has something depends on Kind.
// What was decoded aliases the entry.
type Record struct {
	Kind      Kind
	Origin    Origin
	Edits     Edits
	Snapshot  Snapshot
	Note      Note
	Deleted   Deleted
	Elsewhere Elsewhere
}

// recordHead is the length of what every record begins with: the kind, and the origin.
const recordHead = 1 + len(Origin{})

// Encode gives the entry.
func (r *Record) Encode() []byte {
	dst := append([]byte{byte(r.Kind)}, r.Origin[:]...)
	switch r.Kind {
	case KindEdits:
		return r.Edits.append(dst)
	case KindSnapshot:
		return append(appendJSON(dst, r.Snapshot.Meta), r.Snapshot.Update...)
	case KindNote:
		return appendJSON(dst, r.Note)
	case KindDeleted:
		return appendJSON(dst, r.Deleted)
	default:
		return appendJSON(dst, r.Elsewhere)
	}
}

// appendJSON appends a value with its length before it.
func appendJSON(dst []byte, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // the values are structs of ours, without anything that cannot be JSON
	}
	return appendBytes(dst, data)
}

func appendBytes[T string | []byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func (e *Edits) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.At.UnixMilli()))
	dst = binary.AppendUvarint(dst, uint64(len(e.Authors)))
	for _, a := range e.Authors {
		dst = appendBytes(appendBytes(dst, a.User), a.Name)
		dst = binary.AppendUvarint(dst, uint64(len(a.Updates)))
		for _, u := range a.Updates {
			dst = appendBytes(dst, u)
		}
	}
	if e.Base > 0 {
		dst = binary.AppendUvarint(dst, e.Base)
	}
	return dst
}

// IsSnapshot reports whether an entry claims to be a snapshot, here or elsewhere.
func IsSnapshot(entry []byte) bool {
	if len(entry) == 0 {
		return false
	}
	if Kind(entry[0]) == KindElsewhere {
		rec, err := Decode(entry)
		return err == nil && rec.Elsewhere.Kind == KindSnapshot
	}
	return Kind(entry[0]) == KindSnapshot
}

// Decode reads an entry. What a newer program has written, and bytes that no program
// has, are an error that says which of them.
func Decode(entry []byte) (*Record, error) {
	if len(entry) < recordHead {
		return nil, fmt.Errorf("document record: %d bytes; %d or more are expected", len(entry), recordHead)
	}
	rec := &Record{Kind: Kind(entry[0])}
	copy(rec.Origin[:], entry[1:])
	r := reader{data: entry[recordHead:]}
	switch rec.Kind {
	case KindEdits:
		rec.Edits = r.edits()
	case KindSnapshot:
		r.json(&rec.Snapshot.Meta)
		rec.Snapshot.Update, r.data = r.data, nil
	case KindNote:
		r.json(&rec.Note)
	case KindDeleted:
		r.json(&rec.Deleted)
	case KindElsewhere:
		r.json(&rec.Elsewhere)
	default:
		return nil, fmt.Errorf("document record: kind %d is none that this program knows; a newer one may have written it", entry[0])
	}
	if r.err == nil && len(r.data) > 0 {
		r.err = fmt.Errorf("%d bytes are left over", len(r.data))
	}
	if r.err != nil {
		return nil, fmt.Errorf("document record of kind %d: %w", entry[0], r.err)
	}
	return rec, nil
}

// reader takes an entry apart. After an error it gives nothing more.
type reader struct {
	data []byte
	err  error
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.fail("a number is cut off or too large")
		return 0
	}
	r.data = r.data[size:]
	return n
}

// count reads how many things follow that take at least a byte each.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.data)) {
		r.fail("%d things are announced in %d bytes", n, len(r.data))
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count()
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) json(v any) {
	if data := r.bytes(); r.err == nil {
		if err := json.Unmarshal(data, v); err != nil {
			r.fail("%w", err)
		}
	}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.data = nil
}

func (r *reader) edits() (e Edits) {
	e.At = time.UnixMilli(int64(r.number()))
	for n := r.count(); n > 0 && r.err == nil; n-- {
		a := Authored{User: string(r.bytes()), Name: string(r.bytes())}
		for m := r.count(); m > 0 && r.err == nil; m-- {
			a.Updates = append(a.Updates, r.bytes())
		}
		e.Authors = append(e.Authors, a)
	}
	if r.err == nil && len(r.data) > 0 {
		e.Base = r.number()
	}
	return e
}
