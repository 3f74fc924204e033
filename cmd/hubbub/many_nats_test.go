package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// natsBuilt is the NATS server, built once for all tests of a run.
var natsBuilt struct {
	sync.Once
	path string
	err  error
}

func natsServer(t testing.TB) string {
	t.Helper()
	natsBuilt.Do(func() {
		natsBuilt.path = filepath.Join(os.TempDir(), fmt.Sprint("hubbub-proof-", os.Getpid()), "nats-server")
		out, err := exec.Command("go", "build", "-o", natsBuilt.path, "github.com/nats-io/nats-server/v2").CombinedOutput()
		if err != nil {
			natsBuilt.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	require.NoError(t, natsBuilt.err)
	return natsBuilt.path
}

// natsProcess is a NATS server as a process of its own, on one port and one folder for
// as long as it is started anew.
type natsProcess struct {
	t      testing.TB
	name   string
	url    string
	config string
	log    string
	cmd    *exec.Cmd
}

// newNATS starts a cluster of NATS servers. more is written into each configuration.
func newNATS(t testing.TB, n int, more string) (all []*natsProcess) {
	t.Helper()
	var routes, addrs []string
	for range n {
		addrs = append(addrs, freeAddr(t))
		routes = append(routes, "nats://"+addrs[len(addrs)-1])
	}
	for i, addr := range addrs {
		dir := t.TempDir()
		p := &natsProcess{t: t, name: fmt.Sprint("n", i+1), config: filepath.Join(dir, "nats.conf"), log: filepath.Join(dir, "log")}
		listen := freeAddr(t)
		p.url = "nats://" + listen
		p.configure(fmt.Sprintf("server_name: %s\nlisten: %s\njetstream { store_dir: %q, sync_interval: always }\ncluster { name: team, listen: %q, routes: [%s] }\n%s\n",
			p.name, listen, filepath.Join(dir, "js"), addr, strings.Join(routes, ", "), more))
		all = append(all, p)
		p.start()
		t.Cleanup(p.kill)
	}
	return all
}

func (p *natsProcess) configure(text string) {
	require.NoError(p.t, os.WriteFile(p.config, []byte(text), 0o600))
}

func (p *natsProcess) start() {
	p.t.Helper()
	p.cmd = exec.Command(natsServer(p.t), "-c", p.config, "-l", p.log)
	require.NoError(p.t, p.cmd.Start())
}

func (p *natsProcess) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

func natsURLs(all []*natsProcess) string {
	var urls []string
	for _, p := range all {
		urls = append(urls, p.url)
	}
	return strings.Join(urls, ",")
}

// operator is a connection of somebody who looks after the cluster.
func operator(t testing.TB, all []*natsProcess) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(natsURLs(all), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

// leader gives the server that leads a stream, or nil.
func leader(js jetstream.JetStream, all []*natsProcess, stream string) *natsProcess {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return nil
	}
	for _, p := range all {
		if p.cmd != nil && p.name == s.CachedInfo().Cluster.Leader {
			return p
		}
	}
	return nil
}

// awaitCurrent waits until each copy of a stream has all of it.
func awaitCurrent(t testing.TB, js jetstream.JetStream, stream string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s, err := js.Stream(ctx, stream)
		if err != nil || s.CachedInfo().Cluster == nil || s.CachedInfo().Cluster.Leader == "" || len(s.CachedInfo().Cluster.Replicas) < 2 {
			return false
		}
		for _, r := range s.CachedInfo().Cluster.Replicas {
			if !r.Current || r.Offline {
				return false
			}
		}
		return true
	}, time.Minute, 50*time.Millisecond, "the copies of %s are current", stream)
}
