package bridge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// configured runs a server in this process with a configuration as an operator writes
// it.
func configured(t *testing.T, config string) *server.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	config = fmt.Sprintf("server_name: n0\nlisten: 127.0.0.1:-1\n%s\n", config)
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	opts, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(patience))
	return s
}

func storeIn(dir string) string {
	return fmt.Sprintf("jetstream { store_dir: %q, sync_interval: always, max_file: 1G }\n", dir)
}

func openAs(t *testing.T, s *server.Server, cfg bridge.Config, as ...nats.Option) (*bridge.Log, error) {
	cfg.Connect = func(name string, opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(s.ClientURL(), append(append([]nats.Option{nats.Name(name)}, as...), opts...)...)
	}
	if cfg.Partitions == 0 {
		cfg.Partitions = 2
	}
	return bridge.Open(t.Context(), cfg)
}

func TestVersionIsChecked(t *testing.T) {
	for _, c := range []struct {
		version string
		ack     bridge.AckLevel
		want    string
	}{
		{"2.15.2", bridge.AckFsync, ""},
		{"2.15.0", bridge.AckFsync, ""},
		{"2.16.0-dev", bridge.AckFsync, ""},
		{"3.0.0", bridge.AckFsync, ""},
		{"2.14.6", bridge.AckReplicated, ""},
		{"2.14.4", bridge.AckMemory, ""},
		{"2.14.6", bridge.AckFsync, "ack level fsync can be had from 2.15.0 on"},
		{"2.15.0-RC.3", bridge.AckFsync, "ack level fsync can be had from 2.15.0 on"},
		{"2.14.3", bridge.AckReplicated, "from 2.14.4 on: upgrade it"},
		{"2.9.25", bridge.AckReplicated, "from 2.14.4 on: upgrade it"},
		{"1.4.1", bridge.AckMemory, "from 2.14.4 on: upgrade it"},
		{"", bridge.AckMemory, "from 2.14.4 on: upgrade it"},
		{"2.15", bridge.AckMemory, "from 2.14.4 on: upgrade it"},
	} {
		err := bridge.CheckVersion("n0", c.version, c.ack)
		if c.want == "" {
			require.NoError(t, err, "%s %s", c.version, c.ack)
			continue
		}
		require.ErrorContains(t, err, "NATS server n0")
		require.ErrorContains(t, err, c.want, "%s %s", c.version, c.ack)
	}
}

