package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// natsFlags say where a NATS cluster is, and as whom the hub comes to it.
type natsFlags struct {
	URLs        []string `name:"nats" help:"NATS servers that keep the log, in place of the one in this process: nats://HOST:4222,... Several hubs on one cluster are one hub; give them the same --key and --guest-key." placeholder:"URL" sep:","`
	Creds       string   `name:"nats-creds" keyfile:"" help:"Credentials file for NATS. It is read again at each connect." placeholder:"FILE"`
	NKey        string   `name:"nats-nkey" keyfile:"" help:"NKey seed file for NATS." placeholder:"FILE"`
	Token       string   `name:"nats-token" help:"Token for NATS." placeholder:"TOKEN"`
	User        string   `name:"nats-user" help:"User for NATS." placeholder:"NAME"`
	Password    string   `name:"nats-password" help:"Password for NATS." placeholder:"PASSWORD"`
	CA          string   `name:"nats-ca" keyfile:"" help:"Certificates that NATS servers are checked against, a PEM file; without it, those of the system." placeholder:"FILE"`
	Cert        string   `name:"nats-cert" keyfile:"" help:"Certificate that the hub shows to NATS, a PEM file." placeholder:"FILE"`
	CertKey     string   `name:"nats-cert-key" keyfile:"" help:"Private key of --nats-cert, a PEM file." placeholder:"FILE"`
	Prefix      string   `name:"nats-prefix" help:"Beginning of the names of subjects and, in capitals, of streams: 1 to 16 lower-case letters and digits." default:"hubbub" placeholder:"NAME"`
	SystemCreds string   `name:"nats-system-creds" keyfile:"" help:"Credentials file of the system account, or a file with its USER:PASSWORD, with which the hub asks the servers, at its start, for what else it cannot see: whether they sync each write." placeholder:"FILE"`
	Name        string   `name:"name" help:"Name of this instance, as its connections to NATS show it; without one, the machine's." placeholder:"NAME"`
}

func (f *natsFlags) given() bool { return len(f.URLs) > 0 }

// alone names a flag that is set and means nothing without --nats.
func (f *natsFlags) alone() string {
	return firstSet([]flagValue{
		{"--nats-creds", f.Creds},
		{"--nats-nkey", f.NKey},
		{"--nats-token", f.Token},
		{"--nats-user", f.User},
		{"--nats-password", f.Password},
		{"--nats-ca", f.CA},
		{"--nats-cert", f.Cert},
		{"--nats-cert-key", f.CertKey},
		{"--nats-system-creds", f.SystemCreds},
	})
}

// flagValue is a flag and what it is set to.
type flagValue struct{ flag, value string }

// firstSet gives the first flag that is set, or "".
func firstSet(flags []flagValue) string {
	for _, f := range flags {
		if f.value != "" {
			return f.flag
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
	// Servers that the cluster names later come without what an address has of it.
	if parsed, err := url.Parse(f.URLs[0]); err == nil && parsed.User != nil {
		if password, ok := parsed.User.Password(); ok {
			return append(opts, nats.UserInfo(parsed.User.Username(), password)), nil
		}
		return append(opts, nats.Token(parsed.User.Username())), nil
	}
	return opts, nil
}

// dial reaches the cluster, and looks at its servers. At their own start they may take
// a while.
func (f *natsFlags) dial(ctx context.Context, log zerolog.Logger) (*cluster, *survey, error) {
	opts, err := f.options()
	if err != nil {
		return nil, nil, err
	}
	c := &cluster{urls: strings.Join(f.URLs, ","), name: f.Name, opts: opts, log: log.With().Str("part", "nats").Logger()}
	c.escort = newEscort(strings.ToUpper(f.Prefix)+"_META", c.log)
	if c.name == "" {
		c.name, _ = os.Hostname() // it is for people's eyes
	}
	nc, err := c.reach(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer nc.Close()
	s, err := c.look(ctx, nc, f)
	if err != nil {
		return nil, nil, err
	}
	c.escort.start() // Shutdown ends it
	return c, s, nil
}

// reach connects for the first time, and is patient with servers that start together
// with the hub.
func (c *cluster) reach(ctx context.Context) (*nats.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, natsPatience)
	defer cancel()
	tick := time.NewTicker(natsTimeout / 10)
	defer tick.Stop()
	for told := false; ; told = true {
		nc, err := c.Connect("hubbub-start")
		if err == nil || errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			return nc, err
		}
		if !told {
			c.log.Warn().Err(err).Msg("trying again")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (tried for %v)", err, natsPatience)
		}
	}
}

// cluster is NATS servers that are not this hub's own.
type cluster struct {
	urls string
	name string
	opts []nats.Option
	log  zerolog.Logger

	escort *escort // of all connections
	line   lifeline
}

const (
	// natsTimeout bounds one try to connect.
	natsTimeout = 5 * time.Second
	// natsPatience is how long servers may take until they answer for the first time.
	natsPatience = 30 * time.Second
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
		nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
			if nc.IsConnected() {
				c.log.Warn().Err(err).Msg("survived")
			}
		}),
	}, c.opts...)
	all = append(append(all, opts...),
		nats.MaxReconnects(-1), nats.ReconnectWait(natsAgain), nats.ReconnectJitter(natsJitter, natsJitter))
	nc, err := nats.Connect(c.urls, all...)
	if err != nil {
		return nil, fmt.Errorf("--nats: connect to %s: %w", c.addresses(), err)
	}
	c.escort.take(nc)
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

// Health has no word of the servers' own: whether they store, the logs see.
func (c *cluster) Health() error { return nil }

// Shutdown lets the other connections alone: whoever connects also closes.
func (c *cluster) Shutdown() error {
	c.escort.end()
	c.line.close()
	return nil
}
