//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

const (
	size       = 3 // hubs, and NATS servers
	hubPort    = 8080
	natsPort   = 4222
	routePort  = 6222
	healthPort = 8222
)

// cluster is three hubs and three NATS servers.
type cluster struct {
	// static after newCluster
	dir   string
	net   *network
	nodes []*process // of NATS
	hubs  []*process
	key   token.Key
	ask   *http.Client
	diary *os.File // when the fault struck, for whoever reads the logs

	js jetstream.JetStream // of this program, to find leaders
	nc *nats.Conn

	revived int // how often a process had ended by itself and was started again
}

// programs are what a cluster is made of.
type programs struct {
	nats  string
	hub   []string // the program and its command, serve as a rule
	flags []string // further flags of the hubs
}

func newCluster(dir string, apart bool, with programs) (*cluster, error) {
	n, err := newNetwork(apart)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, net: n, ask: &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if c.diary, err = os.Create(filepath.Join(dir, "strikes.log")); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if err := c.prepare(with); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return c, nil
}

// prepare makes the machines and says what is to run on each.
func (c *cluster) prepare(with programs) error {
	keyFile := filepath.Join(c.dir, "key")
	if err := os.WriteFile(keyFile, []byte(strings.Repeat("secret", 8)), 0o600); err != nil {
		return err
	}
	keys, err := token.LoadKeys(keyFile)
	if err != nil {
		return err
	}
	c.key = keys[0]
	for i := range size {
		p, err := c.process(fmt.Sprint("nats", i))
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, p)
	}
	for i, p := range c.nodes {
		conf := filepath.Join(c.dir, p.name+".conf")
		if err := os.WriteFile(conf, []byte(c.natsConfig(i)), 0o600); err != nil {
			return err
		}
		p.argv = []string{with.nats, "-c", conf}
	}
	for i := range size {
		p, err := c.process(fmt.Sprint("hub", i))
		if err != nil {
			return err
		}
		addr := fmt.Sprintf("0.0.0.0:%d", hubPort)
		if !c.net.apart {
			addr = fmt.Sprintf("%s:%d", p.on.outer, hubPort)
		}
		p.argv = slices.Concat(with.hub, []string{
			"--nats=" + strings.Join(c.natsURLs(), ","), "--replicas=3", "--name=" + p.name, "--addr=" + addr, "--admin-addr=",
			"--data=" + filepath.Join(c.dir, p.name), "--key=" + keyFile, "--rate=1000000", "--burst=1000000", "--log-level=info",
		}, with.flags)
		c.hubs = append(c.hubs, p)
	}
	return nil
}

func (c *cluster) process(name string) (*process, error) {
	m, err := c.net.machine(name)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, name+".run")
	if err := errors.Join(os.MkdirAll(filepath.Join(c.dir, name), 0o700), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	return &process{name: name, on: m, dir: dir, log: log}, err
}

// natsConfig is an ordinary cluster's, with what promise 1 needs: sync_interval always.
func (c *cluster) natsConfig(i int) string {
	var routes []string
	for _, p := range c.nodes {
		routes = append(routes, fmt.Sprintf("nats-route://%s:%d", p.on.inner, routePort))
	}
	at := c.nodes[i].on.inner
	return fmt.Sprintf(`
server_name: %s
listen: "%s:%d"
http: "%s:%d"
jetstream { store_dir: "%s", sync_interval: always }
cluster { name: faults, listen: "%s:%d", routes: [%s] }
`, c.nodes[i].name, at, natsPort, at, healthPort, c.store(i), at, routePort, strings.Join(routes, ", "))
}

// store is where a NATS server keeps its files.
func (c *cluster) store(i int) string { return filepath.Join(c.dir, c.nodes[i].name) }

func (c *cluster) natsURLs() []string {
	var urls []string
	for _, p := range c.nodes {
		urls = append(urls, fmt.Sprintf("nats://%s:%d", p.on.inner, natsPort))
	}
	return urls
}

// all are all processes, the NATS servers first.
func (c *cluster) all() []*process { return slices.Concat(c.nodes, c.hubs) }

