package bot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
)

// Handler answers one message. An error goes to OnError, and the message counts
// as handled.
type Handler func(*Ctx) error

// Middleware wraps every handler.
type Middleware func(Handler) Handler

// Bot is a bot. The methods that add to it are to be called before Run.
type Bot struct {
	// static while it runs
	hub         client.Options
	rooms       []string
	cursor      CursorStore
	includeBots bool
	parallel    int
	onError     func(*Ctx, error)
	onGap       func(room string, gap *client.Gap)
	middleware  []Middleware
	routes      []route
	err         error // what was wrong with an option or a pattern
}

// route is one handler with the messages that it is for. It fills in the Ctx when
// it takes the message.
type route struct {
	takes  func(*Ctx) bool
	handle Handler
}

// Option is a setting of a Bot.
type Option func(*Bot)

// Token gives the bot's JWT. It needs join, history and publish in its rooms. A
// bot without a token is a guest, and another one after each restart.
func Token(token string) Option { return func(b *Bot) { b.hub.Token = token } }

// GetToken gives tokens that end and are renewed; see client.Options.
func GetToken(get func(context.Context, client.TokenReason) (string, error)) Option {
	return func(b *Bot) { b.hub.GetToken = get }
}

// Name is the display name of a bot that is a guest.
func Name(name string) Option { return func(b *Bot) { b.hub.Name = name } }

// Rooms names the rooms that the bot is in. There must be one at least.
func Rooms(names ...string) Option { return func(b *Bot) { b.rooms = append(b.rooms, names...) } }

// Cursor keeps what was handled, so that a restarted bot goes on from there.
// Without it the bot begins with what is new.
func Cursor(store CursorStore) Option { return func(b *Bot) { b.cursor = store } }

// IncludeBots also hands out messages of other bots of this package. Two bots that
// answer each other do so for ever.
func IncludeBots() Option { return func(b *Bot) { b.includeBots = true } }

// Parallel bounds the handlers that run at once; 16 without it.
func Parallel(n int) Option { return func(b *Bot) { b.parallel = n } }

// OnError is told of each error of a handler. Without it they are written to the
// standard error, unless Logger has logged them.
func OnError(f func(*Ctx, error)) Option { return func(b *Bot) { b.onError = f } }

// OnGap is told when messages may have been missed, before the next one is handled.
func OnGap(f func(room string, gap *client.Gap)) Option { return func(b *Bot) { b.onGap = f } }

// New makes a bot for the hub at url. What is wrong with the options is told by
// Run.
func New(url string, options ...Option) *Bot {
	b := &Bot{
		hub: client.Options{URL: url, Software: "hubbub-bot"}, parallel: 16, cursor: forgetful{},
		onGap: func(string, *client.Gap) {},
		onError: func(c *Ctx, err error) {
			if c.logged {
				return
			}
			_, _ = fmt.Fprintf(os.Stderr, "bot: message %d in %s: %v\n", c.event.Seq, c.Room(), err)
		},
	}
	for _, o := range options {
		o(b)
	}
	return b
}

// Use wraps every handler, also those that were added before; the first one is
// the outermost.
func (b *Bot) Use(m ...Middleware) { b.middleware = append(b.middleware, m...) }

// OnMessage adds a handler for the messages that match. A message goes to the
// first handler that takes it, in the order in which they were added.
func (b *Bot) OnMessage(m Matcher, h Handler) {
	if m.err != nil && b.err == nil {
		b.err = m.err
	}
	b.add(m.takes, h)
}

// OnMention adds a handler for messages that name the bot: "@" and its user id or
// its display name. Args holds the words without that.
func (b *Bot) OnMention(h Handler) { b.add((*Ctx).mentioned, h) }

// OnCommand adds a handler for messages that begin with "/" and the name. Args
// holds the words after it.
func (b *Bot) OnCommand(name string, h Handler) {
	name = strings.TrimPrefix(name, "/")
	if (name == "" || len(strings.Fields(name)) != 1) && b.err == nil {
		b.err = fmt.Errorf("command %q: give one word", name)
	}
	b.add(func(c *Ctx) bool { return c.commanded(name) }, h)
}

func (b *Bot) add(takes func(*Ctx) bool, h Handler) {
	b.routes = append(b.routes, route{takes, h})
}

// drain is how long handlers under way may take when the bot is to end.
const drain = 10 * time.Second

// Run connects and handles messages until ctx ends, or until the hub refuses the
// bot or one of its rooms; only then it returns an error. Handlers under way are
// waited for.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.check(); err != nil {
		return err
	}
	hub, err := client.New(b.hub)
	if err != nil {
		return fmt.Errorf("bot: %w", err)
	}
	defer hub.Close()
	if err := hub.WaitConnected(ctx); err != nil {
		return ended(ctx, err)
	}
	asked := ctx // what ends it before asked does is an error
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drain, cancel) })()
	slots := make(chan struct{}, b.parallel)
	var rooms sync.WaitGroup
	for _, name := range b.rooms {
		r := &runner{bot: b, hub: hub, room: hub.Room(name), work: work, slots: slots, handle: b.handler()}
		rooms.Go(func() {
			if err := r.run(ctx); err != nil {
				stop(fmt.Errorf("bot: room %s: %w", r.room.Name(), err)) // the first one counts
			}
		})
	}
	rooms.Wait()
	return ended(asked, context.Cause(ctx))
}

func (b *Bot) check() error {
	switch {
	case b.err != nil:
		return fmt.Errorf("bot: %w", b.err)
	case len(b.rooms) == 0:
		return errors.New("bot: has no room; give bot.Rooms with the rooms that it is to be in")
	case len(b.routes) == 0:
		return errors.New("bot: has no handler; add one with OnMessage, OnMention or OnCommand")
	case b.parallel < 1:
		return fmt.Errorf("bot: Parallel(%d): give 1 or more", b.parallel)
	}
	for i, name := range b.rooms {
		if err := room.CheckName(name); err != nil {
			return fmt.Errorf("bot: %w", err)
		}
		if slices.Contains(b.rooms[:i], name) {
			return fmt.Errorf("bot: room %s is given twice; give it once", name)
		}
	}
	return nil
}

// handler is what a message is given to: the routes inside of the middleware.
func (b *Bot) handler() Handler {
	h := func(c *Ctx) error { return c.route.handle(c) }
	for _, m := range slices.Backward(b.middleware) {
		h = m(h)
	}
	return h
}

// find gives the route for a message, or nil.
func (b *Bot) find(c *Ctx) *route {
	for i := range b.routes {
		if b.routes[i].takes(c) {
			return &b.routes[i]
		}
	}
	return nil
}
