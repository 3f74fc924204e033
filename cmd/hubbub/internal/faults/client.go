//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/transport/client"
)

// balance is a client's way to the hubs, as a load balancer that knows nothing of
// their health would have it: each connection goes to the next one.
type balance struct {
	hubs  []*machine
	from  netip.Addr // if valid, the client stands behind the router, at this address
	tried atomic.Int64
	start int
}

// dial connects to the next hub.
func (b *balance) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	hub := b.hubs[(b.start+int(b.tried.Add(1)-1))%len(b.hubs)]
	d, to := net.Dialer{Timeout: 3 * time.Second}, hub.outer
	if b.from.IsValid() {
		d.LocalAddr, to = net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.from, 0)), hub.inner
	}
	return d.DialContext(ctx, "tcp", net.JoinHostPort(to.String(), strconv.Itoa(hubPort)))
}

// client makes a client of the Go SDK, whose first connection goes to the hub with
// the number start.
func (t *trial) client(user string, start int, status func(client.Status)) *client.Client {
	return t.clientAt(user, &balance{hubs: t.machines, start: start}, status)
}

func (t *trial) clientAt(user string, way *balance, status func(client.Status)) *client.Client {
	c, err := client.New(client.Options{
		URL: fmt.Sprintf("ws://hubs:%d", hubPort), Token: t.cluster.token(user), Software: "faults", OnStatus: status,
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: way.dial, DisableKeepAlives: true}},
	})
	if err != nil {
		panic(err) // the options are constant
	}
	return c
}
