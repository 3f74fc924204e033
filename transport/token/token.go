// Package token makes and checks the JSON Web Tokens that tell a hub who a caller
// is and what they may do. PROTOCOL.md, section 7, is its contract.
//
// The algorithm belongs to the key, never to the token: a key knows the one
// algorithm that it is for, and a token whose header names another is refused
// before any key is tried. What a token's header says about where to find a key
// (jwk, jku, x5c, x5u) is not looked at.
package token

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// MaxSize is the longest token in bytes. It is checked before anything else.
	MaxSize = 8 << 10
	// Skew is how far the clocks of the issuer and of the hub may differ: a token
	// is taken for that long after its exp, and before its nbf and iat.
	Skew = 60 * time.Second
)

// Claims is what a token says. Verify fills all of it; Sign writes what is set.
type Claims struct {
	User     string      // sub: who the caller is
	Name     string      // info.name: the display name
	Grants   room.Grants // caps: what the caller may do, and where
	Expires  time.Time   // exp, as it stands in the token: up to Skew before now for one that was just verified
	IssuedAt time.Time   // iat, or zero
	ID       string      // jti
	Issuer   string      // iss
	Audience []string    // aud
	Guest    bool        // made by IssueGuest, not by an issuer of the operator's
}

// Caller gives the part of the claims that the rules of a room ask for.
func (c Claims) Caller() room.Caller {
	return room.Caller{User: c.User, Name: c.Name, Grants: c.Grants, TokenID: c.ID, Issued: c.IssuedAt}
}

// CheckUser reports what is wrong with a user's id, or nil. Its error is a
// *room.Error with CodeBadRequest.
func CheckUser(user string) error {
	if user == "" {
		return room.Errorf(room.CodeBadRequest, "user id: is missing or empty; give 1 to %d bytes", room.MaxUser)
	}
	return checkText("user id", user, room.MaxUser)
}

// CheckDisplayName reports what is wrong with a display name, or nil, as CheckUser
// does. No name is a good one.
func CheckDisplayName(name string) error { return checkText("display name", name, room.MaxInfo) }

// checkText refuses what could be taken for something else where it is shown or
// compared. U+FFFD is what broken text decodes to: two ids that differ in what is
// broken would become one.
func checkText(field, s string, most int) error {
	switch {
	case len(s) > most:
		return room.Errorf(room.CodeBadRequest, "%s: is %d bytes long; at most %d", field, len(s), most)
	case !utf8.ValidString(s), strings.ContainsRune(s, utf8.RuneError):
		return room.Errorf(room.CodeBadRequest, "%s: is not whole text in UTF-8", field)
	case strings.ContainsFunc(s, unicode.IsControl):
		return room.Errorf(room.CodeBadRequest, "%s: holds a control character; leave it out", field)
	case s != "" && strings.TrimSpace(s) == "":
		return room.Errorf(room.CodeBadRequest, "%s: is nothing but white space", field)
	}
	return nil
}
