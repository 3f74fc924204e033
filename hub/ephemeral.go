package hub

import (
	"encoding/json"
	"fmt"

	"github.com/hubbub-im/hubbub/room"
)

// signal is what travels over the Bus: something that happens in a room and is
// not kept.
type signal struct {
	Kind   string          `json:"kind"`
	User   string          `json:"user,omitempty"`
	Name   string          `json:"name,omitempty"`
	Typing bool            `json:"typing,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	Report *room.Report    `json:"report,omitempty"` // who is here, for the other instances
}

// The kinds of signals.
const (
	signalTyping    = "typing"
	signalBroadcast = "broadcast"
	signalPresence  = "presence"
)

// Typing tells a room that the session's user is typing, or no longer is.
func (s *Session) Typing(name string, typing bool) error {
	caller := s.Caller()
	if err := allow(caller, name, room.VerbTyping); err != nil {
		return err
	}
	if !s.in(name) {
		return room.Errorf(room.CodeNotJoined, "join the room before typing in it")
	}
	return s.hub.Typing(caller, name, typing)
}

// Typing is Session.Typing for a caller whose connection is not at hand, as one
// that listens by Server-Sent Events.
func (h *Hub) Typing(caller room.Caller, name string, typing bool) error {
	if err := room.CheckName(name); err != nil {
		return err
	}
	if err := allow(caller, name, room.VerbTyping); err != nil {
		return err
	}
	return h.signal(name, signal{Kind: signalTyping, User: caller.User, Name: caller.Name, Typing: typing})
}

// Broadcast sends data to whoever is in a room now. It is not kept.
func (h *Hub) Broadcast(caller room.Caller, name string, data json.RawMessage) error {
	if err := room.CheckName(name); err != nil {
		return err
	}
	if err := allow(caller, name, room.VerbBroadcast); err != nil {
		return err
	}
	if err := room.CheckData(data); err != nil {
		return err
	}
	return h.signal(name, signal{Kind: signalBroadcast, User: caller.User, Name: caller.Name, Data: data})
}

func (h *Hub) signal(name string, sig signal) error {
	data, err := json.Marshal(sig)
	if err != nil {
		return fmt.Errorf("encode signal: %w", err)
	}
	if err := h.cfg.Bus.Publish(name, data); err != nil {
		return unavailable(err)
	}
	return nil
}

// ephemeral takes a signal from the Bus. What does not decode comes from
// something that is no hub, and is dropped.
func (r *liveRoom) ephemeral(data []byte) {
	var sig signal
	if err := json.Unmarshal(data, &sig); err != nil {
		r.hub.cfg.Fault(r.name, fmt.Errorf("decode signal: %w", err))
		return
	}
	var push Push
	switch sig.Kind {
	case signalTyping:
		push = TypingPush{Room: r.name, User: sig.User, Name: sig.Name, Typing: sig.Typing}
	case signalBroadcast:
		push = BroadcastPush{Room: r.name, User: sig.User, Name: sig.Name, Data: sig.Data}
	case signalPresence:
		if sig.Report != nil {
			r.hearReport(*sig.Report)
		}
		return
	default:
		return // a newer hub's
	}
	r.mu.Lock()
	r.tell(push, Position{}, sig.Kind+" "+r.name+" "+sig.User)
	r.mu.Unlock()
	r.Flush()
}
