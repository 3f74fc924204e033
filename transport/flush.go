package transport

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// flushPiece is how much is written without the lock in one go, in bytes.
const flushPiece = 16 << 10

// flush writes the backlog and ends with it.
func (s *sender) flush() {
	step := s.step
	if s.raw != nil {
		step = s.stepRaw
	}
	for !s.ended() {
		done, err := step()
		if err != nil && !done {
			s.failed(err)
		}
		if done {
			s.tell()
			return
		}
	}
}

// tell says once that a goodbye is due.
func (s *sender) tell() {
	s.mu.Lock()
	due := s.state == sendCut && !s.told
	s.told = s.told || due
	s.mu.Unlock()
	if due {
		s.late()
	}
}

// startWatch has look called when the peer's patience would be over. mu is held.
func (s *sender) startWatch() {
	if s.watch == nil {
		s.watch = time.AfterFunc(s.longest, s.look)
		return
	}
	s.watch.Reset(s.longest)
}

// look ends the hub's patience with a peer that is written to by waiting. A deadline
// would do that too, but to TLS a Write that is cut short is the end: the goodbye, for
// which a lagging peer has some time more, would not go out. It never waits.
func (s *sender) look() {
	s.mu.Lock()
	if s.state == sendOpen && s.lag != nil {
		if left := time.Until(s.lag.oldest().Add(s.longest)); left > 0 {
			s.watch.Reset(left)
		} else {
			s.cut(excessAge)
		}
	}
	s.mu.Unlock()
	s.tell()
}

// ended is true when the goroutine has nothing more to do. Else it says until when
// the next step may wait.
func (s *sender) ended() bool {
	s.mu.Lock()
	for s.state == sendCut && !s.told { // before a new deadline hides the news
		s.mu.Unlock()
		s.tell()
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	until := s.by
	switch {
	case s.state == sendDead:
		s.leave()
		return true
	case s.state == sendClosing:
	case s.raw == nil:
		until = time.Time{} // look has an eye on it
	case s.state == sendOpen:
		until = s.lag.oldest().Add(s.longest)
	case s.state == sendCut:
		until = time.Now().Add(s.longest) // somebody else's goodbye is on its way
	}
	_ = s.conn.SetWriteDeadline(until)
	return false
}

// failed is after a step has failed. What waits for too long is the end of an open
// connection; one that is closing has its time.
func (s *sender) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		s.kill()
	case s.state == sendOpen:
		s.cut(excessAge)
	case s.state == sendClosing && !time.Now().Before(s.by):
		s.kill()
	}
}

// step writes a piece of the backlog, and waits for the peer to take it.
func (s *sender) step() (done bool, err error) {
	s.mu.Lock()
	piece, n := s.lag.piece(flushPiece), 0
	s.mu.Unlock()
	if len(piece) > 0 {
		n, err = s.conn.Write(piece)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag.flying = 0
	return s.gone(n), err
}

// stepRaw waits until the kernel takes something, and writes what it takes.
func (s *sender) stepRaw() (done bool, err error) {
	var fault error
	err = s.raw.Write(func(fd uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for wrote := false; ; wrote = true {
			b := s.lag
			n, err := syscall.Write(int(fd), b.buf[b.off:min(len(b.buf), b.off+maxWrite)])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return wrote // the deadline moves with what was written
			case err != nil:
				fault = err
				return true
			}
			if done = s.gone(n); done {
				return true
			}
		}
	})
	if err == nil {
		err = fault
	}
	return done, err
}

// gone notes that n bytes were written. It is true when nothing is left; then there
// is no backlog any more. mu is held.
func (s *sender) gone(n int) bool {
	empty := s.lag.gone(n, time.Now(), s.longest)
	if s.lag.size() <= s.most/2 {
		s.lighten()
	}
	if !empty {
		return false
	}
	s.leave()
	return true
}

// leave is the end of the backlog. mu is held.
func (s *sender) leave() {
	if s.state != sendDead {
		_ = s.conn.SetWriteDeadline(time.Time{})
	}
	s.lighten()
	if s.watch != nil {
		s.watch.Stop()
	}
	close(s.lag.done)
	s.lag = nil
	if s.state == sendClosing {
		s.over(true)
	}
}
