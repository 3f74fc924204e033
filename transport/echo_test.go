package transport

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/coder/websocket"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// echo is a protocol of binary messages that come back, to show what a protocol other
// than the chat can do with a connection.
type echo struct {
	*conn
	beat pulse
	made chan<- *echo
	left *atomic.Int32 // how many are over
	over atomic.Bool
}

const (
	echoMost                    = 200_000
	echoBye      wire.CloseCode = 4401
	echoTooSlow  wire.CloseCode = 4408
	echoGreeting                = "hello"
	echoFarewell                = "farewell"
)

func (*echo) path() string { return "/echo" }

func (*echo) accepts() (kind websocket.MessageType, most int) {
	return websocket.MessageBinary, echoMost
}

func (p *echo) greet(context.Context) bool {
	p.made <- p
	p.out.frame(echoFrame(echoGreeting))
	return true
}

func (p *echo) handle(_ context.Context, data []byte) bool {
	switch string(data) {
	case "bye":
		p.say(goodbye{code: echoBye, reason: "you said bye"}, false)
		return false
	case "fault":
		panic("the echo has a fault")
	}
	p.out.reply(p.fit(binaryFrame(data)))
	return true
}

func (p *echo) settle() <-chan struct{} { return settled }

func (p *echo) farewell(g goodbye) []byte {
	return append(echoFrame(echoFarewell), closeFrame(g.code, cmp.Or(g.reason, g.code.Name()))...)
}

func (p *echo) pulse() pulse { return p.beat }

func (p *echo) lags() { p.say(goodbye{code: echoTooSlow, reason: "read faster"}, true) }

func (p *echo) gone() {
	if p.over.CompareAndSwap(false, true) {
		p.left.Add(1)
	}
}

func echoFrame(s string) []byte {
	frame, _ := binaryFrame([]byte(s))
	return frame
}

// echoEdge serves echoes.
type echoEdge struct {
	*edge
	url   string
	pulse pulse
	dial  websocket.DialOptions
	made  chan *echo
	left  atomic.Int32
}

func newEchoEdge(t *testing.T, secure bool, change ...func(*edgeConfig)) *echoEdge {
	e := &echoEdge{
		edge: newEdge(t, change...), made: make(chan *echo, 100),
		pulse: pulse{frame: []byte{finPing, 0}, every: time.Minute, wait: time.Minute},
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.srv.upgrade(w, r, upgrade{compression: e.srv.compression(), protocol: func(c *conn) protocol {
			p := &echo{conn: c, beat: e.pulse, made: e.made, left: &e.left}
			p.expireAt(never)
			return p
		}})
	}))
	srv.Listener = tight{srv.Listener}
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	e.url, e.dial.HTTPClient = srv.URL, srv.Client()
	return e
}

// echoPeer is a client of the echo.
type echoPeer struct {
	t   testing.TB
	ctx context.Context
	ws  *websocket.Conn
}

// connect opens one, with the hub's end of it.
func (e *echoEdge) connect(t *testing.T) (*echoPeer, *echo) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	opts := e.dial
	ws, _, err := websocket.Dial(ctx, e.url, &opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(-1)
	p := &echoPeer{t, ctx, ws}
	require.Equal(t, echoGreeting, p.next())
	return p, <-e.made
}

func (p *echoPeer) say(s string) {
	p.t.Helper()
	require.NoError(p.t, p.ws.Write(p.ctx, websocket.MessageBinary, []byte(s)))
}

func (p *echoPeer) next() string {
	p.t.Helper()
	kind, data, err := p.ws.Read(p.ctx)
	require.NoError(p.t, err)
	require.Equal(p.t, websocket.MessageBinary, kind)
	return string(data)
}

// ended reads to the end, and gives what came before the farewell and the close frame.
func (p *echoPeer) ended(code wire.CloseCode, reason string) (before []string) {
	p.t.Helper()
	for {
		_, data, err := p.ws.Read(p.ctx)
		if err == nil {
			before = append(before, string(data))
			continue
		}
		var end websocket.CloseError
		require.ErrorAs(p.t, err, &end)
		require.Equal(p.t, websocket.CloseError{Code: websocket.StatusCode(code), Reason: reason}, end)
		require.NotEmpty(p.t, before)
		require.Equal(p.t, echoFarewell, before[len(before)-1])
		return before[:len(before)-1]
	}
}

