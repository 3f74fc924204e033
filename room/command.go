package room

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a command may carry, in bytes unless said.
const (
	MaxText  = 16 << 10
	MaxData  = 32 << 10
	MaxDepth = 64 // levels of nesting in Data
	MaxID    = 64
	MaxEmoji = 64
	MaxType  = 64
	MaxUser  = 128
	MaxInfo  = 64 // a display name
)

// Caller is who asks: the identity and the grants out of a verified token.
type Caller struct {
	User   string
	Name   string
	Grants Grants

	TokenID string    // the jti of the token that said so, if it has one
	Issued  time.Time // when that was issued, if it says so
}

// Command is the wish to add an event to a room. The fields mean what they mean
// in Event.
type Command struct {
	Kind    Kind            `json:"kind"`
	ID      string          `json:"id,omitempty"`
	Text    string          `json:"text,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	ReplyTo uint64          `json:"reply_to,omitempty"`
	Target  uint64          `json:"target,omitempty"`
	Emoji   string          `json:"emoji,omitempty"`
	Type    string          `json:"type,omitempty"`
}

// Verb is what the caller must be granted for the command.
func (c *Command) Verb() Verb {
	if c.Kind == KindReact || c.Kind == KindUnreact {
		return VerbReact
	}
	return VerbPublish
}

// Target is what Accept must know of the message that a command refers to.
type Target struct {
	Kind    Kind
	User    string
	Deleted bool
}

// Accept decides whether caller may do c in room, at the time now, and gives the
// event to append. target is the message at c.Target or, for an answer, at
// c.ReplyTo: nil when there is no such event.
//
// The caller of Accept may know a state that is a moment old; what slips through
// because of it (an edit that crosses a delete) is settled by the order of the
// log and the rules of Apply, the same way everywhere.
func Accept(caller Caller, room string, c Command, target *Target, now time.Time) (*Event, error) {
	if err := CheckName(room); err != nil {
		return nil, err
	}
	if !caller.Grants.Allow(room, c.Verb()) {
		return nil, Errorf(CodeForbidden, "the grants do not cover %q in this room", c.Verb())
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.checkTarget(caller, target); err != nil {
		return nil, err
	}
	return &Event{
		Version: EventVersion, Kind: c.Kind, ID: c.ID, User: caller.User, Name: caller.Name, At: now.UnixMilli(),
		Text: c.Text, Data: compact(c.Data), ReplyTo: c.ReplyTo, Target: c.Target, Emoji: c.Emoji, Type: c.Type,
	}, nil
}

// Refers gives the sequence of the message that Accept must be told of, or 0.
func (c *Command) Refers() uint64 {
	if c.Target != 0 {
		return c.Target
	}
	return c.ReplyTo
}

// check holds each field to its bounds and to the command's kind.
func (c *Command) check() error {
	if err := c.checkBounds(); err != nil {
		return err
	}
	if err := c.checkStray(); err != nil {
		return err
	}
	switch c.Kind {
	case KindMessage, KindEdit:
		if strings.TrimSpace(c.Text) == "" && len(c.Data) == 0 {
			return Errorf(CodeBadRequest, "message: has neither text nor data; give one of them")
		}
	case KindReact, KindUnreact:
		if c.Emoji == "" || strings.ContainsFunc(c.Emoji, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
			return Errorf(CodeBadRequest, "emoji: give 1 to %d bytes without spaces", MaxEmoji)
		}
	case KindCustom:
		if c.Type == "" {
			return Errorf(CodeBadRequest, "type: a custom event needs the application's name for it")
		}
	case KindDelete:
	default:
		return Errorf(CodeBadRequest, "kind: %.32q cannot be published; known are message, edit, delete, react, unreact, custom", c.Kind)
	}
	return nil
}

func (c *Command) checkBounds() error {
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"text", c.Text, MaxText}, {"id", c.ID, MaxID}, {"emoji", c.Emoji, MaxEmoji}, {"type", c.Type, MaxType},
	} {
		if len(f.value) > f.max {
			return Errorf(CodeTooLarge, "%s: is %d bytes long; at most %d", f.name, len(f.value), f.max)
		}
		if !utf8.ValidString(f.value) {
			return Errorf(CodeBadRequest, "%s: is not valid UTF-8", f.name)
		}
	}
	return CheckData(c.Data)
}

// checkStray refuses fields that the kind has no use for: a client that sends
// them means something else than it will get.
func (c *Command) checkStray() error {
	changes := (&Event{Kind: c.Kind}).Changes()
	content := c.Kind == KindMessage || c.Kind == KindEdit
	reaction := c.Kind == KindReact || c.Kind == KindUnreact
	for _, f := range []struct {
		name    string
		set, ok bool
	}{
		{"target", c.Target != 0, changes},
		{"text", c.Text != "", content},
		{"data", len(c.Data) != 0, content || c.Kind == KindCustom},
		{"emoji", c.Emoji != "", reaction},
		{"type", c.Type != "", c.Kind == KindCustom},
		{"reply_to", c.ReplyTo != 0, c.Kind == KindMessage || c.Kind == KindCustom},
	} {
		if f.set && !f.ok {
			return Errorf(CodeBadRequest, "%s: has no meaning for kind %.32q; leave it out", f.name, c.Kind)
		}
	}
	if changes && c.Target == 0 {
		return Errorf(CodeBadRequest, "target: %q needs the sequence of the message that it changes", c.Kind)
	}
	return nil
}

func (c *Command) checkTarget(caller Caller, target *Target) error {
	if c.Refers() == 0 {
		return nil
	}
	if target == nil || target.Kind != KindMessage {
		return Errorf(CodeNotFound, "there is no message with sequence %d in this room", c.Refers())
	}
	switch c.Kind {
	case KindEdit, KindDelete:
		if target.User != caller.User {
			return Errorf(CodeForbidden, "message %d was written by somebody else; only its author may %s it", c.Target, c.Kind)
		}
	}
	if target.Deleted && c.Kind != KindDelete && c.Target != 0 {
		return Errorf(CodeConflict, "message %d was deleted", c.Target)
	}
	return nil
}

// CheckData holds a JSON value to its bounds.
func CheckData(data json.RawMessage) error {
	if len(data) > MaxData {
		return Errorf(CodeTooLarge, "data: is %d bytes long; at most %d", len(data), MaxData)
	}
	if len(data) == 0 {
		return nil
	}
	if depth(data) > MaxDepth {
		return Errorf(CodeBadRequest, "data: is nested deeper than %d levels", MaxDepth)
	}
	if !json.Valid(data) || !utf8.Valid(data) {
		return Errorf(CodeBadRequest, "data: is not valid JSON in UTF-8")
	}
	return nil
}

// depth counts brackets outside strings. It bounds nesting before anything
// recursive looks at the bytes.
func depth(data []byte) int {
	deepest, level, inString, escaped := 0, 0, false, false
	for _, b := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = b == '\\', b != '"'
		case b == '"':
			inString = true
		case b == '{' || b == '[':
			level++
			deepest = max(deepest, level)
		case b == '}' || b == ']':
			level--
		}
	}
	return deepest
}

// compact strips the white space that a client may have sent; data is valid JSON.
func compact(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return data
	}
	return b.Bytes()
}
