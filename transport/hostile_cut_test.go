package transport

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// aSession is all that a client may say, and how the hub answers it: frames of each
// length, fragments with a ping between them, and one that is compressed.
func aSession(t *testing.T) (says []byte, hears string) {
	join := `{"type":"join","id":2,"room":"cut"}`
	says = bytesOf(
		text(connectText), frame(opText, []byte(join[:9])), frame(fin|opPing, []byte("p")), frame(0, nil), frame(fin, []byte(join[9:])),
		text(hubPing(3, 130)), long(fin|opText, 8, hubPing(4, 0)),
		frame(fin|rsv1|opText, deflated(t, strings.NewReader(hubPing(5, 200)))),
		closing(1000, "enough"),
	)
	return says, "connected 1; joined 2; pong 3; pong 4; pong 5"
}

// TestCutAtEveryByte: a stream may end after any of its bytes, in order or by a
// reset. What came whole before is answered, and nothing is kept.
func TestCutAtEveryByte(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.hub.EmptyLinger, c.hub.TailCheck = time.Millisecond, 10*time.Millisecond })
	e.well()
	says, hears := aSession(t)
	goroutines, memory, files := runtime.NumGoroutine(), inUse(), openFiles(t)
	for n := range len(says) {
		p, _ := e.dialDeflate(noTakeover)
		p.write(says[:n])
		require.NoError(t, p.conn.CloseWrite())
		got, err := p.listen()
		require.NoError(t, err, "after %d bytes: %+v", n, got)
		require.Equal(t, drop, got.end, "after %d bytes", n)
		require.True(t, strings.HasPrefix(hears, got.text), "after %d bytes: %s", n, got.text)
		require.NoError(t, p.conn.Close())

		p, _ = e.dialDeflate(noTakeover)
		p.write(says[:n])
		require.NoError(t, errors.Join(p.conn.SetLinger(0), p.conn.Close()))
	}
	p, _ := e.dialDeflate(noTakeover)
	p.write(says)
	got, err := p.listen()
	require.NoError(t, err)
	require.Equal(t, exchange{hears, "p.", closed(1000)}, got)
	e.nothingStays(goroutines, memory, files)
}

// TestHandshakeCutAtEveryByte is the same for the request.
func TestHandshakeCutAtEveryByte(t *testing.T) {
	e := newEdge(t)
	e.well()
	goroutines, memory, files := runtime.NumGoroutine(), inUse(), openFiles(t)
	request := handshake + "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n\r\n"
	for n := range len(request) {
		for _, linger := range []int{-1, 0} {
			p := e.raw()
			p.write([]byte(request[:n]))
			require.NoError(t, errors.Join(p.conn.SetLinger(linger), p.conn.Close()))
		}
	}
	e.nothingStays(goroutines, memory, files)
}

// nothingStays waits until the hub holds no more than it did.
func (e *edge) nothingStays(goroutines int, memory int64, files int) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		st := e.hub.Stats()
		return runtime.NumGoroutine() <= goroutines+1 && st.Sessions == 0 && st.Rooms == 0
	}, patience, 10*time.Millisecond, "goroutines: %d before, and the one that asks", goroutines)
	require.Eventually(e.t, func() bool { return inUse()-memory < 8<<20 }, patience, 10*time.Millisecond)
	require.Eventually(e.t, func() bool { return openFiles(e.t) <= files }, patience, 10*time.Millisecond, "descriptors: %d before", files)
	e.well()
}

// TestCutMessageIsNotServed: what lacks its last fragment is no message, however whole
// it looks.
func TestCutMessageIsNotServed(t *testing.T) {
	e := newEdge(t)
	whole := hubPing(2, 0)
	for name, says := range map[string][]byte{
		"without its end":             frame(opText, []byte(whole)),
		"amid its fragments":          bytesOf(frame(opText, []byte(whole)), frame(0, nil)),
		"behind a header":             bytesOf(frame(opText, []byte(whole)), header(fin, 5)),
		"compressed, without its end": frame(rsv1|opText, deflated(t, strings.NewReader(whole))),
	} {
		p, _ := e.dialDeflate(noTakeover)
		p.write(text(connectText))
		connected, err := p.read()
		require.NoError(t, err, name)
		require.Equal(t, "connected 1", brief(connected.payload), name)

		p.write(says)
		require.NoError(t, p.conn.CloseWrite())
		got, err := p.listen()
		require.NoError(t, err, name)
		require.Equal(t, exchange{end: drop}, got, name)
	}
}
