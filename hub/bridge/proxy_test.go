package bridge_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// proxy stands between clients and a server, and can lose what the server says.
type proxy struct {
	listener net.Listener
	target   string
	mute     atomic.Bool // what the server says is lost
	lost     atomic.Int64
	tasks    sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, target: target, conns: make(map[net.Conn]bool)}
	p.tasks.Go(p.accept)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		p.cut()
		p.tasks.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		srv, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[srv] = true, true
		p.mu.Unlock()
		p.tasks.Go(func() { p.pass(srv, client, false) })
		p.tasks.Go(func() { p.pass(client, srv, true) })
	}
}

func (p *proxy) pass(to, from net.Conn, answers bool) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if answers && p.mute.Load() {
			p.lost.Add(int64(n))
		} else if _, werr := to.Write(buf[:n]); werr != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// TestLostAnswers lets the server store what is appended, singly and in batches,
// and its answers get lost. What is repeated under the same ids is stored once, and
// answered with the first place.
func TestLostAnswers(t *testing.T) {
	s, err := server.NewServer(listening(t.TempDir()))
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	direct := openExternal(t, s.ClientURL(), bridge.Config{Partitions: 1})
	p := newProxy(t, s.Addr().String())
	l := openExternal(t, "nats://"+p.listener.Addr().String(), bridge.Config{AckTimeout: 300 * time.Millisecond, GiveUp: patience})
	for _, size := range []int{1, 2, 40} {
		room := fmt.Sprint("room-", size)
		records := make([]hub.Record, size)
		for i := range records {
			records[i] = hub.Record{ID: fmt.Sprint(i), Data: fmt.Append(nil, i)}
		}
		p.mute.Store(true)
		answered := make(chan []hub.Ack, 1)
		require.NoError(t, l.Append(room, records, func(acks []hub.Ack) { answered <- acks }))
		eventually(t, "the server has stored it", func() bool { return len(readAll(t, direct, room)) == size })
		at, lost := l.Stats().Retries, p.lost.Load()
		eventually(t, "the answer is lost, and missed", func() bool { return p.lost.Load() > lost && l.Stats().Retries > at })
		p.mute.Store(false)
		p.cut() // its clients have lost the thread
		select {
		case acks := <-answered:
			entries := readAll(t, direct, room)
			require.Len(t, entries, size, "each is stored once")
			for i, ack := range acks {
				require.NoError(t, ack.Err)
				require.Equal(t, entries[i].Seq, ack.Seq)
				require.True(t, ack.Duplicate, "a repeat found it there")
			}
		case <-time.After(patience):
			require.FailNow(t, "an append was never answered")
		}
	}
}

// TestLostPages loses what the server answers to who reads, and then the connection: the
// page is asked for again as soon as there is another one, and not when its reader gives
// up.
func TestLostPages(t *testing.T) {
	s, err := server.NewServer(listening(t.TempDir()))
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	p := newProxy(t, s.Addr().String())
	l := openExternal(t, "nats://"+p.listener.Addr().String(), bridge.Config{Partitions: 1})
	fill(t, l, "lobby", 40)
	p.mute.Store(true)
	lost := p.lost.Load()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	read := make(chan hub.Page, 1)
	go func() {
		page, err := l.Read(ctx, "lobby", hub.Range{Limit: 100})
		if err == nil {
			read <- page
		}
	}()
	eventually(t, "an answer is lost", func() bool { return p.lost.Load() > lost })
	p.mute.Store(false)
	p.cut()
	select {
	case page := <-read:
		require.Len(t, page.Entries, 40)
	case <-time.After(patience):
		require.FailNow(t, "a reader waits for what cannot come")
	}
}