// start starts everything and waits until it serves.
func (c *cluster) start(ctx context.Context) error {
	for _, p := range c.nodes {
		if err := p.start(); err != nil {
			return err
		}
	}
	if err := c.await(ctx, time.Minute, c.nodes...); err != nil {
		return err
	}
	var err error
	c.nc, err = nats.Connect(strings.Join(c.natsURLs(), ","), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond), nats.Name("faults"))
	if err != nil {
		return err
	}
	if c.js, err = jetstream.New(c.nc); err != nil {
		return err
	}
	for _, p := range c.hubs {
		if err := p.start(); err != nil {
			return err
		}
	}
	return c.await(ctx, time.Minute, c.all()...)
}

// await waits until the processes serve. Those that have ended are an error.
func (c *cluster) await(ctx context.Context, patience time.Duration, which ...*process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range which {
		err := errNotReady
		for err != nil {
			if !p.running() {
				if err := c.again(ctx, p); err != nil {
					return err
				}
			}
			if err = c.serves(ctx, p); err != nil && !pass(ctx, 50*time.Millisecond) {
				return fmt.Errorf("%s is not ready after %v: %w\n%s", p.name, patience, err, p.tail())
			}
		}
	}
	return nil
}

// again starts a process that has ended by itself, as whoever supervises it would. A
// hub ends that finds no NATS server at its start.
func (c *cluster) again(ctx context.Context, p *process) error {
	c.revived++
	if c.revived > 60 || !pass(ctx, time.Second) {
		return fmt.Errorf("%s ended by itself:\n%s", p.name, p.tail())
	}
	return p.start()
}

// serves asks a process whether it can do its work.
func (c *cluster) serves(ctx context.Context, p *process) error {
	url := fmt.Sprintf("http://%s:%d/readyz", p.on.outer, hubPort)
	if slices.Contains(c.nodes, p) {
		url = fmt.Sprintf("http://%s:%d/healthz", p.on.inner, healthPort)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := c.ask.Do(req)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %s", errNotReady, res.Status)
	}
	return errors.Join(err, res.Body.Close())
}

// restart starts a process that is not running, and waits until it serves.
func (c *cluster) restart(ctx context.Context, which ...*process) error {
	for _, p := range which {
		if !p.running() {
			if err := p.start(); err != nil {
				return err
			}
		}
	}
	return c.await(ctx, 2*time.Minute, c.all()...)
}

// leader gives the server that leads the stream of a room in which something was said.
// After an election it may take a while until somebody says so.
func (c *cluster) leader(ctx context.Context, roomName string) (int, error) {
	for tries := 0; ; tries++ {
		i, err := c.leaderNow(ctx, roomName)
		if err == nil || tries == 5 || !pass(ctx, time.Second) {
			return i, err
		}
	}
}

func (c *cluster) leaderNow(ctx context.Context, roomName string) (int, error) {
	streams := c.js.StreamNames(ctx, jetstream.WithStreamListSubject("hubbub.log.>"))
	for name := range streams.Name() {
		s, err := c.js.Stream(ctx, name)
		if err != nil {
			return 0, err
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter("hubbub.log.*."+roomName))
		if err != nil {
			return 0, err
		}
		for i, p := range c.nodes {
			if len(info.State.Subjects) > 0 && info.Cluster != nil && p.name == info.Cluster.Leader {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("no leader of the stream of room %s: %w", roomName, streams.Err())
}

// token gives a user's token, good for everything.
func (c *cluster) token(user string) string {
	signed, err := token.Sign(c.key, token.Claims{
		User: user, Grants: room.Everything(), IssuedAt: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(24 * time.Hour),
	})
	if err != nil {
		panic(err) // a constant claim that cannot be signed is a fault of this program
	}
	return signed
}

// stop ends everything, and gives what no process may have said.
func (c *cluster) stop() error {
	if c.nc != nil {
		c.nc.Close()
	}
	var errs []error
	for _, p := range slices.Backward(c.all()) {
		p.kill()
		errs = append(errs, p.badWords(), p.log.Close())
	}
	return errors.Join(append(errs, c.diary.Close(), c.net.close())...)
}

// pass lets a time pass; it is false if ctx ended before.
func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
