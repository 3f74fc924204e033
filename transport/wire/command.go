package wire

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
)

// Command is one frame from a client: a wish, and the number that the reply to
// it will carry. ID 0 means that no reply is wanted.
type Command struct {
	ID   uint64
	Body Body
}

// Body is what a command asks for: one of the pointer types below.
type Body interface {
	// Type is the command's name on the wire.
	Type() string
	appendTo(*buf) error
}

// Connect comes first on every connection and says who is calling.
type Connect struct {
	Token  string // a JWT; empty: a guest
	Name   string // a guest's display name
	Client string // the software's name, for the operator's log
}

// Refresh gives a new token on a live connection.
type Refresh struct {
	Token string
}

// Join makes the connection a member of a room.
type Join struct {
	Room     string
	Since    *Position // resume after this position; nil: start with the newest
	History  *int      // newest events wanted, 0 to MaxJoinHistory; nil: not said
	Presence bool      // members in the reply, and presence pushes
}

// Leave ends the membership.
type Leave struct {
	Room string
}

// Publish adds an event to a room. Whether Event is allowed and valid is for
// room.Accept to say; DecodeCommand has set its Kind.
type Publish struct {
	Room  string
	Event room.Command
}

// Batch publishes 1 to MaxBatch events in order.
type Batch struct {
	Room   string
	Events []room.Command
}

// History reads a page of a room.
type History struct {
	Room    string
	Anchor  Anchor
	Seq     uint64 // what the anchor refers to; 0 with AnchorNewest
	Limit   int    // 1 to MaxHistory; 0 is sent as "not said", and read as DefaultHistory
	Changes bool   // also the later events that changed a message of the page
}

// Anchor says which part of a room a history page is.
type Anchor string

// The anchors of a page.
const (
	AnchorNewest Anchor = ""       // the newest events
	AnchorBefore Anchor = "before" // those before a sequence
	AnchorAfter  Anchor = "after"  // those after a sequence
	AnchorAround Anchor = "around" // those around a sequence, itself included
)

// Presence asks who is in a room.
type Presence struct {
	Room string
}

// Typing tells that the caller has started or stopped typing.
type Typing struct {
	Room   string
	Typing bool
}

// Broadcast sends what is not stored to whoever is in the room now.
type Broadcast struct {
	Room string
	Data json.RawMessage
}

// Positions asks where 1 to MaxPositions rooms stand.
type Positions struct {
	Rooms []string
}

// Ping asks for a pong.
type Ping struct{}

// Pong answers the hub's ping.
type Pong struct{}

// Position is a place in a room's order. Sequences of different epochs cannot be
// compared.
type Position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// The names of the commands.
const (
	typeConnect   = "connect"
	typeRefresh   = "refresh"
	typeJoin      = "join"
	typeLeave     = "leave"
	typePublish   = "publish"
	typeBatch     = "batch"
	typeHistory   = "history"
	typePresence  = "presence"
	typeTyping    = "typing"
	typeBroadcast = "broadcast"
	typePositions = "positions"
	typePing      = "ping"
	typePong      = "pong"
)

// CommandTypes lists the names of all commands, in the order of PROTOCOL.md.
var CommandTypes = []string{
	typeConnect, typeRefresh, typeJoin, typeLeave, typePublish, typeBatch, typeHistory,
	typePresence, typeTyping, typeBroadcast, typePositions,
	typeDocOpen, typeDocUpdate, typeDocAwareness, typeDocClose, typePing, typePong,
}

// Type gives "connect".
func (*Connect) Type() string { return typeConnect }

// Type gives "refresh".
func (*Refresh) Type() string { return typeRefresh }

// Type gives "join".
func (*Join) Type() string { return typeJoin }

// Type gives "leave".
func (*Leave) Type() string { return typeLeave }

// Type gives "publish".
func (*Publish) Type() string { return typePublish }

// Type gives "batch".
func (*Batch) Type() string { return typeBatch }

// Type gives "history".
func (*History) Type() string { return typeHistory }

// Type gives "presence".
func (*Presence) Type() string { return typePresence }

// Type gives "typing".
func (*Typing) Type() string { return typeTyping }

// Type gives "broadcast".
func (*Broadcast) Type() string { return typeBroadcast }

// Type gives "positions".
func (*Positions) Type() string { return typePositions }

// Type gives "ping".
func (*Ping) Type() string { return typePing }

// Type gives "pong".
func (*Pong) Type() string { return typePong }
