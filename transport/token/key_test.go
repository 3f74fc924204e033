package token

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeyFiles(t *testing.T) {
	rsaPrivate, err := newRSA()
	require.NoError(t, err)
	ecPrivate, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(ecPrivate)
	require.NoError(t, err)
	kinds := pairs(t)
	both := append(append([]byte("for the hub\n"), kinds["ES256"].publicPEM...), kinds["EdDSA"].publicPEM...)
	for _, c := range []struct {
		name string
		data []byte
		algs []string
		sign bool
	}{
		{"PKCS 8, RSA", pkcs8(t, rsaPrivate), []string{"RS256"}, true},
		{"PKCS 1, private", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaPrivate)), []string{"RS256"}, true},
		{"PKCS 1, public", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaPrivate.PublicKey)), []string{"RS256"}, false},
		{"PKIX, RSA", kinds["RS256"].publicPEM, []string{"RS256"}, false},
		{"PKCS 8, EC", pkcs8(t, ecPrivate), []string{"ES256"}, true},
		{"SEC 1 behind its parameters", append(pemOf("EC PARAMETERS", []byte{6, 8}), pemOf("EC PRIVATE KEY", sec1)...), []string{"ES256"}, true},
		{"PKIX, EC", kinds["ES256"].publicPEM, []string{"ES256"}, false},
		{"PKIX, Ed25519", kinds["EdDSA"].publicPEM, []string{"EdDSA"}, false},
		{"two keys and text", both, []string{"ES256", "EdDSA"}, false},
		{"secret", []byte(secretText), []string{"HS256"}, true},
		{"secret and a line end", []byte(secretText + "\r\n"), []string{"HS256"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(path, c.data, 0o600))
			keys, err := LoadKeys(path)
			require.NoError(t, err)
			var algs []string
			for _, k := range keys {
				algs = append(algs, k.Algorithm())
				require.Equal(t, c.sign, k.CanSign())
			}
			require.Equal(t, c.algs, algs)
		})
	}
	keys, err := ParseKeys([]byte(secretText + "\n"))
	require.NoError(t, err)
	require.Equal(t, []byte(secretText), keys[0].public, "the line end is no part of the secret")
}

func TestBadKeyFiles(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := pairs(t)["EdDSA"].publicPEM
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "0 bytes long; HS256 needs 32"},
		{"secret too short", []byte("changeme"), "8 bytes long; HS256 needs 32"},
		{"secret of 31 bytes and a line end", []byte(strings.Repeat("s", 31) + "\n"), "31 bytes long"},
		{"RSA of 1024 bits", pkcs8(t, small), "1024 bits; give one of 2048"},
		{"EC P-384", pkcs8(t, p384), "curve P-384; ES256 needs P-256"},
		{"X25519", pkcs8(t, x25519), "signs no tokens"},
		{"certificate", pemOf("CERTIFICATE", []byte("x")), "is a certificate; give its public key"},
		{"encrypted", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")), "is encrypted; decrypt it first"},
		{"something else", pemOf("OPENSSH PRIVATE KEY", []byte("x")), `"OPENSSH PRIVATE KEY" is no key`},
		{"PEM around rubbish", pemOf("PUBLIC KEY", []byte("x")), "does not hold a key"},
		{"cut off", good[:len(good)-10], "does not decode"},
		{"good, then cut off", append(append([]byte{}, good...), good[:40]...), "does not decode"},
		{"huge", make([]byte, maxKeyFile+1), "larger than 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(path, c.data, 0o600))
			_, err := LoadKeys(path)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
		})
	}
	_, err = LoadKeys(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Secret(good)
	require.ErrorContains(t, err, "PEM key, not a secret")
}
