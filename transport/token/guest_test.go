package token

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

var lobby = room.Grants{"lobby": {room.VerbJoin, room.VerbPublish}}

func TestGuestIsKnownAgain(t *testing.T) {
	secret := NewGuestSecret()
	v := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}, GuestSecret: secret, GuestGrants: lobby})
	token, issued, err := v.IssueGuest("Ann", time.Hour)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(issued.User, GuestPrefix))
	require.Equal(t, "Ann", issued.Name)
	require.True(t, issued.Guest)

	again, err := v.Verify(token)
	require.NoError(t, err)
	require.Equal(t, issued, again)

	other, err := newTestVerifier(t, Config{GuestSecret: secret, GuestGrants: room.Grants{}}).Verify(token)
	require.NoError(t, err)
	require.Equal(t, issued.User, other.User)
	require.Empty(t, other.Grants, "what guests may do is what the setting says now")

	renewed, claims, err := v.RenewGuest(again, "Bob", 2*time.Hour)
	require.NoError(t, err)
	require.Equal(t, issued.User, claims.User)
	again, err = v.Verify(renewed)
	require.NoError(t, err)
	require.Equal(t, "Bob", again.Name)
	require.Equal(t, epoch.Add(2*time.Hour), again.Expires)
}

func TestGuestIDsDiffer(t *testing.T) {
	v := newTestVerifier(t, Config{GuestSecret: NewGuestSecret()})
	seen := map[string]bool{}
	for range 1000 {
		_, c, err := v.IssueGuest("", time.Hour)
		require.NoError(t, err)
		require.False(t, seen[c.User])
		seen[c.User] = true
	}
}

// TestGuestsAndOthersStayApart tries to pass each kind of token off as the other.
func TestGuestsAndOthersStayApart(t *testing.T) {
	secret := NewGuestSecret()
	guestKey, err := Secret(secret)
	require.NoError(t, err)
	v := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}, GuestSecret: secret, GuestGrants: lobby})
	good, _, err := v.IssueGuest("", time.Hour)
	require.NoError(t, err)
	parts := strings.Split(good, ".")
	guestHead := `{"alg":"HS256","kid":"hubbub-guest"}`
	for _, c := range []struct{ name, token, says string }{
		{"signed by the issuer's key, as a guest", forge(t, secretKey(t), guestHead, goodClaims(`,"iss":"hubbub-guest"`)), "signature"},
		{"signed by the guests' key, without its kid", forge(t, guestKey, goodHead, goodClaims("")), "signature"},
		{"signed by the guests' key, of another issuer", forge(t, guestKey, guestHead, goodClaims(`,"iss":"x"`)), "iss:"},
		{"signed by the guests' key, without issuer", forge(t, guestKey, guestHead, goodClaims("")), "iss:"},
		{"the issuer takes a guest's id", forge(t, secretKey(t), goodHead, strings.Replace(goodClaims(""), "ann", "guest-ann", 1)), "belong to this hub's guests"},
		{"the issuer says that it is the guests'", forge(t, secretKey(t), goodHead, goodClaims(`,"iss":"hubbub-guest"`)), "kept for this hub's own guests"},
		{"guest without signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"guest with alg none", b64(`{"alg":"none","kid":"hubbub-guest"}`) + "." + parts[1] + ".", "signature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := v.Verify(c.token)
			requireVerdict(t, c.token, err, room.CodeUnauthorized, "")
			require.ErrorContains(t, err, c.says)
		})
	}
	t.Run("caps in a guest's token count for nothing", func(t *testing.T) {
		c, err := v.Verify(forge(t, guestKey, guestHead, strings.Replace(goodClaims(`,"iss":"hubbub-guest"`), `"lobby":["*"]`, `"*":["*"]`, 1)))
		require.NoError(t, err)
		require.Equal(t, lobby, c.Grants)
	})
}

func TestGuestRefusals(t *testing.T) {
	off := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}})
	_, _, err := off.IssueGuest("", time.Hour)
	requireVerdict(t, "", err, room.CodeUnauthorized, "no guests")

	on := newTestVerifier(t, Config{GuestSecret: NewGuestSecret()})
	_, _, err = on.IssueGuest(strings.Repeat("n", 65), time.Hour)
	requireVerdict(t, "", err, room.CodeBadRequest, "display name: is 65 bytes long")
	_, _, err = on.RenewGuest(Claims{User: "ann"}, "", time.Hour)
	requireVerdict(t, "", err, room.CodeUnauthorized, "not a guest's")

	token, _, err := on.IssueGuest("", -time.Hour)
	require.NoError(t, err)
	_, err = on.Verify(token)
	requireVerdict(t, token, err, room.CodeTokenExpired, "exp:")

	_, err = newTestVerifier(t, Config{GuestSecret: NewGuestSecret()}).Verify(token)
	requireVerdict(t, token, err, room.CodeUnauthorized, "signature")
}
