package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Room is one room of the hub. Its methods may be called by any goroutine.
type Room struct {
	// static after newRoom
	client *Client
	name   string
	out    *outbox

	mu     sync.Mutex // guards what follows
	member *member    // nil while the application has not joined
}

func newRoom(c *Client, name string) *Room {
	r := &Room{client: c, name: name}
	r.out = &outbox{room: r}
	return r
}

// Name is the room's name.
func (r *Room) Name() string { return r.name }

// JoinOption says what Join is to begin with.
type JoinOption func(*joinRequest)

type joinRequest struct {
	since    *Position
	history  *int
	presence bool
}

// Since begins after a position that was kept from an Event. The zero Position is
// the beginning of the room.
func Since(p Position) JoinOption { return func(r *joinRequest) { r.since = &p } }

// Newest begins with the newest n events, 0 to 200.
func Newest(n int) JoinOption { return func(r *joinRequest) { r.history = &n } }

// WithPresence asks for Members and Presence.
func WithPresence() JoinOption { return func(r *joinRequest) { r.presence = true } }

// Join makes the caller a member until Leave; without an option it begins with
// what happens next. It returns when the hub has let the caller in, or an error.
// After a disconnect the client joins again by itself, from where it was.
func (r *Room) Join(ctx context.Context, options ...JoinOption) error {
	var req joinRequest
	for _, o := range options {
		o(&req)
	}
	m := newMember(r, req)
	r.mu.Lock()
	if r.member != nil && r.member.ended() == nil {
		r.mu.Unlock()
		return &Error{Op: "join " + r.name, Code: room.CodeConflict, Message: "the room is joined already; leave it first"}
	}
	r.member = m
	r.mu.Unlock()
	if !r.client.spawn(m.follow) {
		return ErrClosed
	}
	select {
	case <-m.joinedOnce:
		return nil
	case <-m.ctx.Done():
		r.forget(m)
		return m.ended()
	case <-ctx.Done():
		m.end(context.Cause(ctx))
		r.forget(m)
		if l, err := r.client.current(); err == nil {
			l.send(&wire.Leave{Room: r.name}, nil) // the join may still be on its way
		}
		return context.Cause(ctx)
	}
}

// Leave ends the membership. What Next has not given yet is dropped.
func (r *Room) Leave(ctx context.Context) error {
	m := r.membership()
	if m == nil {
		return ErrNotMember
	}
	m.end(ErrNotMember)
	r.forget(m)
	l, err := r.client.current()
	if err != nil {
		return nil // without a connection there is nothing to leave
	}
	_, err = l.call(ctx, "leave "+r.name, &wire.Leave{Room: r.name})
	if lost(err) || errors.Is(err, ErrNotJoined) {
		return nil // this connection had not come to join it again
	}
	return err
}

func (r *Room) forget(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.member == m {
		r.member = nil
	}
}

// membership is the present one, or nil; also for a nil room.
func (r *Room) membership() *member {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.member
}

// Next waits for what comes next in the joined room. What is there already it
// gives even if ctx has ended. Its error is ErrNotMember if
// the room is not joined or was left, an *Error if the hub has ended the
// membership, the client's if that has ended, or ctx's.
func (r *Room) Next(ctx context.Context) (Incoming, error) {
	m := r.membership()
	if m == nil {
		return nil, ErrNotMember
	}
	return m.next(ctx)
}

// Events ranges over what Next gives, until its error, which comes last.
func (r *Room) Events(ctx context.Context) iter.Seq2[Incoming, error] {
	return func(yield func(Incoming, error) bool) {
		for {
			in, err := r.Next(ctx)
			if !yield(in, err) || err != nil {
				return
			}
		}
	}
}

// Position is up to where Next has what is needed: what was given, and what waits
// to be. It is no cursor to keep; an Event's own Position is.
func (r *Room) Position() Position {
	m := r.membership()
	if m == nil {
		return Position{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// Present asks who is in the room: at most 500 users, and the number of all.
func (r *Room) Present(ctx context.Context) (members []room.Member, count int, err error) {
	reply, err := ask[*wire.Members](ctx, r.client, "presence in "+r.name, &wire.Presence{Room: r.name})
	if err != nil {
		return nil, 0, err
	}
	return reply.Members, reply.Count, nil
}

// SetTyping tells the room that the caller has started or stopped typing. Whoever
// goes on typing repeats it every 3 s. It is not repeated after a disconnect.
func (r *Room) SetTyping(ctx context.Context, typing bool) error {
	return r.passing(ctx, "typing in "+r.name, &wire.Typing{Room: r.name, Typing: typing})
}

// Broadcast sends data, any JSON value, to whoever is in the room now. It is not
// stored, and not repeated after a disconnect.
func (r *Room) Broadcast(ctx context.Context, data json.RawMessage) error {
	return r.passing(ctx, "broadcast in "+r.name, &wire.Broadcast{Room: r.name, Data: data})
}

// passing sends what has no worth later: on the present connection, once.
func (r *Room) passing(ctx context.Context, op string, body wire.Body) error {
	l, err := r.client.current()
	if err != nil {
		return err
	}
	_, err = l.call(ctx, op, body)
	return err
}
