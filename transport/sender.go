package transport

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// sender writes to one peer and never waits for it. What the kernel does not take at
// once waits in a backlog, and a goroutine writes that for as long as there is one:
// while it exists, everything goes through it, so that frames neither overtake one
// another nor end up within one another.
type sender struct {
	// static after open
	conn    net.Conn
	raw     syscall.RawConn // nil: to write is to wait, so everything goes through the backlog
	most    int             // bytes that may wait
	longest time.Duration   // that one of them may
	tasks   *sync.WaitGroup // of the goroutine
	deflate bool            // the peer takes compressed frames
	late    func()          // is told, by that goroutine, that the peer lags too much and a goodbye is due
	over    func(sent bool) // is told, with mu held, when nothing more goes out: a close frame was the last, or writing has failed

	mu    sync.Mutex // guards what follows
	state sendState
	held  hold
	lag   *backlog  // nil: the peer has taken everything
	by    time.Time // when a closing connection is given up

	lateness
	attempt
}

// attempt is a write that does not wait. Its function is made once, and not for each.
type attempt struct {
	try     func(fd uintptr) bool
	piece   []byte
	written int
	fault   error
}

// sendState says what may still be written.
type sendState uint8

const (
	sendOpen    sendState = iota
	sendCut               // the peer lags too much; only goodbye may follow
	sendClosing           // there was a close frame, and nothing may follow
	sendDead              // nothing can be written
)

// maxWrite bounds one write system call, in bytes, and with it how long the lock is
// held.
const maxWrite = 256 << 10

// open prepares a sender. Without raw everything is written by the goroutine.
func (s *sender) open(conn net.Conn, raw syscall.RawConn) {
	s.conn, s.raw = conn, raw
	s.try = func(fd uintptr) bool {
		for {
			s.written, s.fault = writeNow(fd, s.piece)
			if s.fault != syscall.EINTR {
				return true
			}
		}
	}
}

// frames are what is brought to many peers in one go, encoded once for all of them. The
// hub's are a *hub.Round.
type frames interface {
	// Len is how many there are.
	Len() int
	// Bytes gives those from a number on, ready for the wire, until round returns.
	Bytes(from int) []byte
	// Frame gives one, and its key: of several with the same key, which is not "", a
	// peer that lags may be given only the last.
	Frame(i int) (data []byte, key string)
	// Compressed is Bytes for peers who take compression.
	Compressed(from int) []byte
	// CompressedFrame is Frame for peers who take compression.
	CompressedFrame(i int) (data []byte, key string)
	// Waits says that they wait for the peer behind what it has not taken.
	Waits()
}

// round sends what is brought, from a frame on. It is false if the peer lags too much
// with it: then goodbye is all that may follow.
func (s *sender) round(r frames, from int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != sendOpen {
		return true
	}
	if s.lag == nil || s.held.on {
		if s.deflate {
			s.write(r.Compressed(from))
		} else {
			s.write(r.Bytes(from))
		}
		return s.brought(r)
	}
	now := time.Now()
	for i := from; i < r.Len(); i++ {
		data, key := s.pick(r, i)
		if key != "" && s.lagging() {
			s.lag.conflate(key, data, s.most-s.lag.size())
			continue
		}
		s.lag.add(data, now, s.longest)
	}
	return s.brought(r)
}

// pick gives a frame as the peer takes it.
func (s *sender) pick(r frames, i int) (data []byte, key string) {
	if s.deflate {
		return r.CompressedFrame(i)
	}
	return r.Frame(i)
}

// frame sends one frame that the peer has not asked for.
func (s *sender) frame(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sendOpen {
		s.write(data)
		s.bounded()
	}
}

// reply sends what the peer has asked for: it may be larger than what is left of the
// backlog. Whoever replies has waited in room before taking the request.
func (s *sender) reply(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sendOpen && s.bounded() {
		s.answer(data)
	}
}

