package thin

import (
	"encoding/binary"
	"fmt"
)

// Opcodes of RFC 6455 that a Message can have.
const (
	OpPart   = 0x0 // a part of a message, of which the rest is to come: nothing to hand on
	OpText   = 0x1
	OpBinary = 0x2
	OpClose  = 0x8
	OpPing   = 0x9
	OpPong   = 0xA
)

// MaxMessage bounds what one message may hold, in bytes.
const MaxMessage = 1 << 20

const maxControl = 125 // bytes of a control frame's payload

// Message is a message, or a control frame. Data lies in the buffer that it was
// read from, or in the Frames, and is good until the next call.
type Message struct {
	Op   byte
	Data []byte
}

// Frames cuts what a peer sends into messages. The zero value reads what a server
// sends; FromClient reads, and unmasks where it lies, what a client sends.
type Frames struct {
	FromClient bool

	inside byte   // the opcode of the message whose parts are being gathered, or 0
	parts  []byte // what there is of it
}

// Next gives the first message of b and how many bytes of b it took. With n == 0
// and no error, b holds no whole frame yet. An error is the peer's, and final.
func (f *Frames) Next(b []byte) (m Message, n int, err error) {
	h, n, err := readHeader(b, f.FromClient)
	if err != nil || n == 0 || len(b)-n < h.size {
		return Message{}, 0, err
	}
	data := b[n : n+h.size]
	n += h.size
	if f.FromClient {
		xor(data, h.key)
	}
	switch {
	case h.op >= OpClose:
		return Message{h.op, data}, n, nil
	case h.op == OpPart && f.inside == 0:
		return Message{}, 0, fmt.Errorf("a continuation frame with nothing to continue")
	case h.op != OpPart && f.inside != 0:
		return Message{}, 0, fmt.Errorf("a new message inside a fragmented one")
	case h.op != OpPart && h.fin:
		return Message{h.op, data}, n, nil
	}
	m, err = f.gather(h, data)
	return m, n, err
}

// gather keeps a part, and gives the message with its last one.
func (f *Frames) gather(h header, data []byte) (Message, error) {
	if h.op != OpPart {
		f.inside, f.parts = h.op, f.parts[:0]
	}
	if len(f.parts)+len(data) > MaxMessage {
		return Message{}, fmt.Errorf("a fragmented message is longer than %d bytes", MaxMessage)
	}
	f.parts = append(f.parts, data...)
	if !h.fin {
		return Message{Op: OpPart}, nil
	}
	m := Message{f.inside, f.parts}
	f.inside = 0
	return m, nil
}

// header is what stands before a frame's payload.
type header struct {
	op   byte
	fin  bool
	size int
	key  [4]byte
}

// readHeader gives n == 0 if b ends within the header.
func readHeader(b []byte, masked bool) (h header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.op, h.fin, h.size, n = b[0]&0xf, b[0]&0x80 != 0, int(b[1]&0x7f), 2
	if err := h.check(b[0], b[1], masked); err != nil {
		return h, 0, err
	}
	switch {
	case h.size == 126 && len(b) >= 4:
		h.size, n = int(binary.BigEndian.Uint16(b[2:])), 4
	case h.size == 127 && len(b) >= 10:
		long := binary.BigEndian.Uint64(b[2:])
		if long > MaxMessage {
			return h, 0, fmt.Errorf("a frame of %d bytes; this client takes %d", long, MaxMessage)
		}
		h.size, n = int(long), 10
	case h.size > maxControl:
		return h, 0, nil
	}
	if masked {
		if len(b) < n+4 {
			return h, 0, nil
		}
		n += copy(h.key[:], b[n:n+4])
	}
	return h, n, nil
}

// check judges the first two bytes.
func (h header) check(first, second byte, masked bool) error {
	switch {
	case first&0x70 != 0:
		return fmt.Errorf("a frame with reserved bits (%#x): no extension was negotiated", first)
	case h.op > OpBinary && h.op < OpClose || h.op > OpPong:
		return fmt.Errorf("a frame with the unknown opcode %#x", h.op)
	case h.op >= OpClose && (!h.fin || h.size > maxControl):
		return fmt.Errorf("a control frame in parts, or longer than %d bytes", maxControl)
	case second&0x80 == 0 && masked:
		return fmt.Errorf("a frame of a client that is not masked")
	case second&0x80 != 0 && !masked:
		return fmt.Errorf("a frame of a server that is masked")
	}
	return nil
}

// xor masks or unmasks where the bytes lie.
func xor(b []byte, key [4]byte) {
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// AppendFrame appends a whole frame as a server sends it, unmasked.
func AppendFrame(dst []byte, op byte, data []byte) []byte {
	return append(appendHeader(dst, op, 0, len(data)), data...)
}

// appendMasked appends a whole frame as a client sends it.
func appendMasked(dst []byte, op byte, key [4]byte, data []byte) []byte {
	dst = append(appendHeader(dst, op, 0x80, len(data)), key[:]...)
	at := len(dst)
	dst = append(dst, data...)
	xor(dst[at:], key)
	return dst
}

func appendHeader(dst []byte, op, mask byte, size int) []byte {
	dst = append(dst, 0x80|op)
	switch {
	case size <= maxControl:
		return append(dst, mask|byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, mask|126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, mask|127), uint64(size))
}
