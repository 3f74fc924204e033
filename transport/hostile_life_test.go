package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func TestDisconnectedByTheOperator(t *testing.T) {
	e := newEdge(t)
	tok := e.token("ann", room.Everything())
	tabs := []*peer{e.as(tok), e.as(tok)}
	bob := e.as(e.token("bob", room.Everything()))
	ask[wire.Joined](tabs[0], &wire.Join{Room: "a"})
	require.Equal(t, 2, e.hub.Disconnect("ann"))
	require.Zero(t, e.hub.Disconnect("nobody"))
	for _, tab := range tabs {
		require.Empty(t, tab.cut(wire.CloseDisconnected))
	}
	ask[wire.PongReply](bob, &wire.Ping{})
	ask[wire.Joined](e.as(tok), &wire.Join{Room: "a"}) // the token is as good as before
}

// TestShutdown: everybody is told, whatever they are at, and nobody holds it up.
func TestShutdown(t *testing.T) {
	e := newEdge(t)
	var members []*peer
	for range 20 {
		p := e.guest()
		ask[wire.Joined](p, &wire.Join{Room: "a"})
		members = append(members, p)
	}
	middle := e.guest()
	middle.write(text(hubPing(1, 5000))[:100])
	busy := e.guest()
	for _, s := range numbered(1, 100) {
		busy.tell(publishing("b", room.Command{Text: s}))
	}
	ask[wire.PongReply](busy, &wire.Ping{}) // all of which has been taken

	members = append(members, middle, busy)
	ends := make([]exchange, len(members))
	var told sync.WaitGroup
	for i, p := range members {
		told.Go(func() { ends[i], _ = p.listen() })
	}
	begun := time.Now()
	e.stop()
	told.Wait()
	for _, end := range ends {
		require.True(t, strings.HasSuffix(end.text, "disconnect 3000"), end.text)
		require.Equal(t, closed(int(wire.CloseShutdown)), end.end)
	}
	require.Less(t, time.Since(begun), closeTimeout+lingerTime+3*time.Second)
	_, err := net.Dial("tcp", e.addr)
	require.Error(t, err, "nobody is let in any more")
}

// sickRoomLog panics when the history of one room is read.
type sickRoomLog struct{ hub.Log }

func (l sickRoomLog) Read(ctx context.Context, name string, r hub.Range) (hub.Page, error) {
	if name == "sick" {
		panic("the log has a fault")
	}
	return l.Log.Read(ctx, name, r)
}

// lines collects what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.b.String(), "\n"), "\n")
}

// TestPanic: a fault of the hub in one command ends one connection, with 3005, and
// is logged in one line.
func TestPanic(t *testing.T) {
	logged := new(lines)
	e := newEdge(t, func(c *edgeConfig) {
		c.Log = sickRoomLog{c.Log}
		c.Logger = zerolog.New(logged)
	})
	p, other := e.guest(), e.guest()
	ask[wire.Joined](p, &wire.Join{Room: "a"})
	ask[wire.Joined](other, &wire.Join{Room: "a"})
	p.tell(publishing("a", room.Command{Text: "before"}))
	p.send(7, &wire.History{Room: "sick"})
	frames := p.cut(wire.CloseInternal)
	require.LessOrEqual(t, len(frames), 1)
	require.Eventually(t, func() bool { return e.hub.Stats().Sessions == 1 }, patience, time.Millisecond)
	require.Equal(t, "before", eventOf(t, push[wire.EventPush](other).Event).Text)
	e.well()
	require.Eventually(t, func() bool { return logged.all()[0] != "" }, patience, time.Millisecond)
	got := logged.all()
	require.Len(t, got, 1)
	require.Contains(t, got[0], "the log has a fault")
	require.Contains(t, got[0], "sickRoomLog", "with where it was")
}

// waysToGo are the ways in which connections end.
var waysToGo = []func(*peer){
	(*peer).bye,
	func(p *peer) { _ = p.conn.Close() },
	func(p *peer) { _ = errors.Join(p.conn.SetLinger(0), p.conn.Close()) },
	func(p *peer) { p.write(text(hubPing(1, 500))[:200]); _ = p.conn.Close() },
	func(p *peer) { p.write(frame(fin|3, nil)); _, _ = p.listen() },
	func(p *peer) { p.write(repeat(text("x"), 3)); _, _ = p.listen() },
	func(p *peer) { p.tell(publishing("churn", room.Command{Text: "last words"})); _ = p.conn.Close() },
	func(p *peer) { p.tell(&wire.Join{Room: "another"}); _ = p.conn.Close() },
	func(p *peer) { _ = p.conn.CloseWrite(); _, _ = p.listen() },
	func(p *peer) { p.write(closing(4000, "")); _ = p.conn.Close() },
}

// TestChurn: a thousand connections come and go in every way, and nothing of them
// is left.
func TestChurn(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.hub.EmptyLinger, c.hub.TailCheck = time.Millisecond, 10*time.Millisecond })
	e.well()
	goroutines, memory, files := runtime.NumGoroutine(), inUse(), openFiles(t)
	for i := range 1000 {
		p := e.guest()
		ask[wire.Joined](p, &wire.Join{Room: "churn", Presence: i%2 == 0})
		waysToGo[i%len(waysToGo)](p)
		_ = p.conn.Close()
	}
	e.nothingStays(goroutines, memory, files)
}

// openFiles is how many descriptors the process has open.
func openFiles(t testing.TB) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

// TestJoinAndLeaveCycles: rooms that are joined and left cost nothing afterwards.
func TestJoinAndLeaveCycles(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.hub.EmptyLinger, c.hub.TailCheck = time.Millisecond, 10*time.Millisecond })
	p := e.guest()
	cycle := func(n int) {
		for i := range n {
			name := "r" + strings.Repeat("x", i%100)
			ask[wire.Joined](p, &wire.Join{Room: name})
			ask[wire.Left](p, &wire.Leave{Room: name})
		}
	}
	cycle(200)
	memory := inUse()
	cycle(3000)
	require.Eventually(t, func() bool { return e.hub.Stats().Rooms == 0 }, patience, time.Millisecond)
	// What tests before this one have left may still be on its way out.
	require.Eventually(t, func() bool { return inUse()-memory < 4<<20 }, patience, 10*time.Millisecond)
	p.bye()
}

// TestConnectionMemory: what an idle member costs, both ends of it. The bound is
// loose; the figure is in the log.
func TestConnectionMemory(t *testing.T) {
	const n = 500
	e := newEdge(t)
	e.well()
	memory, goroutines := inUse(), runtime.NumGoroutine()
	peers := make([]*peer, n)
	for i := range peers {
		peers[i] = e.guest()
		ask[wire.Joined](peers[i], &wire.Join{Room: "a"})
	}
	each := (inUse() - memory) / n
	t.Logf("%d bytes and %.1f goroutines for each of %d idle members, their clients here included", each, float64(runtime.NumGoroutine()-goroutines)/n, n)
	require.Less(t, each, int64(64<<10))
	require.LessOrEqual(t, runtime.NumGoroutine()-goroutines, n+n/10, "one each, and the workers")
	runtime.KeepAlive(peers)
}

// TestHTTPIsServedBesideSockets: the same listener answers both.
func TestHTTPIsServedBesideSockets(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	res, err := http.Get("http://" + e.addr + "/livez")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, res.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	p.bye()
}