// answer is reply with mu held.
func (s *sender) answer(data []byte) {
	before := 0
	if s.lag != nil {
		before = s.lag.size()
	}
	s.write(data)
	if s.lag != nil && !s.held.on {
		s.lag.asked += s.lag.size() - before
	}
}

// room waits until the peer has taken enough for the answer to another request. A
// peer that asks faster than it reads is not cut, but waits.
func (s *sender) room(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.state != sendOpen {
			s.mu.Unlock()
			return net.ErrClosed
		}
		if s.lag == nil || s.lag.size() <= s.most/2 {
			s.mu.Unlock()
			return nil
		}
		if s.lag.lighter == nil {
			s.lag.lighter = make(chan struct{})
		}
		lighter := s.lag.lighter
		s.mu.Unlock()
		select {
		case <-lighter:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// control sends a control frame of the WebSocket library's.
func (s *sender) control(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case sendDead:
		return net.ErrClosed
	case sendClosing, sendCut:
		return nil // the close frame is said already, or somebody is about to say it
	}
	s.write(data)
	if data[0] == finClose {
		s.close()
	}
	return nil
}

// goodbye sends a last message and the close frame behind it. drop: of what waits no
// more than must be goes out before. It is false if there was a close frame already.
func (s *sender) goodbye(frames []byte, drop bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == sendClosing || s.state == sendDead {
		return false
	}
	if drop && s.lag != nil {
		s.lag.cut()
	}
	s.held = hold{} // without the answer before it, it would say nothing
	s.write(frames)
	s.close()
	return true
}

// abandon drops what waits, and lets nothing more out, unless a close frame is among
// it: that has its time.
func (s *sender) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != sendClosing {
		s.kill()
	}
}

// stop drops what waits, whatever it is.
func (s *sender) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// drain waits until nothing waits any more, as it is or because it was given up.
func (s *sender) drain() {
	s.mu.Lock()
	lag := s.lag
	s.mu.Unlock()
	if lag != nil {
		<-lag.done
	}
}

// close is after a close frame. mu is held.
func (s *sender) close() {
	if s.state == sendDead {
		return
	}
	s.state = sendClosing
	s.by = time.Now().Add(writeTimeout)
	if s.lag == nil {
		s.over(true)
		return
	}
	s.lighten()
	_ = s.conn.SetWriteDeadline(s.by)
}

// kill is after writing has failed. mu is held.
func (s *sender) kill() {
	if s.state == sendDead {
		return
	}
	s.state, s.held = sendDead, hold{}
	s.lighten()
	_ = s.conn.SetWriteDeadline(longAgo)
	s.over(false)
}

// lighten wakes who waits for room. mu is held.
func (s *sender) lighten() {
	if s.lag != nil && s.lag.lighter != nil {
		close(s.lag.lighter)
		s.lag.lighter = nil
	}
}

// write writes whole frames, or leaves to the goroutine what cannot be written now.
// mu is held.
func (s *sender) write(p []byte) {
	if s.held.on {
		s.keepBehind(p)
		return
	}
	if s.lag != nil {
		s.lag.add(p, time.Now(), s.longest)
		return
	}
	n := 0
	if s.raw != nil {
		n = s.now(p)
	}
	if n < len(p) && s.state != sendDead {
		s.lag = newBacklog(p, n, time.Now())
		if s.raw == nil {
			s.startWatch()
		}
		s.tasks.Go(s.flush)
	}
}

// now writes what the kernel takes at once. mu is held.
func (s *sender) now(p []byte) (n int) {
	for n < len(p) {
		s.piece = p[n:min(len(p), n+maxWrite)]
		err := s.raw.Write(s.try)
		if s.piece = nil; err == nil {
			err = s.fault
		}
		if errors.Is(err, syscall.EAGAIN) {
			return n
		}
		if err != nil {
			s.kill()
			return n
		}
		n += s.written
	}
	return n
}

// longAgo is a deadline that is over.
var longAgo = time.Unix(1, 0)
