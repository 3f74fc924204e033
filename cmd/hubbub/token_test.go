package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

const publicPEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`

// runToken runs the program and gives its exit status and what it printed.
func runToken(t *testing.T, environ []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	status = run(t.Context(), append([]string{"token"}, args...), environ, streams{strings.NewReader(""), &out, &errs})
	return status, out.String(), errs.String()
}

func keyFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestTokenIsTakenByAHubWithTheKey(t *testing.T) {
	path := keyFile(t, strings.Repeat("secret", 6)+"\n")
	keys, err := token.LoadKeys(path)
	require.NoError(t, err)
	v, err := token.NewVerifier(token.Config{Keys: []token.Key{keys[0].WithID("k1")}, Issuer: "me", Audience: []string{"hub"}, Now: time.Now})
	require.NoError(t, err)

	status, out, errs := runToken(t, []string{"HUBBUB_KEY=" + path, "HUBBUB_ISSUER=me", "HUBBUB_AUDIENCE=x,hub"},
		"--sub=ann", "--name=Ann", "--caps=lobby=join,publish;team-*=*", "--ttl=10m", "--kid=k1")
	require.Zero(t, status, errs)
	require.Empty(t, errs)
	require.Equal(t, 1, strings.Count(out, "\n"), "one line, fit for $(hubbub token ...)")
	c, err := v.Verify(strings.TrimSpace(out))
	require.NoError(t, err)
	require.Equal(t, "ann", c.User)
	require.Equal(t, "Ann", c.Name)
	require.Equal(t, room.Grants{"lobby": {room.VerbJoin, room.VerbPublish}, "team-*": {room.VerbAny}}, c.Grants)
	require.InDelta(t, 600, time.Until(c.Expires).Seconds(), 5)
	require.NotEmpty(t, c.ID)
}

func TestTokenTakesTheKeyThatCanSign(t *testing.T) {
	status, out, errs := runToken(t, nil, "--sub=ann", "--caps=*=*", "--key="+keyFile(t, publicPEM), "--key="+keyFile(t, strings.Repeat("s", 32)))
	require.Zero(t, status, errs)
	require.True(t, strings.HasPrefix(out, "eyJhbGciOiJIUzI1NiI"), out)
}

func TestTokenRefusals(t *testing.T) {
	good := keyFile(t, strings.Repeat("s", 32))
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"nothing", nil, "missing flags: --caps=CAPS, --sub=USER"},
		{"no such key", []string{"--sub=a", "--caps=*=*", "--key=/nowhere/key"}, "no such file"},
		{"short secret", []string{"--sub=a", "--caps=*=*", "--key=" + keyFile(t, "short")}, "5 bytes long; HS256 needs 32"},
		{"public key", []string{"--sub=a", "--caps=*=*", "--key=" + keyFile(t, publicPEM)}, "public keys only"},
		{"bad caps", []string{"--sub=a", "--caps=lobby", "--key=" + good}, `--caps: caps: "lobby" has no verbs`},
		{"bad verb", []string{"--sub=a", "--caps=lobby=fly", "--key=" + good}, `unknown verb "fly"`},
		{"no time", []string{"--sub=a", "--caps=*=*", "--ttl=0s", "--key=" + good}, "--ttl 0s: give a second or more"},
		{"bad time", []string{"--sub=a", "--caps=*=*", "--ttl=soon", "--key=" + good}, "--ttl"},
		{"empty sub", []string{"--sub=", "--caps=*=*", "--key=" + good}, "user id: is missing"},
		{"issuer of guests", []string{"--sub=a", "--caps=*=*", "--issuer=hubbub-guest", "--key=" + good}, "guests"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, errs := runToken(t, nil, c.args...)
			require.Equal(t, 1, status)
			require.Empty(t, out)
			require.Contains(t, errs, c.says)
		})
	}
}
