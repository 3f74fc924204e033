package transport

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// The first byte of the frames that the hub writes itself: FIN and the opcode (RFC
// 6455, section 5.2). They have no mask, since a server's have none.
const (
	finText   = 0x80 | 0x1
	finBinary = 0x80 | 0x2
	finClose  = 0x80 | 0x8
	finPing   = 0x80 | 0x9
	finPong   = 0x80 | 0xA
)

// headerRoom is what openFrame leaves for the header: that of a payload of 126 to
// 65,535 bytes, which most have. Other payloads are moved.
const headerRoom = 4

// openFrame begins a frame at the end of dst, by its first byte; its payload is to be
// appended.
func openFrame(dst []byte, first byte) []byte { return append(dst, first, 0, 0, 0) }

// sealFrame ends the frame that openFrame began at start, and gives where its payload
// begins. The payload reaches to the end of buf.
func sealFrame(buf []byte, start int) (out []byte, payload int) {
	from := start + headerRoom
	n := len(buf) - from
	switch {
	case n < 126:
		payload = start + 2
		copy(buf[payload:], buf[from:])
		buf = buf[:payload+n]
		buf[start+1] = byte(n)
	case n <= 0xffff:
		payload = from
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
	default:
		payload = start + 10
		buf = append(buf, make([]byte, payload-from)...)
		copy(buf[payload:], buf[from:from+n])
		buf[start+1] = 127
		binary.BigEndian.PutUint64(buf[start+2:], uint64(n))
	}
	return buf, payload
}

// textFrame encodes a message as a frame that is ready for the wire, and gives where
// in it the message begins.
func textFrame(id uint64, m wire.Message) (frame []byte, message int) {
	return sealFrame(wire.Append(openFrame(make([]byte, 0, 160), finText), id, m), 0)
}

// binaryFrame makes a frame of a payload, ready for the wire, and gives where in it the
// payload begins.
func binaryFrame(payload []byte) (frame []byte, message int) {
	buf := make([]byte, 0, 10+len(payload))
	switch n := len(payload); {
	case n < 126:
		buf = append(buf, finBinary, byte(n))
	case n <= 0xffff:
		buf = binary.BigEndian.AppendUint16(append(buf, finBinary, 126), uint16(n))
	default:
		buf = binary.BigEndian.AppendUint64(append(buf, finBinary, 127), uint64(n))
	}
	return append(buf, payload...), len(buf)
}

// maxCloseReason is how long the text of a close frame may be, in bytes.
const maxCloseReason = 123

// closeFrame encodes a close frame with a code and a text, of which it keeps as many
// whole letters as there is room for.
func closeFrame(code wire.CloseCode, reason string) []byte {
	if len(reason) > maxCloseReason {
		end := maxCloseReason
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	buf := []byte{finClose, byte(2 + len(reason))}
	buf = binary.BigEndian.AppendUint16(buf, uint16(code))
	return append(buf, reason...)
}

// wholeFrame is the length of the frame at the beginning of buf, all of which is
// there: one that the hub wrote.
func wholeFrame(buf []byte) int {
	switch n := int(buf[1] & 0x7f); n {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(buf[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(buf[2:]))
	default:
		return 2 + n
	}
}
