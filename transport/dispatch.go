package transport

import (
	"context"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// dispatch runs one command. What it returns is told to the peer.
func (c *chat) dispatch(ctx context.Context, cmd wire.Command) error {
	switch body := cmd.Body.(type) {
	case *wire.Publish:
		return c.publish(ctx, cmd.ID, body)
	case *wire.Batch:
		return c.batch(ctx, cmd.ID, body)
	case *wire.Join:
		return c.join(ctx, cmd.ID, body)
	case *wire.Leave:
		return c.leave(cmd.ID, body)
	case *wire.Typing:
		return c.typing(cmd.ID, body)
	case *wire.Refresh:
		return c.refresh(cmd.ID, body)
	case *wire.Pong:
		return nil // that it was heard is all it is for
	case *wire.Connect:
		return room.Errorf(room.CodeBadRequest, "connect: this connection is connected already; use refresh for a new token")
	}
	if ours, err := c.document(ctx, cmd); ours {
		return err
	}
	m, err := c.srv.answer(ctx, c.session.Caller(), cmd.Body)
	if err == nil {
		c.reply(cmd.ID, m)
	}
	return err
}

// publish answers when the log has.
func (c *chat) publish(ctx context.Context, id uint64, cmd *wire.Publish) error {
	if err := c.window.enter(ctx, 1); err != nil {
		return err
	}
	c.srv.cfg.Hub.Publish(ctx, c.session.Caller(), cmd.Room, []room.Command{cmd.Event}, func(o []hub.Outcome) {
		c.window.leave(1)
		c.reply(id, ackFrame(cmd.Room, o[0]))
	})
	return nil
}

func (c *chat) batch(ctx context.Context, id uint64, cmd *wire.Batch) error {
	if err := c.window.enter(ctx, len(cmd.Events)); err != nil {
		return err
	}
	c.srv.cfg.Hub.Publish(ctx, c.session.Caller(), cmd.Room, cmd.Events, func(o []hub.Outcome) {
		c.window.leave(len(o))
		c.reply(id, acksFrame(cmd.Room, o))
	})
	return nil
}

func (c *chat) join(ctx context.Context, id uint64, cmd *wire.Join) error {
	var large *hub.Joined
	err := c.session.Join(ctx, joinRequest(cmd), func(j hub.Joined) {
		if answerBytes(j.Events) > heldFrom {
			large = &j
			c.out.hold()
			return
		}
		c.send(id, joinedFrame(cmd.Room, j))
	})
	if large != nil && !c.out.fill(c.encode(id, joinedFrame(cmd.Room, *large))) {
		c.lags()
	}
	return err
}

// heldFrom is from how many bytes of events on an answer to a join is made without the
// room's lock: to compress what is larger takes longer than the room should wait.
const heldFrom = 16 << 10

func answerBytes(items []hub.Item) (n int) {
	for _, it := range items {
		n += len(it.Event)
	}
	return n
}

func (c *chat) leave(id uint64, cmd *wire.Leave) error {
	if !c.session.Leave(cmd.Room) {
		return room.Errorf(room.CodeNotJoined, "this connection is not in the room")
	}
	c.reply(id, wire.Left{Room: cmd.Room})
	return nil
}

func (c *chat) typing(id uint64, cmd *wire.Typing) error {
	if err := c.session.Typing(cmd.Room, cmd.Typing); err != nil {
		return err
	}
	c.reply(id, wire.Ack{Room: cmd.Room})
	return nil
}

// refresh takes a new token on the live connection.
func (c *chat) refresh(id uint64, cmd *wire.Refresh) error {
	claims, err := c.srv.verify(cmd.Token)
	if err != nil {
		return err
	}
	if claims.Guest != c.guest {
		return room.Errorf(room.CodeUnauthorized, "token: a guest stays a guest on this connection; connect anew")
	}
	if err := c.session.Renew(claims.Caller()); err != nil {
		return err
	}
	if c.docs != nil {
		c.docs.regrant(c.session.Caller(), noLongerGranted)
	}
	c.expireAt(claims.Expires)
	c.reply(id, wire.Refreshed{ExpiresAt: claims.Expires.UnixMilli()})
	return nil
}

// cost weighs a command against the rate limit.
func cost(cmd wire.Command) int {
	switch body := cmd.Body.(type) {
	case *wire.Batch:
		return 1 + len(body.Events)/100
	case *wire.Positions:
		return 1 + len(body.Rooms)/100
	}
	return 1
}
