package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
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
	conns map[net.Conn]bool // nil: the test is over
}

// newStrait listens on an address, or, for port 0, on any.
func newStrait(t *testing.T, addr, target string) *strait {
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	s := &strait{listener: l, target: target, conns: make(map[net.Conn]bool)}
	s.tasks.Go(s.accept)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		s.mu.Lock()
		s.cut()
		s.conns = nil
		s.mu.Unlock()
		s.tasks.Wait()
	})
	return s
}

func (s *strait) addr() string { return s.listener.Addr().String() }

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
		s.join(near, far)
	}
}

func (s *strait) join(near, far net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_, _ = near.Close(), far.Close()
		return
	}
	s.conns[near], s.conns[far] = true, true
	s.tasks.Go(func() { s.pass(far, near) })
	s.tasks.Go(func() { s.pass(near, far) })
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
	s.cut()
}

// cut ends the connections that there are. mu is held.
func (s *strait) cut() {
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

// islands are two hubs that are one, of which the first can be cut off.
type islands struct {
	here, there *hubProcess
	ways        []*strait // from the first to everything else, and back
	from        string    // what that is, as the hub calls it
}

const (
	anyPort        = "127.0.0.1:0"
	estrangedAfter = 2 * time.Second
)

var flagsOfIslands = append([]string{"--estranged-after=" + estrangedAfter.String()}, hubFlagsOfProof...)

// A hub that is cut off from its log sends its clients to another one, and they have
// all of it there while the first is still cut off. Then that one serves again.
func TestAHubThatIsCutOffMovesItsClients(t *testing.T) {
	nats := startNATS(t)
	way := newStrait(t, anyPort, nats[len("nats://"):])
	here := newHub(t, []string{binary(t), "serve"}, append([]string{"--nats=nats://" + way.addr()}, flagsOfIslands...)...)
	there := newHub(t, []string{binary(t), "serve"}, append([]string{"--nats=" + nats}, flagsOfIslands...)...)
	here.start()
	there.start()
	isles := &islands{here, there, []*strait{way}, "NATS"}
	isles.prove(t, 40)
}

// The same where the log is kept by the hubs themselves.
func TestAPeerThatIsCutOffMovesItsClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of elections")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs a second address on loopback")
	}
	// Engines tell each other where others are: at the port that these say, on the host
	// that they seem to come from. There the straits listen.
	var seen, own []string
	var ways []*strait
	for range 3 {
		seen = append(seen, freeAddr(t))
		own = append(own, strings.Replace(seen[len(seen)-1], "127.0.0.1", "127.0.0.2", 1))
		ways = append(ways, newStrait(t, seen[len(seen)-1], own[len(own)-1]))
	}
	peers := []string{seen[1] + "," + seen[2], seen[0] + "," + own[2], seen[0] + "," + own[1]}
	var hubs []*hubProcess
	for i := range own {
		h := newHub(t, []string{binary(t), "serve"}, append([]string{fmt.Sprint("--name=hub", i), "--peer-listen=" + own[i], "--peer=" + peers[i]}, flagsOfIslands...)...)
		hubs = append(hubs, h)
		h.start()
	}
	isles := &islands{hubs[0], hubs[1], ways, "the other hubs"}
	isles.prove(t, 20)
}

// prove cuts the first hub off and has it back, with clients in the middle of their
// work.
func (i *islands) prove(t *testing.T, clients int) {
	i.here.awaitReady()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	door := freeAddr(t) // to the other hub; it opens when all are on the first
	movers := moversOn(ctx, t, i.here, "ws://"+i.here.addr+",ws://"+door, clients)
	i.there.awaitReady()
	newStrait(t, door, i.there.addr)
	work(ctx, movers)
	wait(t.Context(), time.Second)

	cut := time.Now()
	for _, way := range i.ways {
		way.close()
	}
	i.awaitMoved(t, movers, cut)
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
	i.isCutOff(t)

	for _, way := range i.ways {
		way.open()
	}
	require.Eventually(t, i.isReady, time.Minute, 10*time.Millisecond)
	i.servesAgain(t, movers[0].room, before)
}

// awaitMoved waits until each client has been told, and is at another hub.
func (i *islands) awaitMoved(t *testing.T, movers []*mover, cut time.Time) {
	t.Helper()
	for _, m := range movers {
		require.Eventually(t, func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.stays == 2
		}, time.Minute, 10*time.Millisecond)
	}
	told := whenLost(movers)
	require.Len(t, told, len(movers))
	t.Logf("%d clients were told from %s to %s after the cut", len(movers), told[0].Sub(cut), told[len(told)-1].Sub(cut))
	require.GreaterOrEqual(t, told[0].Sub(cut), estrangedAfter*9/10, "a connection may be away for a while")
	i.isCutOff(t)
}

// isCutOff requires the first hub to say so, and to live.
func (i *islands) isCutOff(t *testing.T) {
	t.Helper()
	status, says := i.here.says("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Regexp(t, `"cut off from `+i.from+` for \d+s"`, says)
	status, _ = i.here.says("/livez")
	require.Equal(t, http.StatusOK, status)
}

func (i *islands) isReady() bool {
	status, _ := i.here.says("/readyz")
	return status == http.StatusOK
}

// servesAgain has somebody come to the first hub, who finds all that there was.
func (i *islands) servesAgain(t *testing.T, elsewhere *client.Room, before []string) {
	t.Helper()
	back, err := client.Dial(t.Context(), client.Options{URL: "ws://" + i.here.addr, Token: i.here.token("user0")})
	require.NoError(t, err)
	defer back.Close()
	again := back.Room(elsewhere.Name())
	require.NoError(t, again.Join(t.Context(), client.Newest(0)))
	_, err = again.Send(t.Context(), client.Text("from the first again"))
	require.NoError(t, err)
	all := append(before, "from the first again")
	require.Equal(t, all, history(t, again), "what it had under way is not stored a second time")
	require.Equal(t, all, history(t, elsewhere))
}
