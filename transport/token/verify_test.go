package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// TestClaimRules signs claims with the right key, and sees which are taken.
func TestClaimRules(t *testing.T) {
	v := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}})
	hour := epoch.Add(time.Hour).Unix()
	at := func(claim string, d time.Duration) string {
		return goodClaims(fmt.Sprintf(`,%q:%d`, claim, epoch.Add(d).Unix()))
	}
	expiring := func(exp string) string { return `{"sub":"ann","caps":{"a":["*"]},"exp":` + exp + `}` }
	sub := func(s string) string { return fmt.Sprintf(`{"sub":%s,"exp":%d,"caps":{"a":["*"]}}`, s, hour) }
	caps := func(s string) string { return fmt.Sprintf(`{"sub":"ann","exp":%d,"caps":%s}`, hour, s) }
	for _, c := range []struct {
		name, claims string
		code         room.Code // "": it verifies
		says         string
	}{
		{"good", goodClaims(""), "", ""},
		{"claims that mean nothing here", goodClaims(`,"scope":"x","deep":{"a":[1,{"b":null}]}`), "", ""},
		{"white space", "\r\n " + goodClaims(""), "", ""},
		{"fraction of a second", expiring(fmt.Sprint(hour) + ".75"), "", ""},
		{"exponent", expiring("1.9e9"), "", ""},
		{"expired within the skew", expiring(fmt.Sprint(epoch.Add(-59 * time.Second).Unix())), "", ""},
		{"expired beyond the skew", expiring(fmt.Sprint(epoch.Add(-60 * time.Second).Unix())), room.CodeTokenExpired, "ended at 2027-01-15T07:59:00Z"},
		{"no exp", `{"sub":"ann","caps":{}}`, room.CodeUnauthorized, "exp: is missing"},
		{"exp null", expiring("null"), room.CodeUnauthorized, "exp: is not a number"},
		{"exp a string", expiring(fmt.Sprintf("%q", fmt.Sprint(hour))), room.CodeUnauthorized, "exp: is not a number"},
		{"exp an object", expiring("{}"), room.CodeUnauthorized, "exp: is not a number"},
		{"exp 1e400", expiring("1e400"), room.CodeUnauthorized, "exp: is out of range"},
		{"exp 1e300", expiring("1e300"), room.CodeUnauthorized, "exp: is out of range"},
		{"exp 2^63", expiring("9223372036854775808"), room.CodeUnauthorized, "exp: is out of range"},
		{"exp in milliseconds", expiring("1900000000000"), room.CodeUnauthorized, "not milliseconds"},
		{"exp negative", expiring("-1"), room.CodeUnauthorized, "exp: is out of range"},
		{"exp zero", expiring("0"), room.CodeTokenExpired, "exp: the token ended at 1970"},
		{"nbf past", at("nbf", -time.Hour), "", ""},
		{"nbf within the skew", at("nbf", 60*time.Second), "", ""},
		{"nbf beyond the skew", at("nbf", 61*time.Second), room.CodeUnauthorized, "nbf: the token is not valid yet"},
		{"nbf a string", goodClaims(`,"nbf":"1"`), room.CodeUnauthorized, "nbf: is not a number"},
		{"iat within the skew", at("iat", 60*time.Second), "", ""},
		{"iat beyond the skew", at("iat", 61*time.Second), room.CodeUnauthorized, "iat: the token comes from the future"},
		{"iat a boolean", goodClaims(`,"iat":true`), room.CodeUnauthorized, "iat: is not a number"},
		{"jti a number", goodClaims(`,"jti":7`), room.CodeUnauthorized, "jti: is not a string"},
		{"iss not pinned", goodClaims(`,"iss":"whoever"`), "", ""},
		{"iss of guests", goodClaims(`,"iss":"hubbub-guest"`), room.CodeUnauthorized, "iss:"},
		{"aud not pinned", goodClaims(`,"aud":"whoever"`), "", ""},
		{"aud of numbers", goodClaims(`,"aud":[1]`), room.CodeUnauthorized, "aud: is neither"},

		{"no sub", fmt.Sprintf(`{"exp":%d,"caps":{}}`, hour), room.CodeUnauthorized, "sub: user id: is missing"},
		{"sub empty", sub(`""`), room.CodeUnauthorized, "sub: user id: is missing"},
		{"sub a number", sub("7"), room.CodeUnauthorized, "sub: is not a string"},
		{"sub null", sub("null"), room.CodeUnauthorized, "sub: is not a string"},
		{"sub of 128 bytes", sub(`"` + strings.Repeat("ü", 64) + `"`), "", ""},
		{"sub of 129 bytes", sub(`"` + strings.Repeat("x", 129) + `"`), room.CodeUnauthorized, "129 bytes long; at most 128"},
		{"sub with a line end", sub(`"a\nb"`), room.CodeUnauthorized, "control character"},
		{"sub with NUL", sub(`"a\u0000"`), room.CodeUnauthorized, "control character"},
		{"sub with half a surrogate", sub(`"\ud800"`), room.CodeUnauthorized, "not whole text"},
		{"sub of spaces", sub(`"  "`), room.CodeUnauthorized, "white space"},
		{"sub in bad UTF-8", sub("\"\xff\""), room.CodeUnauthorized, "UTF-8"},
		{"sub like a guest's, without guests", sub(`"guest-x"`), "", ""},

		{"no caps", fmt.Sprintf(`{"sub":"ann","exp":%d}`, hour), room.CodeUnauthorized, "caps: is missing"},
		{"caps empty", caps("{}"), "", ""},
		{"caps null", caps("null"), room.CodeUnauthorized, "caps: is not a JSON object"},
		{"caps as text", caps(`"{\"a\":[\"*\"]}"`), room.CodeUnauthorized, "caps: is not a JSON object"},
		{"caps a list", caps(`["join"]`), room.CodeUnauthorized, "caps: is not a JSON object"},
		{"caps verb not in a list", caps(`{"a":"*"}`), room.CodeUnauthorized, "a list of verbs"},
		{"caps verbs null", caps(`{"a":null}`), room.CodeUnauthorized, "a list of verbs"},
		{"caps unknown verb", caps(`{"a":["fly"]}`), room.CodeUnauthorized, `unknown verb "fly"`},
		{"caps two stars", caps(`{"a*b*":["*"]}`), room.CodeUnauthorized, "at most one *"},
		{"caps 101 patterns", caps(manyPatterns(101)), room.CodeUnauthorized, "at most 100"},
		{"caps 100 patterns", caps(manyPatterns(100)), "", ""},
		{"caps pattern twice", caps(`{"a":["join"],"a":["*"]}`), room.CodeUnauthorized, `names "a" twice`},

		{"name", goodClaims(`,"info":{"name":"Ann"}`), "", ""},
		{"name of 64 bytes", goodClaims(`,"info":{"name":"` + strings.Repeat("n", 64) + `"}`), "", ""},
		{"name of 65 bytes", goodClaims(`,"info":{"name":"` + strings.Repeat("n", 65) + `"}`), room.CodeUnauthorized, "info.name: display name: is 65 bytes long; at most 64"},
		{"name a list", goodClaims(`,"info":{"name":[]}`), room.CodeUnauthorized, "name: is not a string"},
		{"info a string", goodClaims(`,"info":"Ann"`), room.CodeUnauthorized, "info: is not a JSON object"},
		{"info with more", goodClaims(`,"info":{"avatar":"x"}`), "", ""},

		{"sub twice", goodClaims(`,"sub":"bob"`), room.CodeUnauthorized, `names "sub" twice`},
		{"sub twice, once escaped", goodClaims(`,"s\u0075b":"bob"`), room.CodeUnauthorized, `names "sub" twice`},
		{"SUB beside sub means nothing", goodClaims(`,"SUB":"bob"`), "", ""},
		{"twice, deep down", goodClaims(`,"x":[{"y":{"z":1,"z":2}}]`), room.CodeUnauthorized, `names "z" twice`},
		{"a list", `["ann"]`, room.CodeUnauthorized, "not a JSON object"},
		{"null", `null`, room.CodeUnauthorized, "exp: is missing"},
		{"nothing", ``, room.CodeUnauthorized, "not a JWT"},
		{"two values", goodClaims("") + `{}`, room.CodeUnauthorized, "not a JWT"},
		{"6,000 levels", strings.Repeat("[", 6000), room.CodeUnauthorized, "not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := forge(t, secretKey(t), goodHead, c.claims)
			_, err := v.Verify(token)
			requireVerdict(t, token, err, c.code, c.says)
		})
	}
}

