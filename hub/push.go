package hub

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
)

// Codec turns a push into the bytes that peers read. A push is encoded once,
// however many members the room has.
type Codec interface {
	// Append appends to dst the push as most peers are sent it, ready for the wire.
	// It gives dst and where in it the message begins, for peers that are sent that
	// alone; the message reaches to the end.
	Append(dst []byte, p Push) (out []byte, message int)

	// Compress appends to dst a frame that Append has made, whose message begins at
	// the place given, as it is sent to peers who take compression.
	Compress(dst, frame []byte, message int) []byte
}

// Push is something that a room tells its members: one of the types below.
type Push interface{ push() }

// Item is a stored event as it is handed out: its sequence and its stored bytes.
type Item struct {
	Seq   uint64
	Event []byte
}

// EventPush brings the next event of a room's order.
type EventPush struct {
	Room string
	Item
}

// PresencePush tells who came and who went since the last one, or how many there are.
type PresencePush struct {
	Room string
	room.News
}

// TypingPush tells that somebody started or stopped typing.
type TypingPush struct {
	Room, User, Name string
	Typing           bool
}

// BroadcastPush brings an ephemeral message.
type BroadcastPush struct {
	Room, User, Name string
	Data             json.RawMessage
}

// ResetPush tells that what a member holds of the room may be wrong.
type ResetPush struct {
	Room   string
	At     Position
	Reason ResetReason
}

// LeftPush tells a session that it was taken out of a room.
type LeftPush struct {
	Room string
	Why  *room.Error
}

func (EventPush) push()     {}
func (PresencePush) push()  {}
func (TypingPush) push()    {}
func (BroadcastPush) push() {}
func (ResetPush) push()     {}
func (LeftPush) push()      {}

// ResetReason says why exactly the rest cannot be given.
type ResetReason string

// The reasons of a reset, as the protocol names them.
const (
	// ResetEpoch: the log was reset, or has lost entries.
	ResetEpoch ResetReason = "epoch"
	// ResetTrimmed: what came after the position is no longer kept in full.
	ResetTrimmed ResetReason = "trimmed"
	// ResetAhead: the position lies beyond what the log holds.
	ResetAhead ResetReason = "ahead"
)
