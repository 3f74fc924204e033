package token

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hubbub-im/hubbub/room"
)

// payload is the middle part of a token: read strictly, and not yet trusted.
type payload struct {
	subject, issuer, id        string
	audience                   jwt.ClaimStrings
	expires, notBefore, issued *jwt.NumericDate
	info, caps                 json.RawMessage
}

// UnmarshalJSON reads the members that have a meaning here, and no others.
func (p *payload) UnmarshalJSON(data []byte) error {
	members, err := object("token's claims", data)
	if err != nil {
		return err
	}
	for name, to := range map[string]*string{"sub": &p.subject, "iss": &p.issuer, "jti": &p.id} {
		if *to, err = text(members, name); err != nil {
			return err
		}
	}
	for name, to := range map[string]**jwt.NumericDate{"exp": &p.expires, "nbf": &p.notBefore, "iat": &p.issued} {
		if *to, err = date(members, name); err != nil {
			return err
		}
	}
	if raw, ok := members["aud"]; ok {
		if err := json.Unmarshal(raw, &p.audience); err != nil {
			return room.Errorf(room.CodeUnauthorized, "aud: is neither a string nor a list of strings")
		}
	}
	p.info, p.caps = members["info"], members["caps"]
	return nil
}

// lastDate is the end of the year 9999. A time in milliseconds lies beyond it.
const lastDate = 253402300799

// date reads a NumericDate: seconds since 1970 as a JSON number, and nothing else.
func date(members map[string]json.RawMessage, name string) (*jwt.NumericDate, error) {
	raw, ok := members[name]
	if !ok {
		return nil, nil
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return nil, room.Errorf(room.CodeUnauthorized, "%s: is not a number; give seconds since 1970-01-01 UTC", name)
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > lastDate {
		return nil, room.Errorf(room.CodeUnauthorized, "%s: is out of range; give seconds (not milliseconds) since 1970-01-01 UTC", name)
	}
	whole := int64(seconds)
	return &jwt.NumericDate{Time: time.Unix(whole, int64((seconds-float64(whole))*1e9))}, nil
}

// claims holds a payload whose signature and times are good to the rest of the
// rules.
func (p *payload) claims() (Claims, error) {
	c := Claims{User: p.subject, ID: p.id, Issuer: p.issuer, Audience: p.audience, Expires: p.expires.Time}
	if p.issued != nil {
		c.IssuedAt = p.issued.Time
	}
	if err := CheckUser(c.User); err != nil {
		return Claims{}, room.Errorf(room.CodeUnauthorized, "sub: %s", message(err))
	}
	var err error
	if c.Name, err = displayName(p.info); err != nil {
		return Claims{}, err
	}
	return c, nil
}

func displayName(info json.RawMessage) (string, error) {
	if info == nil {
		return "", nil
	}
	members, err := inner("info", info)
	if err != nil {
		return "", err
	}
	name, err := text(members, "name")
	if err != nil {
		return "", err
	}
	if err := CheckDisplayName(name); err != nil {
		return "", room.Errorf(room.CodeUnauthorized, "info.name: %s", message(err))
	}
	return name, nil
}

// grants reads the caps of claims: an object of room patterns, each with a list of
// verbs.
func grants(caps []byte) (room.Grants, error) {
	if caps == nil {
		return nil, room.Errorf(room.CodeUnauthorized, `caps: is missing; give the grants, as {"lobby": ["join", "publish"]}`)
	}
	members, err := inner("caps", caps)
	if err != nil {
		return nil, err
	}
	g := make(room.Grants, len(members))
	for pattern, raw := range members {
		var verbs []room.Verb
		if json.Unmarshal(raw, &verbs) != nil || verbs == nil {
			return nil, room.Errorf(room.CodeUnauthorized, "caps: pattern %.40q: a list of verbs is expected", pattern)
		}
		g[pattern] = verbs
	}
	if err := g.Check(); err != nil {
		return nil, room.Errorf(room.CodeUnauthorized, "%v", err)
	}
	return g, nil
}

// What jwt.Claims asks for.

// GetExpirationTime gives exp, or nil.
func (p *payload) GetExpirationTime() (*jwt.NumericDate, error) { return p.expires, nil }

// GetIssuedAt gives iat, or nil.
func (p *payload) GetIssuedAt() (*jwt.NumericDate, error) { return p.issued, nil }

// GetNotBefore gives nbf, or nil.
func (p *payload) GetNotBefore() (*jwt.NumericDate, error) { return p.notBefore, nil }

// GetIssuer gives iss, or "".
func (p *payload) GetIssuer() (string, error) { return p.issuer, nil }

// GetSubject gives sub, or "".
func (p *payload) GetSubject() (string, error) { return p.subject, nil }

// GetAudience gives aud, or nothing.
func (p *payload) GetAudience() (jwt.ClaimStrings, error) { return p.audience, nil }
