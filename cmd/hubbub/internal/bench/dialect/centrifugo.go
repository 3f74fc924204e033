package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// Centrifugo is the JSON form of Centrifugo's client protocol, version 2, as its
// documentation describes it ("Client protocol"): commands and replies are objects
// named after the method, pushes have "push", and an empty object is a ping that
// is answered with another. A room is a channel. The server must let clients
// subscribe and publish.
type Centrifugo struct{}

// Name is "centrifugo".
func (Centrifugo) Name() string { return "centrifugo" }

// Subprotocol is none: JSON is what the server speaks without one.
func (Centrifugo) Subprotocol() string { return "" }

// URL is the same for all rooms.
func (Centrifugo) URL(base *url.URL, _ string) string {
	return at(base, "/connection/websocket", nil)
}

// Many says that one WebSocket message can hold several, a line each.
func (Centrifugo) Many() {}

// Each gives the lines of a message.
func (Centrifugo) Each(msg []byte, fn func([]byte)) {
	for len(msg) > 0 {
		line, rest, _ := bytes.Cut(msg, []byte("\n"))
		if len(line) > 0 {
			fn(line)
		}
		msg = rest
	}
}

// Opened says who is there.
func (Centrifugo) Opened(p *Peer, s Sender) bool {
	connect := map[string]any{}
	if p.Token != "" {
		connect["token"] = p.Token
	}
	sendObject(s, map[string]any{"id": idConnect, "connect": connect})
	return false
}

func sendObject(s Sender, v any) {
	if msg, err := json.Marshal(v); err == nil { // maps of strings and numbers can be
		s.Send(msg)
	}
}

// centrifugoReply is every message of the server's but a push.
type centrifugoReply struct {
	ID    uint64 `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Connect   json.RawMessage `json:"connect"`
	Subscribe json.RawMessage `json:"subscribe"`
	Publish   json.RawMessage `json:"publish"`
	Push      *struct {
		Channel string `json:"channel"`
		Pub     *struct {
			Data json.RawMessage `json:"data"`
		} `json:"pub"`
	} `json:"push"`
}

// Hear tells deliveries by how they begin.
func (Centrifugo) Hear(p *Peer, msg []byte, s Sender) (Heard, error) {
	if bytes.HasPrefix(msg, []byte(`{"push":{`)) {
		if bytes.Contains(msg, []byte(`"pub":{`)) {
			return Heard{Kind: Delivery}, nil
		}
		return Heard{}, nil // somebody came or went
	}
	if bytes.Equal(msg, []byte("{}")) {
		s.Send(msg)
		return Heard{}, nil
	}
	var r centrifugoReply
	if err := json.Unmarshal(msg, &r); err != nil {
		return Heard{}, fmt.Errorf("the server sent what cannot be read: %w: %.200q", err, msg)
	}
	switch {
	case r.Error != nil:
		return Heard{}, fmt.Errorf("the server refused command %d: %d %s", r.ID, r.Error.Code, r.Error.Message)
	case r.ID == idConnect:
		if p.Room == "" {
			return Heard{Kind: Entered}, nil
		}
		sendObject(s, map[string]any{"id": idJoin, "subscribe": map[string]any{"channel": p.Room}})
	case r.ID == idJoin:
		return Heard{Kind: Entered}, nil
	case r.ID >= FirstID:
		return Heard{Kind: Ack, ID: r.ID}, nil
	}
	return Heard{}, nil
}

// AppendPublish publishes the payload as a JSON string.
func (Centrifugo) AppendPublish(dst []byte, p *Peer, id uint64, payload []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, `,"publish":{"channel":"`...)
	dst = append(dst, p.Room...)
	dst = append(dst, `","data":"`...)
	dst = append(dst, payload...)
	return append(dst, `"}}`...)
}

// Acks is true, since every command has its reply.
func (Centrifugo) Acks() bool { return true }

// Payload decodes the push.
func (Centrifugo) Payload(p *Peer, msg []byte) (string, error) {
	var r centrifugoReply
	if err := json.Unmarshal(msg, &r); err != nil {
		return "", fmt.Errorf("a delivery: %w", err)
	}
	if r.Push == nil || r.Push.Pub == nil || r.Push.Channel != p.Room {
		return "", fmt.Errorf("a delivery to a member of %s is %.200q", p.Room, msg)
	}
	var text string
	if err := json.Unmarshal(r.Push.Pub.Data, &text); err != nil {
		return "", errors.Join(errors.New("a delivery whose data is no string"), err)
	}
	return text, nil
}
