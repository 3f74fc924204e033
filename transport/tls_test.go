package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// tlsEdge is a tightEdge behind TLS.
func tlsEdge(t *testing.T, change ...func(*edgeConfig)) *edge {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	cert.Close()
	return newEdge(t, append(change, func(c *edgeConfig) {
		c.listen = func(l net.Listener) net.Listener {
			return tls.NewListener(tight{l}, &tls.Config{Certificates: cert.TLS.Certificates})
		}
	})...)
}

// tlsPeer is a client over TLS.
type tlsPeer struct {
	t   testing.TB
	ctx context.Context
	ws  *websocket.Conn
	id  uint64
}

func (e *edge) dialTLS() *tlsPeer {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	e.t.Cleanup(cancel)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	e.t.Cleanup(transport.CloseIdleConnections)
	ws, _, err := websocket.Dial(ctx, "wss://"+e.addr+"/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, Subprotocols: []string{wire.Subprotocol},
	})
	require.NoError(e.t, err)
	e.t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(-1)
	p := &tlsPeer{t: e.t, ctx: ctx, ws: ws}
	p.tell(&wire.Connect{})
	require.IsType(e.t, &wire.Connected{}, p.next())
	p.tell(&wire.Join{Room: "a"})
	require.IsType(e.t, &wire.Joined{}, p.next())
	return p
}

func (p *tlsPeer) tell(body wire.Body) {
	p.t.Helper()
	p.id++
	data, err := wire.EncodeCommand(wire.Command{ID: p.id, Body: body})
	require.NoError(p.t, err)
	require.NoError(p.t, p.ws.Write(p.ctx, websocket.MessageText, data))
}

func (p *tlsPeer) next() wire.Message {
	p.t.Helper()
	m, err := p.read()
	require.NoError(p.t, err)
	return m
}

func (p *tlsPeer) read() (wire.Message, error) {
	_, data, err := p.ws.Read(p.ctx)
	if err != nil {
		return nil, err
	}
	r, err := wire.DecodeReply(data)
	require.NoError(p.t, err)
	return r.Body.(wire.Message), nil
}

// TestTLS: what cannot be written without waiting goes the other way, backlog and
// all.
func TestTLS(t *testing.T) {
	p := tlsEdge(t).dialTLS()
	const n = 300
	want := []string{}
	for i := range n { // without reading: much of it waits
		want = append(want, fmt.Sprint(i, " ", strings.Repeat("x", 3<<10)))
		p.tell(&wire.Publish{Room: "a", Event: room.Command{Kind: room.KindMessage, Text: want[i]}})
	}
	p.tell(&wire.Ping{})
	events, pongs := []string{}, 0
	for len(events) < n || pongs == 0 {
		switch body := p.next().(type) {
		case *wire.EventPush:
			events = append(events, eventOf(t, body.Event).Text)
		case *wire.PongReply:
			pongs++
		}
	}
	require.Equal(t, want, events)
	require.NoError(t, p.ws.Close(websocket.StatusNormalClosure, ""))
}

// TestTLSPeerThatLagsIsToldSo: to TLS a write that was cut short is the end, so none
// may be; the goodbye goes out when the peer reads on.
func TestTLSPeerThatLagsIsToldSo(t *testing.T) {
	for name, limits := range map[string]Limits{
		"what waits is old":  {QueueAge: 300 * time.Millisecond, QueueBytes: 64 << 20},
		"what waits is much": {QueueAge: time.Minute, QueueBytes: 64 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			e := tlsEdge(t, func(c *edgeConfig) { c.Limits.QueueAge, c.Limits.QueueBytes = limits.QueueAge, limits.QueueBytes })
			stalled, writer := e.dialTLS(), e.dialTLS()
			begun, n := time.Now(), 0
			for e.hub.Stats().Sessions == 2 {
				writer.tell(&wire.Publish{Room: "a", Event: room.Command{Kind: room.KindMessage, Text: fmt.Sprint(n, " ", strings.Repeat("x", 12<<10))}})
				for heard := false; !heard; {
					_, heard = writer.next().(*wire.EventPush)
				}
				n++
				require.Less(t, time.Since(begun), patience)
			}
			require.EqualValues(t, 1, e.hub.Stats().Slow)
			events, told := 0, wire.CloseCode(0)
			for {
				m, err := stalled.read()
				if err != nil {
					require.Equal(t, websocket.StatusCode(wire.CloseSlow), websocket.CloseStatus(err), "%v", err)
					break
				}
				switch body := m.(type) {
				case *wire.EventPush:
					require.True(t, strings.HasPrefix(eventOf(t, body.Event).Text, fmt.Sprint(events, " ")))
					events++
				case *wire.DisconnectPush:
					told = body.Code
				}
			}
			require.Equal(t, wire.CloseSlow, told)
			require.Less(t, events, n)
		})
	}
}
