package transport

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/hubbub-im/hubbub/room"
)

// Task is what the operator has done by a route of the admin listener. What it writes is
// the answer; if it fails after that has begun, the answer is cut short.
type Task func(ctx context.Context, w io.Writer) error

// serveTask runs a task, one at a time: each reads the whole log.
func (s *Server) serveTask(turn *sync.Mutex, task Task) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !turn.TryLock() {
			s.writeError(w, r, room.Errorf(room.CodeUnavailable, "another task of this kind is under way; wait for its end"))
			return
		}
		defer turn.Unlock()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "no-store")
		out := &begun{w: w}
		err := task(r.Context(), out)
		if err == nil {
			return
		}
		s.cfg.Logger.Error().Str("route", r.URL.Path).Err(err).Msg("a task failed")
		if out.yes {
			panic(http.ErrAbortHandler)
		}
		s.writeError(w, r, room.Errorf(room.CodeUnavailable, "%v", err))
	}
}

// begun notes whether anything was written.
type begun struct {
	w   io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.w.Write(p)
}
