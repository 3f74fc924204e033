package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// broken reports whether the engine needs a new start, and could do with one: a
// stream has failed to write, or, with peers, there was no space for one, or there is no engine since the last try, and now
// there is space and the folder can be written.
func (s *Server) broken() bool {
	s.mu.Lock()
	engine, down := s.engine, s.down
	s.mu.Unlock()
	if down == nil {
		err := engineHealth(engine)
		if err == nil || !strings.Contains(err.Error(), "write error") && !strings.Contains(err.Error(), "JetStream not enabled") {
			return false
		}
	}
	return s.diskFull() == nil && s.tryWrite() == nil
}

// tryWrite writes a little, to see whether it would be kept.
func (s *Server) tryWrite() error {
	name := filepath.Join(s.opts.Dir, ".probe")
	err := os.WriteFile(name, make([]byte, 64<<10), 0o600)
	return errors.Join(err, os.Remove(name))
}

// restart replaces the engine. Connections come back to the new one by themselves.
func (s *Server) restart() {
	s.opts.Logger.Warnf("a stream could not be written: the engine is started again")
	s.take(fmt.Errorf("the engine in %s is starting again", s.opts.Dir))
	engine, err := start(context.Background(), &s.opts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.down = err
		s.opts.Logger.Errorf("%v", err)
		return
	}
	s.engine, s.down = engine, nil
	s.note(errors.Join(s.stage.drop(), s.stage.link()))
}
