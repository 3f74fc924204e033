package wire

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
)

// EventPush brings the next event of a room. AppendEvent writes it on the hot
// path.
type EventPush struct {
	Room string `json:"room"`
	Item
}

// PresencePush tells who came and who went since the last one, or in a large room
// how many there are.
type PresencePush struct {
	Room    string        `json:"room"`
	Joined  []User        `json:"joined,omitempty"`
	Left    []User        `json:"left,omitempty"`
	Members []room.Member `json:"members,omitempty"` // in place of all that was told before
	Partial bool          `json:"partial,omitempty"` // the room is large: Members is a sample, and who comes and goes is not told
	Count   int           `json:"count"`             // all who are here now
}

// User is somebody who came or went.
type User struct {
	User string `json:"user"`
	Name string `json:"name,omitempty"`
}

// TypingPush tells that somebody started or stopped typing.
type TypingPush struct {
	Room   string `json:"room"`
	User   string `json:"user"`
	Name   string `json:"name,omitempty"`
	Typing bool   `json:"typing"`
}

// BroadcastPush brings what somebody broadcast. It was not stored.
type BroadcastPush struct {
	Room string          `json:"room"`
	User string          `json:"user"`
	Name string          `json:"name,omitempty"`
	Data json.RawMessage `json:"data"`
}

// ResetPush tells that what was held of the room may be wrong. Join the room
// again, with history.
type ResetPush struct {
	Room   string      `json:"room"`
	Epoch  string      `json:"epoch"`
	Seq    uint64      `json:"seq"`
	Reason ResetReason `json:"reason"`
}

// LeftPush tells that the hub took the connection out of a room.
type LeftPush struct {
	Room    string    `json:"room"`
	Code    room.Code `json:"code"`
	Message string    `json:"message"`
}

// PingPush asks for the command pong.
type PingPush struct{}

// DisconnectPush is the last frame before the socket is closed with its Code.
type DisconnectPush struct {
	Code         CloseCode `json:"code"`
	Reason       string    `json:"reason"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
}

// Unknown stands for a frame of a type that this version does not know. A client
// ignores it.
type Unknown struct {
	Kind string
}

// The names of the pushes that are not names of commands or replies as well.
const (
	typeEvent      = "event"
	typeReset      = "reset"
	typeDisconnect = "disconnect"
)

// PushTypes lists the names of all pushes, in the order of PROTOCOL.md.
var PushTypes = []string{
	typeEvent, typePresence, typeTyping, typeBroadcast, typeReset, typeLeft,
	typeDocDiff, typeDocUpdate, typeDocAwareness, typeDocNotes, typeDocAccess, typeDocLost,
	typePing, typeDisconnect,
}

// Type gives "event".
func (EventPush) Type() string { return typeEvent }

// Type gives "presence".
func (PresencePush) Type() string { return typePresence }

// Type gives "typing".
func (TypingPush) Type() string { return typeTyping }

// Type gives "broadcast".
func (BroadcastPush) Type() string { return typeBroadcast }

// Type gives "reset".
func (ResetPush) Type() string { return typeReset }

// Type gives "left".
func (LeftPush) Type() string { return typeLeft }

// Type gives "ping".
func (PingPush) Type() string { return typePing }

// Type gives "disconnect".
func (DisconnectPush) Type() string { return typeDisconnect }

// Type gives the name that is not known.
func (u Unknown) Type() string { return u.Kind }
