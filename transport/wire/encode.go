package wire

import (
	"maps"
	"slices"

	"github.com/hubbub-im/hubbub/room"
)

// Encode writes a frame of the hub: a reply to the command with that id, or with
// id 0 a push.
func Encode(id uint64, m Message) []byte {
	return Append(make([]byte, 0, 128), id, m)
}

// Append is Encode into dst, which it gives back.
func Append(dst []byte, id uint64, m Message) []byte {
	b := buf(dst)
	b.begin(m.Type(), id)
	m.appendTo(&b)
	b.end()
	return b
}

// AppendEvent appends the frame of an EventPush to dst. payload is the stored
// event, compact JSON; its bytes stand in the frame unchanged. It allocates
// nothing but what dst may need to grow.
func AppendEvent(dst []byte, room string, seq uint64, payload []byte) []byte {
	b := buf(dst)
	b.begin(typeEvent, 0)
	b.text("room", room)
	b.whole("seq", seq)
	b.raw("event", payload)
	b.end()
	return b
}

func (m Connected) appendTo(b *buf) {
	b.text("user", m.User)
	b.optText("name", m.Name)
	b.text("conn", m.Conn)
	b.whole("ping_ms", uint64(m.PingMS))
	b.optWhole("expires_at", uint64(m.ExpiresAt))
	b.optText("token", m.Token)
	b.text("server", m.Server)
	b.whole("version", uint64(m.Version))
}

func (m Refreshed) appendTo(b *buf) { b.optWhole("expires_at", uint64(m.ExpiresAt)) }

func (m Joined) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("epoch", m.Epoch)
	b.whole("seq", m.Seq)
	b.boolean("live", m.Live)
	list(b, "events", m.Events, appendItem)
	b.optBoolean("more", m.More)
	if m.Reset != nil {
		b.key("reset")
		*b = append(*b, '{')
		b.text("reason", string(m.Reset.Reason))
		b.end()
	}
	optList(b, "members", m.Members, appendMember)
	b.optWhole("count", uint64(m.Count))
}

func (m Left) appendTo(b *buf) { b.text("room", m.Room) }

func (m Ack) appendTo(b *buf) {
	b.text("room", m.Room)
	b.optWhole("seq", m.Seq)
	b.optText("epoch", m.Epoch)
	b.optBoolean("duplicate", m.Duplicate)
}

func (m Acks) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("epoch", m.Epoch)
	list(b, "acks", m.Acks, func(b *buf, a *AckItem) {
		*b = append(*b, '{')
		b.optWhole("seq", a.Seq)
		b.optBoolean("duplicate", a.Duplicate)
		if a.Error != nil {
			b.key("error")
			*b = append(*b, '{')
			a.Error.appendTo(b)
			b.end()
		}
		b.end()
	})
}

func (m HistoryPage) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("epoch", m.Epoch)
	list(b, "events", m.Events, appendItem)
	b.boolean("more_before", m.MoreBefore)
	b.boolean("more_after", m.MoreAfter)
	optList(b, "changes", m.Changes, appendItem)
}

func (m Members) appendTo(b *buf) {
	b.text("room", m.Room)
	b.whole("count", uint64(m.Count))
	list(b, "members", m.Members, appendMember)
	b.optBoolean("incomplete", m.Incomplete)
}

func (m PositionsReply) appendTo(b *buf) {
	b.key("positions")
	*b = append(*b, '{')
	for _, name := range slices.Sorted(maps.Keys(m.Positions)) {
		if last := (*b)[len(*b)-1]; last != '{' {
			*b = append(*b, ',')
		}
		*b = appendString(*b, name)
		*b = append(*b, ':')
		b.position(m.Positions[name])
	}
	b.end()
}

func (PongReply) appendTo(*buf) {}

func (e Error) appendTo(b *buf) {
	b.text("code", string(e.Code))
	b.text("message", e.Message)
	b.optWhole("retry_after_ms", uint64(e.RetryAfterMS))
}

func (m EventPush) appendTo(b *buf) {
	b.text("room", m.Room)
	b.whole("seq", m.Seq)
	b.raw("event", m.Event)
}

func (m PresencePush) appendTo(b *buf) {
	b.text("room", m.Room)
	optList(b, "joined", m.Joined, appendUser)
	optList(b, "left", m.Left, appendUser)
	optList(b, "members", m.Members, appendMember)
	b.optBoolean("partial", m.Partial)
	b.whole("count", uint64(m.Count))
}

func (m TypingPush) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("user", m.User)
	b.optText("name", m.Name)
	b.boolean("typing", m.Typing)
}

func (m BroadcastPush) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("user", m.User)
	b.optText("name", m.Name)
	b.raw("data", m.Data)
}

func (m ResetPush) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("epoch", m.Epoch)
	b.whole("seq", m.Seq)
	b.text("reason", string(m.Reason))
}

func (m LeftPush) appendTo(b *buf) {
	b.text("room", m.Room)
	b.text("code", string(m.Code))
	b.text("message", m.Message)
}

func (PingPush) appendTo(*buf) {}

func (m DisconnectPush) appendTo(b *buf) {
	b.whole("code", uint64(m.Code))
	b.text("reason", m.Reason)
	b.optWhole("retry_after_ms", uint64(m.RetryAfterMS))
}

func (Unknown) appendTo(*buf) {}

func appendItem(b *buf, it *Item) {
	*b = append(*b, '{')
	b.whole("seq", it.Seq)
	b.raw("event", it.Event)
	b.end()
}

func appendMember(b *buf, m *room.Member) {
	*b = append(*b, '{')
	b.text("user", m.User)
	b.optText("name", m.Name)
	b.whole("conns", uint64(m.Conns))
	b.end()
}

func appendUser(b *buf, u *User) {
	*b = append(*b, '{')
	b.text("user", u.User)
	b.optText("name", u.Name)
	b.end()
}

func (b *buf) position(p Position) {
	*b = append(*b, '{')
	b.text("epoch", p.Epoch)
	b.whole("seq", p.Seq)
	b.end()
}
