// Package dialect holds what a client says and hears on the servers that can be
// measured: hubbub, plain WebSocket, Centrifugo and Socket.IO.
package dialect

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Kind says what a message was.
type Kind uint8

// The kinds of message.
const (
	Nothing  Kind = iota // nothing that counts: it has been answered, if it had to be
	Delivery             // a message of the peer's room
	Ack                  // a publish is acknowledged: Heard.ID
	Entered              // the peer is in its room; what it had missed is in the message
	Page                 // a page of history: Heard.ID
)

// Heard is what a message meant.
type Heard struct {
	Kind Kind
	ID   uint64
}

// Position is how far a peer has come in its room.
type Position struct {
	Epoch string
	Seq   uint64
}

// Peer is one client as its dialect knows it.
type Peer struct {
	Room  string
	Token string // "": none
	Since *Position
	Track bool // keep At up to date

	// kept by the dialect
	At         Position      // as of the last answer to a join, and with Track of the last delivery
	RetryAfter time.Duration // what the server asked for when it last sent the peer away
}

// Sender takes what a peer says.
type Sender interface {
	// Send sends one text message; msg may be used again at once.
	Send(msg []byte)
}

// Dialect is one protocol. Its methods keep no state but the peer's.
type Dialect interface {
	// Name is that of --protocol.
	Name() string
	// Subprotocol is what is asked for in the handshake; "": nothing.
	Subprotocol() string
	// URL gives where a peer of a room connects, on the server at base.
	URL(base *url.URL, room string) string
	// Opened is called once the WebSocket is there. It is true if with that the peer
	// is in its room.
	Opened(p *Peer, s Sender) bool
	// Hear reads one message. An error is a refusal by the server, or a message that
	// the protocol does not have.
	Hear(p *Peer, msg []byte, s Sender) (Heard, error)
	// Each gives the parts of a message that are messages themselves.
	Each(msg []byte, fn func(part []byte))
	// AppendPublish appends the message that publishes a payload; id, above 0, names
	// it to Ack. payload is ASCII that needs no escaping.
	AppendPublish(dst []byte, p *Peer, id uint64, payload []byte) []byte
	// Acks tells whether publishes are acknowledged.
	Acks() bool
	// Payload decodes a delivery in full and gives what was published.
	Payload(p *Peer, msg []byte) (string, error)
}

// Resuming is a dialect in which a peer with Since is given what it has missed.
type Resuming interface {
	Dialect
	// Resumes says so.
	Resumes()
}

// Reading is a dialect in which history can be read.
type Reading interface {
	Dialect
	// AppendHistory appends the message that asks for a page of the newest messages,
	// or with before > 0 of those before that; the answer is a Page.
	AppendHistory(dst []byte, p *Peer, id, before uint64, limit int) []byte
}

// Names lists the dialects.
var Names = []string{"hubbub", "raw", "centrifugo", "socketio"}

// New gives the dialect of a name.
func New(name string) (Dialect, error) {
	switch name {
	case "hubbub":
		return Hubbub{}, nil
	case "raw":
		return Raw{}, nil
	case "centrifugo":
		return Centrifugo{}, nil
	case "socketio":
		return SocketIO{}, nil
	}
	return nil, fmt.Errorf("protocol %q: known are %s", name, strings.Join(Names, ", "))
}

// at gives base with a path, unless base has one of its own, and with what is added
// to its query.
func at(base *url.URL, path string, add url.Values) string {
	u := *base
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	q := u.Query()
	for k, v := range add {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return u.String()
}
