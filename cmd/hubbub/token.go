package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/transport/token"
)

// TokenCmd makes a token and prints it. Issuer, audience and key are the hub's own
// settings under their own names, so that the same file or environment serves both.
type TokenCmd struct {
	Sub  string        `help:"Who the token is for: the user's id." required:"" placeholder:"USER"`
	Name string        `help:"The user's display name." placeholder:"NAME"`
	Caps string        `help:"What the token grants: \"lobby=join,publish;team-*=*\", or JSON as in the token. The verbs: join, history, presence, publish, react, typing, broadcast, *." required:"" placeholder:"CAPS"`
	TTL  time.Duration `name:"ttl" help:"How long it is good, as 15m or 12h." default:"1h" placeholder:"TIME"`

	Key      []string `keyfile:"" help:"File with the key to sign with: a private key in PEM, or a secret; a hub without a --key makes one in its data folder. Of several, the first that can sign is used." default:"${default_key}" placeholder:"FILE" sep:","`
	KeyID    string   `name:"kid" help:"The name of the key, for hubs that have several." placeholder:"ID"`
	Issuer   string   `help:"The iss that the hub asks for." placeholder:"NAME"`
	Audience []string `help:"The aud that the hub asks for." placeholder:"NAME" sep:","`
}

func (c *TokenCmd) run(_ context.Context, std streams) error {
	signed, err := c.sign(time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, signed)
	return err
}

// sign makes the token as of now.
func (c *TokenCmd) sign(now time.Time) (string, error) {
	if c.TTL < time.Second {
		return "", fmt.Errorf("--ttl %s: give a second or more, as 15m or 12h", c.TTL)
	}
	grants, err := token.ParseCaps(c.Caps)
	if err != nil {
		return "", fmt.Errorf("--caps: %w", err)
	}
	key, err := c.signingKey()
	if err != nil {
		return "", fmt.Errorf("--key: %w", err)
	}
	signed, err := token.Sign(key, token.Claims{
		User: c.Sub, Name: c.Name, Grants: grants, ID: uuid.NewString(),
		Issuer: c.Issuer, Audience: c.Audience,
		IssuedAt: now, Expires: now.Add(c.TTL),
	})
	if err != nil {
		return "", fmt.Errorf("the token cannot be made: %w", err)
	}
	return signed, nil
}

func (c *TokenCmd) signingKey() (token.Key, error) {
	for _, file := range c.Key {
		keys, err := token.LoadKeys(file)
		if err != nil {
			return token.Key{}, err
		}
		for _, k := range keys {
			if k.CanSign() {
				return k.WithID(c.KeyID), nil
			}
		}
	}
	return token.Key{}, errors.New("holds public keys only, which can check tokens but not make them; give the private key or the secret")
}
