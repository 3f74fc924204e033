package main_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// startNATS starts one ordinary NATS server, and gives its address.
func startNATS(t testing.TB) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, MaxPayload: 2 << 20,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 20,
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(time.Minute))
	return s.ClientURL()
}

// terminate asks the hub to end, and waits until it has.
func (h *hubProcess) terminate() {
	h.t.Helper()
	require.NoError(h.t, h.cmd.Process.Signal(syscall.SIGTERM))
	<-h.exited
	h.cmd = nil
	require.NoError(h.t, h.err, "%s", h.tail())
}

// mover is a client that is moved from one hub to another in the middle of its work.
type mover struct {
	hub  *client.Client
	room *client.Room
	work sync.WaitGroup

	mu     sync.Mutex // guards what follows
	stays  int        // connections
	lost   []time.Time
	acked  []string // texts
	seen   []string // of its room, in order
	faults []string
}

func (m *mover) fault(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

func (m *mover) status(s client.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case s.State == client.Connected:
		m.stays++
	case s.State == client.Disconnected && m.stays == 1 && len(m.lost) == 0:
		m.lost = append(m.lost, time.Now())
	}
}

// publish posts texts until ctx ends. Each is waited for.
func (m *mover) publish(ctx context.Context, name string, pace time.Duration) {
	for n := 0; ctx.Err() == nil; n++ {
		text := fmt.Sprint(name, "-", n)
		if _, err := m.room.Send(context.Background(), client.Text(text)); err != nil {
			m.fault("%s: %v", text, err)
			return
		}
		m.mu.Lock()
		m.acked = append(m.acked, text)
		m.mu.Unlock()
		wait(ctx, pace)
	}
}

// read takes what the room brings, until ctx ends.
func (m *mover) read(ctx context.Context) {
	for {
		switch in, err := m.room.Next(ctx); {
		case err != nil:
			return
		default:
			switch in := in.(type) {
			case *client.Event:
				m.mu.Lock()
				m.seen = append(m.seen, in.Text)
				m.mu.Unlock()
			case *client.Gap:
				m.fault("gap: %s, since %+v, at %+v", in.Reason, in.Since, in.At)
			}
		}
	}
}

func (m *mover) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// history reads a room from its beginning.
func history(t *testing.T, r *client.Room) (texts []string) {
	for after := uint64(0); ; {
		page, err := r.History(t.Context(), client.After(after), client.Limit(200))
		require.NoError(t, err)
		for _, e := range page.Events {
			after, texts = e.Seq, append(texts, e.Text)
		}
		if !page.MoreAfter {
			return texts
		}
	}
}

// A hub that is asked to end sends its clients to the next one: nothing is lost or
// doubled, nobody is sent away twice, and not all come at once.
func TestLeavingMovesEverybody(t *testing.T) {
	clients, drain := 500, 6*time.Second
	if testing.Short() {
		clients, drain = 60, 2*time.Second
	}
	nats := startNATS(t)
	flags := append([]string{"--nats=" + nats, "--drain=" + drain.String()}, hubFlagsOfProof...)
	here := newHub(t, []string{binary(t), "serve"}, flags...)
	there := newHub(t, []string{binary(t), "serve"}, flags...)
	here.start()
	here.awaitReady()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	movers := moversOn(ctx, t, here, "ws://"+here.addr+",ws://"+there.addr, clients)
	there.start()
	there.awaitReady()
	work(ctx, movers)
	wait(t.Context(), time.Second)

	asked := time.Now()
	here.terminate()
	ended := time.Since(asked)
	for _, m := range movers {
		require.NoError(t, m.hub.WaitConnected(t.Context()))
	}
	wait(t.Context(), time.Second)
	stop()
	for _, m := range movers {
		m.work.Wait()
	}
	judgeMovers(t, movers)
	for _, m := range movers {
		require.Equal(t, 2, m.stays, "connections of one client")
	}
	told := whenLost(movers)
	require.Len(t, told, clients)
	t.Logf("%d clients were told over %s, at most %d of them in 100 ms; the hub was gone after %s",
		clients, told[len(told)-1].Sub(told[0]), busiest(told, 100*time.Millisecond), ended)
	planned := min(drain, time.Duration(clients)*20*time.Millisecond)
	require.Greater(t, told[len(told)-1].Sub(told[0]), planned/2, "they are told at a pace")
}

