package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/transport/token"
)

// guestTTL is how long a guest who does not come back keeps their identity.
const guestTTL = 90 * 24 * time.Hour

// The hub's own keys in its data folder, made when they are first needed.
const (
	guestKeyFile = "guest.key" // signs the identity of guests
	tokenKeyFile = "token.key" // signs tokens where there is no --key: hubbub token uses it, too
)

func newSecret() []byte { return []byte(hex.EncodeToString(token.NewGuestSecret()) + "\n") }

// authFlags say who is let in.
type authFlags struct {
	Key       []string      `keyfile:"" help:"Key that tokens are signed with: a PEM file (public or private), or a file that holds a secret of 32 bytes or more. Several: while one replaces another." placeholder:"FILE" sep:","`
	Issuer    string        `help:"The iss that tokens must have." placeholder:"NAME"`
	Audience  []string      `help:"An aud that tokens must have one of." placeholder:"NAME" sep:","`
	APIKey    []string      `name:"api-key" help:"Key with full rights for the HTTP API." placeholder:"SECRET" sep:","`
	Origin    []string      `help:"Origin that pages may connect from, beside the hub's own: https://example.com" placeholder:"URL" sep:","`
	Guests    string        `help:"Let people in without a token: on, off, or auto, which is on for a hub on loopback without a --key." enum:"auto,on,off" default:"auto" placeholder:"MODE"`
	GuestKey  string        `name:"guest-key" keyfile:"" help:"Secret of 32 bytes or more that guests' identities are signed with; without it, one of the data folder's own. Instances that share a log share it too, or a guest is a stranger to each." placeholder:"FILE"`
	GuestCaps string        `help:"What guests may do, as the caps of a token." default:"*=*" placeholder:"CAPS"`
	Grace     time.Duration `help:"How long a connection outlives its token." default:"30s" placeholder:"TIME"`
}

// check refuses to be open to a network by accident.
func (a *authFlags) check(addr net.Addr) error {
	for _, key := range a.APIKey {
		if err := transport.CheckAPIKey(key); err != nil {
			return fmt.Errorf("--api-key: %w", err)
		}
	}
	for _, origin := range a.Origin {
		if err := transport.CheckOrigin(origin); err != nil {
			return fmt.Errorf("--origin: %w", err)
		}
	}
	if a.Guests == "auto" && len(a.Key) == 0 && !loopback(addr) {
		return fmt.Errorf("--addr %s can be reached by others, and there is no key to check tokens with: set --key FILE, or let everybody in with --guests=on", addr)
	}
	if a.Guests == "off" && len(a.Key) == 0 && len(a.APIKey) == 0 {
		return fmt.Errorf("--guests=off without a --key or --api-key lets nobody in; set --key FILE")
	}
	return nil
}

func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func (a *authFlags) guests(addr net.Addr) bool {
	return a.Guests == "on" || (a.Guests == "auto" && len(a.Key) == 0 && loopback(addr))
}

// guestLine says plainly who gets in.
func (a *authFlags) guestLine(addr net.Addr) string {
	if !a.guests(addr) {
		return "off: everybody needs a token (hubbub token --help)"
	}
	return "on: anybody who reaches this address may join under any name. Turn them off with --guests=off and a --key FILE"
}

// identity loads the keys.
func (a *authFlags) identity(data string, addr net.Addr) (*transport.Identity, error) {
	cfg := token.Config{Issuer: a.Issuer, Audience: a.Audience, Now: time.Now}
	files := a.Key
	if len(files) == 0 {
		own := filepath.Join(data, tokenKeyFile)
		if _, err := dataFile(own, newSecret); err != nil {
			return nil, fmt.Errorf("the hub's own key: %w", err)
		}
		files = []string{own}
	}
	for _, file := range files {
		keys, err := token.LoadKeys(file)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		cfg.Keys = append(cfg.Keys, keys...)
	}
	if a.guests(addr) {
		grants, err := a.guestGrants()
		if err != nil {
			return nil, err
		}
		secret, err := a.guestSecret(data)
		if err != nil {
			return nil, err
		}
		cfg.GuestSecret, cfg.GuestGrants = secret, grants
	}
	verifier, err := token.NewVerifier(cfg)
	if err != nil {
		return nil, err
	}
	return &transport.Identity{Verifier: verifier, GuestTTL: guestTTL, Grace: a.Grace}, nil
}

func (a *authFlags) guestSecret(data string) (secret []byte, err error) {
	if a.GuestKey != "" {
		secret, err = os.ReadFile(a.GuestKey)
	} else {
		secret, err = dataFile(filepath.Join(data, guestKeyFile), newSecret)
	}
	if err != nil {
		return nil, fmt.Errorf("the guests' key: %w", err)
	}
	return []byte(strings.TrimSpace(string(secret))), nil
}

// warnShared tells of keys that other instances do not have: whoever comes to another
// one is a stranger there.
func (a *authFlags) warnShared(data string, addr net.Addr, log zerolog.Logger) {
	if len(a.Key) == 0 && len(a.APIKey) == 0 {
		log.Warn().Msgf("tokens are signed with %s, which other instances do not have: give all of them one --key FILE", filepath.Join(data, tokenKeyFile))
	}
	if a.guests(addr) && a.GuestKey == "" {
		log.Warn().Msgf("guests are signed with %s, which other instances do not have: give all of them one --guest-key FILE, such as a copy of this one", filepath.Join(data, guestKeyFile))
	}
}

func (a *authFlags) guestGrants() (room.Grants, error) {
	grants, err := token.ParseCaps(a.GuestCaps)
	if err != nil {
		return nil, fmt.Errorf("--guest-caps: %w", err)
	}
	return grants, nil
}
