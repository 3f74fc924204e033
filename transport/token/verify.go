package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hubbub-im/hubbub/room"
)

// Config is what a Verifier is built from. Now is required.
type Config struct {
	// Keys are those that tokens may be signed with; several while one replaces
	// another. None: only guests get in.
	Keys     []Key
	Issuer   string   // what iss must be; "": it is not looked at
	Audience []string // what aud must hold one of; none: it is not looked at

	// GuestSecret signs what IssueGuest makes, MinSecret bytes or more; nil: there
	// are no guests. It must not be one of Keys.
	GuestSecret []byte
	// GuestGrants is what guests may do, as it is set now: guests who got their
	// token under other grants have these.
	GuestGrants room.Grants

	Now func() time.Time
}

// Verifier checks tokens. It does not change and may be used by any goroutine; to
// change keys, build another.
type Verifier struct {
	keys   []Key
	issuer string
	aud    []string
	parser *jwt.Parser
	guests *guests // nil: there are none
	now    func() time.Time
}

// NewVerifier builds a Verifier. Its error names the setting that is wrong.
func NewVerifier(cfg Config) (*Verifier, error) {
	v := &Verifier{keys: slices.Clone(cfg.Keys), issuer: cfg.Issuer, aud: slices.Clone(cfg.Audience), now: cfg.Now}
	if cfg.Issuer == guestIssuer {
		return nil, fmt.Errorf("issuer: %q is kept for this hub's own guests; give another", guestIssuer)
	}
	for i, k := range v.keys {
		switch {
		case k.id == guestKeyID:
			return nil, fmt.Errorf("key id: %q is kept for this hub's own guests; give another", guestKeyID)
		case k.id != "" && slices.ContainsFunc(v.keys[:i], func(o Key) bool { return o.id == k.id }):
			return nil, fmt.Errorf("key id: %q is given to two keys; each needs its own", k.id)
		}
	}
	if cfg.GuestSecret != nil {
		var err error
		if v.guests, err = newGuests(cfg); err != nil {
			return nil, err
		}
	}
	options := []jwt.ParserOption{jwt.WithValidMethods(v.algorithms()), jwt.WithIssuer(cfg.Issuer)}
	if len(cfg.Audience) > 0 {
		options = append(options, jwt.WithAudience(cfg.Audience...))
	}
	v.parser = newParser(cfg.Now, options...)
	return v, nil
}

// Guests reports whether people are let in without a token.
func (v *Verifier) Guests() bool { return v.guests != nil }

// newParser builds a parser with the rules that hold for every token.
func newParser(now func() time.Time, more ...jwt.ParserOption) *jwt.Parser {
	return jwt.NewParser(append(more, jwt.WithStrictDecoding(), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(Skew), jwt.WithTimeFunc(now))...)
}

// algorithms lists what the keys are for. It is never nil: nil would allow all.
func (v *Verifier) algorithms() []string {
	algs := []string{}
	for _, k := range v.keys {
		if !slices.Contains(algs, k.Algorithm()) {
			algs = append(algs, k.Algorithm())
		}
	}
	return algs
}

// Verify checks a token and gives what it says. Its error is a *room.Error that
// says what is wrong: CodeTokenExpired if nothing is but the time, else
// CodeUnauthorized. It never holds the token.
func (v *Verifier) Verify(token string) (Claims, error) {
	h, err := readHeader(token)
	if err != nil {
		return Claims{}, err
	}
	if h.kid == guestKeyID {
		return v.verifyGuest(token)
	}
	keys, err := v.keysFor(h)
	if err != nil {
		return Claims{}, err
	}
	p, err := parse(v.parser, token, keys)
	if err != nil {
		return Claims{}, explain(err, p, v.issuer, v.aud)
	}
	return v.accept(p)
}

// parse checks the signature and the claims that the parser knows of.
func parse(parser *jwt.Parser, token string, keys jwt.VerificationKeySet) (*payload, error) {
	p := new(payload)
	_, err := parser.ParseWithClaims(token, p, func(*jwt.Token) (any, error) { return keys, nil })
	return p, err
}

// keysFor gives the keys that the token may be signed with: those of its
// algorithm, and of its kid if both the token and the key have one.
func (v *Verifier) keysFor(h header) (jwt.VerificationKeySet, error) {
	var set jwt.VerificationKeySet
	if len(v.keys) == 0 {
		return set, room.Errorf(room.CodeUnauthorized, "token: this hub has no keys to check it with; connect without a token, as a guest, or have the operator set a key")
	}
	if !slices.Contains(v.algorithms(), h.alg) {
		return set, room.Errorf(room.CodeUnauthorized, "token: is signed with %.16q; this hub takes %s", h.alg, strings.Join(v.algorithms(), ", "))
	}
	for _, k := range v.keys {
		if k.Algorithm() == h.alg && (h.kid == "" || k.id == "" || k.id == h.kid) {
			set.Keys = append(set.Keys, k.public)
		}
	}
	if len(set.Keys) == 0 {
		return set, room.Errorf(room.CodeUnauthorized, "token: its kid names no key of this hub")
	}
	return set, nil
}

// accept holds the claims of a well-signed token to the rest of the rules.
func (v *Verifier) accept(p *payload) (Claims, error) {
	c, err := p.claims()
	if err != nil {
		return Claims{}, err
	}
	switch {
	case c.Issuer == guestIssuer:
		return Claims{}, room.Errorf(room.CodeUnauthorized, "iss: %q is kept for this hub's own guests", guestIssuer)
	case v.guests != nil && strings.HasPrefix(c.User, GuestPrefix):
		return Claims{}, room.Errorf(room.CodeUnauthorized, "sub: ids that begin with %q belong to this hub's guests; give another", GuestPrefix)
	}
	if c.Grants, err = grants(p.caps); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// explain says what is wrong in words that help. A token that is expired and also
// wrong in another way is wrong: a client that got a new one of its kind would
// be no better off.
func explain(err error, p *payload, issuer string, audience []string) error {
	if e, ok := errors.AsType[*room.Error](err); ok {
		return e
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return room.Errorf(room.CodeUnauthorized, "token: is not a JWT: its parts are not base64url, or not JSON")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return room.Errorf(room.CodeUnauthorized, "token: the signature is not by a key of this hub; sign it with the key that the hub is configured with")
	case p.expires == nil:
		return room.Errorf(room.CodeUnauthorized, "exp: is missing; give the time at which the token ends, in seconds since 1970-01-01 UTC")
	case issuer != "" && p.issuer != issuer:
		return room.Errorf(room.CodeUnauthorized, "iss: is not the issuer that this hub trusts")
	case len(audience) > 0 && !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(p.audience, a) }):
		return room.Errorf(room.CodeUnauthorized, "aud: does not name this hub")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return room.Errorf(room.CodeUnauthorized, "nbf: the token is not valid yet, by more than %s; compare the clocks", Skew)
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return room.Errorf(room.CodeUnauthorized, "iat: the token comes from the future, by more than %s; compare the clocks", Skew)
	case errors.Is(err, jwt.ErrTokenExpired):
		return Ended(p.expires.Time)
	}
	return room.Errorf(room.CodeUnauthorized, "token: does not verify")
}

// Ended refuses a token whose time is over, with CodeTokenExpired.
func Ended(at time.Time) error {
	return room.Errorf(room.CodeTokenExpired, "exp: the token ended at %s; get a new one", at.UTC().Format(time.RFC3339))
}
