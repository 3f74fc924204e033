package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
)

// SocketIO is Socket.IO 5 over Engine.IO 4, over WebSocket from the start, in the
// main namespace. Rooms are the application's there, so the server must run one
// that knows two events and answers with a third:
//
//	client: join(room), acknowledged once the socket is in the room
//	client: publish(room, text)
//	server: message(text), to everybody in the room, the publisher too
type SocketIO struct{}

// The packets that matter here: Engine.IO's type, then for its messages
// Socket.IO's.
const (
	sioOpen      = '0'
	sioClose     = '1'
	sioPing      = '2'
	sioPong      = "3"
	sioConnect   = "40"
	sioLeave     = "41"
	sioEvent     = "42"
	sioAck       = "43"
	sioRefuse    = "44"
	sioMessage   = `42["message",`
	sioJoinAckID = "1"
)

// Name is "socketio".
func (SocketIO) Name() string { return "socketio" }

// Subprotocol is none.
func (SocketIO) Subprotocol() string { return "" }

// URL is the same for all rooms.
func (SocketIO) URL(base *url.URL, _ string) string {
	return at(base, "/socket.io/", url.Values{"EIO": {"4"}, "transport": {"websocket"}})
}

// Each gives the message.
func (SocketIO) Each(msg []byte, fn func([]byte)) { fn(msg) }

// Opened waits, since the server speaks first.
func (SocketIO) Opened(*Peer, Sender) bool { return false }

// Hear reads one packet.
func (SocketIO) Hear(p *Peer, msg []byte, s Sender) (Heard, error) {
	if bytes.HasPrefix(msg, []byte(sioMessage)) {
		return Heard{Kind: Delivery}, nil
	}
	switch {
	case len(msg) == 0:
		return Heard{}, fmt.Errorf("the server sent an empty packet")
	case msg[0] == sioOpen:
		connect := []byte(sioConnect)
		if p.Token != "" {
			auth, err := json.Marshal(map[string]string{"token": p.Token})
			if err != nil {
				return Heard{}, fmt.Errorf("token: %w", err)
			}
			connect = append(connect, auth...)
		}
		s.Send(connect)
	case msg[0] == sioPing:
		s.Send([]byte(sioPong))
	case bytes.HasPrefix(msg, []byte(sioConnect)):
		if p.Room == "" {
			return Heard{Kind: Entered}, nil
		}
		s.Send([]byte(sioEvent + sioJoinAckID + `["join","` + p.Room + `"]`))
	case bytes.HasPrefix(msg, []byte(sioAck+sioJoinAckID+"[")):
		return Heard{Kind: Entered}, nil
	case msg[0] == sioClose, bytes.HasPrefix(msg, []byte(sioLeave)), bytes.HasPrefix(msg, []byte(sioRefuse)):
		return Heard{}, fmt.Errorf("the server sent the client away: %.200q", msg)
	}
	return Heard{}, nil
}

// AppendPublish emits publish(room, text).
func (SocketIO) AppendPublish(dst []byte, p *Peer, _ uint64, payload []byte) []byte {
	dst = append(dst, sioEvent+`["publish","`...)
	dst = append(dst, p.Room...)
	dst = append(dst, `","`...)
	dst = append(dst, payload...)
	return append(dst, `"]`...)
}

// Acks is false, since a publisher hears its own message and nothing else.
func (SocketIO) Acks() bool { return false }

// Payload decodes the event.
func (SocketIO) Payload(_ *Peer, msg []byte) (string, error) {
	var event []string
	if err := json.Unmarshal(bytes.TrimPrefix(msg, []byte(sioEvent)), &event); err != nil {
		return "", fmt.Errorf("a delivery: %w", err)
	}
	if len(event) != 2 || event[0] != "message" {
		return "", fmt.Errorf("a delivery is %.200q", msg)
	}
	return event[1], nil
}
