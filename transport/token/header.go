package token

import (
	"encoding/base64"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

// header is what a token says about how it is signed. It picks among the keys
// that the hub was given, and decides nothing.
type header struct {
	alg, kid string
}

// readHeader checks a token's size and shape, and reads its first part.
func readHeader(token string) (header, error) {
	switch {
	case token == "":
		return header{}, room.Errorf(room.CodeUnauthorized, "token: is empty; give a JWT")
	case len(token) > MaxSize:
		return header{}, room.Errorf(room.CodeUnauthorized, "token: is %d bytes long; at most %d", len(token), MaxSize)
	case strings.Count(token, ".") == 4:
		return header{}, room.Errorf(room.CodeUnauthorized, "token: is encrypted (JWE); give a signed one (JWS)")
	case strings.Count(token, ".") != 2, strings.ContainsFunc(token, notToken):
		return header{}, room.Errorf(room.CodeUnauthorized, "token: is not a JWT, which is three parts of base64url, without padding, between dots")
	}
	first, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return header{}, room.Errorf(room.CodeUnauthorized, "token's header: is not base64url without padding")
	}
	return parseHeader(data)
}

// notToken tells what base64url does not hold. Go's decoder would skip line ends.
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

func parseHeader(data []byte) (header, error) {
	members, err := object("token's header", data)
	if err != nil {
		return header{}, err
	}
	var h header
	for name, to := range map[string]*string{"alg": &h.alg, "kid": &h.kid} {
		if *to, err = text(members, name); err != nil {
			return header{}, err
		}
	}
	// RFC 7515, 4.1.11: what crit lists must be understood, and nothing here is.
	for _, name := range []string{"crit", "zip", "enc", "b64"} {
		if _, ok := members[name]; ok {
			return header{}, room.Errorf(room.CodeUnauthorized, "token's header: has %q, which this hub does not support; leave it out", name)
		}
	}
	return h, nil
}
