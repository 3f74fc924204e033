package transport

import (
	"context"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// window bounds the events that one connection has under way. Its reader waits
// here, and so hears nothing more from a peer that publishes faster than the log
// takes it.
type window struct {
	max int

	mu    sync.Mutex // guards what follows
	used  int
	freed chan struct{} // closed and replaced when something is freed and somebody waits
}

// enter waits until n more fit. Something always fits an empty window.
func (w *window) enter(ctx context.Context, n int) error {
	for {
		w.mu.Lock()
		if w.used == 0 || w.used+n <= w.max {
			w.used += n
			w.mu.Unlock()
			return nil
		}
		if w.freed == nil {
			w.freed = make(chan struct{})
		}
		freed := w.freed
		w.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return &room.Error{Code: room.CodeUnavailable, Message: "the connection ends", RetryAfter: time.Second}
		}
	}
}

// leave gives n back.
func (w *window) leave(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used -= n
	if w.freed != nil {
		close(w.freed)
		w.freed = nil
	}
}
