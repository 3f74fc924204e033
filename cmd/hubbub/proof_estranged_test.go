package main_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// strait is the way to a server. When it is shut, what is sent is lost without a word.
type strait struct {
	listener net.Listener
	target   string
	tasks    sync.WaitGroup

	mu    sync.Mutex // guards what follows
	shut  bool
	conns map[net.Conn]bool
}

func newStrait(t *testing.T, target string) *strait {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &strait{listener: l, target: target, conns: make(map[net.Conn]bool)}
	s.tasks.Go(s.accept)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		s.open()
		s.tasks.Wait()
	})
	return s
}

func (s *strait) accept() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", s.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		s.mu.Lock()
		s.conns[near], s.conns[far] = true, true
		s.mu.Unlock()
		s.tasks.Go(func() { s.pass(far, near) })
		s.tasks.Go(func() { s.pass(near, far) })
	}
}

func (s *strait) pass(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !s.isShut() {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (s *strait) isShut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shut
}

func (s *strait) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
}

// open lets new connections through; those that there were have lost the thread.
func (s *strait) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = false
	for c := range s.conns {
		_ = c.Close()
	}
	clear(s.conns)
}

// says gives what the hub says of itself, on /readyz or /livez.
func (h *hubProcess) says(path string) (status int, text string) {
	resp, err := http.Get("http://" + h.addr + path)
	require.NoError(h.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return resp.StatusCode, string(body)
}

// A hub that is cut off from its log sends its clients to another one, and they have
// all of it there while the first is still cut off. Then that one serves again.
func TestAHubThatIsCutOffMovesItsClients(t *testing.T) {
	clients := 200
	if testing.Short() {
		clients = 40
	}
	nats := startNATS(t)
	way := newStrait(t, nats[len("nats://"):])
	flags := append([]string{"--estranged-after=2s"}, hubFlagsOfProof...)
	here := newHub(t, []string{binary(t), "serve"}, append([]string{"--nats=nats://" + way.listener.Addr().String()}, flags...)...)
	there := newHub(t, []string{binary(t), "serve"}, append([]string{"--nats=" + nats}, flags...)...)
	here.start()
	here.awaitReady()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	movers := moversOn(ctx, t, here, "ws://"+here.addr+",ws://"+there.addr, clients)
	there.start()
	there.awaitReady()
	work(ctx, movers)
	wait(t.Context(), time.Second)

	cut := time.Now()
	way.close()
	for _, m := range movers {
		require.Eventually(t, func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.stays == 2
		}, time.Minute, 10*time.Millisecond)
	}
	told := whenLost(movers)
	require.Len(t, told, clients)
	t.Logf("%d clients were told from %s to %s after the cut", clients, told[0].Sub(cut), told[len(told)-1].Sub(cut))
	require.GreaterOrEqual(t, told[0].Sub(cut), 1900*time.Millisecond, "the time that the setting gives it")
	status, says := here.says("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Regexp(t, `"cut off from NATS for \d+s"`, says)
	status, _ = here.says("/livez")
	require.Equal(t, http.StatusOK, status, "it goes on")
	wait(t.Context(), time.Second)
	stop()
	for _, m := range movers {
		m.work.Wait()
	}
	judgeMovers(t, movers)
	for _, m := range movers {
		require.Equal(t, 2, m.stays, "connections of one client")
	}
	before := history(t, movers[0].room)
	status, says = here.says("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status, "all of it while the hub was cut off")
	require.Contains(t, says, "cut off")

	way.open()
	require.Eventually(t, func() bool {
		status, _ := here.says("/readyz")
		return status == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
	back, err := client.Dial(t.Context(), client.Options{URL: "ws://" + here.addr, Token: here.token("user0")})
	require.NoError(t, err)
	defer back.Close()
	again := back.Room(movers[0].room.Name())
	require.NoError(t, again.Join(t.Context(), client.Newest(0)))
	_, err = again.Send(t.Context(), client.Text("from the first again"))
	require.NoError(t, err)
	all := append(before, "from the first again")
	require.Equal(t, all, history(t, again), "what it had under way is not stored a second time")
	require.Equal(t, all, history(t, movers[0].room))
}
