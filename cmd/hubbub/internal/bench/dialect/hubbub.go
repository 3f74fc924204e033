package dialect

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// The ids of a peer's own commands; those of publishes and reads are the caller's.
const (
	idConnect = 1
	idJoin    = 2

	// FirstID is the smallest id that a caller may use.
	FirstID = 10
)

// Hubbub is hubbub.v1.json.
type Hubbub struct{}

// Name is "hubbub".
func (Hubbub) Name() string { return "hubbub" }

// Subprotocol is that of PROTOCOL.md.
func (Hubbub) Subprotocol() string { return wire.Subprotocol }

// URL is the same for all rooms.
func (Hubbub) URL(base *url.URL, _ string) string { return at(base, "/ws", nil) }

// Opened says who is there.
func (Hubbub) Opened(p *Peer, s Sender) bool {
	command(s, idConnect, &wire.Connect{Token: p.Token, Client: "hubbub-bench"})
	return false
}

// command sends a command that was made here, and so can be encoded.
func command(s Sender, id uint64, body wire.Body) {
	if msg, err := wire.EncodeCommand(wire.Command{ID: id, Body: body}); err == nil {
		s.Send(msg)
	}
}

// Hear tells deliveries and acks, which come most, by how they begin, and decodes
// everything else.
func (h Hubbub) Hear(p *Peer, msg []byte, s Sender) (Heard, error) {
	if bytes.HasPrefix(msg, []byte(`{"type":"event",`)) {
		if p.Track {
			p.At.Seq = numberAfter(msg, `"seq":`)
		}
		return Heard{Kind: Delivery}, nil
	}
	if bytes.HasPrefix(msg, []byte(`{"type":"ack",`)) {
		return Heard{Kind: Ack, ID: numberAfter(msg, `"id":`)}, nil
	}
	r, err := wire.DecodeReply(msg)
	if err != nil {
		return Heard{}, fmt.Errorf("the hub sent what cannot be read: %w: %.200q", err, msg)
	}
	switch body := r.Body.(type) {
	case *wire.Connected:
		if p.Room == "" {
			return Heard{Kind: Entered}, nil
		}
		h.join(p, s)
	case *wire.Joined:
		return h.joined(p, body, s)
	case *wire.HistoryPage:
		return Heard{Kind: Page, ID: r.ID}, nil
	case *wire.PingPush:
		s.Send([]byte(`{"type":"pong"}`))
	case *wire.DisconnectPush:
		p.RetryAfter = time.Duration(body.RetryAfterMS) * time.Millisecond
	case *wire.ResetPush:
		return Heard{}, fmt.Errorf("the hub has reset the room %s: %s", body.Room, body.Reason)
	case *wire.LeftPush:
		return Heard{}, fmt.Errorf("the hub took the client out of the room %s: %s %s", body.Room, body.Code, body.Message)
	case *wire.Error:
		return Heard{}, fmt.Errorf("the hub refused command %d: %s: %s", r.ID, body.Code, body.Message)
	}
	return Heard{}, nil
}

func (Hubbub) join(p *Peer, s Sender) {
	join := &wire.Join{Room: p.Room}
	if p.Since != nil {
		join.Since = &wire.Position{Epoch: p.Since.Epoch, Seq: p.Since.Seq}
	}
	command(s, idJoin, join)
}

// joined goes on joining until it is live; what comes before that is a page.
func (h Hubbub) joined(p *Peer, body *wire.Joined, s Sender) (Heard, error) {
	if body.Reset != nil && p.Since != nil {
		return Heard{}, fmt.Errorf("the hub cannot resume the room %s from %d: %s", body.Room, p.Since.Seq, body.Reset.Reason)
	}
	p.At = Position{body.Epoch, body.Seq}
	if body.Live {
		return Heard{Kind: Entered}, nil
	}
	next := p.At
	p.Since = &next
	h.join(p, s)
	return Heard{Kind: Page}, nil
}

// Each gives the message.
func (Hubbub) Each(msg []byte, fn func([]byte)) { fn(msg) }

// AppendPublish writes by hand what wire would write, since it is done for each
// message. The event has an id, as the SDKs give it one.
func (Hubbub) AppendPublish(dst []byte, p *Peer, id uint64, payload []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, `,"type":"publish","room":"`...)
	dst = append(dst, p.Room...)
	dst = append(dst, `","event":{"id":"`...)
	dst = append(dst, payload[3:15]...) // the stamp's stream and number
	dst = append(dst, `","text":"`...)
	dst = append(dst, payload...)
	return append(dst, `"}}`...)
}

// AppendHistory appends the command that asks for a page of the newest events, or
// with before > 0 of those before that.
func (Hubbub) AppendHistory(dst []byte, p *Peer, id, before uint64, limit int) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, `,"type":"history","room":"`...)
	dst = append(dst, p.Room...)
	dst = append(dst, `","limit":`...)
	dst = strconv.AppendInt(dst, int64(limit), 10)
	if before > 0 {
		dst = append(dst, `,"before":`...)
		dst = strconv.AppendUint(dst, before, 10)
	}
	return append(dst, '}')
}

// Resumes says that a peer can, by epoch and sequence.
func (Hubbub) Resumes() {}

// Acks is true.
func (Hubbub) Acks() bool { return true }

// Payload decodes the push and its event.
func (Hubbub) Payload(p *Peer, msg []byte) (string, error) {
	r, err := wire.DecodeReply(msg)
	if err != nil {
		return "", fmt.Errorf("a delivery: %w", err)
	}
	push, ok := r.Body.(*wire.EventPush)
	if !ok || push.Room != p.Room {
		return "", fmt.Errorf("a delivery to a member of %s is %.200q", p.Room, msg)
	}
	ev, err := room.DecodeEvent(push.Event)
	if err != nil {
		return "", fmt.Errorf("a delivery: %w", err)
	}
	return ev.Text, nil
}

// numberAfter gives the number behind the first occurrence of a key; 0 if there is
// none.
func numberAfter(msg []byte, key string) (n uint64) {
	at := bytes.Index(msg, []byte(key))
	if at < 0 {
		return 0
	}
	for _, c := range msg[at+len(key):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}
