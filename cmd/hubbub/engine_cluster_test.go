package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// patience bounds every wait of these tests. It is only ever spent by a failure.
const patience = time.Minute

// natsHere is a NATS server in this process, whose configuration can be changed.
type natsHere struct {
	*server.Server
	t    *testing.T
	file string
}

func startNATS(t *testing.T, config string) *natsHere {
	t.Helper()
	n := &natsHere{t: t, file: filepath.Join(t.TempDir(), "nats.conf")}
	n.write(config)
	opts, err := server.ProcessConfigFile(n.file)
	require.NoError(t, err)
	opts.NoSigs, opts.NoLog = true, true
	n.Server, err = server.NewServer(opts)
	require.NoError(t, err)
	n.Start()
	t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
	require.True(t, n.ReadyForConnections(patience))
	return n
}

func (n *natsHere) write(config string) {
	require.NoError(n.t, os.WriteFile(n.file, []byte("server_name: n0\nlisten: 127.0.0.1:-1\n"+config), 0o600))
}

// change is what an operator does who edits the configuration and reloads it.
func (n *natsHere) change(config string) {
	n.t.Helper()
	n.write(config)
	require.NoError(n.t, n.Reload())
}

func jetStreamIn(dir, sync string) string {
	return fmt.Sprintf("jetstream { store_dir: %q, sync_interval: %s, max_file: 10G }\n", dir, sync)
}

// flags are those of a hub on the server.
func (n *natsHere) flags(more ...string) engineFlags {
	n.t.Helper()
	cmd, err := parse(append([]string{"serve", "--nats=" + n.ClientURL(), "--partitions=2"}, more...), nil, streams{})
	require.NoError(n.t, err)
	return cmd.(*ServeCmd).Engine
}

func (f engineFlags) mustOpen(t *testing.T, log zerolog.Logger) *engine {
	t.Helper()
	e, err := f.open(t.Context(), t.TempDir(), log)
	require.NoError(t, err)
	t.Cleanup(func() { e.close(zerolog.Nop()) })
	return e
}

// store appends a record and gives the ack.
func store(t *testing.T, e *engine, room string, data []byte) <-chan hub.Ack {
	t.Helper()
	acked := make(chan hub.Ack, 1)
	require.NoError(t, e.log.Append(room, []hub.Record{{Data: data}}, func(a []hub.Ack) { acked <- a[0] }))
	return acked
}

func TestFlagsOfTheEngineAreChecked(t *testing.T) {
	peers := func(listen, peer string, more ...string) []string {
		return append([]string{"--peer-listen=" + listen, "--peer=" + peer}, more...)
	}
	const near, far = "127.0.0.1:7001,127.0.0.1:7002", "10.1.1.2:7000,10.1.1.3:7000"
	for want, args := range map[string][]string{
		"--ack replicated: the log of a hub that stands alone has one copy": {"--ack=replicated"},
		"--replicas 3: the log of a hub that stands alone has one copy":     {"--replicas=3"},
		"--nats-creds is for a hub on a NATS cluster":                       {"--nats-creds=file"},
		"--nats-system-creds is for a hub on a NATS cluster":                {"--nats-system-creds=file"},
		"--peer-secret is for hubs that keep the log together":              {"--peer-secret=x"},
		"--nats and --peer":                                                     append(peers("127.0.0.1:7000", near), "--nats=nats://h"),
		"--nats http://...@h: give nats://HOST:PORT":                            {"--nats=http://user:secret@h"},
		"are ways to say who the hub is: give one of them":                      {"--nats=nats://h", "--nats-token=x", "--nats-user=y"},
		"--nats-password: give --nats-user as well":                             {"--nats=nats://h", "--nats-password=x"},
		"--nats-cert and --nats-cert-key: give both":                            {"--nats=nats://h", "--nats-cert=x"},
		"give --peer-listen HOST:PORT as well":                                  {"--peer=" + near},
		"that makes two hubs, which store nothing as soon as one is gone":       peers("127.0.0.1:7000", "127.0.0.1:7001"),
		"that makes 4 hubs; have three, or five":                                peers("127.0.0.1:7000", near+",127.0.0.1:7003"),
		"give --peer-secret, the same for all hubs":                             peers("10.1.1.1:7000", far),
		"would tell each other everything in the clear":                         peers("10.1.1.1:7000", far, "--peer-secret=0123456789abcdef"),
		"--peer-secret: has 3 characters":                                       peers("127.0.0.1:7000", near, "--peer-secret=abc"),
		"--peer-ca, --peer-cert and --peer-cert-key: give all three, or none":   peers("127.0.0.1:7000", near, "--peer-ca=x"),
		"--replicas 1: hubs that keep the log together have three copies":       peers("127.0.0.1:7000", near, "--replicas=1"),
		"--peer-cert none and --peer-cert-key none: open none":                  peers("127.0.0.1:7000", near, "--peer-ca=none", "--peer-cert=none", "--peer-cert-key=none"),
		"that makes two hubs, which store nothing as soon as one is gone; have": peers("127.0.0.1:7000", "127.0.0.1:7000,127.0.0.1:7001"),
	} {
		cmd, err := parse(append([]string{"serve"}, args...), nil, streams{})
		require.NoError(t, err)
		_, err = cmd.(*ServeCmd).Engine.open(t.Context(), t.TempDir(), zerolog.Nop())
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret@")
	}
}

