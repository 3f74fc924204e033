package client

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/room"
)

// Draft is an event that is to be published. Its ID is the publisher's own; Send
// and Post make one up if it is empty.
type Draft = room.Command

// Text posts a message.
func Text(text string) Draft { return Draft{Kind: room.KindMessage, Text: text} }

// Data posts a message that carries any JSON value.
func Data(data json.RawMessage) Draft { return Draft{Kind: room.KindMessage, Data: data} }

// Reply posts an answer to the message at seq.
func Reply(seq uint64, text string) Draft {
	return Draft{Kind: room.KindMessage, Text: text, ReplyTo: seq}
}

// Edit replaces the text and data of the caller's own message at seq.
func Edit(seq uint64, text string) Draft {
	return Draft{Kind: room.KindEdit, Text: text, Target: seq}
}

// Delete takes the caller's own message at seq back.
func Delete(seq uint64) Draft { return Draft{Kind: room.KindDelete, Target: seq} }

// React adds the caller's reaction to the message at seq.
func React(seq uint64, emoji string) Draft {
	return Draft{Kind: room.KindReact, Target: seq, Emoji: emoji}
}

// Unreact takes the caller's reaction back.
func Unreact(seq uint64, emoji string) Draft {
	return Draft{Kind: room.KindUnreact, Target: seq, Emoji: emoji}
}

// Custom posts an event of the application's own: any JSON under a name.
func Custom(name string, data json.RawMessage) Draft {
	return Draft{Kind: room.KindCustom, Type: name, Data: data}
}

// CheckDraft reports what the hub would refuse about a draft, whoever sends it and
// whatever is in the room.
func CheckDraft(name string, d Draft) error {
	anyone := room.Caller{User: "u", Grants: room.Everything()}
	if _, err := room.Accept(anyone, name, d, &room.Target{Kind: room.KindMessage, User: "u"}, time.Time{}); err != nil {
		return refused("publish in "+name, err)
	}
	return nil
}

// newID gives an id that no other event has.
func newID() string {
	if id, err := uuid.NewV7(); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

// frameSize is at least what a draft takes in a frame.
func frameSize(d *Draft) int {
	return 128 + quotedSize(d.Text) + quotedSize(d.ID) + quotedSize(d.Emoji) + quotedSize(d.Type) + len(d.Data)
}

func quotedSize(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			n += 5
		}
	}
	return n
}
