package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	dialTimeout  = 10 * time.Second // for the handshake, and for connected after it
	writeTimeout = 10 * time.Second // for one frame to leave
	pongWait     = 10 * time.Second // beyond ping_ms, as PROTOCOL.md says
	readLimit    = 64 << 20         // a joined frame carries up to 500 events
)

// link is one connection that the hub has accepted. It is used until it ends, and
// never again.
type link struct {
	// static after open
	client *Client
	ws     *websocket.Conn
	info   wire.Connected
	over   chan struct{} // closed when the link has ended; err says why
	tasks  sync.WaitGroup

	// shared
	heard atomic.Int64  // when the hub was last heard, in Unix nanoseconds
	wake  chan struct{} // holds a token while there is something to write

	mu      sync.Mutex // guards what follows
	queue   [][]byte   // frames to write
	lastID  uint64
	pending map[uint64]func(any, error) // what to do with the reply to each command
	goodbye *wire.DisconnectPush
	err     error
	drained bool // pending is not looked at any more
}

// start runs the link.
func (l *link) start() {
	l.heard.Store(time.Now().UnixNano())
	l.tasks.Go(l.write)
	l.tasks.Go(l.keep)
	if l.info.ExpiresAt > 0 && l.client.opts.GetToken != nil {
		l.tasks.Go(l.refresh)
	}
	l.tasks.Go(l.read)
}

// alive is false from the moment at which the link has ended.
func (l *link) alive() bool {
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// wait waits for the end of the link and of its goroutines.
func (l *link) wait() error {
	l.tasks.Wait()
	_ = l.ws.CloseNow()
	return l.err
}

// fail ends the link. Only the first reason counts.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
		close(l.over)
	}
	l.mu.Unlock()
	_ = l.ws.CloseNow()
}

// farewell closes the connection in good order.
func (l *link) farewell() {
	l.mu.Lock()
	if l.err == nil {
		l.err = ErrClosed
		close(l.over)
	}
	l.mu.Unlock()
	_ = l.ws.Close(websocket.StatusNormalClosure, "")
}

// send queues a command. done is called once, by the reader, with the body of the
// reply or with an error; it must not block. A nil done asks for no reply.
func (l *link) send(body wire.Body, done func(reply any, err error)) {
	l.mu.Lock()
	if l.drained || l.err != nil {
		err := l.err
		l.mu.Unlock()
		if done != nil {
			done(nil, &lostError{err})
		}
		return
	}
	var id uint64
	if done != nil {
		l.lastID++
		id = l.lastID
	}
	frame, err := wire.EncodeCommand(wire.Command{ID: id, Body: body})
	if err == nil {
		l.queue = append(l.queue, frame)
		if done != nil {
			l.pending[id] = done
		}
	}
	l.mu.Unlock()
	if err != nil {
		if done != nil {
			done(nil, err)
		}
		return
	}
	l.signal()
}

func (l *link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// lostError says that a link ended before the reply came.
type lostError struct{ cause error }

func (e *lostError) Error() string { return fmt.Sprintf("the connection was lost: %v", e.cause) }
func (e *lostError) Unwrap() error { return e.cause }

func lost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// call sends a command and waits for its reply.
func (l *link) call(ctx context.Context, op string, body wire.Body) (any, error) {
	type result struct {
		reply any
		err   error
	}
	answer := make(chan result, 1)
	l.send(body, func(reply any, err error) { answer <- result{reply, err} })
	select {
	case r := <-answer:
		if e, ok := r.reply.(*wire.Error); ok {
			return nil, answered(op, e)
		}
		return r.reply, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// write takes queued frames to the socket.
func (l *link) write() {
	for {
		select {
		case <-l.wake:
		case <-l.over:
			return
		}
		l.mu.Lock()
		frames := l.queue
		l.queue = nil
		l.mu.Unlock()
		for _, frame := range frames {
			if err := writeFrame(l.ws, frame); err != nil {
				l.fail(fmt.Errorf("write: %w", err))
				return
			}
		}
	}
}

func writeFrame(ws *websocket.Conn, frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return ws.Write(ctx, websocket.MessageText, frame)
}

// read hands out what comes. It alone calls what pending and the rooms have for
// frames, so that all of it happens in the order of the frames.
func (l *link) read() {
	for {
		reply, err := readReply(context.Background(), l.ws)
		if err == nil {
			l.heard.Store(time.Now().UnixNano())
			err = l.handle(reply)
		}
		if err != nil {
			l.fail(l.reason(err))
			l.drain()
			return
		}
	}
}

func readReply(ctx context.Context, ws *websocket.Conn) (wire.Reply, error) {
	kind, data, err := ws.Read(ctx)
	switch {
	case err != nil:
		return wire.Reply{}, err
	case kind != websocket.MessageText:
		return wire.Reply{}, errors.New("the hub sent a binary message")
	}
	return wire.DecodeReply(data)
}

// reason makes the best of what is known about the end of a link.
func (l *link) reason(err error) error {
	l.mu.Lock()
	goodbye := l.goodbye
	l.mu.Unlock()
	if goodbye != nil {
		return &CloseError{Code: goodbye.Code, Reason: goodbye.Reason, RetryAfter: time.Duration(goodbye.RetryAfterMS) * time.Millisecond}
	}
	return closeReason(err)
}

// closeReason reads the close code out of an error of the WebSocket.
func closeReason(err error) error {
	if ce, ok := errors.AsType[websocket.CloseError](err); ok {
		return &CloseError{Code: wire.CloseCode(ce.Code), Reason: ce.Reason}
	}
	return err
}

// drain answers what is pending: no reply will come.
func (l *link) drain() {
	l.mu.Lock()
	pending := l.pending
	l.pending, l.drained = nil, true
	err := l.err
	l.mu.Unlock()
	for _, done := range pending {
		done(nil, &lostError{err})
	}
}

// handle takes one frame. An error ends the link: what cannot be understood could
// be an event that would be missed.
func (l *link) handle(r wire.Reply) error {
	if r.ID != 0 {
		l.mu.Lock()
		done := l.pending[r.ID]
		delete(l.pending, r.ID)
		l.mu.Unlock()
		if done != nil {
			done(r.Body, nil)
		}
		return nil
	}
	switch push := r.Body.(type) {
	case *wire.PingPush:
		l.send(&wire.Pong{}, nil)
	case *wire.DisconnectPush:
		l.mu.Lock()
		l.goodbye = push
		l.mu.Unlock()
	case *wire.Error:
		return fmt.Errorf("the hub could not read a frame: %s: %s", push.Code, push.Message)
	default:
		l.client.push(l, push)
	}
	return nil
}
