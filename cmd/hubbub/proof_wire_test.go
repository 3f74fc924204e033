package main_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// The proof speaks the protocol by itself, after PROTOCOL.md alone: a fault that
// the hub and its SDK had in common must not be able to hide.

// object is a command to be sent.
type object map[string]any

// position is a place, as it stands in frames.
type position struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// item is an event with its place, as it stands in frames.
type item struct {
	Seq   uint64          `json:"seq"`
	Event json.RawMessage `json:"event"`
}

// frame is whatever the hub says.
type frame struct {
	Type      string          `json:"type"`
	ID        uint64          `json:"id"`
	Room      string          `json:"room"`
	Epoch     string          `json:"epoch"`
	Seq       uint64          `json:"seq"`
	Duplicate bool            `json:"duplicate"`
	Code      json.RawMessage `json:"code"`
	Message   string          `json:"message"`
	Reason    string          `json:"reason"`

	Live   bool   `json:"live"`
	More   bool   `json:"more"`
	Events []item `json:"events"`
	Reset  *struct {
		Reason string `json:"reason"`
	} `json:"reset"`
	Event      json.RawMessage     `json:"event"`
	Acks       []ackItem           `json:"acks"`
	MoreBefore bool                `json:"more_before"`
	MoreAfter  bool                `json:"more_after"`
	Positions  map[string]position `json:"positions"`

	came time.Time // when it was read
}

type ackItem struct {
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
	Error     *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// code is the code of an error frame.
func (f *frame) code() string {
	var code string
	if json.Unmarshal(f.Code, &code) != nil {
		return string(f.Code)
	}
	return code
}

// entry reads an event as the checker wants it.
func (it item) entry() checker.Entry {
	var e struct{ User, ID, Text string }
	if err := json.Unmarshal(it.Event, &e); err != nil {
		e.ID = "unreadable: " + err.Error()
	}
	return checker.Entry{Seq: it.Seq, User: e.User, ID: e.ID, Text: checker.Hash(e.Text), Sum: checker.Hash([]byte(it.Event))}
}

func entries(items []item) []checker.Entry {
	out := make([]checker.Entry, len(items))
	for i, it := range items {
		out[i] = it.entry()
	}
	return out
}

// rawConn is a connection to the hub.
type rawConn struct {
	ws     *websocket.Conn
	under  *cutConn
	http   *http.Transport
	last   uint64
	frames chan frame // what the hub says, but its pings; closed with the connection
	err    error      // why it ended; set before frames is closed
}

// dialing says how a connection is made.
type dialing struct {
	tls     *tls.Config // nil: without
	narrow  bool        // little fits on the way, so that the hub soon has to hold what is not read
	deflate bool        // without permessage-deflate there is none
	reset   bool        // to cut it is to reset it
}

// dialRaw connects as a user.
func dialRaw(ctx context.Context, addr, token string) (*rawConn, error) {
	return dialing{}.dial(ctx, addr, token)
}

func (d dialing) dial(ctx context.Context, addr, token string) (*rawConn, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c := &rawConn{frames: make(chan frame, 16)}
	c.http = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialer := net.Dialer{}
		if d.narrow {
			dialer.Control = narrow
		}
		conn, err := dialer.DialContext(ctx, network, addr)
		c.under = &cutConn{Conn: conn, reset: d.reset}
		return c.under, err
	}, TLSClientConfig: d.tls.Clone()}
	scheme := "ws://"
	if d.tls != nil {
		scheme = "wss://"
	}
	opts := &websocket.DialOptions{HTTPClient: &http.Client{Transport: c.http}, Subprotocols: []string{"hubbub.v1.json"}}
	if d.deflate {
		opts.CompressionMode, opts.CompressionThreshold = websocket.CompressionNoContextTakeover, compressFrom
	}
	ws, answer, err := websocket.Dial(ctx, scheme+addr+"/ws", opts)
	if err != nil {
		c.http.CloseIdleConnections()
		return nil, err
	}
	c.ws = ws
	if d.deflate && !strings.Contains(answer.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		c.close()
		return nil, errNotCompressed
	}
	c.ws.SetReadLimit(64 << 20)
	if err := c.hello(ctx, token); err != nil {
		c.close()
		return nil, err
	}
	go c.readAll()
	return c, nil
}

// hello sends connect and waits for its answer.
func (c *rawConn) hello(ctx context.Context, token string) error {
	if _, err := c.send(object{"type": "connect", "token": token, "client": "proof"}); err != nil {
		return err
	}
	f, err := c.read(ctx)
	if err == nil && f.Type != "connected" {
		return fmt.Errorf("connect: %s %s %s", f.Type, f.Code, f.Message)
	}
	return err
}

// send sends a command under a new id, which it gives.
func (c *rawConn) send(cmd object) (uint64, error) {
	c.last++
	cmd["id"] = c.last
	return c.last, c.write(cmd)
}

func (c *rawConn) write(cmd object) error {
	data, err := json.Marshal(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, data)
}

func (c *rawConn) read(ctx context.Context) (frame, error) {
	_, data, err := c.ws.Read(ctx)
	if err != nil {
		return frame{}, err
	}
	f := frame{came: time.Now()}
	if err := json.Unmarshal(data, &f); err != nil {
		return frame{}, fmt.Errorf("frame %.200s: %w", data, err)
	}
	return f, nil
}

// readAll brings what the hub says until the connection ends. The receiver must
// take everything until frames is closed.
func (c *rawConn) readAll() {
	defer close(c.frames)
	for {
		f, err := c.read(context.Background())
		if err != nil {
			c.err = err
			return
		}
		if f.Type == "ping" {
			if err := c.write(object{"type": "pong"}); err != nil {
				c.err = err
				return
			}
			continue
		}
		c.frames <- f
	}
}

// ask sends a command and waits for its answer. Nothing else may be under way.
func (c *rawConn) ask(ctx context.Context, cmd object) (frame, error) {
	id, err := c.send(cmd)
	if err != nil {
		return frame{}, err
	}
	for {
		select {
		case f, ok := <-c.frames:
			if !ok {
				return frame{}, c.err
			}
			if f.ID == id {
				return f, nil
			}
		case <-ctx.Done():
			return frame{}, ctx.Err()
		}
	}
}

// close ends the connection at once and waits for its goroutine.
func (c *rawConn) close() {
	_ = c.ws.CloseNow()
	c.http.CloseIdleConnections()
}

// drain takes what is left after close.
func (c *rawConn) drain() {
	for range c.frames {
	}
}

// compressFrom is from how many bytes on the proof's clients compress what they send.
const compressFrom = 64

var errNotCompressed = errors.New("the hub did not agree to permessage-deflate")

// narrow makes both ends of a connection hold little: small segments keep the hub's
// send buffer small, which loopback's of 64 KiB would not.
func narrow(_, _ string, c syscall.RawConn) error {
	var fault error
	err := c.Control(func(fd uintptr) {
		fault = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1000),
		)
	})
	return errors.Join(err, fault)
}

// cutConn can be cut in the middle of a write.
type cutConn struct {
	net.Conn
	reset bool
	cut   atomic.Bool // the next write is cut
}

var errCut = errors.New("cut by the test")

// Write writes, or half of it, and then cuts the connection.
func (c *cutConn) Write(b []byte) (int, error) {
	if !c.cut.Load() {
		return c.Conn.Write(b)
	}
	n, _ := c.Conn.Write(b[:len(b)/2])
	if tcp, ok := c.Conn.(*net.TCPConn); ok && c.reset {
		_ = tcp.SetLinger(0)
	}
	return n, errors.Join(errCut, c.Conn.Close())
}
