package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// peer is the hub's end of the client's connections, played by the test: a real
// WebSocket server on in-memory pipes, so that it works under fake time.
type peer struct {
	t        *testing.T
	dials    chan net.Conn
	accepted chan *peerConn

	mu     sync.Mutex
	refuse func(http.ResponseWriter) bool // answers a handshake instead of accepting it
}

func newPeer(t *testing.T) *peer {
	p := &peer{t: t, dials: make(chan net.Conn), accepted: make(chan *peerConn, 16)}
	server := &http.Server{Handler: http.HandlerFunc(p.serve)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return p
}

// The listener's part.
func (p *peer) Accept() (net.Conn, error) {
	conn, ok := <-p.dials
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p *peer) Close() error {
	defer func() { _ = recover() }() // closed twice by http.Server
	close(p.dials)
	return nil
}

func (p *peer) Addr() net.Addr { return &net.TCPAddr{} }

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse != nil && refuse(w) {
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		return
	}
	p.accepted <- &peerConn{t: p.t, ws: ws}
}

// refusing answers handshakes with f from now on, where f is true.
func (p *peer) refusing(f func(http.ResponseWriter) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = f
}

// client makes a client of the peer; the test's end closes it.
func (p *peer) client(opts Options) *Client {
	p.t.Helper()
	opts.URL = "ws://hub.test"
	opts.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case p.dials <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}}
	c, err := New(opts)
	require.NoError(p.t, err)
	p.t.Cleanup(c.Close)
	return c
}

// connection waits for the next handshake.
func (p *peer) connection() *peerConn {
	p.t.Helper()
	select {
	case conn := <-p.accepted:
		return conn
	case <-time.After(3 * time.Hour): // of fake time
		require.Fail(p.t, "the client does not connect")
		return nil
	}
}

var someone = wire.Connected{User: "ann", Name: "Ann", Conn: "c1", PingMS: 25_000, Server: "test", Version: 1}

// connect waits for the next connection and lets it in.
func (p *peer) connect() *peerConn {
	p.t.Helper()
	conn := p.connection()
	id, _ := take[*wire.Connect](conn)
	conn.reply(id, someone)
	return conn
}

// peerConn is one connection, at the hub's end.
type peerConn struct {
	t  *testing.T
	ws *websocket.Conn
}

// command reads the next command. The client's own pings and pongs are answered
// and passed over.
func (c *peerConn) command() wire.Command {
	c.t.Helper()
	for {
		_, data, err := c.ws.Read(context.Background())
		require.NoError(c.t, err)
		cmd, err := wire.DecodeCommand(data)
		require.NoError(c.t, err, "%s", data)
		switch cmd.Body.(type) {
		case *wire.Ping:
			c.reply(cmd.ID, wire.PongReply{})
		case *wire.Pong:
		default:
			return cmd
		}
	}
}

// take reads the next command, which must be of type B.
func take[B wire.Body](c *peerConn) (uint64, B) {
	c.t.Helper()
	cmd := c.command()
	body, ok := cmd.Body.(B)
	require.True(c.t, ok, "the command is %T %+v", cmd.Body, cmd.Body)
	return cmd.ID, body
}

func (c *peerConn) reply(id uint64, m wire.Message) { c.t.Helper(); c.raw(string(wire.Encode(id, m))) }
func (c *peerConn) push(m wire.Message)             { c.t.Helper(); c.reply(0, m) }

func (c *peerConn) raw(frame string) {
	c.t.Helper()
	require.NoError(c.t, c.ws.Write(context.Background(), websocket.MessageText, []byte(frame)))
}

// cut drops the connection without a word.
func (c *peerConn) cut() { _ = c.ws.CloseNow() }

// end says goodbye with a code, as the hub does.
func (c *peerConn) end(code wire.CloseCode, retryAfter time.Duration) {
	c.push(wire.DisconnectPush{Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds()})
	_ = c.ws.Close(websocket.StatusCode(code), code.Name())
}

// silent reports whether nothing comes from the client for a while.
func (c *peerConn) silent(d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if err == nil {
		c.t.Logf("not silent: %s", data)
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// event makes a stored event.
func event(seq uint64, user, id, text string) wire.Item {
	b := []byte(`{"v":1,"kind":"message","id":"` + id + `","user":"` + user + `","at":1,"text":"` + text + `"}`)
	return wire.Item{Seq: seq, Event: b}
}

func pushed(room string, it wire.Item) wire.EventPush { return wire.EventPush{Room: room, Item: it} }

// seqs reads n things from a room, which must all be events, and gives their
// sequences.
func seqs(t *testing.T, r *Room, n int) []uint64 {
	t.Helper()
	var list []uint64
	for range n {
		e, ok := next(t, r).(*Event)
		require.True(t, ok)
		list = append(list, e.Seq)
	}
	return list
}

func next(t *testing.T, r *Room) Incoming {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // of fake time
	defer cancel()
	in, err := r.Next(ctx)
	require.NoError(t, err)
	return in
}

// later runs something of the client that waits for the peer.
func later[T any](f func() (T, error)) <-chan outcome[T] {
	ch := make(chan outcome[T], 1)
	go func() {
		v, err := f()
		ch <- outcome[T]{v, err}
	}()
	return ch
}

type outcome[T any] struct {
	value T
	err   error
}

func joining(t *testing.T, r *Room, options ...JoinOption) <-chan outcome[struct{}] {
	return later(func() (struct{}, error) { return struct{}{}, r.Join(t.Context(), options...) })
}

func sendingText(t *testing.T, r *Room, text string) <-chan outcome[Ack] {
	return later(func() (Ack, error) { return r.Send(t.Context(), Text(text)) })
}

// unavailableUntil refuses handshakes for a time.
func unavailableUntil(end time.Time) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		if !time.Now().Before(end) {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
}
