package transport

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// dialDeflate opens a WebSocket with an offer of permessage-deflate, and gives what
// the hub has agreed to.
func (e *edge) dialDeflate(offer string) (*peer, string) {
	e.t.Helper()
	p := e.raw()
	p.write([]byte(handshake + "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\nSec-WebSocket-Extensions: " + offer + "\r\n\r\n"))
	res := p.response()
	require.Equal(e.t, http.StatusSwitchingProtocols, res.StatusCode)
	agreed := res.Header.Get("Sec-WebSocket-Extensions")
	p.deflate = agreed != ""
	return p, agreed
}

const noTakeover = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// inflate is the reader's part of RFC 7692, section 7.2.2.
func inflate(payload []byte) ([]byte, error) {
	const end = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(end))))
}

// deflated is the writer's part, by the standard library.
func deflated(t testing.TB, message io.Reader) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	require.NoError(t, err)
	_, err = io.Copy(w, message)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	return bytes.TrimSuffix(buf.Bytes(), []byte(flushed))
}

func TestCompressionIsAgreedOn(t *testing.T) {
	e := newEdge(t)
	for _, c := range []struct{ offer, agreed string }{
		{"permessage-deflate", noTakeover},
		{"permessage-deflate; client_max_window_bits", noTakeover},
		{"permessage-deflate; client_no_context_takeover", noTakeover},
		{"permessage-deflate; server_max_window_bits=10", ""}, // a window that the hub would have to keep to
		{"permessage-deflate; nonsense", ""},
		{"x-webkit-deflate-frame", ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", noTakeover},
	} {
		_, agreed := e.dialDeflate(c.offer)
		require.ElementsMatch(t, strings.Split(c.agreed, "; "), strings.Split(agreed, "; "), c.offer)
	}
	never := newEdge(t, func(c *edgeConfig) { c.Limits.CompressFrom = -1 })
	_, agreed := never.dialDeflate("permessage-deflate")
	require.Empty(t, agreed)
}

// Members with compression and without hear the same, and only large messages go
// compressed.
func TestLargeMessagesGoCompressed(t *testing.T) {
	e := newEdge(t)
	plain := e.guest()
	small, _ := e.dialDeflate("permessage-deflate; client_max_window_bits")
	ask[wire.Connected](small, &wire.Connect{})
	require.Zero(t, small.compressed)
	for _, p := range []*peer{plain, small} {
		ask[wire.Joined](p, &wire.Join{Room: "lobby"})
	}
	long := strings.Repeat("a text that says the same again and again; ", 50)
	noise := "\x7f-" + strings.Repeat("x", 10)
	for i, say := range []string{"short", long, "short again", noise, long} {
		plain.post("lobby", say)
		for _, p := range []*peer{plain, small} {
			require.Equal(t, say, eventOf(t, push[wire.EventPush](p).Event).Text, "message %d", i)
		}
	}
	require.Equal(t, 2, small.compressed)
	page := ask[wire.HistoryPage](small, &wire.History{Room: "lobby", Limit: 10})
	require.Len(t, page.Events, 5)
	require.Equal(t, 3, small.compressed, "and so do replies")
}

// What the library on the other side makes of it, both ways.
func TestCompressionWithTheLibrary(t *testing.T) {
	e := newEdge(t)
	ws, _, err := websocket.Dial(t.Context(), "ws://"+e.addr+"/ws", &websocket.DialOptions{
		Subprotocols: []string{wire.Subprotocol}, CompressionMode: websocket.CompressionNoContextTakeover, CompressionThreshold: 1,
	})
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	say := func(format string, args ...any) {
		require.NoError(t, ws.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)))
	}
	hear := func() wire.Reply {
		_, data, err := ws.Read(t.Context())
		require.NoError(t, err)
		r, err := wire.DecodeReply(data)
		require.NoError(t, err)
		return r
	}
	say(`{"type":"connect","id":1}`)
	require.IsType(t, &wire.Connected{}, hear().Body)
	say(`{"type":"join","id":2,"room":"lobby"}`)
	require.IsType(t, &wire.Joined{}, hear().Body)
	long := strings.Repeat("ä lot ", 600)
	for range 3 {
		say(`{"type":"publish","room":"lobby","event":{"text":%q}}`, long)
		require.Equal(t, long, eventOf(t, hear().Body.(*wire.EventPush).Event).Text)
	}
}

// aBomb is a message of a gigabyte of zeros, deflated. What is flushed refers to
// nothing before it, so the same part can follow itself.
func aBomb(t testing.TB) []byte {
	const part = 1 << 20
	one := append(deflated(t, bytes.NewReader(make([]byte, part))), flushed...)
	return bytes.TrimSuffix(bytes.Repeat(one, 1<<30/part), []byte(flushed))
}

