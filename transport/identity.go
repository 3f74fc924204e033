package transport

import (
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

// Identity decides who a caller is.
type Identity struct {
	Verifier *token.Verifier // knows the operator's keys and, if there are any, the guests
	GuestTTL time.Duration   // how long a guest's token is good
	Grace    time.Duration   // how long a connection outlives its token

	reloaded atomic.Pointer[token.Verifier] // in the place of Verifier, once Reload was called
}

// Reload checks tokens with v from now on. Connections that there are stay.
func (id *Identity) Reload(v *token.Verifier) { id.reloaded.Store(v) }

func (id *Identity) verifier() *token.Verifier {
	if v := id.reloaded.Load(); v != nil {
		return v
	}
	return id.Verifier
}

// identified is a caller whose claims were verified.
type identified struct {
	token.Claims
	issued string // a guest's new token, to come back with
}

// identify takes the token of a connect command or a Bearer header. Without one
// the caller is a new guest; with a guest's it is the same guest again, under the
// name that it now gives itself, for another GuestTTL.
func (s *Server) identify(tok, name string) (identified, error) {
	id := s.cfg.Identity
	if tok == "" {
		issued, claims, err := id.verifier().IssueGuest(name, id.GuestTTL)
		return identified{claims, issued}, err
	}
	claims, err := s.verify(tok)
	if err == nil && !time.Now().Before(claims.Expires.Add(id.Grace)) {
		// Within the skew of clocks it is good, but not for a connection.
		err = token.Ended(claims.Expires)
	}
	if err != nil || !claims.Guest {
		return identified{claims, ""}, err
	}
	if name == "" {
		name = claims.Name
	}
	issued, claims, err := id.verifier().RenewGuest(claims, name, id.GuestTTL)
	return identified{claims, issued}, err
}

// verify checks a token, and holds whoever comes with it against bans and revocations.
// The grants of the claims are what those leave of them.
func (s *Server) verify(tok string) (token.Claims, error) {
	claims, err := s.cfg.Identity.verifier().Verify(tok)
	if err != nil {
		return claims, err
	}
	caller, err := s.cfg.Hub.Admit(claims.Caller())
	claims.Grants = caller.Grants
	return claims, err
}

// introduce identifies the peer of a new connection or stream. Those who come
// without a token, or with a bad one, are charged to their address.
func (s *Server) introduce(remote, tok, name string) (identified, error) {
	if tok == "" {
		if err := s.strange(remote); err != nil {
			return identified{}, err
		}
	}
	who, err := s.identify(tok, name)
	if err != nil && tok != "" && room.AsError(err).Code != room.CodeUnavailable {
		if limited := s.strange(remote); limited != nil {
			return identified{}, limited
		}
	}
	return who, err
}
