package bridge_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// listening are the options of a NATS server on loopback.
func listening(dir string) *server.Options {
	return &server.Options{
		ServerName: "external", Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, MaxPayload: 2 << 20,
		JetStream: true, StoreDir: dir, SyncAlways: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 20,
	}
}

// serveNATS runs a NATS server that listens on loopback, and prints where, until
// it is killed.
func serveNATS(args []string) {
	s, err := server.NewServer(listening(args[0]))
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		panic("not ready")
	}
	fmt.Println(s.ClientURL())
	s.WaitForShutdown()
}

// external starts a NATS server in a process of its own.
func external(t *testing.T) (url string, process *os.Process) {
	cmd := child("nats", t.TempDir())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been killed by the test
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), cmd.Process
}

// connectTo is a Config.Connect for a server that listens.
func connectTo(url string) func(string, ...nats.Option) (*nats.Conn, error) {
	return func(name string, opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(url, append([]nats.Option{nats.Name(name)}, opts...)...)
	}
}

func openExternal(t *testing.T, url string, cfg bridge.Config) *bridge.Log {
	t.Helper()
	cfg.Connect = connectTo(url)
	l, err := bridge.Open(t.Context(), cfg)
	require.NoError(t, err)
	w := &world{Log: l}
	t.Cleanup(func() { w.closeLog(t) })
	return l
}

// TestSilentEngine stops the server's process in the middle, as a machine does
// that hangs: publishers get an answer in time, and what they repeat is stored
// once.
func TestSilentEngine(t *testing.T) {
	url, process := external(t)
	l := openExternal(t, url, bridge.Config{Partitions: 2, AckTimeout: 300 * time.Millisecond, GiveUp: time.Second})
	fill(t, l, "lobby", 3)
	require.NoError(t, l.Health())

	require.NoError(t, process.Signal(syscall.SIGSTOP))
	start := time.Now()
	const n = 40
	answered := make(chan hub.Ack, n)
	for i := range n {
		require.NoError(t, l.Append("lobby", []hub.Record{{ID: fmt.Sprint(i), Data: []byte("x")}}, func(a []hub.Ack) { answered <- a[0] }))
	}
	for range n {
		select {
		case ack := <-answered:
			require.ErrorIs(t, ack.Err, hub.ErrUnavailable)
		case <-time.After(patience):
			require.FailNow(t, "a publisher waits for ever")
		}
	}
	require.Less(t, time.Since(start), patience/2)
	require.ErrorContains(t, l.Health(), "no answer in time")

	require.NoError(t, process.Signal(syscall.SIGCONT))
	for i := range n {
		var ack hub.Ack
		eventually(t, "the repeat is stored", func() bool {
			ack = put(t, l, "lobby", hub.Record{ID: fmt.Sprint(i), Data: []byte("x")})[0]
			return ack.Err == nil
		})
	}
	require.NoError(t, l.Health())
	require.Len(t, readAll(t, l, "lobby"), 3+n, "each is there once")
	require.Empty(t, l.Findings())
}

// TestTwoInstances has two logs on one server: what one stores, the other one's
// watchers get, and both remember together.
func TestTwoInstances(t *testing.T) {
	url, _ := external(t)
	one := openExternal(t, url, bridge.Config{Partitions: 2, MarkEvery: 20 * time.Millisecond})
	two := openExternal(t, url, bridge.Config{MarkEvery: 20 * time.Millisecond})
	rec := watch(t, two, "lobby")
	seqs := fill(t, one, "lobby", 30)
	again := put(t, two, "lobby", hub.Record{ID: "lobby-7", Data: []byte("again")})[0]
	require.NoError(t, again.Err)
	require.True(t, again.Duplicate, "an id is known to all instances")
	require.Equal(t, seqs[7], again.Seq)
	eventually(t, "all entries are brought", func() bool { n, _ := rec.counts(); return n == 30 })
	require.Equal(t, seqs, seqsOf(rec.entries))
	require.Equal(t, tail(t, one, "lobby"), tail(t, two, "lobby"))
	_, suspects := rec.counts()
	require.Equal(t, 1, suspects, "a repeat may be of something that nobody was told of")
}

// TestLostConnection ends the server and starts it again: the watchers are told to
// look, appends that were under way are stored, and entries are brought again.
func TestLostConnection(t *testing.T) {
	opts := listening(t.TempDir())
	run := func() *server.Server {
		s, err := server.NewServer(opts)
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(patience))
		return s
	}
	s := run()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() }) // of the last one
	opts.Port = s.Addr().(*net.TCPAddr).Port
	l := openExternal(t, s.ClientURL(), bridge.Config{Partitions: 2, AckTimeout: 500 * time.Millisecond, GiveUp: patience})
	rec := watch(t, l, "lobby")
	seqs := fill(t, l, "lobby", 3)
	s.Shutdown()
	s.WaitForShutdown()
	eventually(t, "the reason is known", func() bool { return l.Health() != nil })
	require.ErrorContains(t, l.Health(), "no connection")
	answered := make(chan hub.Ack, 1)
	require.NoError(t, l.Append("lobby", []hub.Record{{ID: "waits", Data: []byte("waits")}}, func(a []hub.Ack) { answered <- a[0] }))
	_, err := l.Tail(t.Context(), "lobby")
	require.ErrorIs(t, err, hub.ErrUnavailable)

	s = run()
	select {
	case ack := <-answered:
		require.NoError(t, ack.Err)
		require.Greater(t, ack.Seq, seqs[2])
	case <-time.After(patience):
		require.FailNow(t, "the append was not stored")
	}
	eventually(t, "watchers are told", func() bool { _, n := rec.counts(); return n > 0 })
	eventually(t, "the log is well", func() bool { return l.Health() == nil })
	eventually(t, "history can be read", func() bool { // over a connection of its own
		_, err := l.Read(t.Context(), "lobby", hub.Range{Limit: 1})
		return err == nil
	})
	require.Len(t, readAll(t, l, "lobby"), 4)
	last := put(t, l, "lobby", hub.Record{Data: []byte("after")})[0]
	require.NoError(t, last.Err)
	eventually(t, "entries are brought again", func() bool {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		return rec.entries[len(rec.entries)-1].Seq == last.Seq
	})
	require.Empty(t, l.Findings())
}

// TestInstancesThatBeginTogetherAgree has three logs that find nothing and create it:
// one of them is the first, and all take its epochs.
func TestInstancesThatBeginTogetherAgree(t *testing.T) {
	url, _ := external(t)
	logs, errs := make([]*bridge.Log, 3), make([]error, 3)
	var opening sync.WaitGroup
	for i := range logs {
		opening.Go(func() {
			logs[i], errs[i] = bridge.Open(t.Context(), bridge.Config{Connect: connectTo(url), Partitions: 2})
		})
	}
	opening.Wait()
	for i, l := range logs {
		require.NoError(t, errs[i])
		defer func() { require.NoError(t, l.Close(context.Background())) }()
	}
	for _, l := range logs[1:] {
		for _, room := range []string{"a", "b", "c", "d"} {
			require.Equal(t, tail(t, logs[0], room).Epoch, tail(t, l, room).Epoch)
		}
	}
}
