package wire

import (
	"encoding/json"
	"fmt"
)

// Reply is one frame from the hub. ID is the command's that it answers, or 0 for
// a push. Body is a pointer to one of the types in reply.go and push.go, or to
// Unknown.
type Reply struct {
	ID   uint64
	Body any
}

// DecodeReply reads a frame from the hub. The reply keeps none of data's memory.
func DecodeReply(data []byte) (Reply, error) {
	if err := checkFrame(data); err != nil {
		return Reply{}, err
	}
	var o object
	o.read("", data)
	id := o.whole(fID, 1, MaxID)
	kind := o.required(fType, 0)
	if kind == typeEvent && o.err == nil {
		return o.eventPush()
	}
	if o.err != nil {
		return Reply{}, o.err
	}
	body := newBody(kind, id)
	if _, unknown := body.(*Unknown); unknown {
		return Reply{ID: id, Body: body}, nil
	}
	if err := json.Unmarshal(data, body); err != nil {
		return Reply{}, fmt.Errorf("decode %s: %w", kind, err)
	}
	return Reply{ID: id, Body: body}, nil
}

// eventPush reads the frame that comes most, without reflection.
func (o *object) eventPush() (Reply, error) {
	push := &EventPush{Room: o.required(fRoom, 0), Item: Item{Seq: o.whole(fSeq, 1, MaxID), Event: o.value(fEvent)}}
	if push.Seq == 0 {
		o.wrong(fSeq, "the event's sequence")
	}
	if len(push.Event) == 0 || push.Event[0] != '{' {
		o.wrong(fEvent, "an object")
	}
	if o.err != nil {
		return Reply{}, fmt.Errorf("decode event: %w", o.err)
	}
	return Reply{Body: push}, nil
}

// newBody makes room for a frame. Only left is a reply as well as a push.
func newBody(kind string, id uint64) any {
	switch kind {
	case typeConnected:
		return new(Connected)
	case typeRefreshed:
		return new(Refreshed)
	case typeJoined:
		return new(Joined)
	case typeAck:
		return new(Ack)
	case typeAcks:
		return new(Acks)
	case typeHistory:
		return new(HistoryPage)
	case typeMembers:
		return new(Members)
	case typePositions:
		return new(PositionsReply)
	case typePong:
		return new(PongReply)
	case typeError:
		return new(Error)
	case typePresence:
		return new(PresencePush)
	case typeTyping:
		return new(TypingPush)
	case typeBroadcast:
		return new(BroadcastPush)
	case typeReset:
		return new(ResetPush)
	case typePing:
		return new(PingPush)
	case typeDisconnect:
		return new(DisconnectPush)
	case typeLeft:
		if id != 0 {
			return new(Left)
		}
		return new(LeftPush)
	}
	if body := newDocBody(kind); body != nil {
		return body
	}
	return &Unknown{Kind: kind}
}