// TestFolderIsOfOneKind starts hubs on the folders of hubs of another kind.
func TestFolderIsOfOneKind(t *testing.T) {
	n := startNATS(t, jetStreamIn(t.TempDir(), "always"))
	alone, shared := t.TempDir(), t.TempDir()
	e, err := engineFlags{Ack: "fsync"}.open(t.Context(), alone, zerolog.Nop())
	require.NoError(t, err)
	e.close(zerolog.Nop())
	e, err = n.flags().open(t.Context(), shared, zerolog.Nop())
	require.NoError(t, err)
	e.close(zerolog.Nop())

	_, err = n.flags().open(t.Context(), alone, zerolog.Nop())
	require.ErrorContains(t, err, "has kept its log alone")
	_, err = engineFlags{Ack: "fsync"}.open(t.Context(), shared, zerolog.Nop())
	require.ErrorContains(t, err, "has kept its log with --nats (nats-hubbub-log.created)")
	peers := engineFlags{Ack: "fsync", Peers: peerFlags{Listen: "127.0.0.1:7000", Peers: []string{"127.0.0.1:7001", "127.0.0.1:7002"}}}
	_, err = peers.open(t.Context(), alone, zerolog.Nop())
	require.ErrorContains(t, err, "has kept its log alone")

	e, err = n.flags().open(t.Context(), shared, zerolog.Nop())
	require.NoError(t, err)
	e.close(zerolog.Nop())
	empty := startNATS(t, jetStreamIn(t.TempDir(), "always"))
	_, err = empty.flags().open(t.Context(), shared, zerolog.Nop())
	require.ErrorContains(t, err, "stream HUBBUB_META is gone, and this log has been used before")
}

// TestSyncIsAskedFor opens logs on a server that syncs each write, and on one that does
// not, with and without a way to ask.
func TestSyncIsAskedFor(t *testing.T) {
	creds := filepath.Join(t.TempDir(), "system")
	require.NoError(t, os.WriteFile(creds, []byte("admin:secret\n"), 0o600))
	const accounts = `accounts { TEAM { jetstream: enabled, users: [{user: hub, password: hub}] }, SYS { users: [{user: admin, password: secret}] } }
		system_account: SYS`
	open := func(sync string, more ...string) (string, error) {
		n := startNATS(t, jetStreamIn(t.TempDir(), sync)+accounts)
		var log strings.Builder
		e, err := n.flags(append(more, "--nats-user=hub", "--nats-password=hub")...).open(t.Context(), t.TempDir(), zerolog.New(&log))
		if err == nil {
			e.close(zerolog.Nop())
		}
		return log.String(), err
	}
	said, err := open("always", "--nats-system-creds="+creds)
	require.NoError(t, err)
	require.Contains(t, said, `"sync_always":true`)
	require.NotContains(t, said, "not verified")

	said, err = open("always")
	require.NoError(t, err)
	require.Contains(t, said, `"sync_always":"not verified"`)
	require.Contains(t, said, "give --nats-system-creds FILE")

	_, err = open(`"2m"`, "--nats-system-creds="+creds, "--ack=fsync")
	require.ErrorContains(t, err, "NATS server n0 syncs what it stores every 2m0s, and ack level fsync needs it to do so each time")
	_, err = open(`"2m"`, "--nats-system-creds="+creds)
	require.ErrorContains(t, err, "--ack memory", "one server has nothing better")
	_, err = open(`"2m"`, "--nats-system-creds="+creds, "--ack=memory")
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(creds, []byte("hub:hub\n"), 0o600))
	_, err = open("always", "--nats-system-creds="+creds)
	require.ErrorContains(t, err, "are these credentials of the system account?")
}

