package client

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// keep asks a silent hub whether it is there, and gives the link up if it does
// not answer. It says goodbye when the client is closed.
func (l *link) keep() {
	ping := time.Duration(l.info.PingMS) * time.Millisecond
	if ping <= 0 {
		ping = 25 * time.Second
	}
	for {
		quiet := time.Since(time.Unix(0, l.heard.Load()))
		var wait time.Duration
		switch {
		case quiet < ping:
			wait = ping - quiet
		case quiet < ping+pongWait:
			l.send(&wire.Ping{}, func(any, error) {})
			wait = ping + pongWait - quiet
		default:
			l.fail(errors.New("nothing was heard from the hub in time"))
			return
		}
		select {
		case <-time.After(wait):
		case <-l.client.ctx.Done():
			l.farewell()
			return
		case <-l.over:
			return
		}
	}
}

const (
	refreshEarly = time.Minute     // before the token's end, a new one is asked for
	refreshPause = 5 * time.Second // between two tries
)

// refresh gives the hub a new token before the present one ends. If that does not
// work the hub ends the link, and connecting anew asks for a token again.
func (l *link) refresh() {
	ctx, cancel := context.WithCancel(l.client.ctx)
	defer cancel()
	go func() {
		select {
		case <-l.over:
			cancel()
		case <-ctx.Done():
		}
	}()
	expires := time.UnixMilli(l.info.ExpiresAt)
	for {
		left := time.Until(expires)
		if sleep(ctx, max(refreshPause, left-min(refreshEarly, left/2))) != nil {
			return
		}
		token, err := l.client.opts.GetToken(ctx, TokenExpiring)
		if err != nil || token == "" {
			continue
		}
		reply, err := l.call(ctx, "refresh", &wire.Refresh{Token: token})
		if err != nil {
			continue
		}
		refreshed, ok := reply.(*wire.Refreshed)
		if !ok || refreshed.ExpiresAt == 0 {
			return
		}
		l.client.keep(token, refreshed.ExpiresAt)
		expires = time.UnixMilli(refreshed.ExpiresAt)
	}
}

// token is one that a hub has taken, and when it ends, in milliseconds; 0: not known.
type token struct {
	text    string
	expires int64
}

// keep notes the token that the hub has taken.
func (c *Client) keep(text string, expires int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = token{text, expires}
}

// unended is the kept token if it holds for a while longer, or "".
func (c *Client) unended() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Until(time.UnixMilli(c.kept.expires)) < refreshEarly {
		return ""
	}
	return c.kept.text
}
