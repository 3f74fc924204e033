package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// Tokens that other software made: HS256 by Python's hmac, the others by openssl,
// all over the same claims, with Python's json for the parts.
const foreignClaims = "eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDAsImlhdCI6MTcwMDAwMDAwMCwianRpIjoidDEiLCJpc3MiOiJodHRwczovL2lzc3Vlci5leG" +
	"FtcGxlIiwiYXVkIjpbImh1YiIsIm90aGVyIl0sImluZm8iOnsibmFtZSI6IkFubiBcdTAwYzkifSwiY2FwcyI6eyJ0ZWFtLSoiOlsiam9pbiIs" +
	"InB1Ymxpc2giXSwibG9iYnkiOlsiKiJdfX0"

var foreign = []struct{ name, key, head, signature string }{
	{"HS256", `0123456789abcdef0123456789abcdef
`, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "XZ5GSZtqaZgDXxEEyGqpVzO4f9WVVfzJuD2HB2a8uTg"},
	{"RS256", `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApUVwB1M8TeM70JqAnol8
8Wr3Q2nS++XkeuWMbBhja7Ebs5Yo/x2dV9Wwkvc15n1R4FVsetWSpu3fNqbyJ+fv
GNhYd6kKhMDoomibQu9i8eX7n6ZljQFZ6iZMkOe4iTtJzL04fJi0R42zpOYU9obj
MKo2zS2uhY5T152p8HfbiLf5uGAVClZqFwsqW3XW6FY9cN++DEIzEvN5yCAxr/5G
1UxGeGui+A/Oxt/vuBcuDjMT+TLotUtcuOz7J4l+ikGMgvK/+spUZweemQhh0qoV
pz/uGbejBv5E830Wf4GKZRM4CrhpzO4VTZWqyZhGryiIqCYimqkOELq3HMPEDZ/8
qwIDAQAB
-----END PUBLIC KEY-----`, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9", "VXbhsWNACSMU12-h2jcvgeVSOLX_GgXAvIccAOCjiXML3TO_D_bun_ECA7ORcUpFxCuhmVx6K9YfkXCqbrkIeuvvy3ke7j03nFgpEnrd569epn" +
		"00S9M528nhSGcxeAsASM6GRnG-Ixdwe60hoyWzs5GlcbldmuvkV_8d7yoSVw7UYOB8jxD-gPPGkFTLntfHTXNDlUMz1VSjX0ml66i3Tiikxz_t" +
		"f5LTQEcYka1r-lBum6RyShZtTNAT_KV4RkbmQOYKpcChdZSt1oUkPLIftUxEouozbzZi6bjRyR5IqMbEedM_HB-eGJH0WMNagRs230pJXkrTZW" +
		"hDC8pNI7RLsw"},
	{"ES256", `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx14m4V5renMWg0hpw0uycg9jJEs/
1l1vJeZSKSBPXBAeiwDZKdhSn5kAiw0vpPmeLGJ5DSeMPgP6HMHoFVOZ6Q==
-----END PUBLIC KEY-----`, "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9", "AHfA2krVh6bwkHx_2ycaq9acsKHcWKed0EU0VqP8R-R0zDcvwxbMJqq6D2iEVTJBqZ70Mb0O-lcEuyBQ0vbtvw"},
	{"EdDSA", `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAOguzFui+AXqTbcnFOxg7IeGrrC4lCf0qwwfJvdwzrgM=
-----END PUBLIC KEY-----`, "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9", "QBQbNwCCRxgcbFy-xnNGuwvZnjGlkSoqaBoOs0P5xKzg0x_SHzU0YrGs_LGnDCnrJdQu-G4d_XhcXzYIHT-RCw"},
}

func TestForeignTokens(t *testing.T) {
	for _, f := range foreign {
		t.Run(f.name, func(t *testing.T) {
			keys, err := ParseKeys([]byte(f.key))
			require.NoError(t, err)
			require.Len(t, keys, 1)
			require.Equal(t, f.name, keys[0].Algorithm())
			v, err := NewVerifier(Config{
				Keys: keys, Issuer: "https://issuer.example", Audience: []string{"hub"},
				Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
			})
			require.NoError(t, err)
			c, err := v.Verify(f.head + "." + foreignClaims + "." + f.signature)
			require.NoError(t, err)
			require.Equal(t, Claims{
				User: "ann", Name: "Ann É", ID: "t1",
				Issuer: "https://issuer.example", Audience: []string{"hub", "other"},
				Expires: time.Unix(2_000_000_000, 0), IssuedAt: time.Unix(1_700_000_000, 0),
				Grants: room.Grants{"team-*": {room.VerbJoin, room.VerbPublish}, "lobby": {room.VerbAny}},
			}, c)
		})
	}
}

// The examples of RFC 7515, appendix A.1 to A.3, and RFC 8037, appendix A.4. They
// are not tokens as a hub takes them, so only their signatures are checked.
const rfc7515Claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

func TestRFCExamples(t *testing.T) {
	secret, err := Secret(raw(t, "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
	require.NoError(t, err)
	rsaPublic, err := rsaKey(&rsa.PublicKey{E: 65537, N: number(t, "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")}, nil)
	require.NoError(t, err)
	point := append([]byte{4}, append(raw(t, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), raw(t, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")...)...)
	ecPoint, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	require.NoError(t, err)
	ecPublic, err := ecKey(ecPoint, nil)
	require.NoError(t, err)
	edPublic := Key{method: jwt.SigningMethodEdDSA, public: ed25519.PublicKey(raw(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))}
	for _, e := range []struct {
		name              string
		key               Key
		signed, signature string
	}{
		{"RFC 7515 A.1", secret, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfc7515Claims, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
		{"RFC 7515 A.2", rsaPublic, "eyJhbGciOiJSUzI1NiJ9." + rfc7515Claims, "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		{"RFC 7515 A.3", ecPublic, "eyJhbGciOiJFUzI1NiJ9." + rfc7515Claims, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
		{"RFC 8037 A.4", edPublic, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
	} {
		t.Run(e.name, func(t *testing.T) {
			signature := raw(t, e.signature)
			require.NoError(t, e.key.method.Verify(e.signed, signature, e.key.public))
			signature[7] ^= 1
			require.Error(t, e.key.method.Verify(e.signed, signature, e.key.public))
		})
	}
}

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

func number(t *testing.T, s string) *big.Int {
	t.Helper()
	return new(big.Int).SetBytes(raw(t, s))
}
