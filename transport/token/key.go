package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MinSecret is the shortest secret for HS256, in bytes: as long as its hash.
	MinSecret = 32

	minRSABits = 2048
	maxRSABits = 8192 // a longer one makes each verification a burden
	maxKeyFile = 64 << 10
)

// Key verifies tokens of exactly one algorithm, and signs them if it is private or
// a secret. It does not change and may be used by any goroutine.
type Key struct {
	id      string
	method  jwt.SigningMethod
	public  any // what method.Verify takes
	private any // what method.Sign takes, or nil
}

// ID is the kid that tokens name the key by, or "".
func (k Key) ID() string { return k.id }

// Algorithm is the one algorithm that the key is for: HS256, RS256, ES256 or EdDSA.
func (k Key) Algorithm() string { return k.method.Alg() }

// CanSign reports whether the key can make tokens, not just check them.
func (k Key) CanSign() bool { return k.private != nil }

// WithID gives the same key under a kid.
func (k Key) WithID(id string) Key {
	k.id = id
	return k
}

// Secret makes an HS256 key.
func Secret(secret []byte) (Key, error) {
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return Key{}, errors.New("secret: is a PEM key, not a secret; give it as a key file")
	}
	if len(secret) < MinSecret {
		return Key{}, fmt.Errorf("secret: is %d bytes long; HS256 needs %d random ones or more, as `openssl rand -hex 32` gives", len(secret), MinSecret)
	}
	secret = bytes.Clone(secret)
	return Key{method: jwt.SigningMethodHS256, public: secret, private: secret}, nil
}

// LoadKeys reads a key file: PEM blocks, each of them a key, or else a secret,
// which is everything in the file but the end of its last line.
func LoadKeys(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("key file %s: is larger than %d bytes; is it a key?", path, maxKeyFile)
	}
	keys, err := ParseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

// ParseKeys reads what LoadKeys finds in a file.
func ParseKeys(data []byte) ([]Key, error) {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
		k, err := Secret(data)
		return []Key{k}, err
	}
	var keys []Key
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" { // openssl writes it before the key
			continue
		}
		k, err := keyOf(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 || bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, errors.New("holds a PEM block that does not decode; is it cut off?")
	}
	return keys, nil
}

func keyOf(block *pem.Block) (Key, error) {
	parsed, err := parseBlock(block)
	if err != nil {
		return Key{}, err
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		return rsaKey(&k.PublicKey, k)
	case *rsa.PublicKey:
		return rsaKey(k, nil)
	case *ecdsa.PrivateKey:
		return ecKey(&k.PublicKey, k)
	case *ecdsa.PublicKey:
		return ecKey(k, nil)
	case ed25519.PrivateKey:
		return Key{method: jwt.SigningMethodEdDSA, public: k.Public(), private: k}, nil
	case ed25519.PublicKey:
		return Key{method: jwt.SigningMethodEdDSA, public: k}, nil
	}
	return Key{}, fmt.Errorf("PEM block %q holds a key of a kind that signs no tokens here; RSA, EC P-256 and Ed25519 do", block.Type)
}

func parseBlock(block *pem.Block) (key any, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the private key is encrypted; decrypt it first: openssl pkey -in KEY -out PLAIN")
		}
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted; decrypt it first: openssl pkey -in KEY -out PLAIN")
	case "CERTIFICATE":
		return nil, errors.New("is a certificate; give its public key: openssl x509 -pubkey -noout -in CERT")
	default:
		return nil, fmt.Errorf("PEM block %.40q is no key; expected is PUBLIC KEY or PRIVATE KEY", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("PEM block %q does not hold a key that can be read: %w", block.Type, err)
	}
	return key, nil
}

func rsaKey(public *rsa.PublicKey, private *rsa.PrivateKey) (Key, error) {
	if n := public.N.BitLen(); n < minRSABits || n > maxRSABits {
		return Key{}, fmt.Errorf("the RSA key has %d bits; give one of %d to %d", n, minRSABits, maxRSABits)
	}
	k := Key{method: jwt.SigningMethodRS256, public: public}
	if private != nil { // a nil pointer in an interface is not nil
		k.private = private
	}
	return k, nil
}

func ecKey(public *ecdsa.PublicKey, private *ecdsa.PrivateKey) (Key, error) {
	if public.Curve != elliptic.P256() {
		return Key{}, fmt.Errorf("the EC key is on curve %s; ES256 needs P-256", public.Params().Name)
	}
	k := Key{method: jwt.SigningMethodES256, public: public}
	if private != nil {
		k.private = private
	}
	return k, nil
}