// TestServerIsChecked opens logs on servers and accounts that cannot hold one.
func TestServerIsChecked(t *testing.T) {
	account := func(jetStream string) string {
		return `accounts { TEAM { users: [{user: hub, password: hub}], ` + jetStream + ` } }`
	}
	for name, c := range map[string]struct {
		config string // %s is where to store
		want   string
	}{
		"no JetStream":               {"", "NATS server n0 runs without JetStream: add jetstream {"},
		"small messages":             {storeIn("%s") + "max_payload: 64K", "set max_payload: 1048576 or more"},
		"no JetStream in an account": {storeIn("%s") + account(""), "the NATS account has no JetStream"},
		"few streams":                {storeIn("%s") + account("jetstream { max_streams: 2 }"), "may have 2, and the log of rooms takes 3 more: raise its max_streams"},
		"little space":               {storeIn("%s") + account("jetstream { max_file: 8M }"), "raise its max_file"},
		"bounded streams":            {storeIn("%s") + account("jetstream { max_bytes_required: true }"), "max_bytes_required"},
	} {
		t.Run(name, func(t *testing.T) {
			config := c.config
			if config != "" {
				config = fmt.Sprintf(config, t.TempDir())
			}
			s := configured(t, config)
			_, err := openAs(t, s, bridge.Config{}, nats.UserInfo("hub", "hub"))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestPermissionsAreChecked takes one permission after another from the hub's user.
func TestPermissionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		of        bridge.Kind
		kind, not string
	}{
		{bridge.Rooms, "publish", "$JS.API.STREAM.CREATE.*"},
		{bridge.Rooms, "publish", "$JS.API.DIRECT.GET.>"},
		{bridge.Rooms, "publish", "$JS.API.STREAM.MSG.DELETE.*"},
		{bridge.Rooms, "publish", "hubbub.log.>"},
		{bridge.Rooms, "publish", "hubbub.bus.>"},
		{bridge.Rooms, "subscribe", "hubbub.live.>"},
		{bridge.Rooms, "subscribe", "$JS.EVENT.ADVISORY.>"},
		{bridge.Documents, "publish", "hubbub.doc.>"},
		{bridge.Documents, "publish", "$O.>"},
		{bridge.Documents, "publish", "$JS.API.STREAM.PURGE.*"},
	} {
		t.Run(c.kind+" "+c.not, func(t *testing.T) {
			s := configured(t, storeIn(t.TempDir())+fmt.Sprintf(
				`accounts { TEAM { jetstream: enabled, users: [{user: hub, password: hub, permissions { %s: { allow: ">", deny: %q } }}] } }`, c.kind, c.not))
			_, err := openAs(t, s, bridge.Config{Of: c.of}, nats.UserInfo("hub", "hub"))
			require.ErrorContains(t, err, "lacks a permission")
			require.ErrorContains(t, err, "hubbub.>, $JS.API.>, $O.HUBBUB_DOCS.>")
		})
	}
}

// TestFewPermissionsAreEnough gives the user what the errors name, and no more.
func TestFewPermissionsAreEnough(t *testing.T) {
	const allowed = `["hubbub.>", "$JS.API.>", "$O.HUBBUB_DOCS.>", "$JS.EVENT.ADVISORY.>", "_INBOX.>"]`
	s := configured(t, storeIn(t.TempDir())+fmt.Sprintf(
		`accounts { TEAM { jetstream: enabled, users: [{user: hub, password: hub, permissions { publish: %s, subscribe: %s }}] } }`, allowed, allowed))
	rooms, err := openAs(t, s, bridge.Config{}, nats.UserInfo("hub", "hub"))
	require.NoError(t, err)
	defer (&world{Log: rooms}).closeLog(t)
	rec := watch(t, rooms, "lobby")
	fill(t, rooms, "lobby", 5)
	eventually(t, "all are brought", func() bool { n, _ := rec.counts(); return n == 5 })
	require.Len(t, readAll(t, rooms, "lobby"), 5)

	docs, err := openAs(t, s, bridge.Config{Of: bridge.Documents}, nats.UserInfo("hub", "hub"))
	require.NoError(t, err)
	defer (&world{Log: docs}).closeLog(t)
	at, err := docs.Swap(t.Context(), "lobby/notes", 0, []byte("a"), true)
	require.NoError(t, err)
	require.NoError(t, docs.Blobs().Put(t.Context(), "b", []byte("b")))
	blob, err := docs.Blobs().Get(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, "b", string(blob))
	require.NoError(t, docs.Blobs().Delete(t.Context(), "b"))
	require.NoError(t, docs.Erase(t.Context(), "lobby/notes", at.Seq))
}

// TestStreamsMadeByHandAreChecked makes what an operator may have made, or changed.
func TestStreamsMadeByHandAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"acks off":          {"HUBBUB_LOG_01", func(c *jetstream.StreamConfig) { c.NoAck = true }, "stream HUBBUB_LOG_01: no_ack is true, and this hub needs false"},
		"in memory":         {"HUBBUB_LOG_01", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is Memory"},
		"trimmed":           {"HUBBUB_LOG_00", func(c *jetstream.StreamConfig) { c.MaxAge = 1e12 }, "limits"},
		"not told again":    {"HUBBUB_LOG_00", func(c *jetstream.StreamConfig) { c.RePublish = nil }, "republish is <nil>"},
		"small messages":    {"HUBBUB_LOG_00", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 }, "max_msg_size is 1024"},
		"not erasable":      {"HUBBUB_LOG_00", func(c *jetstream.StreamConfig) { c.DenyDelete = true }, "deny_delete is true"},
		"another window":    {"HUBBUB_LOG_01", func(c *jetstream.StreamConfig) { c.Duplicates = 1e9 }, "--dedup-window"},
		"record is trimmed": {"HUBBUB_META", func(c *jetstream.StreamConfig) { c.MaxAge = 1e12 }, "stream HUBBUB_META: max_age"},
		"a foreign one":     {"HUBBUB_LOG_00", func(c *jetstream.StreamConfig) { c.Subjects = []string{"orders.*"} }, "subjects"},
	} {
		t.Run(name, func(t *testing.T) {
			s := configured(t, storeIn(t.TempDir()))
			l, err := openAs(t, s, bridge.Config{})
			require.NoError(t, err)
			(&world{Log: l}).closeLog(t)
			remake(t, s, c.stream, c.change)
			_, err = openAs(t, s, bridge.Config{Existing: true})
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "was not changed")
		})
	}
}

