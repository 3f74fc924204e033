package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// socketMember is a chat as far as the sender is concerned, on a real socket whose
// other end is read and counted.
func socketMember(t testing.TB, plain bool, read func(io.Reader)) *chat {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	server, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	srv := New(Config{PlainIO: plain})
	c := newConn(srv, newChat).speaks.(*chat)
	c.open(server, nil)
	var reading sync.WaitGroup
	reading.Go(func() { read(client) })
	t.Cleanup(func() {
		c.out.stop()
		c.tasks.Wait()
		require.NoError(t, server.Close())
		reading.Wait()
		require.NoError(t, client.Close())
	})
	return c
}

// BenchmarkSend is a round of messages to ten sockets, system calls and all, on the
// raw path and without it.
func BenchmarkSend(b *testing.B) {
	for _, batch := range []int{1, 50} {
		b.Run(fmt.Sprintf("raw/batch=%d", batch), func(b *testing.B) { benchSend(b, batch, false) })
		b.Run(fmt.Sprintf("plain/batch=%d", batch), func(b *testing.B) { benchSend(b, batch, true) })
	}
}

func benchSend(b *testing.B, batch int, plain bool) {
	const members = 10
	log := hub.NewMemoryWith(hub.MemoryOptions{Keep: 100})
	h := hub.New(hub.Config{Log: log, Bus: hub.NewMemoryBus(), Codec: Codec{}})
	defer func() { require.NoError(b, log.Close(context.Background())) }()
	defer h.Close()
	caller := room.Caller{User: "ann", Grants: room.Everything()}
	arrived := make(chan struct{}, 1000)
	for range members {
		c := socketMember(b, plain, func(r io.Reader) {
			buf, text := make([]byte, 64<<10), 0
			for {
				n, err := r.Read(buf)
				if err != nil {
					return
				}
				for text += bytes.Count(buf[:n], []byte(`"kind"`)); text >= batch; text -= batch {
					arrived <- struct{}{}
				}
			}
		})
		s, err := h.Connect(caller, c)
		require.NoError(b, err)
		require.NoError(b, s.Join(context.Background(), hub.JoinRequest{Room: "a"}, func(hub.Joined) {}))
	}
	cmds := make([]room.Command, batch)
	for i := range cmds {
		cmds[i] = room.Command{Kind: room.KindMessage, Text: strings.Repeat("x", 128)}
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(context.Background(), caller, "a", cmds, func([]hub.Outcome) {})
		for range members {
			<-arrived
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members*batch), "ns/delivery")
}
