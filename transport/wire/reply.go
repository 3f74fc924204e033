package wire

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
)

// Message is what the hub sends: one of the replies below or of the pushes in
// push.go, as a value or as a pointer. DecodeReply gives pointers.
type Message interface {
	// Type is the frame's name on the wire.
	Type() string
	appendTo(*buf)
}

// Item is a stored event with its sequence. Event holds the bytes as stored; they
// go into frames unchanged.
type Item struct {
	Seq   uint64          `json:"seq"`
	Event json.RawMessage `json:"event"`
}

// Connected answers connect.
type Connected struct {
	User      string `json:"user"`
	Name      string `json:"name,omitempty"`
	Conn      string `json:"conn"`                 // this connection's own id
	PingMS    int64  `json:"ping_ms"`              // silence after which the hub sends a ping
	ExpiresAt int64  `json:"expires_at,omitempty"` // milliseconds since 1970 UTC; 0: never
	Token     string `json:"token,omitempty"`      // a guest's, to come back as the same user
	Server    string `json:"server"`               // the hub's software and version
	Version   int    `json:"version"`              // of the protocol
}

// Refreshed answers refresh.
type Refreshed struct {
	ExpiresAt int64 `json:"expires_at,omitempty"`
}

// Joined answers join. If it is not Live, the caller is no member yet and joins
// again from the last of Events.
type Joined struct {
	Room    string        `json:"room"`
	Epoch   string        `json:"epoch"`
	Seq     uint64        `json:"seq"` // the room's position behind Events
	Live    bool          `json:"live"`
	Events  []Item        `json:"events"`
	More    bool          `json:"more,omitempty"` // there are older events than these
	Reset   *Reset        `json:"reset,omitempty"`
	Members []room.Member `json:"members,omitempty"` // nil unless the join asked for presence; at most MaxMembers
	Count   int           `json:"count,omitempty"`   // all who are here, with Members
}

// Reset says why exactly the rest cannot be given.
type Reset struct {
	Reason ResetReason `json:"reason"`
}

// ResetReason names a reason of a reset.
type ResetReason string

// The reasons of a reset.
const (
	// ResetEpoch: the log was reset, or has lost entries.
	ResetEpoch ResetReason = "epoch"
	// ResetTrimmed: what came after the position is no longer kept in full.
	ResetTrimmed ResetReason = "trimmed"
	// ResetAhead: the position lies beyond what the log holds.
	ResetAhead ResetReason = "ahead"
)

// Left answers leave.
type Left struct {
	Room string `json:"room"`
}

// Ack answers publish, typing and broadcast. The last two have no position.
type Ack struct {
	Room      string `json:"room"`
	Seq       uint64 `json:"seq,omitempty"`
	Epoch     string `json:"epoch,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"` // stored before; Seq is the first one's
}

// Acks answers batch, with an entry for each event, in order.
type Acks struct {
	Room  string    `json:"room"`
	Epoch string    `json:"epoch"`
	Acks  []AckItem `json:"acks"`
}

// AckItem answers one event of a batch: Error, or the rest.
type AckItem struct {
	Seq       uint64 `json:"seq,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Error     *Error `json:"error,omitempty"`
}

// HistoryPage answers history. Events ascend, whatever was asked.
type HistoryPage struct {
	Room       string `json:"room"`
	Epoch      string `json:"epoch"`
	Events     []Item `json:"events"`
	MoreBefore bool   `json:"more_before"`
	MoreAfter  bool   `json:"more_after"`
	Changes    []Item `json:"changes,omitempty"` // later events that changed a message of the page
}

// Members answers presence.
type Members struct {
	Room    string        `json:"room"`
	Count   int           `json:"count"`   // all who are here
	Members []room.Member `json:"members"` // at most MaxMembers of them, sorted by user
	// Incomplete says that an instance of the hub could not be heard: there may be more.
	Incomplete bool `json:"incomplete,omitempty"`
}

// PositionsReply answers positions. Rooms that may not be seen are left out.
type PositionsReply struct {
	Positions map[string]Position `json:"positions"`
}

// PongReply answers ping.
type PongReply struct{}

// The names of the replies. left, typing and presence are pushes, or commands,
// too: whether a left has an id tells which it is.
const (
	typeConnected = "connected"
	typeRefreshed = "refreshed"
	typeJoined    = "joined"
	typeLeft      = "left"
	typeAck       = "ack"
	typeAcks      = "acks"
	typeMembers   = "members"
	typeError     = "error"
)

// ReplyTypes lists the names of all replies, in the order of PROTOCOL.md.
var ReplyTypes = []string{
	typeConnected, typeRefreshed, typeJoined, typeLeft, typeAck, typeAcks,
	typeHistory, typeMembers, typePositions, typeDocOpened, typeDocSaved, typeDocClosed,
	typePong, typeError,
}

// Type gives "connected".
func (Connected) Type() string { return typeConnected }

// Type gives "refreshed".
func (Refreshed) Type() string { return typeRefreshed }

// Type gives "joined".
func (Joined) Type() string { return typeJoined }

// Type gives "left".
func (Left) Type() string { return typeLeft }

// Type gives "ack".
func (Ack) Type() string { return typeAck }

// Type gives "acks".
func (Acks) Type() string { return typeAcks }

// Type gives "history".
func (HistoryPage) Type() string { return typeHistory }

// Type gives "members".
func (Members) Type() string { return typeMembers }

// Type gives "positions".
func (PositionsReply) Type() string { return typePositions }

// Type gives "pong".
func (PongReply) Type() string { return typePong }

// Type gives "error".
func (Error) Type() string { return typeError }
