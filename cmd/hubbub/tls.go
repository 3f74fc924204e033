package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// endsSoon is how long before its end a certificate is warned of.
const endsSoon = 14 * 24 * time.Hour

// tlsFlags name the pair with which the hub itself serves https and wss.
type tlsFlags struct {
	Cert string `name:"tls-cert" keyfile:"" help:"Certificate chain with which the hub serves https and wss, a PEM file; without it, a proxy has to. SIGHUP reads it anew." placeholder:"FILE"`
	Key  string `name:"tls-key" keyfile:"" help:"Private key of --tls-cert, a PEM file." placeholder:"FILE"`
}

// given reports whether the hub serves TLS.
func (f tlsFlags) given() bool { return f.Cert != "" || f.Key != "" }

// scheme is that of the hub's address.
func (f tlsFlags) scheme() string {
	if f.given() {
		return "https"
	}
	return "http"
}

// load reads the pair. An error says what is wrong with which file.
func (f tlsFlags) load(now time.Time) (*tls.Certificate, error) {
	if f.Cert == "" || f.Key == "" {
		return nil, fmt.Errorf("--tls-cert and --tls-key: give both, or neither")
	}
	chain, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("--tls-key: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s and --tls-key %s: %w; give PEM files, of which the second holds the private key, not encrypted, of the first certificate in the first", f.Cert, f.Key, err)
	}
	if end := pair.Leaf.NotAfter; !now.Before(end) {
		return nil, fmt.Errorf("--tls-cert %s: expired at %s; get a new certificate", f.Cert, end.UTC().Format(time.RFC3339))
	}
	if begin := pair.Leaf.NotBefore; now.Before(begin) {
		return nil, fmt.Errorf("--tls-cert %s: is not good before %s; is this machine's clock right?", f.Cert, begin.UTC().Format(time.RFC3339))
	}
	return &pair, nil
}

// certificate is what the hub shows to those who connect.
type certificate struct {
	files tlsFlags
	shown atomic.Pointer[tls.Certificate] // nil: the hub serves no TLS
}

// open loads the pair, if there is one.
func (f tlsFlags) open(log zerolog.Logger) (*certificate, error) {
	c := &certificate{files: f}
	if !f.given() {
		return c, nil
	}
	pair, err := f.load(time.Now())
	if err != nil {
		return nil, err
	}
	c.show(pair, log)
	return c, nil
}

// fresh reads the pair anew; nil: there is none.
func (c *certificate) fresh() (*tls.Certificate, error) {
	if !c.files.given() {
		return nil, nil
	}
	return c.files.load(time.Now())
}

// show shows a pair from now on. Connections that there are stay.
func (c *certificate) show(pair *tls.Certificate, log zerolog.Logger) {
	if pair == nil {
		return
	}
	c.shown.Store(pair)
	if end := pair.Leaf.NotAfter; time.Until(end) < endsSoon {
		log.Warn().Str("file", c.files.Cert).Time("end", end).Msg("the certificate ends soon: renew it and send SIGHUP")
	}
}

// listen gives the listener with TLS around it, if there is a pair.
func (c *certificate) listen(plain net.Listener) net.Listener {
	if c.shown.Load() == nil {
		return plain
	}
	return tls.NewListener(plain, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // HTTP/2 stays off until Go 1.26.9, see SECURITY.md
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.shown.Load(), nil },
	})
}
