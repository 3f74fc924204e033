package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// natsFlags say where a NATS cluster is, and as whom the hub comes to it.
type natsFlags struct {
	URLs        []string `name:"nats" help:"NATS servers that keep the log, in place of the one in this process: nats://HOST:4222,... Several hubs on one cluster are one hub; give them the same --key, and the same guest key." placeholder:"URL" sep:","`
	Creds       string   `name:"nats-creds" keyfile:"" help:"Credentials file for NATS. It is read again at each connect." placeholder:"FILE"`
	NKey        string   `name:"nats-nkey" keyfile:"" help:"NKey seed file for NATS." placeholder:"FILE"`
	Token       string   `name:"nats-token" help:"Token for NATS." placeholder:"TOKEN"`
	User        string   `name:"nats-user" help:"User for NATS." placeholder:"NAME"`
	Password    string   `name:"nats-password" help:"Password for NATS." placeholder:"PASSWORD"`
	CA          string   `name:"nats-ca" keyfile:"" help:"Certificates that NATS servers are checked against, a PEM file; without it, those of the system." placeholder:"FILE"`
	Cert        string   `name:"nats-cert" keyfile:"" help:"Certificate that the hub shows to NATS, a PEM file." placeholder:"FILE"`
	CertKey     string   `name:"nats-cert-key" keyfile:"" help:"Private key of --nats-cert, a PEM file." placeholder:"FILE"`
	Prefix      string   `name:"nats-prefix" help:"Beginning of the names of subjects and, in capitals, of streams: 1 to 16 lower-case letters and digits." default:"hubbub" placeholder:"NAME"`
	SystemCreds string   `name:"nats-system-creds" keyfile:"" help:"Credentials file of the system account, with which the hub asks the servers, at its start, for what else it cannot see: whether they sync each write." placeholder:"FILE"`
	Name        string   `name:"name" help:"Name of this instance, as its connections to NATS show it; without one, the machine's." placeholder:"NAME"`
}

func (f *natsFlags) given() bool { return len(f.URLs) > 0 }

// alone names a flag that is set and means nothing without --nats.
func (f *natsFlags) alone() string {
	for _, set := range []struct{ flag, value string }{
		{"--nats-creds", f.Creds},
		{"--nats-nkey", f.NKey},
		{"--nats-token", f.Token},
		{"--nats-user", f.User},
		{"--nats-password", f.Password},
		{"--nats-ca", f.CA},
		{"--nats-cert", f.Cert},
		{"--nats-cert-key", f.CertKey},
		{"--nats-system-creds", f.SystemCreds},
	} {
		if set.value != "" {
			return set.flag
		}
	}
	return ""
}

// check refuses what cannot be meant.
func (f *natsFlags) check() error {
	for _, u := range f.URLs {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "nats" && parsed.Scheme != "tls" {
			return fmt.Errorf("--nats %s: give nats://HOST:PORT, or tls://HOST:PORT, and several with commas between them", withoutPassword(u))
		}
	}
	ways := 0
	for _, way := range []string{f.Creds, f.NKey, f.Token, f.User} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("--nats-creds, --nats-nkey, --nats-token and --nats-user are ways to say who the hub is: give one of them")
	case f.User == "" && f.Password != "":
		return errors.New("--nats-password: give --nats-user as well")
	case (f.Cert == "") != (f.CertKey == ""):
		return errors.New("--nats-cert and --nats-cert-key: give both, or neither")
	}
	return nil
}

// withoutPassword gives an address in a form that can be logged.
func withoutPassword(address string) string {
	before, after, found := strings.Cut(address, "@")
	if !found {
		return address
	}
	scheme, _, _ := strings.Cut(before, "://")
	return scheme + "://...@" + after
}

// options are what every connection to the cluster has.
func (f *natsFlags) options() (opts []nats.Option, err error) {
	if f.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(f.NKey)
		if err != nil {
			return nil, fmt.Errorf("--nats-nkey: %w", err)
		}
		opts = append(opts, key)
	}
	for _, set := range []struct {
		value  string
		option func() nats.Option
	}{
		{f.Creds, func() nats.Option { return nats.UserCredentials(f.Creds) }},
		{f.Token, func() nats.Option { return nats.Token(f.Token) }},
		{f.User, func() nats.Option { return nats.UserInfo(f.User, f.Password) }},
		{f.CA, func() nats.Option { return nats.RootCAs(f.CA) }},
		{f.Cert, func() nats.Option { return nats.ClientCert(f.Cert, f.CertKey) }},
	} {
		if set.value != "" {
			opts = append(opts, set.option())
		}
	}
	return opts, nil
}

// dial makes sure that the cluster can be reached.
func (f *natsFlags) dial(log zerolog.Logger) (*cluster, error) {
	opts, err := f.options()
	if err != nil {
		return nil, err
	}
	c := &cluster{urls: strings.Join(f.URLs, ","), name: f.Name, opts: opts, log: log.With().Str("part", "nats").Logger()}
	if c.name == "" {
		c.name, _ = os.Hostname() // it is for people's eyes
	}
	nc, err := c.Connect("hubbub-start")
	if err != nil {
		return nil, err
	}
	nc.Close()
	return c, nil
}

// cluster is NATS servers that are not this hub's own.
type cluster struct {
	// static after dial
	urls string
	name string
	opts []nats.Option
	log  zerolog.Logger

	mu   sync.Mutex // guards what follows
	lost error      // why there was no connection last, or something was refused
	at   time.Time  // when
}

const (
	// natsTimeout bounds one try to connect.
	natsTimeout = 5 * time.Second
	// natsAgain is how long a lost connection waits between tries, and natsJitter
	// what is added at random: many hubs come back at once.
	natsAgain, natsJitter = 250 * time.Millisecond, 250 * time.Millisecond
)

// Connect opens a connection. It comes back whatever happens, also from credentials
// that have expired: they may be renewed.
func (c *cluster) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.Name(c.name + " " + name), nats.Timeout(natsTimeout), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(natsPing), nats.MaxPingsOutstanding(2),
	}, c.opts...)
	all = append(append(all, opts...),
		nats.MaxReconnects(-1), nats.ReconnectWait(natsAgain), nats.ReconnectJitter(natsJitter, natsJitter),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.note(err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.note(err) }))
	nc, err := nats.Connect(c.urls, all...)
	if err != nil {
		return nil, fmt.Errorf("--nats: connect to %s: %w", c.addresses(), err)
	}
	return nc, nil
}

// natsPing is how often a connection is tried that is silent: one whose other end is
// gone without a word is given up after three times that.
const natsPing = 3 * time.Second

func (c *cluster) addresses() string {
	var all []string
	for u := range strings.SplitSeq(c.urls, ",") {
		all = append(all, withoutPassword(u))
	}
	return strings.Join(all, ", ")
}

// note keeps why there is no connection.
func (c *cluster) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost, c.at = err, time.Now()
}

// Health has no word of the servers' own: whether they store, the logs see.
func (c *cluster) Health() error { return nil }

// Shutdown has nothing to do: whoever connects also closes.
func (c *cluster) Shutdown() error { return nil }
