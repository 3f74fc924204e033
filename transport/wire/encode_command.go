package wire

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
)

// EncodeCommand writes a frame to the hub. It refuses what could not be a frame
// (data that is no JSON, text that is not UTF-8, an id out of range); the bounds
// of each field are the hub's to judge.
func EncodeCommand(c Command) ([]byte, error) {
	switch {
	case c.Body == nil:
		return nil, fmt.Errorf("encode command %d: has no body", c.ID)
	case c.ID > MaxID:
		return nil, fmt.Errorf("encode %s: id %d; at most %d", c.Body.Type(), c.ID, uint64(MaxID))
	}
	b := make(buf, 0, 128)
	b.begin(c.Body.Type(), c.ID)
	if err := c.Body.appendTo(&b); err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Body.Type(), err)
	}
	b.end()
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("encode %s: holds text that is not valid UTF-8", c.Body.Type())
	}
	return b, nil
}

func (c *Connect) appendTo(b *buf) error {
	b.optText("token", c.Token)
	b.optText("name", c.Name)
	b.optText("client", c.Client)
	return nil
}

func (c *Refresh) appendTo(b *buf) error {
	b.text("token", c.Token)
	return nil
}

func (c *Join) appendTo(b *buf) error {
	b.text("room", c.Room)
	if c.Since != nil {
		b.key("since")
		b.position(*c.Since)
	}
	if c.History != nil {
		b.whole("history", uint64(max(0, *c.History)))
	}
	b.optBoolean("presence", c.Presence)
	return nil
}

func (c *Leave) appendTo(b *buf) error {
	b.text("room", c.Room)
	return nil
}

func (c *Publish) appendTo(b *buf) error {
	b.text("room", c.Room)
	b.key("event")
	return b.event(&c.Event)
}

func (c *Batch) appendTo(b *buf) error {
	b.text("room", c.Room)
	var failed error
	list(b, "events", c.Events, func(b *buf, e *room.Command) {
		if err := b.event(e); err != nil && failed == nil {
			failed = err
		}
	})
	return failed
}

func (b *buf) event(e *room.Command) error {
	*b = append(*b, '{')
	if e.Kind != room.KindMessage {
		b.optText("kind", string(e.Kind))
	}
	b.optText("id", e.ID)
	b.optText("text", e.Text)
	if len(e.Data) != 0 && !json.Valid(e.Data) {
		return fmt.Errorf("data: is not valid JSON")
	}
	b.optRaw("data", e.Data)
	b.optWhole("reply_to", e.ReplyTo)
	b.optWhole("target", e.Target)
	b.optText("emoji", e.Emoji)
	b.optText("type", e.Type)
	b.end()
	return nil
}

func (c *History) appendTo(b *buf) error {
	b.text("room", c.Room)
	if c.Anchor != AnchorNewest {
		b.whole(string(c.Anchor), c.Seq)
	}
	b.optWhole("limit", uint64(max(0, c.Limit)))
	b.optBoolean("changes", c.Changes)
	return nil
}

func (c *Presence) appendTo(b *buf) error {
	b.text("room", c.Room)
	return nil
}

func (c *Typing) appendTo(b *buf) error {
	b.text("room", c.Room)
	b.boolean("typing", c.Typing)
	return nil
}

func (c *Broadcast) appendTo(b *buf) error {
	b.text("room", c.Room)
	if !json.Valid(c.Data) {
		return fmt.Errorf("data: is not valid JSON")
	}
	b.raw("data", c.Data)
	return nil
}

func (c *Positions) appendTo(b *buf) error {
	list(b, "rooms", c.Rooms, func(b *buf, name *string) { *b = appendString(*b, *name) })
	return nil
}

func (*Ping) appendTo(*buf) error { return nil }
func (*Pong) appendTo(*buf) error { return nil }
