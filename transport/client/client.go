package client

import (
	"context"
	"sync"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Client is a hub as one caller sees it. Its methods may be called by any
// goroutine.
type Client struct {
	// static after New
	opts   Options
	ctx    context.Context // ends with the client; its cause is ErrClosed or what ended it
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	first  chan error // the outcome of the first try
	budget *budget    // what the outboxes may hold
	pieces sync.Mutex // held while a document's update is sent

	mu      sync.Mutex // guards what follows
	closing bool
	status  Status
	changed chan struct{} // closed and replaced at each change of link
	link    *link         // nil while not connected
	user    User
	guest   string // a guest's token, to come back as the same user
	kept    token  // the last that a hub has taken
	rooms   map[string]*Room
	docs    map[string]*Doc
}

// User is who the caller is to the hub.
type User struct {
	ID   string
	Name string
}

// New starts a client, which connects and stays connected until Close. An error
// means that the options are wrong.
func New(opts Options) (*Client, error) {
	at, err := newAddresses(opts.URL)
	if err != nil {
		return nil, err
	}
	opts.setDefaults()
	c := &Client{
		opts: opts, first: make(chan error, 1), budget: newBudget(opts.OutboxEvents, opts.OutboxBytes),
		changed: make(chan struct{}), rooms: make(map[string]*Room), docs: make(map[string]*Doc), status: Status{State: Connecting},
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.tasks.Go(func() { c.run(at) })
	return c, nil
}

// Dial starts a client and waits for the first connection. Unlike New's client,
// it does not go on trying if the first try of each address fails.
func Dial(ctx context.Context, opts Options) (*Client, error) {
	c, err := New(opts)
	if err != nil {
		return nil, err
	}
	select {
	case err = <-c.first:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the client and waits for its goroutines. What is in the outbox is
// answered with an error.
func (c *Client) Close() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.cancel(ErrClosed)
	c.tasks.Wait()
}

// spawn runs f on a goroutine that Close waits for. It is false, and f does not
// run, after Close.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.tasks.Go(f)
	return true
}

// Done is closed when the client has ended: by Close, or because the hub has
// refused it for good. Err then says why.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Err is why the client has ended, and nil before.
func (c *Client) Err() error { return context.Cause(c.ctx) }

// Status is how the client stands with the hub now.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// User is who the caller is, as the last connection has said; empty before the
// first.
func (c *Client) User() User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// WaitConnected waits until there is a connection, or the client has ended.
func (c *Client) WaitConnected(ctx context.Context) error {
	_, err := c.waitLink(ctx)
	return err
}

// Room gives a handle on a room. It costs nothing and tells the hub nothing; one
// name always gives the same handle.
func (c *Client) Room(name string) *Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[name]
	if r == nil {
		r = newRoom(c, name)
		c.rooms[name] = r
	}
	return r
}

// Positions tells where rooms stand; rooms that the caller may not see are left
// out.
func (c *Client) Positions(ctx context.Context, rooms ...string) (map[string]Position, error) {
	all := make(map[string]Position, len(rooms))
	for len(rooms) > 0 {
		some := rooms[:min(len(rooms), wire.MaxPositions)]
		rooms = rooms[len(some):]
		reply, err := ask[*wire.PositionsReply](ctx, c, "positions", &wire.Positions{Rooms: some})
		if err != nil {
			return nil, err
		}
		for name, p := range reply.Positions {
			all[name] = p
		}
	}
	return all, nil
}

// Position is a place in a room's order. Sequences of different epochs cannot be
// compared.
type Position = wire.Position

// waitLink gives the present link, as soon as there is one.
func (c *Client) waitLink(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, changed := c.link, c.changed
		c.mu.Unlock()
		if err := context.Cause(c.ctx); err != nil {
			return nil, err
		}
		if l != nil && l.alive() {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-c.ctx.Done():
		}
	}
}

// current is the present link, or an error.
func (c *Client) current() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := context.Cause(c.ctx); err != nil {
		return nil, err
	}
	if c.link == nil {
		return nil, ErrNotConnected
	}
	return c.link, nil
}

// ask sends a command that only reads, on whatever link there is, until it is
// answered with something better than "later".
func ask[R any](ctx context.Context, c *Client, op string, body wire.Body) (R, error) {
	var none R
	for try := 0; ; try++ {
		l, err := c.waitLink(ctx)
		if err != nil {
			return none, err
		}
		reply, err := l.call(ctx, op, body)
		if r, ok := reply.(R); ok && err == nil {
			return r, nil
		}
		wait, again := retryable(err)
		switch {
		case lost(err):
			continue
		case err == nil:
			return none, &Error{Op: op, Code: room.CodeInternal, Message: "the hub gave another answer than was asked for"}
		case !again:
			return none, err
		}
		if err := sleep(ctx, backoff(try, wait)); err != nil {
			return none, err
		}
	}
}

// push hands a frame that concerns a room or a document to it.
func (c *Client) push(l *link, frame any) {
	switch p := frame.(type) {
	case *wire.EventPush:
		c.known(p.Room).event(p)
	case *wire.PresencePush:
		c.known(p.Room).presence(p)
	case *wire.TypingPush:
		c.known(p.Room).deliver(&Typing{User: p.User, Name: p.Name, Typing: p.Typing}, passing)
	case *wire.BroadcastPush:
		c.known(p.Room).deliver(&Broadcast{User: p.User, Name: p.Name, Data: p.Data}, passing)
	case *wire.ResetPush:
		c.known(p.Room).reset(p)
	case *wire.LeftPush:
		c.known(p.Room).expelled(p)
	case *wire.DocDiffPush:
		c.document(p.Doc).push(l, p)
	case *wire.DocUpdatePush:
		c.document(p.Doc).push(l, p)
	case *wire.DocLostPush:
		c.document(p.Doc).push(l, p)
	}
}

// document gives the document if it is open, or nil.
func (c *Client) document(name string) *Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.docs[name]
}

// known gives the room, or nil if nobody has asked for it; a nil room takes
// anything and does nothing.
func (c *Client) known(name string) *Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms[name]
}
