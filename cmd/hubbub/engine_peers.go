package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// peerFlags say which other hubs keep the log together with this one.
type peerFlags struct {
	Peers   []string `name:"peer" help:"Addresses of the other hubs' --peer-listen: three hubs, or five, keep the log together, without NATS servers of their own. The hub's own address may be among them." placeholder:"HOST:PORT" sep:","`
	Listen  string   `name:"peer-listen" help:"Where this hub takes the others' connections." placeholder:"HOST:PORT"`
	Secret  string   `name:"peer-secret" help:"What the hubs know one another by; the same for all." placeholder:"SECRET"`
	CA      string   `name:"peer-ca" keyfile:"" help:"Certificates that the hubs check one another's against, a PEM file." placeholder:"FILE"`
	Cert    string   `name:"peer-cert" keyfile:"" help:"Certificate that this hub shows to the others, for servers and clients, a PEM file." placeholder:"FILE"`
	CertKey string   `name:"peer-cert-key" keyfile:"" help:"Private key of --peer-cert, a PEM file." placeholder:"FILE"`
	Plain   bool     `name:"peer-plain" help:"Let the hubs speak without TLS, on a network that nobody else is in: they tell each other all that there is."`
}

func (f *peerFlags) given() bool { return len(f.Peers) > 0 }

// alone names a flag that is set and means nothing without --peer.
func (f *peerFlags) alone() string {
	return firstSet([]flagValue{
		{"--peer-listen", f.Listen},
		{"--peer-secret", f.Secret},
		{"--peer-ca", f.CA},
		{"--peer-cert", f.Cert},
		{"--peer-cert-key", f.CertKey},
	})
}

// leastSecret is how long a secret must be.
const leastSecret = 16

// check refuses what would break a promise.
func (f *peerFlags) check() error {
	if f.Listen == "" {
		return errors.New("--peer: give --peer-listen HOST:PORT as well, where the other hubs find this one")
	}
	switch all := len(f.others()) + 1; {
	case all == 2:
		return errors.New("--peer: that makes two hubs, which store nothing as soon as one is gone; have three, and give each the addresses of the others")
	case all != 3 && all != 5:
		return fmt.Errorf("--peer: that makes %d hubs; have three, or five", all)
	}
	given := f.CA != "" || f.Cert != "" || f.CertKey != ""
	switch near := f.near(); {
	case given && (f.CA == "" || f.Cert == "" || f.CertKey == ""):
		return errors.New("--peer-ca, --peer-cert and --peer-cert-key: give all three, or none")
	case f.Secret != "" && len(f.Secret) < leastSecret:
		return fmt.Errorf("--peer-secret: has %d characters; give %d or more, such as those of openssl rand -hex 32", len(f.Secret), leastSecret)
	case !near && f.Secret == "":
		return errors.New("--peer: who can reach --peer-listen could read and write everything; give --peer-secret, the same for all hubs")
	case !near && !given && !f.Plain:
		return errors.New("--peer: the hubs would tell each other everything in the clear; give --peer-ca, --peer-cert and --peer-cert-key, or --peer-plain on a network that nobody else is in")
	}
	return nil
}

// near reports whether all hubs are on this machine, and nobody else can reach them.
func (f *peerFlags) near() bool {
	for _, address := range append([]string{f.Listen}, f.Peers...) {
		host, _, _ := net.SplitHostPort(address)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// others are the peers without this hub, if it is among them.
func (f *peerFlags) others() (others []string) {
	_, own, _ := net.SplitHostPort(f.Listen)
	for _, address := range f.Peers {
		host, port, err := net.SplitHostPort(address)
		if err == nil && port == own && ourHost(host) {
			continue
		}
		others = append(others, address)
	}
	return others
}

// ourHost reports whether a host is this machine.
func ourHost(host string) bool {
	ips, err := net.LookupIP(host)
	if err != nil {
		return false // it may not be there yet
	}
	ours, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, ip := range ips {
		for _, addr := range ours {
			if own, ok := addr.(*net.IPNet); ok && own.IP.Equal(ip) {
				return true
			}
		}
	}
	return false
}

// nameForm takes out of a name what the engine does not take.
var nameForm = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// open gives what the engine must know. name is the instance's.
func (f *peerFlags) open(data, name string) (*embedded.Peers, error) {
	if name == "" {
		name, _ = os.Hostname() // a machine without a name is "hub"
	}
	_, port, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return nil, fmt.Errorf("--peer-listen %s: %w; give HOST:PORT", f.Listen, err)
	}
	own := strings.Trim(nameForm.ReplaceAllString(name+"-"+port, "-"), "-")
	kept, err := dataFile(filepath.Join(data, peerNameFile), func() []byte { return []byte(own + "\n") })
	if err != nil {
		return nil, err
	}
	if was := strings.TrimSpace(string(kept)); was != own {
		return nil, fmt.Errorf("--data %s: is of the hub %s, and this one is %s: the others would take it for one more. Give the --name and the port of --peer-listen that it had", data, was, own)
	}
	p := &embedded.Peers{Name: own, Listen: f.Listen, Others: f.others(), Secret: f.Secret}
	if f.Cert != "" {
		p.TLS, err = f.tls()
	}
	return p, err
}

// tls is for both directions: each hub checks the other.
func (f *peerFlags) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.CertKey)
	if err != nil {
		return nil, fmt.Errorf("--peer-cert %s and --peer-cert-key %s: %w", f.Cert, f.CertKey, err)
	}
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("--peer-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--peer-ca %s: holds no certificate; give a PEM file", f.CA)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair},
		RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// Files of the data folder of a hub with peers: the marks of its logs, and its name
// among the others.
const peerMark, peerNameFile = "peer-", "peer.name"

// openPeers starts the engine together with those of other hubs.
func (f engineFlags) openPeers(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	if f.Ack == ackAuto {
		f.Ack = string(bridge.AckFsync)
	}
	f.Replicas = 3
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s: %w", data, err)
	}
	peers, err := f.Peers.open(data, f.NATS.Name)
	if err != nil {
		return nil, err
	}
	server, err := embedded.Start(ctx, embedded.Options{
		Dir: data, SyncAlways: f.Ack == string(bridge.AckFsync), Peers: peers,
		Logger: engineLog{log.With().Str("part", "nats").Logger()},
	})
	if err != nil {
		return nil, err
	}
	tellCutOff(server, log)
	e := &engine{base: server, server: server, shared: true, drop: func() {}}
	m := marksOf(data, peerMark)
	log.Info().Str("name", peers.Name).Strs("others", peers.Others).Msg("joining the other hubs")
	err = server.AwaitPeers(ctx, !exists(m.docs), func(why error) {
		log.Info().Str("because", why.Error()).Msg("waiting for the other hubs")
	})
	if err == nil {
		log.Info().Msg("the hubs are together")
		err = e.openLogs(ctx, f, bridge.Config{Ack: bridge.AckLevel(f.Ack)}, m, log)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--peer: %w", err), e.closeLogs(), server.Shutdown())
	}
	return e, nil
}
