package token

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	k := secretKey(t)
	good := Claims{User: "ann", Grants: room.Everything(), Expires: epoch}
	with := func(change func(*Claims)) Claims {
		c := good
		change(&c)
		return c
	}
	many := room.Grants{}
	for i := range 100 {
		many[fmt.Sprintf("%0100d", i)] = []room.Verb{room.VerbAny}
	}
	for _, c := range []struct {
		name   string
		key    Key
		claims Claims
		says   string
	}{
		{"public key", pairs(t)["ES256"].public(t), good, "is a public one"},
		{"no expiry", k, with(func(c *Claims) { c.Expires = time.Time{} }), "exp: is missing"},
		{"expiry in the year 10000", k, with(func(c *Claims) { c.Expires = time.Unix(lastDate+1, 0) }), "after the year 9999"},
		{"issuer of guests", k, with(func(c *Claims) { c.Issuer = guestIssuer }), "guests"},
		{"no user", k, with(func(c *Claims) { c.User = "" }), "user id: is missing"},
		{"bad user", k, with(func(c *Claims) { c.User = "a\x1b[2J" }), "control character"},
		{"bad name", k, with(func(c *Claims) { c.Name = "\xff" }), "UTF-8"},
		{"no grants", k, with(func(c *Claims) { c.Grants = nil }), "caps: are missing"},
		{"bad grants", k, with(func(c *Claims) { c.Grants = room.Grants{"a b": nil} }), "caps: pattern"},
		{"too large", k, with(func(c *Claims) { c.Grants = many }), "at most 8192"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Sign(c.key, c.claims)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestSignNamesItsKey(t *testing.T) {
	token, err := Sign(secretKey(t).WithID("2027-a"), Claims{User: "ann", Grants: room.Grants{}, Expires: epoch.Add(time.Hour)})
	require.NoError(t, err)
	h, err := readHeader(token)
	require.NoError(t, err)
	require.Equal(t, header{alg: "HS256", kid: "2027-a"}, h)
	c, err := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}}).Verify(token)
	require.NoError(t, err)
	require.Equal(t, room.Grants{}, c.Grants, "to grant nothing is not to say nothing")
}

func TestParseCaps(t *testing.T) {
	for _, c := range []struct {
		in   string
		want room.Grants
		says string
	}{
		{in: `{"team-*":["join","publish"],"lobby":["*"]}`, want: room.Grants{"team-*": {"join", "publish"}, "lobby": {"*"}}},
		{in: `lobby=join,publish;team-*=*`, want: room.Grants{"lobby": {"join", "publish"}, "team-*": {"*"}}},
		{in: ` lobby = join , publish ; `, want: room.Grants{"lobby": {"join", "publish"}}},
		{in: `*=*`, want: room.Everything()},
		{in: `a=b=join`, want: room.Grants{"a=b": {"join"}}},
		{in: ``, says: "caps: are empty"},
		{in: `lobby`, says: `"lobby" has no verbs`},
		{in: `lobby=`, says: "empty verb"},
		{in: `lobby=join,`, says: "empty verb"},
		{in: `=join`, says: `pattern ""`},
		{in: `lobby=fly`, says: `unknown verb "fly"`},
		{in: `lobby=join;lobby=publish`, says: "stands there twice"},
		{in: `lo bby=join`, says: "a room's name"},
		{in: `{"lobby":"*"}`, says: "a list of verbs"},
		{in: `{"lobby":["*"]`, says: "not valid JSON"},
		{in: `{"lobby":["*"],"lobby":["join"]}`, says: "twice"},
	} {
		t.Run(c.in, func(t *testing.T) {
			g, err := ParseCaps(c.in)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), "unauthorized", "there is nobody to authorize on a command line")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, g)
		})
	}
	_, err := ParseCaps(strings.Repeat("a=join;", 3))
	require.Error(t, err)
}