// either runs a test of the echo as it is and behind TLS.
func either(t *testing.T, test func(t *testing.T, secure bool)) {
	t.Run("tcp", func(t *testing.T) { test(t, false) })
	t.Run("tls", func(t *testing.T) { test(t, true) })
}

func TestEcho(t *testing.T) {
	either(t, func(t *testing.T, secure bool) {
		e := newEchoEdge(t, secure)
		for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionNoContextTakeover} {
			e.dial.CompressionMode = mode
			p, hub := e.connect(t)
			require.Equal(t, mode == websocket.CompressionNoContextTakeover, hub.out.deflate)
			hub.mu.Lock()
			until := hub.clock.until
			hub.mu.Unlock()
			require.True(t, until.After(time.Now().Add(time.Hour)), "nothing ends")
			for _, n := range []int{0, 1, 125, 126, 65_535, 65_536, echoMost} {
				s := strings.Repeat("\xff\x00echo", n)[:n]
				p.say(s)
				require.Equal(t, s, p.next())
			}
			require.NoError(t, p.ws.Close(websocket.StatusNormalClosure, ""))
		}
		require.Eventually(t, func() bool { return e.left.Load() == 2 }, patience, time.Millisecond)
	})
}

// Each end is told in the protocol's own words.
func TestEchoSaysGoodbye(t *testing.T) {
	for name, c := range map[string]struct {
		kind   websocket.MessageType
		said   string
		code   wire.CloseCode
		reason string
	}{
		"of its own": {websocket.MessageBinary, "bye", echoBye, "you said bye"},
		"for text":   {websocket.MessageText, "text", wire.CloseBadProtocol, "frame: is text; send binary"},
		"too large":  {websocket.MessageBinary, strings.Repeat("x", echoMost+1), wire.CloseTooBig, "frame: is larger than 200000 bytes; send less at once"},
		"much too":   {websocket.MessageBinary, strings.Repeat("x", 3*echoMost), wire.CloseTooBig, "frame: is larger than 200000 bytes; send less at once"},
		"of a fault": {websocket.MessageBinary, "fault", wire.CloseInternal, "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			either(t, func(t *testing.T, secure bool) {
				logged := new(lines)
				e := newEchoEdge(t, secure, func(c *edgeConfig) { c.Logger = zerolog.New(logged) })
				p, _ := e.connect(t)
				p.say("first")
				require.NoError(t, p.ws.Write(p.ctx, c.kind, []byte(c.said)))
				require.Equal(t, []string{"first"}, p.ended(c.code, c.reason))
				require.Eventually(t, func() bool { return e.left.Load() == 1 }, patience, time.Millisecond)
				require.Equal(t, c.said == "fault", strings.Contains(logged.all()[0], `"path":"/echo"`))
			})
		})
	}
}

// A peer that reads answers WebSocket pings by itself, and stays; one that does not
// is cut.
func TestEchoIsPinged(t *testing.T) {
	e := newEchoEdge(t, false)
	e.pulse.every, e.pulse.wait = 20*time.Millisecond, 200*time.Millisecond
	p, hub := e.connect(t)
	reading := p.ws.CloseRead(p.ctx)
	begun := time.Now()
	require.Eventually(t, func() bool {
		return time.Unix(0, hub.heard.Load()).Sub(begun) > 2*(e.pulse.every+e.pulse.wait)
	}, patience, time.Millisecond)
	require.Nil(t, hub.bye.Load())
	require.Eventually(t, func() bool { // pongs keep no worker
		all := make([]byte, 1<<20)
		return !strings.Contains(string(all[:runtime.Stack(all, true)]), ").turn(")
	}, patience/4, time.Millisecond)
	require.NoError(t, p.ws.CloseNow())
	<-reading.Done()

	silent, _ := e.connect(t)
	require.Eventually(t, func() bool { return e.left.Load() == 2 }, patience, time.Millisecond)
	require.Empty(t, silent.ended(wire.CloseNoPong, "no_pong"))
}