// remake puts a stream in the place of one, with what it held.
func remake(t *testing.T, s *server.Server, name string, change func(*jetstream.StreamConfig)) {
	nc, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	cfg := stream.CachedInfo().Config
	last, err := stream.GetMsg(t.Context(), max(stream.CachedInfo().State.LastSeq, 1))
	require.NoError(t, js.DeleteStream(t.Context(), name))
	change(&cfg)
	_, cerr := js.CreateStream(t.Context(), cfg)
	require.NoError(t, cerr)
	if err == nil {
		_, err = js.Publish(t.Context(), last.Subject, last.Data)
		require.NoError(t, err)
	}
}

// TestReplicasAreChecked asks for copies that one server cannot hold.
func TestReplicasAreChecked(t *testing.T) {
	s := configured(t, storeIn(t.TempDir()))
	_, err := openAs(t, s, bridge.Config{Replicas: 3})
	require.ErrorContains(t, err, "replicas > 1 not supported in non-clustered mode")
	l, err := openAs(t, s, bridge.Config{})
	require.NoError(t, err)
	(&world{Log: l}).closeLog(t)
	_, err = openAs(t, s, bridge.Config{Replicas: 3})
	require.ErrorContains(t, err, "Run the hub with --replicas 1 or without the flag")
	_, err = openAs(t, s, bridge.Config{Ack: bridge.AckReplicated})
	require.ErrorContains(t, err, "there is 1 copy of each stream")
}

// TestUnfinishedLogIsMade opens a log that somebody was about to make.
func TestUnfinishedLogIsMade(t *testing.T) {
	s := configured(t, storeIn(t.TempDir()))
	nc, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	l, err := openAs(t, s, bridge.Config{})
	require.NoError(t, err)
	(&world{Log: l}).closeLog(t)
	meta, err := js.Stream(t.Context(), "HUBBUB_META")
	require.NoError(t, err)
	require.NoError(t, meta.Purge(t.Context()))
	_, err = openAs(t, s, bridge.Config{Existing: true})
	require.ErrorContains(t, err, "read where the log stood", "it was there before")
	l, err = openAs(t, s, bridge.Config{})
	require.NoError(t, err)
	defer (&world{Log: l}).closeLog(t)
	fill(t, l, "lobby", 1)
}

// TestManyBeginAtOnce opens one log from several instances, none of which finds it.
func TestManyBeginAtOnce(t *testing.T) {
	s := configured(t, storeIn(t.TempDir()))
	opened := make(chan *bridge.Log, 5)
	for range cap(opened) {
		go func() {
			l, err := openAs(t, s, bridge.Config{})
			if err != nil {
				t.Error(err)
			} else {
				put(t, l, "lobby", hub.Record{Data: []byte("x")})
			}
			opened <- l
		}()
	}
	epochs := make(map[string]bool)
	for range cap(opened) {
		if l := <-opened; l != nil {
			defer (&world{Log: l}).closeLog(t)
			epochs[tail(t, l, "lobby").Epoch] = true
			require.Empty(t, l.Findings())
		}
	}
	require.Len(t, epochs, 1)
}
