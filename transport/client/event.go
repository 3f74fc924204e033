package client

import (
	"encoding/json"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Incoming is something that a joined room gives: *Event, *Gap, *Members,
// *Presence, *Typing or *Broadcast.
type Incoming interface{ incoming() }

// Event is a stored event with its place in the room's order.
type Event struct {
	Room string
	Position
	*room.Event
	// Raw holds the event's bytes as the log stores them, fields of newer
	// versions included. It must not be changed.
	Raw json.RawMessage
}

// Gap says that what follows does not join on to what came before.
type Gap struct {
	Reason GapReason
	Since  Position // up to where the room was given before
	At     Position // up to where it is given by what follows the gap at once
}

// GapReason says why exactly the rest could not be given.
type GapReason string

// The reasons for a gap.
const (
	// GapEpoch: the log was reset or has lost entries; nothing that was held of
	// the room is certain any more.
	GapEpoch = GapReason(wire.ResetEpoch)
	// GapTrimmed: what came next is no longer kept in full.
	GapTrimmed = GapReason(wire.ResetTrimmed)
	// GapAhead: the position that was given lies beyond what the log holds.
	GapAhead = GapReason(wire.ResetAhead)
	// GapForbidden: the caller may join the room, but not read what happened
	// while it was away.
	GapForbidden GapReason = "forbidden"
)

// Members tells who is in the room at the moment of joining it, and again after a
// disconnect. It comes if WithPresence was asked for.
type Members struct {
	List []room.Member // at most 500, sorted by user
}

// Presence tells who came and who went since the last Members or Presence, or of a
// large room how many there are.
type Presence struct {
	Joined, Left []wire.User
	Members      []room.Member // if not nil, in the place of all that was told before
	Partial      bool          // the room is large: Members is a sample, and who comes and goes is not told
	Count        int           // all who are in the room now
}

// Typing tells that somebody started or stopped typing.
type Typing struct {
	User, Name string
	Typing     bool
}

// Broadcast is an ephemeral message, which was not stored.
type Broadcast struct {
	User, Name string
	Data       json.RawMessage
}

func (*Event) incoming()     {}
func (*Gap) incoming()       {}
func (*Members) incoming()   {}
func (*Presence) incoming()  {}
func (*Typing) incoming()    {}
func (*Broadcast) incoming() {}

// decode makes an Event of a stored one. What cannot be read keeps its place.
func decode(name string, at Position, raw json.RawMessage) *Event {
	e, err := room.DecodeEvent(raw)
	if err != nil {
		e = room.Unreadable()
	}
	return &Event{Room: name, Position: at, Event: e, Raw: raw}
}
