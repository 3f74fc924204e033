package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// readBuffer is what is read at once, in bytes. A buffer is held only while there
	// is something in it that was not passed on.
	readBuffer = 4 << 10
	// libraryBuffer is the least that the WebSocket library gets by with: it reads
	// headers through its buffer, and each of its control frames, of 127 bytes at the
	// most, must be a single Write.
	libraryRead  = 64
	libraryWrite = 160

	lingerTime  = time.Second // after our end of the stream, for the peer's
	lingerBytes = 1 << 20     // of what the peer had still sent
)

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// errStreamEnded is the end of what the peer sends. It is not io.EOF, which the WebSocket
// library would take for the end of a message where that was cut off: behind a header,
// or between two fragments.
var errStreamEnded = errors.New("the peer has ended the stream")

// socket is the hijacked connection as the WebSocket library has it. It watches the
// frames that are read, and passes on what the library writes, which is control
// frames only, to the sender. One goroutine reads.
type socket struct {
	net.Conn
	raw syscall.RawConn // nil: to read is to wait with a buffer in hand
	out *sender
	lib *bufio.Reader // the library's

	// owned by the reader
	in    []byte // was read and not passed on
	pool  *[readBuffer]byte
	limit frameLimit

	// for tryRead, which is made once
	tryRead func(fd uintptr) bool
	n       int
	fault   error
}

// hijacker gives the WebSocket library a socket in place of the connection.
type hijacker struct {
	http.ResponseWriter
	conn *conn
}

// Hijack gives the connection wrapped. What net/http has read already comes out of
// it first.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	under, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := under.SetDeadline(time.Time{}); err != nil { // the server's own timeouts end here
		return nil, nil, errors.Join(err, under.Close())
	}
	ahead, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, errors.Join(err, under.Close())
	}
	s := &h.conn.sock
	h.conn.open(under, ahead)
	return s, bufio.NewReadWriter(s.lib, bufio.NewWriterSize(s, libraryWrite)), nil
}

func (s *socket) open(under net.Conn, raw syscall.RawConn, ahead []byte, out *sender) {
	s.Conn, s.raw, s.out = under, raw, out
	s.in = append([]byte(nil), ahead...)
	s.lib = bufio.NewReaderSize(s, libraryRead)
	s.tryRead = func(fd uintptr) bool {
		if s.pool == nil {
			s.pool = readBuffers.Get().(*[readBuffer]byte)
		}
		for {
			s.n, s.fault = readNow(fd, s.pool[:])
			if s.fault != syscall.EINTR {
				break
			}
		}
		if s.fault == syscall.EAGAIN {
			s.giveBack() // nothing is held while nothing comes
			return false
		}
		return true
	}
}

// await returns when there is something to read, or reading fails. It waits in a
// shallow frame with no buffer in hand: that is where connections are most of the
// time, and what they cost then is most of what they cost.
func (s *socket) await() {
	if s.empty() && s.limit.err == nil {
		_ = s.fill() // Read finds out what is wrong
	}
}

// empty reports whether all that was read has been passed on.
func (s *socket) empty() bool { return len(s.in) == 0 && s.lib.Buffered() == 0 }

// passPongs takes whole pongs from the front of what was read, between two messages. The
// library would take them too, but then wait for a message, with a worker held up for
// as long as none comes.
func (s *socket) passPongs() (passed bool) {
	for s.lib.Buffered() == 0 && s.limit.between() {
		n := wholePong(s.in)
		if n == 0 {
			break
		}
		if _, s.limit.err = s.limit.watch(s.in[:n]); s.limit.err != nil {
			break // Read tells of it
		}
		passed = true
		if s.in = s.in[n:]; len(s.in) == 0 {
			s.giveBack()
		}
	}
	return passed
}

// wholePong is the length of the pong at the beginning of buf, or 0.
func wholePong(buf []byte) int {
	if len(buf) < 2 || buf[0] != finPong || buf[1] < 0x80 || buf[1] > 0x80+125 {
		return 0
	}
	if n := 2 + 4 + int(buf[1]&0x7f); n <= len(buf) {
		return n
	}
	return 0
}

// fill waits for bytes.
func (s *socket) fill() error {
	if s.raw == nil {
		s.pool = readBuffers.Get().(*[readBuffer]byte)
		s.n, s.fault = s.Conn.Read(s.pool[:])
	} else if err := s.raw.Read(s.tryRead); err != nil {
		return err
	}
	if s.n > 0 {
		s.in = s.pool[:s.n]
		return nil
	}
	s.giveBack()
	if s.fault == nil || errors.Is(s.fault, io.EOF) {
		return errStreamEnded
	}
	return s.fault
}

func (s *socket) giveBack() {
	if s.pool != nil {
		readBuffers.Put(s.pool)
		s.pool, s.in = nil, nil
	}
}

// Read gives what was read, and fails where a frame begins that passes a bound.
func (s *socket) Read(p []byte) (n int, err error) {
	if s.limit.err != nil {
		return 0, s.limit.err
	}
	if len(s.in) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n = copy(p, s.in)
	if s.in = s.in[n:]; len(s.in) == 0 {
		defer s.giveBack()
	}
	good, fault := s.limit.watch(p[:n])
	if s.limit.err = fault; fault == nil {
		return n, nil
	}
	if good > 0 {
		return good, nil
	}
	return 0, fault
}

// Write takes a control frame of the library's. It never waits.
func (s *socket) Write(p []byte) (int, error) {
	if err := s.out.control(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends our side first, and passes by for a moment what the peer has sent: to
// close over bytes that nobody has read would reset the connection, and the peer
// could lose the close frame that tells it why.
func (s *socket) Close() error {
	s.out.abandon()
	s.out.drain()
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = s.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, s.Conn, lingerBytes)
	}
	return s.Conn.Close()
}
