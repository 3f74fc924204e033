package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// survey is what was found out about the servers before anything is opened on them.
type survey struct {
	clustered bool                 // they are a cluster, and not one server
	servers   []bridge.ServerFacts // that could be asked
	silent    []string             // addresses of servers that could not
	syncKnown bool                 // what they say of syncing is known
}

// look asks each server for its version, and the system account, if there is a way to
// it, for what a client cannot see.
func (c *cluster) look(ctx context.Context, nc *nats.Conn, f *natsFlags) (*survey, error) {
	s := &survey{clustered: nc.ConnectedClusterName() != ""}
	if f.SystemCreds != "" {
		return s, c.lookAsSystem(ctx, s, f)
	}
	for _, url := range nc.Servers() {
		one, err := nats.Connect(url, append(slices.Clone(c.opts), nats.Timeout(natsTimeout), nats.NoReconnect(), nats.DontRandomize())...)
		if err != nil {
			s.silent = append(s.silent, withoutPassword(url))
			continue
		}
		s.add(bridge.ServerFacts{Name: one.ConnectedServerName(), Version: one.ConnectedServerVersion(), JetStream: true})
		one.Close()
	}
	return s, nil
}

func (s *survey) add(f bridge.ServerFacts) {
	if !slices.ContainsFunc(s.servers, func(o bridge.ServerFacts) bool { return o.Name == f.Name }) {
		s.servers = append(s.servers, f)
	}
}

// lookAsSystem asks the system account.
func (c *cluster) lookAsSystem(ctx context.Context, s *survey, f *natsFlags) error {
	as, err := systemAccount(f.SystemCreds)
	if err != nil {
		return err
	}
	opts := []nats.Option{nats.Name(c.name + " hubbub-system"), nats.Timeout(natsTimeout), as}
	for _, o := range []struct {
		value  string
		option func() nats.Option
	}{
		{f.CA, func() nats.Option { return nats.RootCAs(f.CA) }},
		{f.Cert, func() nats.Option { return nats.ClientCert(f.Cert, f.CertKey) }},
	} {
		if o.value != "" {
			opts = append(opts, o.option())
		}
	}
	nc, err := nats.Connect(withoutUsers(c.urls), opts...)
	if err != nil {
		return fmt.Errorf("--nats-system-creds: connect to %s: %w", c.addresses(), err)
	}
	defer nc.Close()
	if s.servers, err = bridge.AskServers(ctx, nc); err != nil {
		return fmt.Errorf("--nats-system-creds: %w", err)
	}
	s.syncKnown = true
	return nil
}

// systemAccount reads who the system account's user is: credentials as nsc writes them,
// or USER:PASSWORD for servers whose accounts are in their configuration.
func systemAccount(file string) (nats.Option, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--nats-system-creds: %w", err)
	}
	user, password, plain := strings.Cut(strings.TrimSpace(string(text)), ":")
	if plain && !strings.Contains(user, "\n") {
		return nats.UserInfo(user, password), nil
	}
	return nats.UserCredentials(file), nil
}

// withoutUsers takes out of addresses as whom the hub comes otherwise.
func withoutUsers(urls string) string {
	var all []string
	for u := range strings.SplitSeq(urls, ",") {
		if scheme, rest, ok := strings.Cut(u, "://"); ok {
			if _, host, found := strings.Cut(rest, "@"); found {
				u = scheme + "://" + host
			}
		}
		all = append(all, u)
	}
	return strings.Join(all, ",")
}

// check holds the servers against an ack level.
func (s *survey) check(ack bridge.AckLevel) error {
	for _, f := range s.servers {
		if !s.syncKnown {
			f.SyncAlways = true // nobody can say
		}
		if err := f.Check(ack); err != nil {
			return err
		}
	}
	return nil
}

// choose gives the ack level that is asked for, or with "auto" the best that there is.
// why is what stands against a better one.
func (s *survey) choose(ack string, replicas int) (level bridge.AckLevel, why, err error) {
	if ack != ackAuto {
		return bridge.AckLevel(ack), nil, s.check(bridge.AckLevel(ack))
	}
	why = s.check(bridge.AckFsync)
	switch {
	case why == nil:
		return bridge.AckFsync, nil, nil
	case s.clustered && replicas != 1:
		return bridge.AckReplicated, why, s.check(bridge.AckReplicated)
	}
	return "", nil, errors.Join(why, errors.New("or say with --ack memory that loss of power may lose up to two minutes of what was acknowledged"))
}

// report tells what was found.
func (c *cluster) report(s *survey, ack bridge.AckLevel, why error) {
	for _, f := range s.servers {
		e := c.log.Info().Str("server", f.Name).Str("version", f.Version)
		if s.syncKnown {
			e = e.Bool("sync_always", f.SyncAlways)
		} else {
			e = e.Str("sync_always", "not verified")
		}
		e.Msg("NATS server")
	}
	for _, address := range s.silent {
		c.log.Warn().Str("address", address).Msg("NATS server: not verified, it does not answer")
	}
	if why != nil {
		c.log.Warn().Err(why).Msg("ack level replicated, and not fsync")
	}
	if ack == bridge.AckFsync && !s.syncKnown {
		c.log.Warn().Msg("ack level fsync holds if each server has jetstream { sync_interval: always }: not verified, since a client cannot see it; give --nats-system-creds FILE, or see to it yourself")
	}
}
