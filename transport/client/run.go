package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// held is how long a connection must last for the next try to count as the first.
const held = 5 * time.Second

// run keeps the client connected until it is closed or refused for good.
func (c *Client) run(at *addresses) {
	attempt, why := 0, TokenConnect
	for {
		c.setStatus(Status{State: Connecting, Attempt: attempt, Err: c.Status().Err})
		l, err := c.open(at.url(), why)
		if err == nil {
			began := time.Now()
			c.up(l)
			err = l.wait()
			c.down()
			why = TokenConnect
			if moved(err) {
				why = tokenMoved
			}
			if time.Since(began) >= held || moved(err) {
				attempt = 0
			}
		}
		next, again := c.judge(err, why)
		if !again {
			c.finish(err)
			c.report(err)
			return
		}
		why = next
		wait := at.failed(attempt, retryAfter(err))
		attempt++
		if at.whole(attempt) {
			c.report(err)
		}
		c.setStatus(Status{State: Disconnected, Err: err, RetryAt: time.Now().Add(wait), Attempt: attempt})
		if sleep(c.ctx, wait) != nil {
			c.finish(err)
			return
		}
	}
}

// judge says whether to try again after err, and for what reason a token is then
// asked for. why is the reason of the try that failed.
func (c *Client) judge(err error, why TokenReason) (TokenReason, bool) {
	if c.ctx.Err() != nil {
		return "", false
	}
	refreshable := c.opts.GetToken != nil || c.dropGuest(err)
	code := wire.CloseCode(0)
	if ce, ok := errors.AsType[*CloseError](err); ok {
		code = ce.Code
	}
	switch {
	case errors.Is(err, ErrTokenExpired), code == wire.CloseTokenExpired:
		return TokenExpired, refreshable && why != TokenRefused
	case errors.Is(err, ErrUnauthorized), code == wire.CloseUnauthorized, code == wire.CloseRevoked:
		return TokenRefused, refreshable && why != TokenRefused
	case code != 0:
		return why.again(), code.Reconnect()
	case errors.Is(err, ErrBadRequest), errors.Is(err, ErrForbidden), errors.Is(err, ErrTooLarge), errors.Is(err, ErrUnknownCommand):
		return "", false
	}
	return why.again(), !errors.Is(err, errForGood)
}

// again is the reason for one more try, where the token was not what failed.
func (t TokenReason) again() TokenReason {
	if t == tokenMoved {
		return t
	}
	return TokenConnect
}

// moved reports whether an instance that is leaving has sent the client away.
func moved(err error) bool {
	ce, ok := errors.AsType[*CloseError](err)
	return ok && ce.Code == wire.CloseMoved
}

// dropGuest forgets a guest's token that the hub does not take any more; the
// caller will be another guest.
func (c *Client) dropGuest(err error) bool {
	ce, _ := errors.AsType[*CloseError](err)
	expired := ce != nil && (ce.Code == wire.CloseTokenExpired || ce.Code == wire.CloseUnauthorized)
	if !expired && !errors.Is(err, ErrTokenExpired) && !errors.Is(err, ErrUnauthorized) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.guest != ""
	c.guest = ""
	return had
}

// errForGood marks what no further try can mend.
var errForGood = errors.New("trying again cannot help")

func retryAfter(err error) time.Duration {
	if ce, ok := errors.AsType[*CloseError](err); ok {
		return ce.RetryAfter
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	if e, ok := errors.AsType[*handshakeError](err); ok {
		return e.retryAfter
	}
	return 0
}

// open makes a connection and introduces the caller.
func (c *Client) open(url string, why TokenReason) (*link, error) {
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	token, err := c.token(ctx, why)
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}
	ws, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: c.opts.HTTPClient, Subprotocols: []string{wire.Subprotocol},
	})
	if err != nil {
		return nil, handshakeFailed(url, resp, err)
	}
	ws.SetReadLimit(readLimit)
	info, err := c.introduce(ctx, ws, token)
	if err != nil {
		_ = ws.CloseNow()
		return nil, err
	}
	c.keep(token, info.ExpiresAt)
	return &link{
		client: c, ws: ws, info: *info, over: make(chan struct{}), wake: make(chan struct{}, 1),
		pending: make(map[uint64]func(any, error)), lastID: 1,
	}, nil
}

func (c *Client) token(ctx context.Context, why TokenReason) (string, error) {
	if c.opts.GetToken != nil {
		if why != tokenMoved {
			return c.opts.GetToken(ctx, why)
		}
		if kept := c.unended(); kept != "" {
			return kept, nil
		}
		return c.opts.GetToken(ctx, TokenConnect)
	}
	if c.opts.Token != "" {
		return c.opts.Token, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.guest, nil
}

// introduce sends connect and waits for connected.
func (c *Client) introduce(ctx context.Context, ws *websocket.Conn, token string) (*wire.Connected, error) {
	frame, err := wire.EncodeCommand(wire.Command{ID: 1, Body: &wire.Connect{Token: token, Name: c.opts.Name, Client: c.opts.Software}})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForGood, err)
	}
	if len(frame) > wire.MaxConnectFrame {
		return nil, fmt.Errorf("%w: the token and the name make a first frame of %d bytes; at most %d", errForGood, len(frame), wire.MaxConnectFrame)
	}
	if err := writeFrame(ws, frame); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	reply, err := readReply(ctx, ws)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", closeReason(err))
	}
	switch body := reply.Body.(type) {
	case *wire.Connected:
		return body, nil
	case *wire.Error:
		return nil, answered("connect", body)
	case *wire.DisconnectPush:
		return nil, &CloseError{Code: body.Code, Reason: body.Reason, RetryAfter: time.Duration(body.RetryAfterMS) * time.Millisecond}
	}
	return nil, fmt.Errorf("connect: the hub answered with %T", reply.Body)
}

// handshakeError is a connection that did not come about.
type handshakeError struct {
	err        error
	retryAfter time.Duration
}

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

func handshakeFailed(url string, resp *http.Response, err error) error {
	e := &handshakeError{err: fmt.Errorf("connect to %s: %w", url, err)}
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		e.err = fmt.Errorf("connect to %s: the answer is HTTP %s, not a WebSocket; is it a hub's address?", url, resp.Status)
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			e.retryAfter = time.Duration(seconds) * time.Second
		}
	}
	return e
}

// up makes the link the one that everybody uses.
func (c *Client) up(l *link) {
	c.mu.Lock()
	c.user = User{ID: l.info.User, Name: l.info.Name}
	if l.info.Token != "" {
		c.guest = l.info.Token
	}
	c.link = l
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	l.start()
	c.setStatus(Status{State: Connected})
	c.report(nil)
}

// down takes the ended link away. Rooms are members no more.
func (c *Client) down() {
	c.mu.Lock()
	c.link = nil
	rooms := make([]*Room, 0, len(c.rooms))
	for _, r := range c.rooms {
		rooms = append(rooms, r)
	}
	c.mu.Unlock()
	for _, r := range rooms {
		r.unplugged()
	}
}

// report tells Dial how the first try went.
func (c *Client) report(err error) {
	select {
	case c.first <- err:
	default:
	}
}

// finish ends the client with the reason that it has, or err.
func (c *Client) finish(err error) {
	c.cancel(err) // ErrClosed stands if Close was called
	c.setStatus(Status{State: Disconnected, Err: context.Cause(c.ctx)})
}

func (c *Client) setStatus(s Status) {
	c.mu.Lock()
	c.status = s
	c.mu.Unlock()
	c.opts.OnStatus(s)
}
