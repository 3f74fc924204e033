package transport

import (
	"time"

	"github.com/hubbub-im/hubbub/transport/token"
)

// Identity decides who a caller is.
type Identity struct {
	Verifier *token.Verifier // knows the operator's keys and, if there are any, the guests
	GuestTTL time.Duration   // how long a guest's token is good
	Grace    time.Duration   // how long a connection outlives its token
}

// identified is a caller whose claims were verified.
type identified struct {
	token.Claims
	issued string // a guest's new token, to come back with
}

// identify takes the token of a connect command or a Bearer header. Without one
// the caller is a new guest; with a guest's it is the same guest again, under the
// name that it now gives itself, for another GuestTTL.
func (id *Identity) identify(tok, name string) (identified, error) {
	if tok == "" {
		issued, claims, err := id.Verifier.IssueGuest(name, id.GuestTTL)
		return identified{claims, issued}, err
	}
	claims, err := id.Verifier.Verify(tok)
	if err != nil || !claims.Guest {
		return identified{claims, ""}, err
	}
	if name == "" {
		name = claims.Name
	}
	issued, claims, err := id.Verifier.RenewGuest(claims, name, id.GuestTTL)
	return identified{claims, issued}, err
}
