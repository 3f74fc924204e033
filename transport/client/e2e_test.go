package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// realPatience is how long a test of the real program waits for what must come.
const realPatience = 2 * time.Minute

// program builds the hub, once for all tests of a run; TestMain takes it away.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir(), "hubbub")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/hubbub").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func programDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprint("hubbub-client-", os.Getpid()))
}

// realHub is the program, on one address and one folder however often it is
// started.
type realHub struct {
	t    *testing.T
	argv []string
	addr string
	cmd  *exec.Cmd
}

func newRealHub(t *testing.T, flags ...string) *realHub {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	h := &realHub{t: t, addr: freeAddr(t)}
	h.argv = append([]string{path, "serve", "--addr=" + h.addr, "--admin-addr=", "--data=" + t.TempDir(), "--log-level=warn", "--rate=1000000", "--burst=1000000"}, flags...)
	t.Cleanup(h.kill)
	h.start()
	return h
}

// freeAddr finds a port below those that clients are given, so that none of them
// takes it while the hub is down.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			require.NoError(t, l.Close())
			return addr
		}
	}
	require.Fail(t, "no free port")
	return ""
}

func (h *realHub) start() {
	h.t.Helper()
	h.cmd = exec.Command(h.argv[0], h.argv[1:]...)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, h.cmd.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "hubbub ") {
			return
		}
	}
	require.Fail(h.t, "the hub did not start")
}

// kill is kill -9.
func (h *realHub) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		h.cmd = nil
	}
}

func (h *realHub) client(addr string) *Client {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), realPatience)
	defer cancel()
	c, err := Dial(ctx, Options{URL: "ws://" + addr})
	require.NoError(h.t, err)
	h.t.Cleanup(c.Close)
	return c
}

// readAll gives the texts of n events from a joined room, which come without a gap
// and in ascending order.
func readAll(ctx context.Context, r *Room, n int) ([]string, error) {
	var texts []string
	last := uint64(0)
	for len(texts) < n {
		in, err := r.Next(ctx)
		if err != nil {
			return texts, err
		}
		switch in := in.(type) {
		case *Gap:
			return texts, fmt.Errorf("gap: %+v", in)
		case *Event:
			if in.Seq <= last {
				return texts, fmt.Errorf("%d comes after %d", in.Seq, last)
			}
			last = in.Seq
			texts = append(texts, in.Text)
		}
	}
	return texts, nil
}

// Rooms resume exactly and the outbox stores once, however often the hub is killed.
func TestThroughKillsOfTheHub(t *testing.T) {
	h := newRealHub(t)
	const rooms, each = 3, 800
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	sender, reader := h.client(h.addr), h.client(h.addr)
	var readers, senders sync.WaitGroup
	var mu sync.Mutex
	acked := 0
	for i := range rooms {
		name := fmt.Sprint("room-", i)
		require.NoError(t, reader.Room(name).Join(ctx))
		want := make([]string, each)
		for j := range want {
			want[j] = fmt.Sprintf("%s: %d", name, j)
		}
		readers.Go(func() {
			got, err := readAll(ctx, reader.Room(name), each)
			if err != nil || !equal(want, got) {
				t.Errorf("%s: %v after %d of %d events: %s", name, err, len(got), each, firstDifference(want, got))
			}
		})
		senders.Go(func() {
			slots := make(chan struct{}, 20)
			for _, text := range want {
				receipt, err := sender.Room(name).Post(ctx, Text(text))
				if err != nil {
					t.Error(err)
					return
				}
				slots <- struct{}{}
				senders.Go(func() {
					defer func() { <-slots }()
					if _, err := receipt.Wait(ctx); err != nil {
						t.Errorf("%s: %v", text, err)
						return
					}
					mu.Lock()
					acked++
					mu.Unlock()
				})
			}
		})
	}
	for i := range 4 {
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return acked > (i+1)*rooms*each/6 }, realPatience, time.Millisecond)
		h.kill()
		h.start()
	}
	senders.Wait()
	readers.Wait()
	require.Equal(t, rooms*each, acked)

	late := h.client(h.addr) // what is read from the beginning is the same
	for i := range rooms {
		r := late.Room(fmt.Sprint("room-", i))
		require.NoError(t, r.Join(ctx, Since(Position{})))
		got, err := readAll(ctx, r, each)
		require.NoError(t, err)
		for j, text := range got {
			require.Equal(t, fmt.Sprintf("room-%d: %d", i, j), text)
		}
		page, err := r.History(ctx, Limit(1))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("room-%d: %d", i, each-1), page.Events[0].Text, "and nothing more")
	}
}

func equal(a, b []string) bool { return firstDifference(a, b) == "" }

func firstDifference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%d is missing: %q", i, want[i])
		case i >= len(want):
			return fmt.Sprintf("%d is too much: %q", i, got[i])
		case want[i] != got[i]:
			return fmt.Sprintf("%d is %q; %q is right", i, got[i], want[i])
		}
	}
	return ""
}

