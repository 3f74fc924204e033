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
	why    error         // set once, when the queue is closed
	taken  chan struct{} // closed at the next take or close, if somebody waits for it
}

func newQueue(maxBytes, maxFrames int) *queue {
	return &queue{maxBytes: maxBytes, maxFrames: maxFrames, wake: make(chan struct{}, 1)}
}

// put appends a frame. It is false when the frame does not fit, or the queue is
// closed; then the frame is not taken. One frame fits an empty queue whatever its
// size, and what the peer has asked for fits as long as the queue is not full:
// whoever answers waits for room first, and a large answer is no sign of a slow
// peer.
func (q *queue) put(f Frame, asked bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why != nil {
		return false
	}
	size := q.bytes
	if !asked {
		size += len(f.Data)
	}
	if len(q.frames) > 0 && (size > q.maxBytes || len(q.frames) >= q.maxFrames) {
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
	q.makeRoom()
	return true
}

// makeRoom tells those who wait in room. mu is held.
func (q *queue) makeRoom() {
	if q.taken != nil {
		close(q.taken)
		q.taken = nil
	}
}

// room waits until the queue is no more than half full, or closed.
func (q *queue) room(ctx context.Context) error {
	for {
		q.mu.Lock()
		if q.why != nil || q.bytes <= q.maxBytes/2 && len(q.frames) <= q.maxFrames/2 {
			defer q.mu.Unlock()
			return q.why
		}
		if q.taken == nil {
			q.taken = make(chan struct{})
		}
		taken := q.taken
		q.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
			q.makeRoom()
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
