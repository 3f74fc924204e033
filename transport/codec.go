package transport

import (
	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Codec writes the hub's pushes as messages of hubbub.v1.json, each in a WebSocket
// frame: a server's frames are not masked, and so the same for every peer. SSE
// carries the same messages without the frame.
type Codec struct {
	// CompressFrom is from how many bytes on a message is compressed for peers who
	// take that. 0: DefaultCompressFrom; below 0: never.
	CompressFrom int
}

// Compress appends a frame as peers with permessage-deflate are sent it; see
// hub.Codec.
func (c Codec) Compress(dst, frame []byte, message int) []byte {
	return compression(c.CompressFrom).appendFrame(dst, frame, message)
}

// Append writes a push; see hub.Codec.
func (Codec) Append(dst []byte, p hub.Push) (out []byte, message int) {
	start := len(dst)
	return sealFrame(appendPush(openFrame(dst, finText), p), start)
}

func appendPush(dst []byte, p hub.Push) []byte {
	switch p := p.(type) {
	case hub.EventPush:
		return wire.AppendEvent(dst, p.Room, p.Seq, p.Event)
	case hub.PresencePush:
		return wire.Append(dst, 0, wire.PresencePush{Room: p.Room, Joined: users(p.Joined), Left: users(p.Left), Members: p.Members, Partial: p.Partial, Count: p.Count})
	case hub.TypingPush:
		return wire.Append(dst, 0, wire.TypingPush(p))
	case hub.BroadcastPush:
		return wire.Append(dst, 0, wire.BroadcastPush(p))
	case hub.ResetPush:
		return wire.Append(dst, 0, wire.ResetPush{Room: p.Room, Epoch: p.At.Epoch, Seq: p.At.Seq, Reason: wire.ResetReason(p.Reason)})
	case hub.LeftPush:
		return wire.Append(dst, 0, wire.LeftPush{Room: p.Room, Code: p.Why.Code, Message: p.Why.Message})
	}
	panic("transport: a push without a frame") // a new Push must get its frame here
}

func users(members []room.Member) []wire.User {
	list := make([]wire.User, len(members))
	for i, m := range members {
		list[i] = wire.User{User: m.User, Name: m.Name}
	}
	return list
}

func items(in []hub.Item) []wire.Item {
	out := make([]wire.Item, len(in))
	for i, it := range in {
		out[i] = wire.Item{Seq: it.Seq, Event: it.Event}
	}
	return out
}

func joinedFrame(name string, j hub.Joined) wire.Joined {
	frame := wire.Joined{
		Room: name, Epoch: j.At.Epoch, Seq: j.At.Seq, Live: j.Live,
		Events: items(j.Events), More: j.More, Members: j.Members, Count: j.Count,
	}
	if j.Reset != "" {
		frame.Reset = &wire.Reset{Reason: wire.ResetReason(j.Reset)}
	}
	return frame
}

func historyFrame(name string, p hub.HistoryPage) wire.HistoryPage {
	frame := wire.HistoryPage{
		Room: name, Epoch: p.Epoch, Events: items(p.Events),
		MoreBefore: p.MoreBefore, MoreAfter: p.MoreAfter,
	}
	if len(p.Changes) > 0 {
		frame.Changes = items(p.Changes)
	}
	return frame
}

// ackFrame answers one published event.
func ackFrame(name string, o hub.Outcome) wire.Message {
	if o.Err != nil {
		return wire.ErrorOf(o.Err)
	}
	return wire.Ack{Room: name, Seq: o.At.Seq, Epoch: o.At.Epoch, Duplicate: o.Duplicate}
}

// acksFrame answers a batch.
func acksFrame(name string, outcomes []hub.Outcome) wire.Acks {
	frame := wire.Acks{Room: name, Acks: make([]wire.AckItem, len(outcomes))}
	for i, o := range outcomes {
		if o.Err != nil {
			frame.Acks[i].Error = wire.ErrorOf(o.Err)
			continue
		}
		frame.Epoch = o.At.Epoch
		frame.Acks[i].Seq, frame.Acks[i].Duplicate = o.At.Seq, o.Duplicate
	}
	return frame
}

// historyRequest turns the command into the hub's terms.
func historyRequest(cmd *wire.History) hub.HistoryRequest {
	req := hub.HistoryRequest{Room: cmd.Room, Limit: cmd.Limit, Changes: cmd.Changes}
	if req.Limit == 0 {
		req.Limit = wire.DefaultHistory
	}
	switch cmd.Anchor {
	case wire.AnchorBefore:
		req.Before = cmd.Seq
	case wire.AnchorAfter:
		req.After, req.FromStart = cmd.Seq, cmd.Seq == 0
	case wire.AnchorAround:
		req.Around = cmd.Seq
	case wire.AnchorNewest:
	}
	return req
}

func joinRequest(cmd *wire.Join) hub.JoinRequest {
	req := hub.JoinRequest{Room: cmd.Room, Presence: cmd.Presence}
	if cmd.History != nil {
		req.History = *cmd.History
	}
	if cmd.Since != nil {
		req.Since = &hub.Position{Epoch: cmd.Since.Epoch, Seq: cmd.Since.Seq}
	}
	return req
}
