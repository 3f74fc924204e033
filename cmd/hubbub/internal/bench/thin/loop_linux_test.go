package thin

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// witness notes what becomes of a connection.
type witness struct {
	opened   bool
	messages []string
	closed   []error
	greet    string
}

func (w *witness) Opened(c *Conn) {
	w.opened = true
	if w.greet != "" {
		c.Send([]byte(w.greet))
	}
}
func (w *witness) Message(_ *Conn, data []byte) { w.messages = append(w.messages, string(data)) }
func (w *witness) Closed(_ *Conn, err error)    { w.closed = append(w.closed, err) }

func newTestLoop(t *testing.T) *Loop {
	l, err := NewLoop()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// runUntil runs the loop until a condition holds.
func runUntil(t *testing.T, l *Loop, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, l.Run(ctx, func(time.Duration) (time.Duration, bool) { return 0, cond() }))
}

// serve runs a handler of WebSockets on a port of its own.
func serve(t *testing.T, handle func(ctx context.Context, c *websocket.Conn)) *Target {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"test"}})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		handle(r.Context(), c)
	}))
	t.Cleanup(s.Close)
	target, err := NewTarget(s.URL, "test")
	require.NoError(t, err)
	return target
}

func echo(ctx context.Context, c *websocket.Conn) {
	c.SetReadLimit(MaxMessage)
	for {
		kind, data, err := c.Read(ctx)
		if err != nil || c.Write(ctx, kind, data) != nil {
			return
		}
	}
}

func TestTheHandshakeAnswersItsKey(t *testing.T) {
	sum := sha1.Sum([]byte(handshakeKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), handshakeAccept)
}

func TestManyConnectionsEcho(t *testing.T) {
	target, l := serve(t, echo), newTestLoop(t)
	l.AtOnce = 20
	all := make([]*witness, 100)
	for i := range all {
		all[i] = &witness{greet: strings.Repeat("m", 1+i*300)}
		l.Dial(target, all[i], 0)
	}
	runUntil(t, l, func() bool {
		require.LessOrEqual(t, l.opening, l.AtOnce)
		for _, w := range all {
			require.Empty(t, w.closed)
			if len(w.messages) == 0 {
				return false
			}
		}
		return true
	})
	for _, w := range all {
		require.Equal(t, []string{w.greet}, w.messages)
	}
}

// A large message leaves in many writes, and comes in many reads.
func TestMessagesLargerThanASocketsBuffer(t *testing.T) {
	target, l := serve(t, echo), newTestLoop(t)
	w := &witness{}
	c := l.Dial(target, w, 4096)
	runUntil(t, l, func() bool { return w.opened })
	big := strings.Repeat("0123456789abcdef", (MaxMessage-1024)/16)
	c.Send([]byte(big))
	c.Send([]byte("after"))
	runUntil(t, l, func() bool { return len(w.messages) == 2 || len(w.closed) > 0 })
	require.Equal(t, []string{big, "after"}, w.messages)
}

func TestPingsAreAnsweredAndCloseCodesTold(t *testing.T) {
	target := serve(t, func(ctx context.Context, c *websocket.Conn) {
		ctx = c.CloseRead(ctx)
		if c.Ping(ctx) == nil {
			_ = c.Close(3001, "slow")
		}
	})
	l, w := newTestLoop(t), &witness{}
	l.Dial(target, w, 0)
	runUntil(t, l, func() bool { return len(w.closed) > 0 })
	require.Len(t, w.closed, 1)
	bye, ok := errors.AsType[*CloseError](w.closed[0])
	require.True(t, ok, w.closed[0])
	require.Equal(t, CloseError{3001, "slow"}, *bye)
}