func manyPatterns(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"room-%d":["join"]`, i)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// requireVerdict holds an error of Verify to its contract.
func requireVerdict(t *testing.T, token string, err error, code room.Code, says string) {
	t.Helper()
	if code == "" {
		require.NoError(t, err)
		return
	}
	e, ok := errors.AsType[*room.Error](err)
	require.True(t, ok, "a %T: %v", err, err)
	require.Equal(t, code, e.Code, e.Message)
	require.Contains(t, e.Message, says)
	if len(token) > 20 {
		require.NotContains(t, e.Message, token[:20], "an error must not give the token away")
	}
	require.Less(t, len(e.Message), 300)
}

// TestAttacks is what RFC 8725 warns of, and what was done to others.
func TestAttacks(t *testing.T) {
	keys := pairs(t)
	secret := secretKey(t)
	rsaPublic, ecPublic, edPublic := keys["RS256"].public(t), keys["ES256"].public(t), keys["EdDSA"].public(t)
	// The classic: the public key, known to all, taken as an HMAC secret.
	confused := Key{method: secret.method, public: keys["RS256"].publicPEM, private: keys["RS256"].publicPEM}
	good := forge(t, secret, goodHead, goodClaims(""))
	parts := strings.Split(good, ".")
	withHead := func(more string) string { return `{"alg":"HS256"` + more + `}` }
	for _, a := range []struct {
		name  string
		key   Key // what the hub is configured with
		token string
		says  string
	}{
		{"empty", secret, "", "is empty"},
		{"not a token", secret, "hello", "not a JWT"},
		{"one dot", secret, parts[0] + "." + parts[1], "not a JWT"},
		{"three dots", secret, good + ".", "not a JWT"},
		{"dots only", secret, "..", "not"},
		{"a million dots", secret, strings.Repeat(".", 1_000_000), "at most 8192"},
		{"8 KiB of dots", secret, strings.Repeat(".", MaxSize), "not a JWT"},
		{"JWE", secret, "a.b.c.d.e", "encrypted"},
		{"larger than the bound", secret, forge(t, secret, goodHead, goodClaims(`,"x":"`+strings.Repeat("x", MaxSize)+`"`)), "at most 8192"},
		{"padding", secret, parts[0] + "." + parts[1] + "." + parts[2] + "=", "base64url, without padding"},
		{"line end inside", secret, parts[0] + ".\n" + parts[1] + "." + parts[2], "not a JWT"},
		{"space before", secret, " " + good, "not a JWT"},
		{"NUL after", secret, good + "\x00", "not a JWT"},
		{"standard base64", secret, "e30+." + parts[1] + "." + parts[2], "not a JWT"},
		{"last bits of the signature", secret, good[:len(good)-1] + string(good[len(good)-1]+1), "not"},

		{"alg none", secret, b64(`{"alg":"none"}`) + "." + parts[1] + ".", `"none"; this hub takes HS256`},
		{"alg None", secret, b64(`{"alg":"None"}`) + "." + parts[1] + ".", `"None"`},
		{"alg NONE, signed", secret, forge(t, secret, `{"alg":"NONE"}`, goodClaims("")), `"NONE"`},
		{"alg hs256", secret, forge(t, secret, `{"alg":"hs256"}`, goodClaims("")), `"hs256"`},
		{"alg HS384", secret, forge(t, secret, `{"alg":"HS384"}`, goodClaims("")), `"HS384"`},
		{"alg missing", secret, forge(t, secret, `{}`, goodClaims("")), `""; this hub takes`},
		{"alg null", secret, forge(t, secret, `{"alg":null}`, goodClaims("")), "alg: is not a string"},
		{"alg a list", secret, forge(t, secret, `{"alg":["HS256"]}`, goodClaims("")), "alg: is not a string"},
		{"alg twice", secret, forge(t, secret, `{"alg":"HS256","alg":"none"}`, goodClaims("")), `names "alg" twice`},
		{"ALG only", secret, forge(t, secret, `{"ALG":"HS256"}`, goodClaims("")), "this hub takes"},
		{"HS256 with the RSA public key", rsaPublic, forge(t, confused, goodHead, goodClaims("")), `"HS256"; this hub takes RS256`},
		{"RS256 claimed, HMAC by the RSA public key", rsaPublic, forge(t, confused, `{"alg":"RS256"}`, goodClaims("")), "signature"},
		{"PS256 with the RSA key", rsaPublic, forge(t, keys["RS256"].private, `{"alg":"PS256"}`, goodClaims("")), `"PS256"`},
		{"RS256 to a hub with a secret", secret, forge(t, keys["RS256"].private, `{"alg":"RS256"}`, goodClaims("")), `"RS256"`},
		{"RS256 by another key", rsaPublic, sameKind(t, "RS256"), "signature"},
		{"ES256 by another key", ecPublic, sameKind(t, "ES256"), "signature"},
		{"EdDSA by another key", edPublic, sameKind(t, "EdDSA"), "signature"},
		{"HS256 by another secret", secret, sameKind(t, "HS256"), "signature"},
		{"ES256 with r and s zero", ecPublic, b64(`{"alg":"ES256"}`) + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), "signature"},
		{"EdDSA with zeros", edPublic, b64(`{"alg":"EdDSA"}`) + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), "signature"},
		{"ES256 signature in ASN.1 length", ecPublic, b64(`{"alg":"ES256"}`) + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 71)), "signature"},
		{"no signature", secret, parts[0] + "." + parts[1] + ".", "signature"},
		{"half a signature", secret, parts[0] + "." + parts[1] + "." + parts[2][:22], "not"},
		{"signature of other claims", secret, parts[0] + "." + b64(goodClaims(`,"jti":"x"`)) + "." + parts[2], "signature"},

		{"jwk of the attacker", secret, b64(withHead(`,"jwk":{"kty":"oct","k":"AAAA"}`)) + "." + parts[1] + "." + parts[2], "signature"},
		{"jku", secret, b64(withHead(`,"jku":"http://169.254.169.254/"`)) + "." + parts[1] + "." + parts[2], "signature"},
		{"x5u", secret, b64(withHead(`,"x5u":"http://127.0.0.1/"`)) + "." + parts[1] + "." + parts[2], "signature"},
		{"x5c", secret, b64(withHead(`,"x5c":["MII"]`)) + "." + parts[1] + "." + parts[2], "signature"},
		{"crit", secret, forge(t, secret, withHead(`,"crit":["exp"]`), goodClaims("")), `has "crit"`},
		{"crit empty", secret, forge(t, secret, withHead(`,"crit":[]`), goodClaims("")), `has "crit"`},
		{"b64 false", secret, forge(t, secret, withHead(`,"b64":false`), goodClaims("")), `has "b64"`},
		{"zip", secret, forge(t, secret, withHead(`,"zip":"DEF"`), goodClaims("")), `has "zip"`},
		{"enc", secret, forge(t, secret, withHead(`,"enc":"A128GCM"`), goodClaims("")), `has "enc"`},

		{"kid a path", secret.WithID("k1"), forge(t, secret, withHead(`,"kid":"../../dev/null"`), goodClaims("")), "kid names no key"},
		{"kid with NUL", secret.WithID("k1"), forge(t, secret, withHead(`,"kid":"k1\u0000"`), goodClaims("")), "kid names no key"},
		{"kid SQL", secret.WithID("k1"), forge(t, secret, withHead(`,"kid":"' OR 1=1 --"`), goodClaims("")), "kid names no key"},
		{"kid a number", secret, forge(t, secret, withHead(`,"kid":1`), goodClaims("")), "kid: is not a string"},
		{"kid of 7,000 bytes", secret.WithID("k1"), forge(t, secret, withHead(`,"kid":"`+strings.Repeat("k", 5000)+`"`), goodClaims("")), "kid names no key"},
		{"kid of guests, without guests", secret, forge(t, secret, withHead(`,"kid":"hubbub-guest"`), goodClaims("")), "no guests"},
		{"header in bad UTF-8", secret, forge(t, secret, "{\"alg\":\"HS256\",\"x\":\"\xff\"}", goodClaims("")), "UTF-8"},
		{"header not JSON", secret, b64("alg=HS256") + "." + parts[1] + "." + parts[2], "not valid JSON"},
		{"header of two values", secret, forge(t, secret, goodHead+"{}", goodClaims("")), "not a JSON object"},
	} {
		t.Run(a.name, func(t *testing.T) {
			v := newTestVerifier(t, Config{Keys: []Key{a.key}})
			_, err := v.Verify(a.token)
			requireVerdict(t, a.token, err, room.CodeUnauthorized, a.says)
		})
	}
	for _, head := range []string{`,"jwk":{}`, `,"jku":"http://x/"`, `,"x5c":[]`, `,"x5u":"http://x/"`, `,"kid":"any"`, `,"typ":"at+jwt"`} {
		t.Run("changes nothing: "+head, func(t *testing.T) {
			_, err := newTestVerifier(t, Config{Keys: []Key{secret}}).Verify(forge(t, secret, withHead(head), goodClaims("")))
			require.NoError(t, err)
		})
	}
}

// sameKind makes a good token by a key of that algorithm which the hub does not know.
func sameKind(t *testing.T, alg string) string {
	t.Helper()
	if alg == "HS256" {
		k, err := Secret([]byte(strings.Repeat("another-secret-", 3)))
		require.NoError(t, err)
		return forge(t, k, goodHead, goodClaims(""))
	}
	private := pairs(t)[alg].private
	if alg == "RS256" { // the pairs share one RSA key, which is slow to make
		private = otherRSA(t)
	}
	return forge(t, private, `{"alg":"`+alg+`"}`, goodClaims(""))
}

func TestRoundTrip(t *testing.T) {
	signers := map[string]Key{"HS256": secretKey(t)}
	checkers := map[string]Key{"HS256": secretKey(t)}
	for alg, p := range pairs(t) {
		signers[alg], checkers[alg] = p.private, p.public(t)
	}
	want := Claims{
		User: "ann", Name: "Ann", ID: "j1", Issuer: "me", Audience: []string{"hub"},
		Grants:  room.Grants{"a": {room.VerbJoin}, "b-*": {room.VerbAny}},
		Expires: epoch.Add(time.Hour), IssuedAt: epoch,
	}
	for alg, signer := range signers {
		t.Run(alg, func(t *testing.T) {
			token, err := Sign(signer, want)
			require.NoError(t, err)
			for _, key := range []Key{checkers[alg], signer, signer.WithID("k1")} {
				got, err := newTestVerifier(t, Config{Keys: []Key{key}, Issuer: "me", Audience: []string{"x", "hub"}}).Verify(token)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			for other, key := range checkers {
				if other != alg {
					_, err := newTestVerifier(t, Config{Keys: []Key{key}}).Verify(token)
					requireVerdict(t, token, err, room.CodeUnauthorized, "this hub takes "+other)
				}
			}
		})
	}
}

func TestIssuerAndAudience(t *testing.T) {
	v := newTestVerifier(t, Config{Keys: []Key{secretKey(t)}, Issuer: "me", Audience: []string{"hub", "hub2"}})
	for _, c := range []struct{ name, more, says string }{
		{"right", `,"iss":"me","aud":"hub2"`, ""},
		{"one of several", `,"iss":"me","aud":["x","hub"]`, ""},
		{"no iss", `,"aud":"hub"`, "iss:"},
		{"other iss", `,"iss":"ME","aud":"hub"`, "iss:"},
		{"no aud", `,"iss":"me"`, "aud:"},
		{"aud null", `,"iss":"me","aud":null`, "aud:"},
		{"aud empty", `,"iss":"me","aud":[]`, "aud:"},
		{"aud empty text", `,"iss":"me","aud":""`, "aud:"},
		{"other aud", `,"iss":"me","aud":["x","hub3"]`, "aud:"},
		{"all wrong", `,"nbf":99999999999,"iss":"x","aud":"x"`, "iss:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := forge(t, secretKey(t), goodHead, goodClaims(c.more))
			_, err := v.Verify(token)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			requireVerdict(t, token, err, room.CodeUnauthorized, c.says)
		})
	}
	t.Run("expired and of another issuer is not just expired", func(t *testing.T) {
		token := forge(t, secretKey(t), goodHead, `{"sub":"ann","exp":1,"caps":{},"iss":"x","aud":"hub"}`)
		_, err := v.Verify(token)
		requireVerdict(t, token, err, room.CodeUnauthorized, "iss:")
	})
}

// TestRotation has two keys of one algorithm and one of another, all good at once.
func TestRotation(t *testing.T) {
	ec := pairs(t)["ES256"]
	older, err := Secret([]byte(strings.Repeat("older", 8)))
	require.NoError(t, err)
	newer, err := Secret([]byte(strings.Repeat("newer", 8)))
	require.NoError(t, err)
	v := newTestVerifier(t, Config{Keys: []Key{older.WithID("1"), newer.WithID("2"), ec.public(t)}})
	for _, c := range []struct {
		name, head string
		key        Key
		says       string
	}{
		{"older, no kid", `{"alg":"HS256"}`, older, ""},
		{"newer, no kid", `{"alg":"HS256"}`, newer, ""},
		{"newer, its kid", `{"alg":"HS256","kid":"2"}`, newer, ""},
		{"newer, the older's kid", `{"alg":"HS256","kid":"1"}`, newer, "signature"},
		{"unknown kid", `{"alg":"HS256","kid":"3"}`, newer, "kid names no key"},
		{"a key without kid takes any", `{"alg":"ES256","kid":"3"}`, ec.private, ""},
		{"kid of a key of another algorithm", `{"alg":"ES256","kid":"1"}`, ec.private, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := forge(t, c.key, c.head, goodClaims(""))
			_, err := v.Verify(token)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			requireVerdict(t, token, err, room.CodeUnauthorized, c.says)
		})
	}
}

func TestVerifierSettings(t *testing.T) {
	k := secretKey(t)
	for _, c := range []struct {
		name string
		cfg  Config
		says string
	}{
		{"issuer of guests", Config{Issuer: "hubbub-guest"}, "issuer:"},
		{"key id of guests", Config{Keys: []Key{k.WithID("hubbub-guest")}}, "key id:"},
		{"two keys with one id", Config{Keys: []Key{k.WithID("a"), k.WithID("a")}}, "two keys"},
		{"short guest secret", Config{GuestSecret: []byte("short")}, "guest secret: is 5 bytes long"},
		{"guest secret is a key", Config{Keys: []Key{k}, GuestSecret: []byte(secretText)}, "also a key"},
		{"bad guest grants", Config{GuestSecret: NewGuestSecret(), GuestGrants: room.Grants{"a": {"fly"}}}, "guest caps:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Now = now
			_, err := NewVerifier(c.cfg)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := newTestVerifier(t, Config{}).Verify(forge(t, k, goodHead, goodClaims("")))
	requireVerdict(t, "", err, room.CodeUnauthorized, "no keys")
}