// moversOn connects clients to the hubs at the addresses, whose key is that of one of
// them, each in one of ten rooms.
func moversOn(ctx context.Context, t *testing.T, of *hubProcess, urls string, n int) []*mover {
	t.Helper()
	reading, stopReading := context.WithCancel(context.Background())
	t.Cleanup(stopReading)
	movers := make([]*mover, n)
	var ready sync.WaitGroup
	for i := range movers {
		m := new(mover)
		movers[i] = m
		name := fmt.Sprint("user", i)
		var err error
		m.hub, err = client.New(client.Options{URL: urls, Token: of.token(name), OnStatus: m.status})
		require.NoError(t, err)
		t.Cleanup(m.hub.Close)
		ready.Go(func() {
			m.room = m.hub.Room(fmt.Sprint("room", i%10))
			if err := m.room.Join(ctx, client.Since(client.Position{})); err != nil {
				m.fault("join: %v", err)
			}
		})
	}
	ready.Wait()
	for _, m := range movers {
		require.Empty(t, m.faults)
		go m.read(reading)
	}
	return movers
}

// work has each publish until ctx ends, all together some 150 times a second.
func work(ctx context.Context, movers []*mover) {
	pace := time.Duration(len(movers)) * 6 * time.Millisecond
	for i, m := range movers {
		m.work.Go(func() { m.publish(ctx, fmt.Sprint("user", i), pace) })
	}
}

// judgeMovers holds what each has seen and has an ack for against the rooms.
func judgeMovers(t *testing.T, movers []*mover) {
	t.Helper()
	rooms := map[string][]string{}
	for _, m := range movers {
		if rooms[m.room.Name()] == nil {
			rooms[m.room.Name()] = history(t, m.room)
		}
		all := rooms[m.room.Name()]
		require.Eventually(t, func() bool { return m.count() >= len(all) }, time.Minute, 10*time.Millisecond)
		require.Empty(t, m.faults)
		require.Equal(t, all, m.seen, "each once, and in the order of the room")
		for _, text := range m.acked {
			require.Contains(t, all, text)
		}
	}
	for name, all := range rooms {
		sorted := slices.Sorted(slices.Values(all))
		require.Len(t, slices.Compact(sorted), len(all), "%s: each is there once", name)
	}
}

// whenLost gives when each was told, in order.
func whenLost(movers []*mover) (told []time.Time) {
	for _, m := range movers {
		told = append(told, m.lost...)
	}
	slices.SortFunc(told, time.Time.Compare)
	return told
}

// busiest is the most that lie within a time of each other.
func busiest(at []time.Time, within time.Duration) (most int) {
	for i := range at {
		n := 0
		for n < len(at)-i && at[i+n].Sub(at[i]) <= within {
			n++
		}
		most = max(most, n)
	}
	return most
}

func TestLeavingIsSeenAndEndsAtOnceWhereThereIsNothing(t *testing.T) {
	hub := newHub(t, []string{binary(t), "serve"}, append([]string{"--drain=1h", "--drain-delay=1h"}, hubFlagsOfProof...)...)
	hub.start()
	hub.awaitReady()
	stays, err := client.Dial(t.Context(), client.Options{URL: "ws://" + hub.addr, Token: hub.token("ann")})
	require.NoError(t, err)
	defer stays.Close()
	require.NoError(t, hub.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + hub.addr + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusServiceUnavailable
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, client.Connected, stays.Status().State)
	require.NoError(t, hub.cmd.Process.Signal(syscall.SIGINT), "a second signal is the end")
	<-hub.exited
	require.NoError(t, hub.err, "%s", hub.tail())
	require.True(t, strings.Contains(hub.tail(), "gone"), hub.tail())

	idle := newHub(t, []string{binary(t), "serve"}, "--drain=1h", "--admin-addr=")
	idle.start()
	idle.awaitReady()
	idle.terminate()
}
