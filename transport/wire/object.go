package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// field names one of the fields that commands and their events have.
type field int

const (
	fType field = iota
	fID
	fToken
	fName
	fClient
	fRoom
	fRooms
	fSince
	fHistory
	fPresence
	fEvent
	fEvents
	fBefore
	fAfter
	fAround
	fLimit
	fChanges
	fTyping
	fData
	fEpoch
	fSeq
	fKind
	fText
	fReplyTo
	fTarget
	fEmoji
	fDoc
	fSV
	fUpdate
	fOffset
	fMore
	numFields
)

var fieldNames = [numFields]string{
	"type", "id", "token", "name", "client", "room", "rooms", "since", "history", "presence", "event",
	"events", "before", "after", "around", "limit", "changes", "typing", "data", "epoch", "seq", "kind", "text",
	"reply_to", "target", "emoji", "doc", "sv", "update", "offset", "more",
}

func fieldOf(key []byte) (field, bool) {
	for f, name := range fieldNames {
		if string(key) == name {
			return field(f), true
		}
	}
	return 0, false
}

// object reads the fields of one JSON object. The first thing that is wrong
// stays in err; what is read after it is of no account.
type object struct {
	path string // what stands before a field's name in an error: "event."
	raw  [numFields][]byte
	err  *room.Error
}

// read takes the bytes of a valid JSON object. Fields that no command has are
// ignored.
func (o *object) read(path string, data []byte) {
	o.path = path
	for key, value := range members(data) {
		f, ok := fieldOf(key)
		if !ok {
			continue
		}
		if o.raw[f] != nil {
			o.fail(f, "is given twice; give it once")
		}
		o.raw[f] = value
	}
}

func (o *object) fail(f field, message string) {
	if o.err == nil {
		o.err = room.Errorf(room.CodeBadRequest, "%s%s: %s", o.path, fieldNames[f], message)
	}
}

// wrong notes that a field has another JSON type, or lies out of bounds.
func (o *object) wrong(f field, want string) {
	if o.raw[f] == nil {
		o.fail(f, "is missing; give "+want)
		return
	}
	o.fail(f, "is "+describe(o.raw[f])+"; give "+want)
}

func (o *object) has(f field) bool { return o.raw[f] != nil }

// text reads a string of at most maxBytes; 0 means that only the frame bounds it.
func (o *object) text(f field, maxBytes int) string {
	raw := o.raw[f]
	if raw == nil {
		return ""
	}
	if raw[0] != '"' {
		o.wrong(f, "a string")
		return ""
	}
	s := string(unquote(raw))
	if maxBytes > 0 && len(s) > maxBytes {
		o.fail(f, "is "+strconv.Itoa(len(s))+" bytes long; at most "+strconv.Itoa(maxBytes))
	}
	return s
}

func (o *object) required(f field, maxBytes int) string {
	s := o.text(f, maxBytes)
	if s == "" {
		o.wrong(f, "a string that is not empty")
	}
	return s
}

// room reads and checks a room's name.
func (o *object) room() string {
	if !o.has(fRoom) {
		o.wrong(fRoom, "the name of a room")
		return ""
	}
	name := o.text(fRoom, 0)
	o.check(room.CheckName(name))
	return name
}

// check takes over an error that names its field itself.
func (o *object) check(err error) {
	if err != nil && o.err == nil {
		o.err = room.AsError(err)
	}
}

func (o *object) boolean(f field) bool {
	switch {
	case o.raw[f] == nil, string(o.raw[f]) == "false":
		return false
	case string(o.raw[f]) == "true":
		return true
	}
	o.wrong(f, "true or false")
	return false
}

// whole reads a whole number from lowest to highest; 0 if it is left out.
func (o *object) whole(f field, lowest, highest uint64) uint64 {
	raw := o.raw[f]
	if raw == nil {
		return 0
	}
	n, ok := parseWhole(raw)
	if !ok || n < lowest || n > highest {
		o.wrong(f, "a whole number from "+strconv.FormatUint(lowest, 10)+" to "+strconv.FormatUint(highest, 10))
		return 0
	}
	return n
}

// parseWhole reads digits and nothing else: no sign, fraction or exponent.
func parseWhole(raw []byte) (uint64, bool) {
	n := uint64(0)
	for _, c := range raw {
		if c < '0' || c > '9' || n > math.MaxUint64/20 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(raw) > 0
}

// array reads the elements of an array of 1 to most.
func (o *object) array(f field, most int) [][]byte {
	want := "an array of 1 to " + strconv.Itoa(most)
	if raw := o.raw[f]; raw == nil || raw[0] != '[' {
		o.wrong(f, want)
		return nil
	}
	var list [][]byte
	for e := range elements(o.raw[f]) {
		list = append(list, e)
		if len(list) > most {
			o.fail(f, "holds more than "+strconv.Itoa(most)+" elements; give "+want)
			return nil
		}
	}
	if len(list) == 0 {
		o.fail(f, "is empty; give "+want)
	}
	return list
}

// object reads a nested object into inner; it is false if it is left out or is
// none.
func (o *object) object(f field, path string, inner *object) bool {
	switch raw := o.raw[f]; {
	case raw == nil:
		return false
	case raw[0] != '{':
		o.wrong(f, "an object")
		return false
	}
	inner.read(path, o.raw[f])
	return true
}

// value copies any JSON value; nil if it is left out.
func (o *object) value(f field) json.RawMessage { return bytes.Clone(o.raw[f]) }

// describe says what a JSON value is, for an error, in few characters.
func describe(raw []byte) string {
	switch raw[0] {
	case '"':
		if len(raw) == 2 {
			return "an empty string"
		}
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	const most = 24
	s := string(raw[:min(len(raw), most)])
	if len(raw) > most {
		s = strings.ToValidUTF8(s, "") + "…"
	}
	return s
}
