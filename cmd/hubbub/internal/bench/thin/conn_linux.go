package thin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// Handler is told what becomes of a connection.
type Handler interface {
	// Opened: the server speaks WebSocket from here on.
	Opened(c *Conn)
	// Message brings a text or binary message. data is good until it returns.
	Message(c *Conn, data []byte)
	// Closed is called once, unless the connection was dropped: the server closed it
	// (a *CloseError), it could not be opened, or it broke.
	Closed(c *Conn, err error)
}

// CloseError is the server's close frame.
type CloseError struct {
	Code   int
	Reason string
}

// Error names the code and the reason.
func (e *CloseError) Error() string {
	return fmt.Sprintf("closed by the server: %d %s", e.Code, e.Reason)
}

// Conn is one connection. It belongs to its Loop.
type Conn struct {
	// Handler is told what happens; it may be replaced at any time.
	Handler Handler

	// static after Dial
	loop   *Loop
	target *Target
	buffer int // SO_RCVBUF, or 0
	slot   int32

	fd     int
	state  state
	paused bool // out of epoll: nothing is read

	frames Frames
	rest   []byte // the part of a frame that has come
	out    []byte // what is still to be written
	dirty  bool   // out waits for the end of the round
	waits  bool   // out waits for the socket
}

// state is how far a connection has come.
type state uint8

const (
	stateQueued  state = iota // waits for its turn to connect
	stateOpening              // connecting, or waiting for the answer to the upgrade
	stateOpen
	stateClosed
)

// Open reports whether messages can be sent and come.
func (c *Conn) Open() bool { return c.state == stateOpen }

// Send queues one text message; it leaves at the end of the round, together with
// all that was queued in it.
func (c *Conn) Send(data []byte) { c.queue(OpText, data) }

func (c *Conn) queue(op byte, data []byte) {
	if c.state != stateOpen {
		return
	}
	c.out = appendMasked(c.out, op, c.loop.key(), data)
	c.stir()
}

