package embedded

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"
)

// heldError is why nothing may be written for as long as it lasts.
type heldError struct{ error }

// Hold says so.
func (heldError) Hold() bool { return true }

// Health is nil, or why the engine cannot store. A stream that cannot write
// answers no publisher; this is the only place where the reason is told. It looks
// at the disk, so it is to be called every few seconds and not for each message.
//
// An error with a method Hold() bool that says true is one during which writing
// would do harm: the disk is nearly full, or the engine is starting again.
func (s *Server) Health() error {
	s.mu.Lock()
	engine, down := s.engine, s.down
	s.mu.Unlock()
	if down != nil {
		return heldError{down}
	}
	if err := s.diskFull(); err != nil {
		return heldError{err}
	}
	if err := s.lasting(engineHealth(engine)); err != nil {
		return fmt.Errorf("the engine in %s: %w", s.opts.Dir, err)
	}
	return nil
}

// peerGrace is how long an engine with peers may lag behind them and be called well: it
// does so for moments at each election, and at its own start.
const peerGrace = 5 * time.Second

// lasting passes over what is wrong with an engine with peers until it has lasted.
func (s *Server) lasting(err error) error {
	if s.opts.Peers == nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.ailing = time.Time{}
		return nil
	}
	if s.ailing.IsZero() {
		s.ailing = time.Now()
	}
	if time.Since(s.ailing) < peerGrace {
		return nil
	}
	return err
}

// engineHealth asks the server how it is, streams included.
func engineHealth(engine *server.Server) error {
	h := engine.Healthz(&server.HealthzOptions{Details: true})
	if h.StatusCode == 200 {
		return nil
	}
	var reasons []string
	for _, e := range h.Errors {
		// Whether it is ready for connections is asked with a patience of 1 ms, and
		// answered at the start already: a busy machine is no broken log.
		if e.Type != server.HealthzErrorConn {
			reasons = append(reasons, e.Error)
		}
	}
	if len(h.Errors) > 0 && len(reasons) == 0 {
		return nil
	}
	if len(reasons) == 0 {
		reasons = append(reasons, h.Status+" "+h.Error)
	}
	return errors.New(strings.Join(reasons, "; "))
}

// diskFull reports a disk with less than the reserve left.
func (s *Server) diskFull() error {
	if s.opts.Reserve < 0 {
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(s.opts.Dir, &fs); err != nil {
		return fmt.Errorf("data folder %s: %w", s.opts.Dir, err)
	}
	blockSize := int64(fs.Bsize) // of another type on other systems
	size, free := int64(fs.Blocks)*blockSize, int64(fs.Bavail)*blockSize
	reserve := s.opts.Reserve
	if reserve == 0 {
		reserve = min(defaultReserve, size/10)
	}
	if free < reserve {
		return fmt.Errorf("data folder %s: the disk is full: %d MiB are free, and at least %d must be; once there is space it goes on by itself", s.opts.Dir, free>>20, reserve>>20)
	}
	return nil
}