// TestCredentialsEnd takes the hub's password away while it runs, and gives it back: the
// reason is told, it goes on by itself, and what waited is stored.
func TestCredentialsEnd(t *testing.T) {
	config := jetStreamIn(t.TempDir(), "always") + `accounts { TEAM { jetstream: enabled, users: [{user: hub, password: %s}] } }`
	n := startNATS(t, fmt.Sprintf(config, "before"))
	e := n.flags("--nats-user=hub", "--nats-password=before").mustOpen(t, zerolog.Nop())
	require.NoError(t, (<-store(t, e, "lobby", []byte("a"))).Err)
	n.change(fmt.Sprintf(config, "after"))
	require.Eventually(t, func() bool {
		err := e.health()
		return err != nil && strings.Contains(strings.ToLower(err.Error()), "authorization violation")
	}, patience, 10*time.Millisecond)
	waits := store(t, e, "lobby", []byte("b"))
	n.change(fmt.Sprintf(config, "before"))
	require.NoError(t, (<-waits).Err)
	require.Eventually(t, func() bool { return e.health() == nil }, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool { // history has a connection of its own
		page, err := e.log.Read(t.Context(), "lobby", hub.Range{Limit: 10})
		return err == nil && len(page.Entries) == 2
	}, patience, 10*time.Millisecond)
}

// TestSpaceRunsOut fills what the account may store, and raises it.
func TestSpaceRunsOut(t *testing.T) {
	config := jetStreamIn(t.TempDir(), "always") + `accounts { TEAM { jetstream { max_file: %s }, users: [{user: hub, password: hub}] } }`
	n := startNATS(t, fmt.Sprintf(config, "200M"))
	e := n.flags("--nats-user=hub", "--nats-password=hub").mustOpen(t, zerolog.Nop())
	n.change(fmt.Sprintf(config, "2M"))
	kept, data := 0, make([]byte, hub.MaxRecord)
	var waits <-chan hub.Ack
	for e.health() == nil {
		waits = store(t, e, "lobby", data)
		select {
		case ack := <-waits:
			require.NoError(t, ack.Err)
			kept++
		case <-time.After(3 * time.Second):
		}
	}
	require.ErrorContains(t, e.health(), "resource limits exceeded for account")
	n.change(fmt.Sprintf(config, "200M"))
	require.NoError(t, (<-waits).Err)
	require.Eventually(t, func() bool { return e.health() == nil }, patience, 10*time.Millisecond)
	page, err := e.log.Read(context.Background(), "lobby", hub.Range{Limit: 100})
	require.NoError(t, err)
	require.Len(t, page.Entries, kept+1)
}

// TestDoctorLooksAtServers checks servers before there is a hub, with one, and when a
// stream of its log is gone.
func TestDoctorLooksAtServers(t *testing.T) {
	n := startNATS(t, jetStreamIn(t.TempDir(), "always"))
	status, out, _ := runIn(t, []string{"doctor", "--nats", n.ClientURL()})
	require.Equal(t, 1, status)
	require.Contains(t, out, "ok     NATS server n0 has version")
	require.Contains(t, out, "not verified: give --nats-system-creds FILE")
	require.Contains(t, out, "If there was no hub on these servers yet, there is no log")
	info, err := n.Jsz(nil)
	require.NoError(t, err)
	require.Zero(t, info.Streams, "it makes nothing")

	e := n.flags().mustOpen(t, zerolog.Nop())
	require.NoError(t, (<-store(t, e, "lobby", []byte("a"))).Err)
	status, out, _ = runIn(t, []string{"doctor", "--nats", n.ClientURL()})
	require.Zero(t, status, out)
	require.Contains(t, out, "ok     the log of rooms can be read and written")
	require.Contains(t, out, "ok     the log of documents can be read and written")

	status, _, err2 := runIn(t, []string{"doctor"})
	require.Equal(t, 1, status)
	require.Contains(t, err2, "Give one of --data DIR, --url")
}