// stir has out written at the end of the round.
func (c *Conn) stir() {
	if !c.dirty && !c.waits {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// Waiting tells how many bytes the socket has not taken yet.
func (c *Conn) Waiting() int { return len(c.out) }

// Drop ends the connection as a lost network does, without a word (a TCP reset).
// Closed is not called.
func (c *Conn) Drop() {
	if c.state == stateOpening || c.state == stateOpen {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	c.release()
}

// Leave says goodbye (1000) and ends the connection. Closed is not called.
func (c *Conn) Leave() {
	if c.state == stateOpen && len(c.out) == 0 {
		bye := appendMasked(nil, OpClose, c.loop.key(), binary.BigEndian.AppendUint16(nil, 1000))
		_, _ = unix.Write(c.fd, bye) // if it does not fit now, the end of the stream says it
	}
	c.release()
}

// Stall stops reading, as a peer does that hangs, until Resume.
func (c *Conn) Stall() error {
	if c.paused || c.state != stateOpen {
		return nil
	}
	c.paused = true
	return unix.EpollCtl(c.loop.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
}

// Resume reads on.
func (c *Conn) Resume() error {
	if !c.paused || c.state != stateOpen {
		return nil
	}
	c.paused = false
	return c.watch(unix.EPOLL_CTL_ADD)
}

// watch tells epoll what the connection waits for. Edges are cheaper than levels,
// and enough: one read takes all that there is, or knows that there is more.
func (c *Conn) watch(op int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: c.slot}
	if c.waits || c.state == stateOpening && len(c.out) > 0 {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(c.loop.epoll, op, c.fd, &ev)
}

// release gives everything back. It is safe to call twice.
func (c *Conn) release() {
	switch c.state {
	case stateClosed:
		return
	case stateOpening, stateQueued:
		c.loop.settled(c.state)
	}
	if c.fd >= 0 {
		_ = unix.Close(c.fd) // takes it out of epoll, too
		c.fd = -1
		c.loop.free(c)
	}
	c.state, c.rest, c.out = stateClosed, nil, nil
}

// fail ends the connection and tells.
func (c *Conn) fail(err error) {
	if c.state == stateClosed {
		return
	}
	c.release()
	c.Handler.Closed(c, err)
}

// readable takes what has come, and hands it out; to its end if there is an end,
// which would not be told a second time.
func (c *Conn) readable(ends bool) {
	for c.state != stateClosed && !c.paused {
		if n, full := c.readOnce(); n <= 0 || !full && !ends {
			return
		}
	}
}

// readOnce gives how much it has read, 0 if nothing or the connection is over, and
// whether that has filled the buffer, so that there may be more.
func (c *Conn) readOnce() (n int, full bool) {
	buf := c.loop.buf
	kept := copy(buf, c.rest)
	n, err := Read(c.fd, buf[kept:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, false
	case err != nil:
		c.fail(fmt.Errorf("read: %w", err))
		return 0, false
	case n == 0:
		c.fail(fmt.Errorf("read: %w", io.ErrUnexpectedEOF))
		return 0, false
	}
	c.loop.now = time.Since(c.loop.start)
	got := buf[:kept+n]
	used := 0
	if c.state == stateOpening {
		if used, err = c.upgraded(got); err != nil {
			c.fail(err)
			return 0, false
		}
	}
	for c.state == stateOpen {
		m, took, err := c.frames.Next(got[used:])
		if err != nil {
			c.fail(fmt.Errorf("the server sent %w", err))
			return 0, false
		}
		if took == 0 {
			break
		}
		used += took
		c.take(m)
	}
	if c.state == stateClosed {
		return 0, false
	}
	if used == 0 && len(got) == len(buf) {
		c.fail(fmt.Errorf("the server sent a frame that is longer than %d bytes", MaxMessage))
		return 0, false
	}
	c.rest = append(c.rest[:0], got[used:]...)
	return n, n == len(buf)-kept
}

// take hands out one message.
func (c *Conn) take(m Message) {
	switch m.Op {
	case OpText, OpBinary:
		c.Handler.Message(c, m.Data)
	case OpPing:
		c.queue(OpPong, m.Data)
	case OpClose:
		closed := &CloseError{Code: 1005}
		if len(m.Data) >= 2 {
			closed.Code, closed.Reason = int(binary.BigEndian.Uint16(m.Data)), string(m.Data[2:])
		}
		c.fail(closed)
	}
}

// upgraded reads the answer to the HTTP request, if it is there, and gives its
// length.
func (c *Conn) upgraded(got []byte) (int, error) {
	end := bytes.Index(got, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	if err := c.target.check(got[:end], got[end+4:]); err != nil {
		return 0, err
	}
	c.loop.settled(stateOpening)
	c.state = stateOpen
	c.Handler.Opened(c)
	return end + 4, nil
}

// writable finishes connecting, or goes on writing.
func (c *Conn) writable() {
	if c.state == stateOpening {
		if errno, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || errno != 0 {
			c.fail(fmt.Errorf("connect: %w", unix.Errno(errno)))
			return
		}
	}
	c.flush()
}

// flush writes what is queued, as far as the socket takes it.
func (c *Conn) flush() {
	c.dirty = false
	if c.state != stateOpening && c.state != stateOpen || len(c.out) == 0 {
		return
	}
	n, err := Write(c.fd, c.out)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		c.fail(fmt.Errorf("write: %w", err))
		return
	}
	waited := c.waits || c.state == stateOpening
	c.out = append(c.out[:0], c.out[max(n, 0):]...)
	c.waits = len(c.out) > 0
	if waited != c.waits && !c.paused {
		if err := c.watch(unix.EPOLL_CTL_MOD); err != nil {
			c.fail(fmt.Errorf("epoll: %w", err))
		}
	}
}
