package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// FuzzVerify gives any text as a token. What is taken must carry a signature that
// the standard library makes too.
func FuzzVerify(f *testing.F) {
	k := secretKey(f)
	secret := NewGuestSecret()
	v := newTestVerifier(f, Config{Keys: []Key{k}, GuestSecret: secret, GuestGrants: lobby})
	guest, _, err := v.IssueGuest("Ann", time.Hour)
	require.NoError(f, err)
	for _, token := range []string{
		"", "..", "a.b.c", guest,
		forge(f, k, goodHead, goodClaims(`,"info":{"name":"Ann"},"aud":["x"],"nbf":1,"iat":1`)),
		forge(f, k, `{"alg":"none"}`, goodClaims("")), forge(f, k, `{"alg":"RS256","kid":"hubbub-guest"}`, `{"exp":1e400}`),
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(token)
		if err != nil {
			requireVerdict(t, "", err, room.AsError(err).Code, "")
			return
		}
		i := strings.LastIndexByte(token, '.')
		key := []byte(secretText)
		if c.Guest {
			key = secret
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(token[:i]))
		require.Equal(t, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), token[i+1:])
	})
}

// FuzzClaims signs any claims with the right key. What is taken must be within
// every bound.
func FuzzClaims(f *testing.F) {
	k := secretKey(f)
	v := newTestVerifier(f, Config{Keys: []Key{k}})
	f.Add(goodHead, goodClaims(`,"info":{"name":"Ann"},"aud":["x"],"nbf":1,"iat":1`))
	f.Add(`{"alg":"HS256","kid":"a"}`, `{"sub":"a","exp":2e9,"caps":{"a*":[]}}`)
	f.Add(`{"alg":"HS256","crit":["a"]}`, `{"sub":"\ud800","SUB":"x","exp":"1","exp":1e400,"caps":null}`)
	f.Fuzz(func(t *testing.T, head, claims string) {
		c, err := v.Verify(forge(t, k, head, claims))
		if err != nil {
			code := room.AsError(err).Code
			require.Contains(t, []room.Code{room.CodeUnauthorized, room.CodeTokenExpired}, code, err)
			return
		}
		require.NotEmpty(t, c.User)
		require.LessOrEqual(t, len(c.User), room.MaxUser)
		require.LessOrEqual(t, len(c.Name), room.MaxInfo)
		require.True(t, utf8.ValidString(c.User+c.Name))
		require.False(t, c.Guest)
		require.NoError(t, c.Grants.Check())
		require.True(t, c.Expires.After(epoch.Add(-Skew)))
		require.Less(t, c.Expires.Unix(), int64(lastDate)+1)
		var plain struct{ Sub string }
		require.NoError(t, json.Unmarshal([]byte(claims), &plain), "what is taken is JSON to everybody")
	})
}
