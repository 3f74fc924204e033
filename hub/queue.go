package hub

import (
	"context"
	"sync"
)

// Queue is an Outlet from which the peer's goroutine takes frames when it can. It
// is bounded in bytes and in number; putting never waits.
type Queue struct {
	maxBytes, maxFrames int           // static after construction
	wake                chan struct{} // holds one token while there is something to take

	mu     sync.Mutex // guards what follows
	frames []Frame
	bytes  int
	why    error // set once, when the queue is closed
	lag    Lag   // set before that, if the peer was too slow
}

// NewQueue makes an empty queue for so many bytes of messages and so many of them.
func NewQueue(maxBytes, maxFrames int) *Queue {
	return &Queue{maxBytes: maxBytes, maxFrames: maxFrames, wake: make(chan struct{}, 1)}
}

// Deliver queues the frames of a round; see Outlet. One frame fits an empty queue
// whatever its size. A full queue is closed with ReasonSlow.
func (q *Queue) Deliver(r *Round, from int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why != nil {
		return true
	}
	behind := len(q.frames) > 0
	for i := from; i < r.Len(); i++ {
		f := r.Kept(i)
		if why := q.excess(len(f.Data)); why != "" {
			q.lag = Lag{Bytes: q.bytes, Why: why}
			q.close(ReasonSlow)
			return false
		}
		q.frames = append(q.frames, f)
		q.bytes += len(f.Data)
	}
	if behind {
		r.Waits()
	}
	q.signal()
	return true
}

// excess says what would be too much with another frame of so many bytes. mu is held.
func (q *Queue) excess(bytes int) Excess {
	switch {
	case len(q.frames) == 0:
		return ""
	case len(q.frames) >= q.maxFrames:
		return ExcessFrames
	case q.bytes+bytes > q.maxBytes:
		return ExcessBytes
	}
	return ""
}

// Lag says what waits, or waited when that was too much; see Outlet.
func (q *Queue) Lag() Lag {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why != nil {
		return q.lag
	}
	return Lag{Bytes: q.bytes}
}

// End drops what is queued and makes Next give why from now on. Only the first
// reason counts.
func (q *Queue) End(why Reason) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why == nil {
		q.close(why)
	}
}

// close ends the queue. mu is held.
func (q *Queue) close(why Reason) {
	q.why, q.frames, q.bytes = why, nil, 0
	q.signal()
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Next waits for frames and gives all that are queued, in buf if it is large
// enough. Its error is the Reason once the session is over, or ctx's.
func (q *Queue) Next(ctx context.Context, buf []Frame) ([]Frame, error) {
	for {
		q.mu.Lock()
		if q.why != nil {
			q.signal() // for every later call, too
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
