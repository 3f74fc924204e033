package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/hubbub-im/hubbub/transport/client"
)

// Ctx is one message on its way through a handler. It is a context: it ends when
// the bot has to.
//
// A handler that runs again after a crash must make its calls in the same order:
// the nth call is taken for the nth call of the first run. So the methods that
// post are not to be called from several goroutines at once.
type Ctx struct {
	context.Context //nolint:containedctx // it is one, as the frameworks of the field have it

	runner *runner
	me     client.User
	event  *client.Event
	route  *route
	args   []string
	calls  int  // of the methods that post
	logged bool // the handler's error was logged
}

// User is somebody who has written a message.
type User struct {
	ID   string
	Name string // the display name; the ID for somebody without one
}

// Room is the name of the message's room.
func (c *Ctx) Room() string { return c.event.Room }

// Message is the message as it was stored. Its Position identifies it.
func (c *Ctx) Message() *client.Event { return c.event }

// Text is the message's text.
func (c *Ctx) Text() string { return c.event.Text }

// Args holds the words of a command or mention, or the groups of a pattern.
func (c *Ctx) Args() []string { return c.args }

// User is who has written the message.
func (c *Ctx) User() User {
	u := User{ID: c.event.User, Name: c.event.Name}
	if u.Name == "" {
		u.Name = u.ID
	}
	return u
}

// Say posts a message to the room.
func (c *Ctx) Say(text string) error { return c.post(client.Text(text)) }

// Reply posts an answer to the message.
func (c *Ctx) Reply(text string) error { return c.post(client.Reply(c.event.Seq, text)) }

// React adds the bot's reaction to the message.
func (c *Ctx) React(emoji string) error { return c.post(client.React(c.event.Seq, emoji)) }

func (c *Ctx) post(d client.Draft) error {
	_, err := c.Post(d)
	return err
}

// Post publishes any event to the room and gives its ack: with Duplicate set if an
// earlier run of the handler has posted it. The draft's ID is replaced.
func (c *Ctx) Post(d client.Draft) (client.Ack, error) {
	d.ID = c.nextID()
	if ack, done := c.runner.posted[d.ID]; done {
		return ack, nil
	}
	return c.runner.room.Send(c, d)
}

// Typing shows the room that the bot is at it, for some seconds. That it could not
// be shown is no error.
func (c *Ctx) Typing() { _ = c.runner.room.SetTyping(c, true) }

// ids of bots begin like this, so that bots know each other.
const idPrefix = "bot."

// nextID derives the id for the next event that the handler posts.
func (c *Ctx) nextID() string {
	c.calls++
	return deriveID(c.me.ID, c.event, c.calls)
}

func deriveID(user string, e *client.Event, call int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d %d", user, e.Room, e.Epoch, e.Seq, call))
	return idPrefix + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// byBot reports whether an event was posted by a bot of this package.
func byBot(e *client.Event) bool { return strings.HasPrefix(e.ID, idPrefix) }
