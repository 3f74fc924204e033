package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hubbub-im/hubbub/room"
)

// wireClaims is the payload as it is written.
type wireClaims struct {
	Subject  string      `json:"sub"`
	Issuer   string      `json:"iss,omitempty"`
	Audience []string    `json:"aud,omitempty"`
	IssuedAt int64       `json:"iat,omitempty"`
	Expires  int64       `json:"exp"`
	ID       string      `json:"jti,omitempty"`
	Info     *wireInfo   `json:"info,omitempty"`
	Grants   room.Grants `json:"caps,omitzero"` // an empty map is written: it grants nothing
}

type wireHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid,omitempty"`
}

type wireInfo struct {
	Name string `json:"name"`
}

// Sign makes a token that a hub with this key takes, as long as Issuer and
// Audience are what that hub is configured with. It refuses what Verify would.
func Sign(k Key, c Claims) (string, error) {
	switch {
	case !k.CanSign():
		return "", errors.New("key: is a public one, which can only check tokens; signing needs the private key or the secret")
	case c.Expires.IsZero(), c.Expires.Unix() > lastDate:
		return "", errors.New("exp: is missing, or after the year 9999; say how long the token is to last")
	case c.Issuer == guestIssuer, k.id == guestKeyID:
		return "", fmt.Errorf("%q is kept for the hub's own guests", guestIssuer)
	}
	if err := CheckUser(c.User); err != nil {
		return "", message(err)
	}
	if err := CheckDisplayName(c.Name); err != nil {
		return "", message(err)
	}
	if c.Grants == nil {
		return "", errors.New("caps: are missing; say what the token grants")
	}
	if err := c.Grants.Check(); err != nil {
		return "", err
	}
	return sign(k, c)
}

func sign(k Key, c Claims) (string, error) {
	w := wireClaims{
		Subject: c.User, Issuer: c.Issuer, Audience: c.Audience, Expires: c.Expires.Unix(), ID: c.ID,
	}
	if !c.IssuedAt.IsZero() {
		w.IssuedAt = c.IssuedAt.Unix()
	}
	if c.Name != "" {
		w.Info = &wireInfo{Name: c.Name}
	}
	if !c.Guest { // what guests may do is the hub's setting, not the token's
		w.Grants = c.Grants
	}
	head, err := json.Marshal(wireHeader{Algorithm: k.Algorithm(), Type: "JWT", KeyID: k.id})
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	body, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := k.method.Sign(signed, k.private)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	signed += "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(signed) > MaxSize {
		return "", fmt.Errorf("the token is %d bytes long; at most %d: grant fewer patterns", len(signed), MaxSize)
	}
	return signed, nil
}

// message strips the code, which is the protocol's and says nothing on a terminal.
func message(err error) error {
	if e, ok := errors.AsType[*room.Error](err); ok {
		return errors.New(e.Message)
	}
	return err
}
