package hub

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
)

// Frame is one encoded push or reply on its way to a peer. The same bytes go to
// every member, so nobody may change them.
type Frame struct {
	Data []byte
	Room string   // the room that the frame moves, or ""
	At   Position // where the room stands after it; Seq 0: it does not move
}

// Codec turns a push into the bytes that peers read. A push is encoded once,
// however many members the room has.
type Codec interface {
	Encode(p Push) []byte
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