// A steady pulse goes on beside messages, which are all that keeps the peer.
func TestEchoHasASteadyPulse(t *testing.T) {
	e := newEchoEdge(t, false)
	e.pulse = pulse{frame: echoFrame("\x09"), every: 100 * time.Millisecond, wait: 200 * time.Millisecond, steady: true}
	p, hub := e.connect(t)
	begun, pulses := time.Now(), 0
	for time.Since(begun) < 5*e.pulse.every {
		p.say("here")
		for s := p.next(); s != "here"; s = p.next() {
			require.Equal(t, "\x09", s)
			pulses++
		}
	}
	require.Nil(t, hub.bye.Load())
	require.GreaterOrEqual(t, pulses, 3)
	require.LessOrEqual(t, pulses, 1+int(time.Since(begun)/e.pulse.every))
	begun = time.Now()
	for _, s := range p.ended(wire.CloseNoPong, "no_pong") {
		require.Equal(t, "\x09", s)
	}
	require.Greater(t, time.Since(begun), e.pulse.every)
}

// echoFrames are frames that go to many peers. Those of a key are conflated.
type echoFrames struct {
	all  []byte
	ends []int
	keys []string
}

func (f *echoFrames) add(s, key string) {
	f.all = append(f.all, echoFrame(s)...)
	f.ends, f.keys = append(f.ends, len(f.all)), append(f.keys, key)
}

func (f *echoFrames) start(i int) int {
	if i == 0 {
		return 0
	}
	return f.ends[i-1]
}

func (f *echoFrames) Len() int              { return len(f.ends) }
func (f *echoFrames) Bytes(from int) []byte { return f.all[f.start(from):] }

func (f *echoFrames) Frame(i int) (data []byte, key string) {
	return f.all[f.start(i):f.ends[i]], f.keys[i]
}
func (f *echoFrames) Compressed(from int) []byte                      { return f.Bytes(from) }
func (f *echoFrames) CompressedFrame(i int) (data []byte, key string) { return f.Frame(i) }
func (f *echoFrames) Waits()                                          {}

// Rounds of a protocol's own are bounded and conflated as those of a room.
func TestEchoLags(t *testing.T) {
	either(t, func(t *testing.T, secure bool) {
		e := newEchoEdge(t, secure)
		slow, hub := e.connect(t)
		quick, other := e.connect(t)
		var large, small echoFrames
		large.add("skipped", "")
		large.add(strings.Repeat("x", 100_000), "")
		for range 9 { // beyond what the kernel holds
			require.True(t, hub.out.round(&large, 1))
		}
		for range 100 {
			small.add("cursor", "ann")
		}
		small.add("kept", "")
		require.True(t, hub.out.round(&small, 0))
		hub.out.mu.Lock()
		latest, waits := len(hub.out.lag.latest), string(hub.out.lag.buf)
		hub.out.mu.Unlock()
		require.Equal(t, 1, latest, "of the cursors only the last waits")
		require.NotContains(t, waits, "skipped")
		require.True(t, other.out.round(&small, 0))
		for range 100 {
			require.Equal(t, "cursor", quick.next())
		}
		require.Equal(t, "kept", quick.next())

		for hub.out.round(&large, 1) {
			require.Less(t, e.left.Load(), int32(1))
		}
		require.Eventually(t, func() bool { return e.left.Load() == 1 }, patience, time.Millisecond)
		before := slow.ended(echoTooSlow, "read faster")
		require.NotContains(t, before, "cursor")
		require.NotContains(t, before, "skipped")
		quick.say("well")
		require.Equal(t, "well", quick.next())
	})
}

// What a peer takes at once costs no allocation, whoever's round it is.
func TestRoundIsNotAllocatedFor(t *testing.T) {
	if plainIO {
		t.Skip("everything goes through a backlog")
	}
	c := socketMember(t, false, func(r io.Reader) { _, _ = io.Copy(io.Discard, r) })
	var round echoFrames
	round.add("what is sent", "")
	require.Zero(t, testing.AllocsPerRun(100, func() { c.out.round(&round, 0) }))
}

// What every connection has of its own fits the size classes of 640 and 64 bytes.
func TestConnectionIsSmall(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("for 64 bits")
	}
	require.LessOrEqual(t, unsafe.Sizeof(conn{}), uintptr(640))
	require.LessOrEqual(t, unsafe.Sizeof(chat{}), uintptr(64))
}
