package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// edge is a whole hub behind a real listener: what a client meets, with the log
// in memory.
type edge struct {
	t    testing.TB
	srv  *Server
	hub  *hub.Hub
	docs *docs.Docs
	log  hub.Log
	key  token.Key
	addr string
}

// edgeConfig is what a test may want otherwise.
type edgeConfig struct {
	Config
	hub    hub.Config
	docs   docs.Config                     // its log is in memory
	listen func(net.Listener) net.Listener // stands between the server and the network
	grace  time.Duration
	guests room.Grants
}

// newEdge starts a hub and its server; both are ended, and waited for, with the
// test.
func newEdge(t testing.TB, change ...func(*edgeConfig)) *edge {
	t.Helper()
	key, err := token.Secret([]byte("a secret of the tests, long enough"))
	require.NoError(t, err)
	memory := hub.NewMemory() // which a test may wrap, or replace
	cfg := edgeConfig{
		Config: Config{Version: "test", Logger: zerolog.Nop(), Log: memory, PlainIO: plainIO},
		hub:    hub.Config{Bus: hub.NewMemoryBus(), Codec: Codec{}},
		listen: func(l net.Listener) net.Listener { return l },
		grace:  30 * time.Second,
		guests: room.Everything(),
	}
	cfg.Limits.Rate, cfg.Limits.Burst = 1e6, 1e6 // tests of the rate limit set their own
	for _, c := range change {
		c(&cfg)
	}
	verifier, err := token.NewVerifier(token.Config{
		Keys: []token.Key{key}, GuestSecret: token.NewGuestSecret(), GuestGrants: cfg.guests, Now: time.Now,
	})
	require.NoError(t, err)
	cfg.hub.Log = cfg.Log
	cfg.Hub = hub.New(cfg.hub)
	documents := hub.NewMemory()
	cfg.docs.Log, cfg.docs.Blobs = documents, new(hub.MemoryBlobs)
	cfg.Docs = docs.New(cfg.docs)
	cfg.Identity = &Identity{Verifier: verifier, GuestTTL: time.Hour, Grace: cfg.grace}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &edge{t: t, srv: New(cfg.Config), hub: cfg.Hub, docs: cfg.Docs, log: cfg.Log, key: key, addr: l.Addr().String()}
	served := make(chan error, 1)
	go func() { served <- e.srv.Serve(cfg.listen(l)) }()
	t.Cleanup(func() {
		e.stop()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		require.NoError(t, memory.Close(context.Background()))
		require.NoError(t, documents.Close(context.Background()))
	})
	return e
}

// stop takes everything down, as the program does it.
func (e *edge) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e.docs.Close()
	e.hub.Close()
	if err := e.srv.Shutdown(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		require.NoError(e.t, err)
	}
	require.NoError(e.t, e.log.Close(ctx))
}

// token signs one for a user, with grants for an hour.
func (e *edge) token(user string, grants room.Grants) string {
	return e.tokenUntil(user, grants, time.Now().Add(time.Hour))
}

func (e *edge) tokenUntil(user string, grants room.Grants, expires time.Time) string {
	tok, err := token.Sign(e.key, token.Claims{User: user, Name: "Name of " + user, Grants: grants, Expires: expires})
	require.NoError(e.t, err)
	return tok
}

// tight is a listener whose connections hold little that the peer has not read, so
// that a peer who stops reading is felt soon.
type tight struct{ net.Listener }

func (l tight) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return c, err
}

// choppy is a listener whose connections give what they read in small pieces, as
// a network may. The pieces are decided here and not by how the peer writes, which
// the kernel does not keep to.
type choppy struct {
	net.Listener
	sizes func(*rand.Rand) int // of the next piece
	seed  uint64
	conns uint64
}

func (l *choppy) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.conns++
	return &choppyConn{TCPConn: c.(*net.TCPConn), sizes: l.sizes, rand: rand.New(rand.NewPCG(l.seed, l.conns))}, nil
}

type choppyConn struct {
	*net.TCPConn
	sizes func(*rand.Rand) int
	rand  *rand.Rand
	given int
}

// bulk is how much of a stream is chopped finely; beyond it that would show
// nothing new and cost a system call each.
const bulk = 20_000

func (c *choppyConn) Read(p []byte) (int, error) {
	size := c.sizes(c.rand)
	if c.given > bulk {
		size = 1 + c.rand.IntN(8<<10)
	}
	n, err := c.TCPConn.Read(p[:min(len(p), size)])
	c.given += n
	return n, err
}
