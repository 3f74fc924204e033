package dialect

import "net/url"

// Raw is plain WebSocket: what somebody sends goes to everybody of the room, the
// sender too, as it is. The room stands in the query, ?room=; a server that does
// not know rooms has one.
type Raw struct{}

// Name is "raw".
func (Raw) Name() string { return "raw" }

// Subprotocol is none.
func (Raw) Subprotocol() string { return "" }

// URL puts the room into the query.
func (Raw) URL(base *url.URL, room string) string {
	return at(base, "/", url.Values{"room": {room}})
}

// Opened has nothing to say.
func (Raw) Opened(*Peer, Sender) bool { return true }

// Hear takes everything for a delivery.
func (Raw) Hear(*Peer, []byte, Sender) (Heard, error) { return Heard{Kind: Delivery}, nil }

// Each gives the message.
func (Raw) Each(msg []byte, fn func([]byte)) { fn(msg) }

// AppendPublish appends the payload as it is.
func (Raw) AppendPublish(dst []byte, _ *Peer, _ uint64, payload []byte) []byte {
	return append(dst, payload...)
}

// Acks is false, since a publisher hears its own message and nothing else.
func (Raw) Acks() bool { return false }

// Payload is the message.
func (Raw) Payload(_ *Peer, msg []byte) (string, error) { return string(msg), nil }
