package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// The opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
	fin            = 0x80
)

// peer is a client at the level of frames, so that it can also say what no client
// should. It holds the server to the RFC in everything that it reads. One goroutine
// uses it.
type peer struct {
	t    testing.TB
	conn *net.TCPConn
	in   *bufio.Reader

	lastID uint64
	kept   []wire.Reply // frames that came while another was awaited
	mute   bool         // do not answer the hub's pings

	deflate    bool // compressed frames are agreed on
	compressed int  // so many came
}

const handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// raw opens a TCP connection and nothing more.
func (e *edge) raw() *peer {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	require.NoError(e.t, err)
	e.t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: e.t, conn: conn.(*net.TCPConn), in: bufio.NewReader(conn)}
}

// dial opens a WebSocket; connect has not been said.
func (e *edge) dial() *peer {
	e.t.Helper()
	p := e.raw()
	p.write([]byte(handshake + "Sec-WebSocket-Protocol: " + wire.Subprotocol + "\r\n\r\n"))
	res := p.response()
	require.Equal(e.t, http.StatusSwitchingProtocols, res.StatusCode)
	return p
}

// guest opens a WebSocket and connects as a new guest.
func (e *edge) guest() *peer {
	p := e.dial()
	ask[wire.Connected](p, &wire.Connect{})
	return p
}

// as opens a WebSocket and connects with a token.
func (e *edge) as(tok string) *peer {
	p := e.dial()
	ask[wire.Connected](p, &wire.Connect{Token: tok})
	return p
}

func (p *peer) response() *http.Response {
	p.t.Helper()
	p.expectSoon()
	res, err := http.ReadResponse(p.in, nil)
	require.NoError(p.t, err)
	return res
}

func (p *peer) expectSoon() { _ = p.conn.SetReadDeadline(time.Now().Add(patience)) }

func (p *peer) write(b []byte) {
	p.t.Helper()
	_, err := p.conn.Write(b)
	require.NoError(p.t, err)
}

// mask is the key with which frames are masked unless a test says otherwise.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame encodes a frame as a client must: masked, in the shortest form.
func frame(first byte, payload []byte) []byte {
	return append(header(first, uint64(len(payload))), masked(payload, mask)...)
}

// header encodes the header of a masked frame that says it has n bytes.
func header(first byte, n uint64) []byte {
	h := []byte{first}
	switch {
	case n <= 125:
		h = append(h, 0x80|byte(n))
	case n <= 0xffff:
		h = binary.BigEndian.AppendUint16(append(h, 0x80|126), uint16(n))
	default:
		h = binary.BigEndian.AppendUint64(append(h, 0x80|127), n)
	}
	return append(h, mask[:]...)
}

func masked(payload []byte, key [4]byte) []byte {
	out := make([]byte, len(payload))
	for i, b := range payload {
		out[i] = b ^ key[i%4]
	}
	return out
}

func text(s string) []byte { return frame(fin|opText, []byte(s)) }

