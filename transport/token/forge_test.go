package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// epoch is the time at which the tests are.
var epoch = time.Unix(1_800_000_000, 0)

func now() time.Time { return epoch }

var secretText = "an-honest-secret-of-40-bytes-for-testing"

func secretKey(t testing.TB) Key {
	t.Helper()
	k, err := Secret([]byte(secretText))
	require.NoError(t, err)
	return k
}

// keyPair is a private key, and its public half as its file would hold it.
type keyPair struct {
	private   Key
	publicPEM []byte
}

func (p keyPair) public(t testing.TB) Key {
	t.Helper()
	keys, err := ParseKeys(p.publicPEM)
	require.NoError(t, err)
	return keys[0]
}

var newRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// pairs makes a key pair of each kind, read from PEM.
func pairs(t testing.TB) map[string]keyPair {
	t.Helper()
	rsaPrivate, err := newRSA()
	require.NoError(t, err)
	ecPrivate, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return map[string]keyPair{
		"RS256": pair(t, rsaPrivate, rsaPrivate.Public()),
		"ES256": pair(t, ecPrivate, ecPrivate.Public()),
		"EdDSA": pair(t, edPrivate, edPrivate.Public()),
	}
}

func pair(t testing.TB, private, public any) keyPair {
	t.Helper()
	keys, err := ParseKeys(pkcs8(t, private))
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return keyPair{keys[0], pemOf("PUBLIC KEY", der)}
}

func pkcs8(t testing.TB, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pemOf("PRIVATE KEY", der)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// forge signs whatever header and claims it is given with the key's own method,
// as an issuer that knows the key and breaks the rules would.
func forge(t testing.TB, k Key, head, claims string) string {
	t.Helper()
	signed := b64(head) + "." + b64(claims)
	signature, err := k.method.Sign(signed, k.private)
	require.NoError(t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

const goodHead = `{"alg":"HS256","typ":"JWT"}`

// goodClaims gives claims that verify, with more members before the closing brace.
func goodClaims(more string) string {
	return fmt.Sprintf(`{"sub":"ann","exp":%d,"caps":{"lobby":["*"]}%s}`, epoch.Add(time.Hour).Unix(), more)
}

func newTestVerifier(t testing.TB, cfg Config) *Verifier {
	t.Helper()
	cfg.Now = now
	v, err := NewVerifier(cfg)
	require.NoError(t, err)
	return v
}

func otherRSA(t testing.TB) Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return pair(t, private, private.Public()).private
}
