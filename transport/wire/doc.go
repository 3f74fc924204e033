// Package wire is the codec of the protocol hubbub.v1.json: every frame of
// PROTOCOL.md as a Go type, in both directions, and nothing about connections.
//
//	client                                hub
//	  | EncodeCommand(Command) ---------->| DecodeCommand
//	  | DecodeReply <---------------------| Encode(id, reply), Encode(0, push)
//	  | DecodeReply <---------------------| AppendEvent, for the hot path
//
// What a frame may hold is decided here: JSON types, counts, ranges, room names.
// What an event may hold is decided by room.Accept, which alone knows the rules.
package wire

// Subprotocol is the WebSocket subprotocol that the frames belong to.
const Subprotocol = "hubbub.v1.json"

// Version is the version of the protocol, as the connected reply names it.
const Version = 1

// Bounds on what a command may ask for.
const (
	MaxID           = 1<<53 - 1 // the largest command id, and the largest sequence
	MaxBatch        = 500       // events of one batch
	MaxJoinHistory  = 200       // newest events that a join may ask for
	MaxHistory      = 200       // events of one history page
	DefaultHistory  = 50        // events of a history page when the command does not say
	MaxPositions    = 1000      // rooms of one positions command
	MaxMembers      = 500       // members that a reply lists
	MaxToken        = 8 << 10   // bytes of a token
	MaxFrame        = 256 << 10 // bytes of a frame from a client, after inflation
	MaxConnectFrame = 4 << 10   // bytes of the first frame, before connected
)