func closing(code uint16, reason string) []byte {
	return frame(fin|opClose, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// heard is a frame from the server.
type heard struct {
	op      byte
	payload []byte
}

// closeCode is the code of a close frame; 1005 when it has none, as the RFC has it.
func (h heard) closeCode() int {
	if len(h.payload) == 0 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(h.payload))
}

var errServerBroke = errors.New("the server broke RFC 6455")

// read reads one frame and checks whatever a client can check.
func (p *peer) read() (heard, error) {
	p.expectSoon()
	var two [2]byte
	if _, err := io.ReadFull(p.in, two[:]); err != nil {
		return heard{}, err
	}
	n := uint64(two[1] & 0x7f)
	wide := map[uint64]int{126: 2, 127: 8}[n]
	if wide > 0 {
		ext := make([]byte, 8)
		if _, err := io.ReadFull(p.in, ext[8-wide:]); err != nil {
			return heard{}, err
		}
		n = binary.BigEndian.Uint64(ext)
	}
	h := heard{op: two[0] & 0x0f}
	switch {
	case two[0]&0x70 != 0 && !(p.deflate && two[0]&0x70 == rsv1 && h.op == opText):
		return h, fmt.Errorf("%w: reserved bits in %#x", errServerBroke, two[0])
	case two[0]&fin == 0:
		return h, fmt.Errorf("%w: a fragment, where each frame is a message", errServerBroke)
	case two[1]&0x80 != 0:
		return h, fmt.Errorf("%w: a masked frame", errServerBroke)
	case wide == 2 && n < 126, wide == 8 && n <= 0xffff:
		return h, fmt.Errorf("%w: %d bytes in the long form", errServerBroke, n)
	case h.op >= opClose && n > 125:
		return h, fmt.Errorf("%w: a control frame of %d bytes", errServerBroke, n)
	case h.op != opText && h.op != opClose && h.op != opPong:
		return h, fmt.Errorf("%w: opcode %d", errServerBroke, h.op)
	}
	h.payload = make([]byte, n)
	if _, err := io.ReadFull(p.in, h.payload); err != nil {
		return h, err
	}
	if two[0]&rsv1 != 0 {
		p.compressed++
		var err error
		if h.payload, err = inflate(h.payload); err != nil {
			return h, fmt.Errorf("%w: %w", errServerBroke, err)
		}
	}
	if h.op == opText && !utf8.Valid(h.payload) {
		return h, fmt.Errorf("%w: text that is not UTF-8", errServerBroke)
	}
	return h, nil
}

// next reads the next frame of the protocol. The hub's pings are answered here.
func (p *peer) next() wire.Reply {
	p.t.Helper()
	for {
		h, err := p.read()
		require.NoError(p.t, err)
		require.Equal(p.t, byte(opText), h.op, "%.1000q", h.payload)
		r, err := wire.DecodeReply(h.payload)
		require.NoError(p.t, err, "%.1000s", h.payload)
		if _, ping := r.Body.(*wire.PingPush); ping && !p.mute {
			p.tell(&wire.Pong{})
			continue
		}
		return r
	}
}

// take gives the first frame that is wanted, of those that were kept and those to
// come, and keeps the others.
func (p *peer) take(wanted func(wire.Reply) bool) wire.Reply {
	p.t.Helper()
	for i, r := range p.kept {
		if wanted(r) {
			p.kept = append(p.kept[:i:i], p.kept[i+1:]...)
			return r
		}
	}
	for {
		r := p.next()
		if wanted(r) {
			return r
		}
		p.kept = append(p.kept, r)
	}
}

// tell sends a command that no reply is wanted for.
func (p *peer) tell(body wire.Body) { p.t.Helper(); p.send(0, body) }

func (p *peer) send(id uint64, body wire.Body) {
	p.t.Helper()
	data, err := wire.EncodeCommand(wire.Command{ID: id, Body: body})
	require.NoError(p.t, err)
	p.write(frame(fin|opText, data))
}

// start sends a command and gives the id under which the reply will come.
func (p *peer) start(body wire.Body) uint64 {
	p.t.Helper()
	p.lastID++
	p.send(p.lastID, body)
	return p.lastID
}

func (p *peer) reply(id uint64) wire.Reply {
	p.t.Helper()
	return p.take(func(r wire.Reply) bool { return r.ID == id })
}

// ask sends a command and gives its reply, which must be a T.
func ask[T any](p *peer, body wire.Body) *T {
	p.t.Helper()
	r := p.reply(p.start(body))
	t, ok := r.Body.(*T)
	require.True(p.t, ok, "the reply to %s is %T %+v", body.Type(), r.Body, r.Body)
	return t
}

// push gives the next push of a type.
func push[T any](p *peer) *T {
	p.t.Helper()
	r := p.take(func(r wire.Reply) bool { _, ok := r.Body.(*T); return ok && r.ID == 0 })
	return r.Body.(*T)
}

// settled makes sure that everything that was sent has been served, and gives the
// pushes that came.
func (p *peer) settled() []wire.Reply {
	p.t.Helper()
	ask[wire.PongReply](p, &wire.Ping{})
	pushes := p.kept
	p.kept = nil
	return pushes
}

// bye ends the connection as a good client does.
func (p *peer) bye() {
	p.t.Helper()
	p.write(closing(1000, ""))
	code, _ := p.ended()
	require.Equal(p.t, 1000, code)
}

// ended reads to the end of the connection, which must come in order: a close
// frame, nothing behind it, and the end of the stream. It gives the code (0 if the
// stream ended without a close frame) and the text frames before.
func (p *peer) ended() (code int, frames []string) {
	p.t.Helper()
	for {
		h, err := p.read()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, frames
		}
		require.NoError(p.t, err)
		switch h.op {
		case opText:
			frames = append(frames, string(h.payload))
		case opClose:
			_, _ = p.conn.Write(frame(fin|opClose, h.payload)) // it may have gone already
			rest, err := io.ReadAll(p.in)
			require.NoError(p.t, err)
			require.Empty(p.t, rest, "data after the close frame")
			_ = p.conn.Close()
			return h.closeCode(), frames
		}
	}
}

// cut reads to the end of the connection, which must be the hub's doing: with this
// code, after a disconnect frame that says so too. It gives the frames before that.
func (p *peer) cut(code wire.CloseCode) []string {
	p.t.Helper()
	got, frames := p.ended()
	require.Equal(p.t, int(code), got, "frames before: %.1000s", strings.Join(frames, "\n"))
	require.NotEmpty(p.t, frames)
	r, err := wire.DecodeReply([]byte(frames[len(frames)-1]))
	require.NoError(p.t, err)
	bye, ok := r.Body.(*wire.DisconnectPush)
	require.True(p.t, ok, "the last frame is %.1000s", frames[len(frames)-1])
	require.Equal(p.t, code, bye.Code)
	require.Equal(p.t, code.Name(), bye.Reason)
	return frames[:len(frames)-1]
}

func repeat(part []byte, n int) []byte { return bytes.Repeat(part, n) }

// blank is a payload of white space: what is not UTF-8 would be refused for that.
func blank(n int) []byte { return masked(repeat([]byte(" "), n), mask) }
