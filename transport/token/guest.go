package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// GuestPrefix begins the id of every guest, and of nobody else while guests
	// are let in.
	GuestPrefix = "guest-"

	// A guest's token names its own key and its own issuer, and both are refused
	// in the operator's configuration: neither kind can be taken for the other.
	guestIssuer = "hubbub-guest"
	guestKeyID  = "hubbub-guest"
)

// guests holds what is needed to make guests and to know them again.
type guests struct {
	key    Key
	grants room.Grants
	parser *jwt.Parser
}

func newGuests(cfg Config) (*guests, error) {
	k, err := Secret(cfg.GuestSecret)
	if err != nil {
		return nil, fmt.Errorf("guest %w", err)
	}
	for _, o := range cfg.Keys {
		if same, ok := o.private.([]byte); ok && string(same) == string(cfg.GuestSecret) {
			return nil, errors.New("guest secret: is also a key for tokens; each needs its own")
		}
	}
	if err := cfg.GuestGrants.Check(); err != nil {
		return nil, fmt.Errorf("guest %w", err)
	}
	return &guests{
		key: k.WithID(guestKeyID), grants: cfg.GuestGrants,
		parser: newParser(cfg.Now, jwt.WithValidMethods([]string{k.Algorithm()}), jwt.WithIssuer(guestIssuer)),
	}, nil
}

// NewGuestSecret makes a GuestSecret. Keep it: guests are known by it.
func NewGuestSecret() []byte {
	secret := make([]byte, MinSecret)
	rand.Read(secret) // never fails: crypto/rand ends the program instead
	return secret
}

// IssueGuest makes a new guest, with an id that nobody has, and a token that
// proves it for ttl. It refuses if there are no guests here.
func (v *Verifier) IssueGuest(name string, ttl time.Duration) (string, Claims, error) {
	return v.signGuest(GuestPrefix+strings.ToLower(rand.Text()), name, ttl)
}

// RenewGuest makes a new token for the guest of a verified one, under the name
// given.
func (v *Verifier) RenewGuest(c Claims, name string, ttl time.Duration) (string, Claims, error) {
	if !c.Guest {
		return "", Claims{}, room.Errorf(room.CodeUnauthorized, "token: is not a guest's; its issuer renews it")
	}
	return v.signGuest(c.User, name, ttl)
}

func (v *Verifier) signGuest(user, name string, ttl time.Duration) (string, Claims, error) {
	if v.guests == nil {
		return "", Claims{}, errNoGuests()
	}
	if err := CheckDisplayName(name); err != nil {
		return "", Claims{}, err
	}
	now := v.now().Truncate(time.Second)
	c := Claims{
		User: user, Name: name, Grants: v.guests.grants, Issuer: guestIssuer,
		IssuedAt: now, Expires: now.Add(ttl).Truncate(time.Second), Guest: true,
	}
	t, err := sign(v.guests.key, c)
	if err != nil {
		return "", Claims{}, err
	}
	return t, c, nil
}

func (v *Verifier) verifyGuest(token string) (Claims, error) {
	if v.guests == nil {
		return Claims{}, errNoGuests()
	}
	keys := jwt.VerificationKeySet{Keys: []jwt.VerificationKey{v.guests.key.public}}
	p, err := parse(v.guests.parser, token, keys)
	if err != nil {
		return Claims{}, explain(err, p, guestIssuer, nil)
	}
	c, err := p.claims()
	if err != nil {
		return Claims{}, err
	}
	c.Grants, c.Guest = v.guests.grants, true
	return c, nil
}

func errNoGuests() error {
	return room.Errorf(room.CodeUnauthorized, "token: this hub lets no guests in; send a token of its issuer")
}
