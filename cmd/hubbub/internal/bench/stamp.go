package bench

import (
	"bytes"
	"fmt"
	"time"
)

// A payload begins with its stamp and goes on with padding. All of it is ASCII that
// JSON does not escape, so it lies in any text protocol as it is:
//
//	~hb<stream, 4 hex><number, 8 hex><due time in ns, 16 hex>~xxxx…
const (
	stampSize = 3 + 4 + 8 + 16 + 1
	stampMark = "~hb"
	padding   = 'x'
)

// MinPayload is the size of the smallest payload: the stamp alone.
const MinPayload = stampSize

// stamp says which message this is: the number-th of a stream, and when it was due.
type stamp struct {
	stream uint16
	number uint32
	due    time.Duration // by the loop's clock
}

// append writes a payload of so many bytes.
func (s stamp) append(dst []byte, size int) []byte {
	dst = append(dst, stampMark...)
	dst = appendHex(dst, uint64(s.stream), 4)
	dst = appendHex(dst, uint64(s.number), 8)
	dst = appendHex(dst, uint64(s.due), 16)
	dst = append(dst, '~')
	for range size - stampSize {
		dst = append(dst, padding)
	}
	return dst
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&0xf])
	}
	return dst
}

// finder finds stamps without decoding what is around them: the frames of a room
// have theirs at the same distance from the end, as a rule. It must be the same
// that is asked about one server.
type finder struct{ fromEnd int }

// find gives the stamp of a message.
func (f *finder) find(msg []byte) (stamp, error) {
	at := len(msg) - f.fromEnd
	if f.fromEnd < stampSize || at < 0 || string(msg[at:at+len(stampMark)]) != stampMark {
		at = bytes.LastIndex(msg, []byte(stampMark))
		if at < 0 || len(msg)-at < stampSize {
			return stamp{}, fmt.Errorf("a message without a stamp: %.200q", msg)
		}
		f.fromEnd = len(msg) - at
	}
	return readStamp(msg[at:])
}

// eachStamp gives every stamp of a message that carries several.
func eachStamp(msg []byte, fn func(stamp)) error {
	for {
		at := bytes.Index(msg, []byte(stampMark))
		if at < 0 {
			return nil
		}
		if len(msg)-at < stampSize {
			return fmt.Errorf("a stamp is cut: %.200q", msg[at:])
		}
		s, err := readStamp(msg[at:])
		if err != nil {
			return err
		}
		fn(s)
		msg = msg[at+stampSize:]
	}
}

func readStamp(b []byte) (stamp, error) {
	stream, ok1 := readHex(b[3:7])
	number, ok2 := readHex(b[7:15])
	due, ok3 := readHex(b[15:31])
	if !ok1 || !ok2 || !ok3 || b[31] != '~' {
		return stamp{}, fmt.Errorf("a damaged stamp: %.40q", b)
	}
	return stamp{uint16(stream), uint32(number), time.Duration(due)}, nil
}

// hexValue is 0xff for what is no digit.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

func readHex(b []byte) (v uint64, ok bool) {
	bad := byte(0)
	for _, c := range b {
		d := hexValue[c]
		bad |= d
		v = v<<4 | uint64(d&0xf)
	}
	return v, bad != 0xff
}
