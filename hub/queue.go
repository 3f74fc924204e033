package hub

import (
	"context"
	"sync"
)

// queue holds the frames that a peer has not taken yet, bounded in bytes and in
// number. Putting never waits.
type queue struct {
	maxBytes, maxFrames int           // static after construction
	wake                chan struct{} // holds one token while there is something to take

	mu     sync.Mutex // guards what follows
	frames []Frame
	bytes  int
	why    error // set once, when the queue is closed
}

func newQueue(maxBytes, maxFrames int) *queue {
	return &queue{maxBytes: maxBytes, maxFrames: maxFrames, wake: make(chan struct{}, 1)}
}

// put appends a frame. It is false when the frame does not fit, or the queue is
// closed; then the frame is not taken. One frame fits an empty queue whatever its
// size.
func (q *queue) put(f Frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why != nil {
		return false
	}
	if len(q.frames) > 0 && (q.bytes+len(f.Data) > q.maxBytes || len(q.frames) >= q.maxFrames) {
		return false
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.Data)
	q.signal()
	return true
}

// close drops what is queued and makes take give why from now on. Only the first
// close counts.
func (q *queue) close(why error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why != nil {
		return false
	}
	q.why, q.frames, q.bytes = why, nil, 0
	q.signal()
	return true
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for frames and gives all that are queued, appended to buf[:0].
func (q *queue) take(ctx context.Context, buf []Frame) ([]Frame, error) {
	for {
		q.mu.Lock()
		if q.why != nil {
			q.signal() // for every later take, too
			q.mu.Unlock()
			return nil, q.why
		}
		if len(q.frames) > 0 {
			taken := append(buf[:0], q.frames...)
			clear(q.frames)
			q.frames, q.bytes = q.frames[:0], 0
			q.mu.Unlock()
			return taken, nil
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
