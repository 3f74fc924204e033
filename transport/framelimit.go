package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	maxFragments    = 64               // frames of one message
	maxFragmentTime = 10 * time.Second // from a message's first frame to its last
	maxControls     = 64               // control frames
	controlTime     = 10 * time.Second // in so long
)

// errFragments: a message came in too many pieces, or for too long.
var errFragments = errors.New("a message in more than 64 fragments, or over more than 10 s")

// errControls: a flood of pings or pongs.
var errControls = errors.New("more than 64 control frames in 10 s")

// limitHijacker makes the hijacked connection watch the frames that it reads. The
// WebSocket library takes a message in any number of pieces, of any size, 0
// included, so what that costs is bounded below it.
type limitHijacker struct {
	http.ResponseWriter
	conn *frameLimit // set by Hijack
}

// Hijack gives the connection wrapped. What net/http has read already is in the
// reader, and is watched as well.
func (h *limitHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own timeouts end here
		return nil, nil, errors.Join(err, conn.Close())
	}
	h.conn = &frameLimit{Conn: conn}
	ahead, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	if err := h.conn.watch(ahead); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return h.conn, rw, nil
}

// frameLimit follows the frame headers in what is read (RFC 6455, section 5.2).
// It is used by the connection's reader alone.
type frameLimit struct {
	net.Conn

	head   []byte // of the frame that is being read, until it is whole; at most 14 bytes
	skip   uint64 // payload bytes still to pass
	parts  int    // frames of the message under way
	since  time.Time
	ctrl   int // control frames since ctrlAt
	ctrlAt time.Time
	err    error
}

// Read reads, and fails once a bound is passed.
func (f *frameLimit) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.Conn.Read(p)
	if werr := f.watch(p[:n]); werr != nil {
		f.err = werr
		return 0, werr
	}
	return n, err
}

func (f *frameLimit) watch(p []byte) error {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, uint64(len(p)))
			f.skip -= n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		p = p[1:]
		if need := headerLen(f.head); need == 0 || len(f.head) < need {
			continue
		}
		f.skip = payloadLen(f.head)
		err := f.count(f.head[0])
		f.head = f.head[:0]
		if err != nil {
			return err
		}
	}
	return nil
}

// count takes the first byte of a frame: FIN and the opcode.
func (f *frameLimit) count(b byte) error {
	fin, opcode := b&0x80 != 0, b&0x0f
	if opcode >= 8 {
		return f.countControl()
	}
	if f.parts == 0 && !fin {
		f.since = time.Now()
	}
	f.parts++
	if f.parts > maxFragments || (f.parts > 1 && time.Since(f.since) > maxFragmentTime) {
		return errFragments
	}
	if fin {
		f.parts = 0
	}
	return nil
}

func (f *frameLimit) countControl() error {
	if time.Since(f.ctrlAt) > controlTime {
		f.ctrl, f.ctrlAt = 0, time.Now()
	}
	if f.ctrl++; f.ctrl > maxControls {
		return errControls
	}
	return nil
}

// headerLen is the length of a frame's header, or 0 while that is not known.
func headerLen(head []byte) int {
	if len(head) < 2 {
		return 0
	}
	n := 2
	switch head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// payloadLen reads the length from a whole header. A length that no frame may
// have is the library's to refuse.
func payloadLen(head []byte) uint64 {
	switch n := head[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}