func TestStallAndResume(t *testing.T) {
	target, l := serve(t, echo), newTestLoop(t)
	stalled, other := &witness{}, &witness{}
	c, d := l.Dial(target, stalled, 0), l.Dial(target, other, 0)
	runUntil(t, l, func() bool { return stalled.opened && other.opened })
	require.NoError(t, c.Stall())
	c.Send([]byte("one"))
	for i := range 3 {
		d.Send([]byte("tick"))
		runUntil(t, l, func() bool { return len(other.messages) == i+1 })
	}
	require.Empty(t, stalled.messages)
	require.NoError(t, c.Resume())
	runUntil(t, l, func() bool { return len(stalled.messages) == 1 })
}

func TestDropAndLeaveAreHeardByTheServer(t *testing.T) {
	ends := make(chan error, 2)
	target := serve(t, func(_ context.Context, c *websocket.Conn) {
		_, _, err := c.Read(context.Background()) // the request's ends with the connection, too
		ends <- err
	})
	l, w := newTestLoop(t), &witness{}
	c := l.Dial(target, w, 0)
	runUntil(t, l, c.Open)
	c.Leave()
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(<-ends))
	c = l.Dial(target, w, 0)
	runUntil(t, l, c.Open)
	c.Drop()
	err := <-ends
	require.Equal(t, websocket.StatusCode(-1), websocket.CloseStatus(err), err)
	require.Empty(t, w.closed, "whoever goes is not told")
}

func TestWhatIsNoWebSocketIsTold(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "too many of you", http.StatusServiceUnavailable)
	}))
	defer s.Close()
	target, err := NewTarget(s.URL, "")
	require.NoError(t, err)
	l, refused, nobody := newTestLoop(t), &witness{}, &witness{}
	l.Dial(target, refused, 0)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	target, err = NewTarget("ws://"+closed.Addr().String(), "")
	require.NoError(t, err)
	l.Dial(target, nobody, 0)
	runUntil(t, l, func() bool { return len(refused.closed) == 1 && len(nobody.closed) == 1 })
	answer, ok := errors.AsType[*RefusedError](refused.closed[0])
	require.True(t, ok, refused.closed[0])
	require.Equal(t, RefusedError{503, 7 * time.Second, "too many of you"}, *answer)
	require.ErrorContains(t, nobody.closed[0], "connection refused")
	require.Zero(t, l.Opening())
}

func TestTheServersFaultsAreTold(t *testing.T) {
	for name, stream := range map[string]string{
		"Sec-WebSocket-Accept": "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
		"subprotocol":          "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + handshakeAccept + "\r\nSec-WebSocket-Protocol: other\r\n\r\n",
		"extension":            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + handshakeAccept + "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		"masked":               "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + handshakeAccept + "\r\n\r\n\x81\x80\x00\x00\x00\x00",
		"unexpected EOF":       "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + handshakeAccept + "\r\n\r\n\x81\x05ab",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() {
			c, err := listener.Accept()
			if err == nil {
				_, err = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, stream)
				_ = c.Close()
			}
			served <- err
		}()
		target, err := NewTarget("ws://"+listener.Addr().String(), "")
		require.NoError(t, err)
		l, w := newTestLoop(t), &witness{}
		l.Dial(target, w, 0)
		runUntil(t, l, func() bool { return len(w.closed) > 0 })
		require.ErrorContains(t, w.closed[0], name)
		require.NoError(t, <-served)
		require.NoError(t, listener.Close())
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	_, err := NewTarget("wss://127.0.0.1:1", "")
	require.ErrorContains(t, err, "must be ws")
	_, err = NewTarget("ws://no.such.host.invalid:1", "")
	require.ErrorContains(t, err, "no.such.host.invalid")
}

// Sources beyond the first are used where one would run out of ports.
func TestSeveralSourceAddresses(t *testing.T) {
	from := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { from <- r.RemoteAddr }))
	defer s.Close()
	target, err := NewTarget(s.URL, "")
	require.NoError(t, err)
	l, w := newTestLoop(t), &witness{}
	l.opened = perSource * 3
	l.Dial(target, w, 0)
	runUntil(t, l, func() bool { return len(w.closed) > 0 })
	host, _, err := net.SplitHostPort(<-from)
	require.NoError(t, err)
	require.Equal(t, "127.0.1.3", host)
}
