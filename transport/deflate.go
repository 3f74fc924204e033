package transport

import (
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/flate"
)

// DefaultCompressFrom is from how many bytes on a message is compressed where nothing
// else is set. Chat messages of 300 bytes shrink by a third, which pays for nothing:
// they fit a packet either way. At 500 it is two fifths, at 2,000 three fifths.
const DefaultCompressFrom = 512

// rsv1 marks a compressed message (RFC 7692, section 6).
const rsv1 = 0x40

// compression is when messages are compressed: from so many bytes on. 0 means
// DefaultCompressFrom, below 0 never.
type compression int

func (s *Server) compression() compression { return compression(s.cfg.Limits.CompressFrom) }

// mode is what the handshake may agree on: never a window that is kept from one
// message to the next, which would cost each connection 64 KB.
func (c compression) mode() websocket.CompressionMode {
	if c < 0 {
		return websocket.CompressionDisabled
	}
	return websocket.CompressionNoContextTakeover
}

func (c compression) covers(message []byte) bool {
	switch {
	case c < 0:
		return false
	case c == 0:
		return len(message) >= DefaultCompressFrom
	}
	return len(message) >= int(c)
}

// negotiated reports whether the handshake that was answered with this header has
// agreed on permessage-deflate. The library takes no offer that would have a window
// kept from one message to the next.
func negotiated(answer http.Header) bool {
	return strings.Contains(answer.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
}

// appendFrame appends to dst the frame, whose message begins at the place given, as
// peers with compression are sent it: compressed where that is worth it, else as it
// is. The message is the same for all of them, since none has a window of its own.
func (c compression) appendFrame(dst, frame []byte, message int) []byte {
	if !c.covers(frame[message:]) {
		return append(dst, frame...)
	}
	start := len(dst)
	out := appender{openFrame(dst, frame[0])}
	// It keeps nothing between two messages, so it costs no memory while there is none.
	if err := flate.StatelessDeflate(&out, frame[message:], false, nil); err != nil {
		panic(err) // an appender takes everything
	}
	// The end of a flushed block is left away (RFC 7692, section 7.2.1).
	buf, _ := sealFrame(out.buf[:len(out.buf)-len(flushed)], start)
	if len(buf)-start >= len(frame) {
		return append(buf[:start], frame...)
	}
	buf[start] |= rsv1
	return buf
}

// flushed is what an empty stored block looks like, with which a flush ends.
const flushed = "\x00\x00\xff\xff"

// appender is an io.Writer.
type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
