package bot

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/transport/client"
	"github.com/hubbub-im/hubbub/transport/token"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// testHub is a whole hub behind a real listener, with its log in memory.
type testHub struct {
	t   *testing.T
	url string
	key token.Key
}

// newHub starts a hub whose log knows the ids of what was published for window.
func newHub(t *testing.T, window time.Duration) *testHub {
	t.Helper()
	key, err := token.Secret([]byte("a secret of the tests, long enough"))
	require.NoError(t, err)
	verifier, err := token.NewVerifier(token.Config{Keys: []token.Key{key}, Now: time.Now})
	require.NoError(t, err)
	log := hub.NewMemoryWith(hub.MemoryOptions{Window: window})
	h := hub.New(hub.Config{Log: log, Bus: hub.NewMemoryBus(), Codec: transport.Codec{}})
	srv := transport.New(transport.Config{
		Hub: h, Log: log, Logger: zerolog.Nop(), Version: "test",
		Identity: &transport.Identity{Verifier: verifier, Grace: time.Minute},
		Limits:   transport.Limits{Rate: 1e6, Burst: 1e6},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		h.Close()
		require.NoError(t, srv.Shutdown(ctx))
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		require.NoError(t, log.Close(ctx))
	})
	return &testHub{t: t, url: "ws://" + l.Addr().String(), key: key}
}

func (h *testHub) token(user string, grants room.Grants) string {
	h.t.Helper()
	tok, err := token.Sign(h.key, token.Claims{User: user, Name: "The " + user, Grants: grants, Expires: time.Now().Add(time.Hour)})
	require.NoError(h.t, err)
	return tok
}

// person is somebody who talks to bots.
type person struct {
	t    *testing.T
	room *client.Room
}

func (h *testHub) person(user, name string) *person {
	h.t.Helper()
	c, err := client.Dial(h.t.Context(), client.Options{URL: h.url, Token: h.token(user, room.Everything())})
	require.NoError(h.t, err)
	h.t.Cleanup(c.Close)
	p := &person{t: h.t, room: c.Room(name)}
	require.NoError(h.t, p.room.Join(h.t.Context()))
	return p
}

func (p *person) say(text string) uint64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	ack, err := p.room.Send(ctx, client.Text(text))
	require.NoError(p.t, err)
	return ack.Seq
}

// hears waits for the next event by somebody else.
func (p *person) hears(user string) *client.Event {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		in, err := p.room.Next(ctx)
		require.NoError(p.t, err, "waiting for %s", user)
		if e, ok := in.(*client.Event); ok && e.User == user {
			return e
		}
	}
}

// texts gives the texts of all that user has posted in the room.
func (p *person) texts(user string) []string {
	p.t.Helper()
	var list []string
	for after := uint64(0); ; {
		page, err := p.room.History(p.t.Context(), client.After(after), client.Limit(200))
		require.NoError(p.t, err)
		for _, e := range page.Events {
			after = e.Seq
			if e.User == user && e.Kind == room.KindMessage {
				list = append(list, e.Text)
			}
		}
		if !page.MoreAfter {
			return list
		}
	}
}

// bot makes a bot with the rights of one.
func (h *testHub) bot(user string, options ...Option) *Bot {
	return New(h.url, append([]Option{Token(h.token(user, room.Everything()))}, options...)...)
}

// running is a bot under way.
type running struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// start runs a bot until stop or the test's end.
func start(t *testing.T, b *Bot) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, stop: cancel, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.done <- b.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		require.Fail(r.t, "the bot does not end")
		return nil
	}
}

// saved is a CursorStore that tells when a room has begun to be kept, so that a
// test knows when the bot listens.
type saved struct {
	CursorStore
	first chan string
	fails func(client.Position) error
}

func notingCursor(inner CursorStore) *saved {
	return &saved{CursorStore: inner, first: make(chan string, 1000), fails: func(client.Position) error { return nil }}
}

func (s *saved) Save(name string, at client.Position) error {
	if err := s.fails(at); err != nil {
		return err
	}
	err := s.CursorStore.Save(name, at)
	select {
	case s.first <- name:
	default:
	}
	return err
}

// listening waits until the bot is in a room that it has not known.
func (s *saved) listening(t *testing.T) {
	t.Helper()
	select {
	case <-s.first:
	case <-time.After(patience):
		require.Fail(t, "the bot does not join")
	}
}
