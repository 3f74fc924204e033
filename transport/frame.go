package transport

import (
	"encoding/binary"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// The first byte of the frames that the hub writes itself: FIN and the opcode (RFC
// 6455, section 5.2). They have no mask, since a server's have none.
const (
	finText  = 0x80 | 0x1
	finClose = 0x80 | 0x8
)

// textRoom is what openText leaves for the header: that of a payload of 126 to
// 65,535 bytes, which most have. Other payloads are moved.
const textRoom = 4

// openText begins a text frame at the end of dst; its payload is to be appended.
func openText(dst []byte) []byte { return append(dst, finText, 0, 0, 0) }

// sealText ends the frame that openText began at start, and gives where its payload
// begins. The payload reaches to the end of buf.
func sealText(buf []byte, start int) (out []byte, payload int) {
	from := start + textRoom
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
	return sealText(wire.Append(openText(make([]byte, 0, 160)), id, m), 0)
}

// closeFrame encodes a close frame with a code and its name.
func closeFrame(code wire.CloseCode) []byte {
	buf := []byte{finClose, byte(2 + len(code.Name()))}
	buf = binary.BigEndian.AppendUint16(buf, uint16(code))
	return append(buf, code.Name()...)
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
