package room

import (
	"encoding/json"
	"fmt"
	"time"
)

// EventVersion is the version written into each stored event. A reader that meets
// a higher one keeps the event's place in the order and makes nothing of it.
const EventVersion = 1

// Kind says what an event does.
type Kind string

// The kinds of events. A kind that a reader does not know is passed on and
// changes nothing, so that older hubs and clients survive newer ones.
const (
	// KindMessage posts a message. Its sequence is the message's identity.
	KindMessage Kind = "message"
	// KindEdit replaces the text and data of the message at Target.
	KindEdit Kind = "edit"
	// KindDelete takes the message at Target back, for good.
	KindDelete Kind = "delete"
	// KindReact adds the author's reaction Emoji to the message at Target.
	KindReact Kind = "react"
	// KindUnreact takes that reaction back.
	KindUnreact Kind = "unreact"
	// KindCustom is an application's own event: any JSON under a Type.
	KindCustom Kind = "custom"
	// KindUnreadable stands in for a stored record that does not decode. It is
	// never stored.
	KindUnreadable Kind = "unreadable"
)

// Event is one thing that happened in a room, as the log stores it. Its sequence
// number is the log's and stands beside it, not in it.
//
// The fields are one flat set for all kinds: a later kind (pin, thread, settings,
// append, read marker) uses Target, Data and Type, or adds a field, and old
// readers ignore what they do not know.
type Event struct {
	Version int    `json:"v"`
	Kind    Kind   `json:"kind"`
	ID      string `json:"id,omitempty"`   // the publisher's own id for it, unique per user and room
	User    string `json:"user"`           // the author: the token's sub
	Name    string `json:"name,omitempty"` // the author's display name at that time
	At      int64  `json:"at"`             // when the hub accepted it, in milliseconds since 1970 UTC

	Text    string          `json:"text,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	ReplyTo uint64          `json:"reply_to,omitempty"` // sequence of the message that this one answers
	Target  uint64          `json:"target,omitempty"`   // sequence of the message that this event changes
	Emoji   string          `json:"emoji,omitempty"`
	Type    string          `json:"type,omitempty"` // the application's name for a custom event
}

// Time is the moment at which the hub accepted the event.
func (e *Event) Time() time.Time { return time.UnixMilli(e.At) }

// Encode gives the stored form: compact JSON, whose bytes also stand unchanged in
// the frames that members receive.
func (e *Event) Encode() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return b, nil
}

// DecodeEvent reads a stored record. A record of a newer version decodes as far
// as it is understood.
func DecodeEvent(data []byte) (*Event, error) {
	e := new(Event)
	if err := json.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	switch {
	case e.Version < 1:
		return nil, fmt.Errorf("decode event: version %d; 1 or above is expected", e.Version)
	case e.Kind == "":
		return nil, fmt.Errorf("decode event: kind is missing")
	}
	return e, nil
}

// Unreadable is what is delivered in the place of a record that does not decode,
// so that the order around it stays whole.
func Unreadable() *Event { return &Event{Version: EventVersion, Kind: KindUnreadable} }

// Changes reports whether the event changes the message at its Target.
func (e *Event) Changes() bool {
	switch e.Kind {
	case KindEdit, KindDelete, KindReact, KindUnreact:
		return true
	}
	return false
}
