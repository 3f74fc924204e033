package transport

import (
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

// Identity decides who a caller is.
type Identity struct {
	Verifier *token.Verifier // for the operator's tokens; nil: none are known
	Guests   *token.GuestKey // for guests' tokens; nil: guests are not let in
	GuestTTL time.Duration   // how long a guest's token is good
	Grace    time.Duration   // how long a connection outlives its token
}

// identified is a caller whose claims were verified.
type identified struct {
	token.Claims
	issued string // a token that was made for a guest who came without one
}

// identify takes the token of a connect command or a Bearer header. Without one,
// or with a guest's, the caller is a guest, under the name that it gives itself.
func (id *Identity) identify(tok, name string) (identified, error) {
	if tok == "" {
		return id.newGuest(name)
	}
	claims, err := id.verify(tok)
	if err != nil {
		return identified{}, err
	}
	if claims.Guest && name != "" {
		if err := token.CheckDisplayName(name); err != nil {
			return identified{}, err
		}
		claims.Name = name
	}
	return identified{Claims: claims}, nil
}

func (id *Identity) newGuest(name string) (identified, error) {
	if id.Guests == nil {
		return identified{}, room.Errorf(room.CodeUnauthorized, "a token is needed: this hub does not let guests in")
	}
	issued, claims, err := id.Guests.IssueGuest(name, id.GuestTTL)
	if err != nil {
		return identified{}, err
	}
	return identified{Claims: claims, issued: issued}, nil
}

// verify accepts a token of the operator's, or a guest's while guests are let in.
func (id *Identity) verify(tok string) (token.Claims, error) {
	if id.Guests != nil && token.IsGuest(tok) {
		return id.Guests.Verify(tok)
	}
	if id.Verifier == nil {
		return token.Claims{}, room.Errorf(room.CodeUnauthorized, "this hub has no key to check tokens with; come without one, as a guest")
	}
	return id.Verifier.Verify(tok)
}