// lossy stands between clients and a hub. While it is deaf, what the hub says is
// lost.
type lossy struct {
	l      net.Listener
	target string
	tasks  sync.WaitGroup

	mu    sync.Mutex
	deaf  bool
	conns []net.Conn
}

func newLossy(t *testing.T, target string) *lossy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &lossy{l: l, target: target}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.tasks.Wait()
	})
	return p
}

func (p *lossy) accept() {
	for {
		down, err := p.l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = down.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, down, up)
		p.mu.Unlock()
		p.tasks.Go(func() { _, _ = io.Copy(up, down); _ = up.Close() })
		p.tasks.Go(func() { _, _ = io.Copy(hearing{p, down}, up); _ = down.Close() })
	}
}

// hearing writes to a client what it may hear.
type hearing struct {
	p *lossy
	w io.Writer
}

func (h hearing) Write(b []byte) (int, error) {
	h.p.mu.Lock()
	deaf := h.p.deaf
	h.p.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	return h.w.Write(b)
}

func (p *lossy) setDeaf(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

func (p *lossy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// Acks are lost, and the hub has forgotten the ids when the client is back: what
// was stored is found, and stored once. One room is joined by the sender and one
// is not.
func TestLostAcksBeyondTheWindowOfTheHub(t *testing.T) {
	const window = 100 * time.Millisecond
	h := newRealHub(t, "--dedup-window="+window.String())
	p := newLossy(t, h.addr)
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	sender, observer := h.client(p.l.Addr().String()), h.client(h.addr)
	require.NoError(t, sender.Room("joined").Join(ctx))
	const rounds, each = 3, 40
	for _, name := range []string{"joined", "apart"} {
		require.NoError(t, observer.Room(name).Join(ctx))
		var want []string
		for round := range rounds {
			receipts := make([]*Receipt, each)
			for i := range receipts {
				want = append(want, fmt.Sprintf("%d.%d", round, i))
				if i == each/2 {
					_, err := receipts[i-1].Wait(ctx)
					require.NoError(t, err)
					require.Eventually(t, sender.Room(name).out.idle, realPatience, time.Millisecond, "the ack itself is there, too")
					p.setDeaf(true) // the next one is stored, and its ack is lost
				}
				var err error
				receipts[i], err = sender.Room(name).Post(ctx, Text(want[len(want)-1]))
				require.NoError(t, err)
			}
			// The hub has stored one that the sender knows nothing of ...
			got, err := readAll(ctx, observer.Room(name), each/2+1)
			require.NoError(t, err)
			<-time.After(2 * window) // ... and has forgotten their ids.
			p.setDeaf(false)
			p.cut()
			for _, receipt := range receipts {
				_, err := receipt.Wait(ctx)
				require.NoError(t, err)
			}
			rest, err := readAll(ctx, observer.Room(name), each-len(got))
			require.NoError(t, err)
			require.Empty(t, firstDifference(want[len(want)-each:], append(got, rest...)))
		}
		_, err := sender.Room(name).Send(ctx, Text("the end"))
		require.NoError(t, err)
		got, err := readAll(ctx, observer.Room(name), 1)
		require.NoError(t, err)
		require.Equal(t, []string{"the end"}, got, "nothing was stored twice")
	}
}

// idle reports whether nothing is on its way.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.pumping
}

// Errors of the real hub are the typed ones.
func TestErrorsOfTheRealHub(t *testing.T) {
	h := newRealHub(t)
	c := h.client(h.addr)
	r := c.Room("lobby")
	ack, err := r.Send(t.Context(), Text("mine"))
	require.NoError(t, err)
	other := h.client(h.addr).Room("lobby")
	for name, try := range map[string]struct {
		err  error
		want error
	}{
		"edit another's":        {second(other.Send(t.Context(), Edit(ack.Seq, "x"))), ErrForbidden},
		"answer what is not":    {second(other.Send(t.Context(), Reply(ack.Seq+999, "x"))), ErrNotFound},
		"typing before joining": {other.SetTyping(t.Context(), true), ErrNotJoined},
	} {
		require.ErrorIs(t, try.err, try.want, name)
		e, ok := errors.AsType[*Error](try.err)
		require.True(t, ok)
		require.Contains(t, e.Op, "lobby")
	}
	require.NoError(t, other.Join(t.Context(), Newest(10), WithPresence()))
	_, err = r.Send(t.Context(), Delete(ack.Seq))
	require.NoError(t, err)
	require.ErrorIs(t, second(other.Send(t.Context(), React(ack.Seq, "👍"))), ErrConflict)
	require.NoError(t, other.SetTyping(t.Context(), true))
	require.NoError(t, other.Broadcast(t.Context(), []byte(`{"x":1}`)))
	members, count, err := other.Present(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count)
	require.Equal(t, other.client.User().ID, members[0].User)
	at, err := c.Positions(t.Context(), "lobby", "empty")
	require.NoError(t, err)
	require.Greater(t, at["lobby"].Seq, ack.Seq)
	require.NotEmpty(t, at["empty"].Epoch)
	require.Zero(t, at["empty"].Seq)
}

func second(_ Ack, err error) error { return err }
