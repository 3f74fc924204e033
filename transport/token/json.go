package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
)

// object reads one JSON object. Names are taken as they are written: the decoder
// of encoding/json takes "SUB" for "sub", and the last of two equal names, so that
// the same token could mean one thing to its issuer and another here.
func object(what string, data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, room.Errorf(room.CodeUnauthorized, "%s: is not valid UTF-8", what)
	}
	if err := checkUnique(data); err != nil {
		return nil, room.Errorf(room.CodeUnauthorized, "%s: %v", what, err)
	}
	return inner(what, data)
}

// inner reads an object that stands in one which object has read.
func inner(what string, data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, room.Errorf(room.CodeUnauthorized, "%s: is not a JSON object", what)
	}
	return members, nil
}

// checkUnique refuses JSON in which any object names a member twice.
func checkUnique(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []map[string]bool // the names of each object around; nil for an array
	name := false              // the next token is a member's name
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(open) == 0:
			return nil
		case err != nil:
			return errors.New("is not valid JSON")
		}
		if s, ok := t.(string); ok && name {
			seen := open[len(open)-1]
			if seen[s] {
				return fmt.Errorf("names %.40q twice; once is right", s)
			}
			seen[s], name = true, false
			continue
		}
		switch t {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

// text reads a string member; it is "" if the member is missing.
func text(members map[string]json.RawMessage, name string) (string, error) {
	raw, ok := members[name]
	if !ok {
		return "", nil
	}
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", room.Errorf(room.CodeUnauthorized, "%s: is not a string", name)
	}
	return s, nil
}