// A small frame that inflates to a gigabyte costs no more than the largest frame
// that is taken, before the peer is known and after.
func TestBombs(t *testing.T) {
	e := newEdge(t)
	bomb := frame(fin|rsv1|opText, aBomb(t))
	require.Less(t, len(bomb), 2<<20)
	for _, known := range []bool{false, true} {
		p, _ := e.dialDeflate("permessage-deflate")
		if known {
			ask[wire.Connected](p, &wire.Connect{})
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = p.conn.Write(bomb) // of which the hub need not read all
		code, _ := p.ended()
		require.Equal(t, 1009, code)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "known %v", known)
	}
	e.well()
}

// The most that 1 KiB can be: a megabyte, as one frame and as fragments.
func TestSmallBombs(t *testing.T) {
	e := newEdge(t)
	bomb := deflated(t, bytes.NewReader(make([]byte, 1<<20)))
	require.Less(t, len(bomb), 1100)
	for _, send := range [][]byte{
		frame(fin|rsv1|opText, bomb),
		bytesOf(frame(rsv1|opText, bomb[:500]), frame(0, bomb[500:700]), frame(fin, bomb[700:])),
		frame(rsv1|opText, bomb), // and its end never comes
	} {
		for _, known := range []bool{false, true} {
			p, _ := e.dialDeflate("permessage-deflate")
			if known {
				ask[wire.Connected](p, &wire.Connect{})
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			p.write(send)
			code, _ := p.ended()
			require.Equal(t, 1009, code)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "known %v", known)
		}
	}
	e.well()
}

func TestCompressionSavesAndKeeps(t *testing.T) {
	from := compression(DefaultCompressFrom)
	for _, say := range []string{"", "x", strings.Repeat("words and words ", 100), strings.Repeat("é", 40_000)} {
		ev := &room.Event{Version: 1, Kind: room.KindMessage, User: "ann", Text: say}
		data, err := ev.Encode()
		require.NoError(t, err)
		buf, message := sealFrame(wire.AppendEvent(openFrame(nil, finText), "lobby", 7, data), 0)
		out := from.appendFrame([]byte("before"), buf, message)[len("before"):]
		require.Equal(t, len(out), wholeFrame(out))
		require.LessOrEqual(t, len(out), len(buf))
		if out[0]&rsv1 == 0 {
			require.Equal(t, buf, out)
			require.Less(t, len(buf), DefaultCompressFrom+headerRoom)
			continue
		}
		back, err := inflate(out[headerOf(out):])
		require.NoError(t, err)
		require.Equal(t, buf[message:], back)
	}
}

// headerOf is the length of the header of a server's frame.
func headerOf(frame []byte) int {
	return map[byte]int{126: 4, 127: 10}[frame[1]] + map[bool]int{true: 2}[frame[1] < 126]
}

func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{128, 512, 2048, 8192, 32768} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var text strings.Builder
			for i := 0; text.Len() < size; i++ {
				fmt.Fprintf(&text, "word %d of what somebody has to say, ", i*7919%1000)
			}
			buf, message := sealFrame(append(openFrame(nil, finText), text.String()[:size]...), 0)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				out = compression(1).appendFrame(out[:0], buf, message)
			}
			b.ReportMetric(float64(len(out))/float64(len(buf)), "ratio")
		})
	}
}

// TestNothingIsReadBehindAFault has peers send compressed messages that are at fault at
// their very end, beside others whose messages are in order: none of those loses a byte
// to what the hub still reads of the bad ones.
func TestNothingIsReadBehindAFault(t *testing.T) {
	e := newEdge(t)
	bad := frame(fin|rsv1|opText, deflated(t, strings.NewReader(`{"id":1,"type":"history","pad":"`+strings.Repeat("x", 2000)+"\xff")))
	var good sync.WaitGroup
	for range 4 {
		p, _ := e.dialDeflate("permessage-deflate")
		ask[wire.Connected](p, &wire.Connect{})
		good.Go(func() {
			for id := uint64(100); id < 250; id++ {
				text := fmt.Sprintf(`{"id":%d,"type":"history","room":"lobby","limit":1,"pad":"%s"}`, id, strings.Repeat("y", 3000))
				p.write(frame(fin|rsv1|opText, deflated(t, strings.NewReader(text))))
				p.reply(id)
			}
		})
	}
	for range 100 {
		p, _ := e.dialDeflate("permessage-deflate")
		p.write(bad)
		code, _ := p.ended()
		require.Equal(t, int(wire.CloseBadProtocol), code)
	}
	good.Wait()
	e.well()
}

func TestAMessageIsNotReadBehindItsEnd(t *testing.T) {
	var from bytes.Buffer
	from.WriteString("mine")
	m := &message{from: &from}
	got, err := io.ReadAll(m)
	require.NoError(t, err)
	require.Equal(t, "mine", string(got))
	from.WriteString("another's")
	got, err = io.ReadAll(m)
	require.NoError(t, err)
	require.Empty(t, got)
}
