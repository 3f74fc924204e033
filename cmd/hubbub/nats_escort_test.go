package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// A server that answers and then has nobody to ask is left for one that answers; one
// that never did is not, since the question may be forbidden.
func TestConnectionsLeaveAServerThatIsCutOff(t *testing.T) {
	run := func(log bool) *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: log, StoreDir: t.TempDir()})
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(10*time.Second))
		if log {
			nc, err := nats.Connect(s.ClientURL())
			require.NoError(t, err)
			defer nc.Close()
			js, err := jetstream.New(nc)
			require.NoError(t, err)
			_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ASKED", Subjects: []string{"asked"}})
			require.NoError(t, err)
		}
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		return s
	}
	walk := func(first, second *server.Server) *nats.Conn {
		nc, err := nats.Connect(first.ClientURL()+","+second.ClientURL(), nats.DontRandomize(), nats.MaxReconnects(-1))
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		e := newEscort("ASKED", zerolog.Nop())
		e.every, e.patience, e.rest = 10*time.Millisecond, time.Second, 0
		e.take(nc)
		e.start()
		t.Cleanup(e.end)
		return nc
	}
	at := func(nc *nats.Conn, s *server.Server) func() bool {
		return func() bool { return nc.IsConnected() && nc.ConnectedUrl() == s.ClientURL() }
	}
	alone, whole := run(true), run(true)
	nc := walk(alone, whole)
	require.Never(t, func() bool { return !at(nc, alone)() }, 200*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, alone.DisableJetStream())
	require.Eventually(t, at(nc, whole), 10*time.Second, 10*time.Millisecond)

	never := run(false)
	nc = walk(never, whole)
	require.Never(t, func() bool { return !at(nc, never)() }, 500*time.Millisecond, 10*time.Millisecond)
}
