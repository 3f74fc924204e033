package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// clusterName names the cluster of engines. All of them have the same one.
const clusterName = "hubbub"

// peerUser is the user name on routes; the password is Peers.Secret.
const peerUser = "hubbub"

// routePing is how often a route is tried: one whose other end is gone without a word is
// given up after three times that.
const routePing = 2 * time.Second

// Peers are the engines of other hubs, with which this one keeps every stream
// together. They reach one another by routes; clients still come through memory alone.
type Peers struct {
	// Name is this engine's among them. It must be its own, and stay: an engine that
	// comes back under another is one more.
	Name string
	// Listen is where it takes routes, as HOST:PORT.
	Listen string
	// Others are the addresses at which the others do, as HOST:PORT.
	Others []string
	// Secret is what they know one another by; empty: nothing is asked.
	Secret string
	// TLS is used on routes, in both directions; nil: they are plain.
	TLS *tls.Config
}

// engine adds the options of the NATS server.
func (p *Peers) engine(o *server.Options) error {
	host, port, err := hostPort(p.Listen)
	if err != nil {
		return err
	}
	o.ServerName = p.Name
	o.Cluster = server.ClusterOpts{
		Name: clusterName, Host: host, Port: port,
		Username: peerUser, Password: p.Secret, TLSConfig: p.TLS,
		NoAdvertise:  true, // there is nothing that a client could connect to
		PingInterval: routePing, MaxPingsOut: 2,
	}
	if p.Secret == "" {
		o.Cluster.Username = ""
	}
	self := host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		self = "127.0.0.1"
	}
	// Itself included: how many there are is how many make a majority. It knows its
	// own address, and does not connect to it.
	for _, address := range append([]string{net.JoinHostPort(self, strconv.Itoa(port))}, p.Others...) {
		if _, _, err := hostPort(address); err != nil {
			return err
		}
		route := &url.URL{Scheme: "nats-route", Host: address}
		if p.Secret != "" {
			route.User = url.UserPassword(peerUser, p.Secret)
		}
		o.Routes = append(o.Routes, route)
	}
	return nil
}

func hostPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: %w; give HOST:PORT", address, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port <= 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: the port is %q; give HOST:PORT", address, text)
	}
	return host, port, nil
}

// startRoutes has an engine take and seek routes. It would do so by itself once it
// listens for clients, which it never does; the goroutine of its own that waits for
// that stays behind, one for each start.
func startRoutes(engine *server.Server) {
	listening := make(chan struct{})
	close(listening)
	engine.StartRouting(listening)
}

const (
	wholeEvery = 100 * time.Millisecond
	wholeTell  = 10 * time.Second
)

// AwaitPeers waits until enough of the others are there for this engine to store, and
// this one has what they have; with all, until each is. It tells what it waits for.
func (s *Server) AwaitPeers(ctx context.Context, all bool, tell func(why error)) error {
	tick := time.NewTicker(wholeEvery)
	defer tick.Stop()
	var told time.Time
	for {
		why := s.alone(all)
		if why == nil {
			return nil
		}
		if time.Since(told) >= wholeTell {
			tell(why)
			told = time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the other hubs: %w: %w", why, ctx.Err())
		}
	}
}

// alone is why nothing can be stored together with the others yet.
func (s *Server) alone(all bool) error {
	s.mu.Lock()
	engine, down := s.engine, s.down
	s.mu.Unlock()
	switch {
	case down != nil:
		return down
	case s.opts.Peers == nil:
		return nil
	case all:
		if there, need := len(engine.ActivePeers()), len(s.opts.Peers.Others)+1; there < need {
			return fmt.Errorf("%d of %d hubs are there", there, need)
		}
	}
	if err := engineHealth(engine); err != nil {
		return err
	}
	if engine.JetStreamIsClustered() && !engine.JetStreamIsCurrent() {
		return errors.New("what the others have is being fetched")
	}
	return nil
}

// Reached reports whether there is a route to any of the peers, whatever can be stored
// together with them. An engine without peers, or one that is being started again, is
// cut off from nobody.
func (s *Server) Reached(context.Context) bool {
	s.mu.Lock()
	engine, down := s.engine, s.down
	s.mu.Unlock()
	return s.opts.Peers == nil || down != nil || engine.NumRemotes() > 0
}

// Whole is true: the connections are through memory, and stand.
func (s *Server) Whole() bool { return true }
