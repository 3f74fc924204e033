package transport

import (
	"encoding/binary"
	"time"
)

const (
	maxFragments    = 64               // frames of one message
	maxFragmentTime = 10 * time.Second // from a message's first frame to its last
	maxControls     = 64               // pings and pongs
	controlTime     = 10 * time.Second // in so long
)

// frameError is what a peer did that its frames may not.
type frameError string

func (e frameError) Error() string { return "frame: " + string(e) }

const (
	errFragments = frameError("a message may come in at most 64 fragments, within 10 s")
	errControls  = frameError("more than 64 pings and pongs in 10 s")
	errUnmasked  = frameError("is not masked; RFC 6455 wants that of a client")
	errLength    = frameError("its length has the highest bit set")
)

// frameLimit follows the frame headers in what is read (RFC 6455, section 5.2). The
// WebSocket library takes a message in any number of pieces, of any size, 0
// included, so what that costs is bounded below it. The connection's reader alone
// uses it.
type frameLimit struct {
	// where the stream stands
	head []byte // of the frame that is being read, until it is whole; at most 14 bytes
	skip uint64 // payload bytes still to pass
	err  error  // what is wrong with the next frame

	// what is counted
	parts  int // frames of the message under way
	since  time.Time
	ctrl   int // pings and pongs since ctrlAt
	ctrlAt time.Time
}

// watch follows p, and gives how much of it came before the frame that is wrong.
func (f *frameLimit) watch(p []byte) (good int, err error) {
	for i := 0; i < len(p); {
		if f.skip > 0 {
			n := min(f.skip, uint64(len(p)-i))
			f.skip -= n
			i += int(n)
			continue
		}
		if len(f.head) == 0 {
			good = i
		}
		f.head = append(f.head, p[i])
		i++
		if err := f.check(); err != nil {
			return good, err
		}
		if need := headerLen(f.head); need == 0 || len(f.head) < need {
			continue
		}
		f.skip = payloadLen(f.head)
		if err := f.count(f.head[0]); err != nil {
			return good, err
		}
		f.head = f.head[:0]
	}
	return len(p), nil
}

// between reports whether the stream stands between two frames, and nothing is wrong.
func (f *frameLimit) between() bool { return f.skip == 0 && len(f.head) == 0 && f.err == nil }

// check judges a header as far as it has come: before the library sees the byte
// that is wrong, so that it is always here that it is found.
func (f *frameLimit) check() error {
	switch {
	case len(f.head) == 2 && f.head[1]&0x80 == 0:
		return errUnmasked
	case len(f.head) == 3 && f.head[1]&0x7f == 127 && f.head[2]&0x80 != 0:
		return errLength
	}
	return nil
}

// count takes the first byte of a frame: FIN and the opcode.
func (f *frameLimit) count(b byte) error {
	fin, opcode := b&0x80 != 0, b&0x0f
	if opcode >= 8 {
		return f.countControl(opcode)
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

func (f *frameLimit) countControl(opcode byte) error {
	if opcode == 8 {
		return nil // a close frame is the last one in any case
	}
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

// payloadLen reads the length from a whole header.
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
