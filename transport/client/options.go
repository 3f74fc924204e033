package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options say how to reach a hub, and as whom. URL is required.
type Options struct {
	// URL is the hub's address: ws://, wss://, http:// or https://, with a path
	// if the hub lies behind one. /ws is added if it is missing. Several are
	// separated by commas: they are instances of one hub, and when one fails, or
	// sends its clients away, the next is tried at once.
	URL string

	// Token is the caller's JWT. Without it and GetToken the caller is a guest.
	Token string
	// GetToken gives a token when one is needed: to connect, before the present
	// one ends, and after the hub has refused one. A client that is sent from one
	// instance to another comes with the token that it has. It takes precedence
	// over Token.
	GetToken func(ctx context.Context, why TokenReason) (string, error)
	// Name is the display name of a guest.
	Name string

	// Software names the program to the hub's operator.
	Software string
	// HTTPClient makes the handshake; http.DefaultClient if nil.
	HTTPClient *http.Client
	// OnStatus is told of each change of the connection's state, in order. It
	// must not block.
	OnStatus func(Status)

	// RoomEvents bounds what is held for a room whose events are not read; 1,024.
	RoomEvents int
	// OutboxEvents bounds the messages that wait for an answer; 10,000.
	OutboxEvents int
	// OutboxBytes bounds their text and data; 32 MiB.
	OutboxBytes int
	// DedupWindow is for how long the hub is known to drop repeats; 90 s. It is
	// relied on only where the room's history may not be read.
	DedupWindow time.Duration
}

// TokenReason says why a token is asked for.
type TokenReason string

// The reasons for which GetToken is called. After TokenRefused a cached token
// will not do.
const (
	TokenConnect  TokenReason = "connect"
	TokenExpiring TokenReason = "expiring"
	TokenExpired  TokenReason = "expired"
	TokenRefused  TokenReason = "refused"
)

// tokenMoved is the reason of a connection that another instance has sent here:
// GetToken is not asked while the last token holds.
const tokenMoved TokenReason = "moved"

func (o *Options) setDefaults() {
	def(&o.RoomEvents, 1024)
	def(&o.OutboxEvents, 10_000)
	def(&o.OutboxBytes, 32<<20)
	def(&o.DedupWindow, 90*time.Second)
	if o.Software == "" {
		o.Software = "hubbub-go"
	}
	if o.OnStatus == nil {
		o.OnStatus = func(Status) {}
	}
}

func def[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// endpoint makes the address of the WebSocket out of the URL that was given.
func endpoint(raw string) (string, error) {
	const want = "give the hub's address, such as ws://127.0.0.1:8080 or wss://chat.example"
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("url %q: cannot be read; %s", raw, want)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("url %q: has the scheme %q; %s", raw, u.Scheme, want)
	}
	switch {
	case u.Host == "":
		return "", fmt.Errorf("url %q: has no host; %s", raw, want)
	case u.User != nil:
		return "", fmt.Errorf("url: holds a user or password; pass a token instead")
	case u.Query().Has("token"), u.Query().Has("access_token"):
		return "", fmt.Errorf("url: holds a token, which would end up in logs; pass it apart")
	}
	u.Fragment = ""
	if !strings.HasSuffix(u.Path, "/ws") {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/ws"
	}
	return u.String(), nil
}
