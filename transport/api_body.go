package transport

import (
	"bytes"
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// envelope is what a body may hold beside the fields of its command.
type envelope struct {
	Type *json.RawMessage `json:"type"`
	As   *author          `json:"as"`
}

// author is whom a server speaks for.
type author struct {
	User string `json:"user"`
	Name string `json:"name"`
}

// decode reads a body that has the fields of the command called kind, whose name
// may be left out: the path has it.
func (req *request) decode(kind string) (wire.Body, error) {
	var env envelope
	if err := req.envelope(&env); err != nil {
		return nil, err
	}
	if err := req.speakFor(env.As); err != nil {
		return nil, err
	}
	body := req.body
	if env.Type == nil {
		body = withType(kind, body)
	}
	cmd, err := wire.DecodeCommand(body)
	if err != nil {
		return nil, err
	}
	if cmd.Body.Type() != kind {
		return nil, room.Errorf(room.CodeBadRequest, "type: is %.32q; this path takes %q, or no type", cmd.Body.Type(), kind)
	}
	return cmd.Body, nil
}

// envelope reads the body into a struct of ours.
func (req *request) envelope(into any) error {
	trimmed := bytes.TrimLeft(req.body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return room.Errorf(room.CodeBadRequest, "body: is not a JSON object")
	}
	return bodyError(json.Unmarshal(req.body, into))
}

// bodyError says what is wrong with a body in the words of the protocol.
func bodyError(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *json.UnmarshalTypeError:
		return room.Errorf(room.CodeBadRequest, "%s: is %s; another type is expected: %s", e.Field, e.Value, e.Type)
	case *json.SyntaxError:
		return room.Errorf(room.CodeBadRequest, "body: is not JSON: %v at byte %d; send one JSON object", e, e.Offset)
	}
	return room.Errorf(room.CodeBadRequest, "body: is not JSON; send one JSON object")
}

// withType puts the command's name in front of the other fields of an object.
func withType(kind string, object []byte) []byte {
	_, fields, _ := bytes.Cut(object, []byte{'{'})
	out := make([]byte, 0, len(object)+len(kind)+16)
	out = append(out, `{"type":"`...)
	out = append(out, kind...)
	out = append(out, '"')
	if rest := bytes.TrimLeft(fields, " \t\r\n"); len(rest) > 0 && rest[0] != '}' {
		out = append(out, ',')
	}
	return append(out, fields...)
}

// speakFor makes the request one of the author. Only a server may, and a server
// has no name of its own.
func (req *request) speakFor(as *author) error {
	if as == nil {
		return nil
	}
	if !req.server {
		return room.Errorf(room.CodeForbidden, "as: only an API key may speak for others; leave it out")
	}
	if err := token.CheckUser(as.User); err != nil {
		return room.Errorf(room.CodeBadRequest, "as.user: %s", room.AsError(err).Message)
	}
	if err := token.CheckDisplayName(as.Name); err != nil {
		return room.Errorf(room.CodeBadRequest, "as.name: %s", room.AsError(err).Message)
	}
	req.caller.User, req.caller.Name = as.User, as.Name
	return nil
}

// author makes sure that what is about to be said is said by somebody.
func (req *request) author() error {
	if req.caller.User == "" {
		return room.Errorf(room.CodeBadRequest, `as: is missing; an API key is nobody, so say whose words these are: {"user": "ann", "name": "Ann"}`)
	}
	return nil
}
