package transport

import (
	"context"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// window bounds the events and edits that one connection has under way. Its reader
// waits here, and so hears nothing more from a peer that publishes faster than the log
// takes it, or that is about to be sent elsewhere.
type window struct {
	max int32

	mu    sync.Mutex // guards what follows
	used  int32
	freed chan struct{} // closed and replaced when something is freed and somebody waits
	none  chan struct{} // closed when nothing is under way; nil: the window is open
}

// enter waits until n more fit. Something always fits an empty window; nothing fits one
// that is shut.
func (w *window) enter(ctx context.Context, n int) error {
	for {
		w.mu.Lock()
		if w.none == nil && (w.used == 0 || w.used+int32(n) <= w.max) {
			w.used += int32(n)
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
	w.used -= int32(n)
	if w.freed != nil {
		close(w.freed)
		w.freed = nil
	}
	if w.none != nil && w.used == 0 {
		close(w.none)
	}
}

func newWindow(l Limits) window { return window{max: int32(l.InFlight)} }

// settle lets nothing more in. What it gives is closed once nothing is under way.
func (w *window) settle() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.none == nil {
		w.none = make(chan struct{})
		if w.used == 0 {
			close(w.none)
		}
	}
	return w.none
}
