package bridge

import (
	"fmt"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// recordCost is what a record costs in memory beside its data, about.
const recordCost = 512

// queue holds the appends of a partition until its writer takes them, in order.
type queue struct {
	maxRecords, maxBytes int           // static after construction
	wake                 chan struct{} // holds one token while there is something to do

	mu      sync.Mutex // guards what follows
	items   []*pending
	records int
	bytes   int
	closed  bool
}

// pending is one Append on its way. After the writer has taken it, it is the
// writer's alone.
type pending struct {
	messages []message
	acks     []hub.Ack
	left     int // messages without an answer
	bytes    int
	deadline time.Time // after which no answer is an answer
	done     func([]hub.Ack)
}

// message is one record in the form in which it is published.
type message struct {
	subject string
	id      string // Nats-Msg-Id
	data    []byte
	of      *pending
	at      int // its place in of.acks
}

func newQueue(maxRecords, maxBytes int) *queue {
	return &queue{maxRecords: maxRecords, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// push queues an append, or says why it cannot. An empty queue takes any.
func (q *queue) push(a *pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return hub.ErrClosed
	case q.records > 0 && q.records+len(a.messages) > q.maxRecords:
		return fmt.Errorf("%w: %d records wait in this partition, at most %d may", hub.ErrBusy, q.records, q.maxRecords)
	case q.records > 0 && q.bytes+a.bytes > q.maxBytes:
		return fmt.Errorf("%w: %d bytes wait in this partition, at most %d may", hub.ErrBusy, q.bytes, q.maxBytes)
	}
	q.items = append(q.items, a)
	q.records += len(a.messages)
	q.bytes += a.bytes
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives the next appends to commit together, and whether they are to be one
// atomic batch. from is how many must wait for a batch to be the faster way; 0 means
// that it never is. An append of several records is always a batch, so that
// nobody else's records come between its own.
func (q *queue) take(from, window int) (group []*pending, batch bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false
	}
	most := window
	grouped := from > 0 && q.records >= from
	batch = grouped || len(q.items[0].messages) > 1
	if batch {
		most = maxGroup
	}
	n, bytes := 0, 0
	for _, a := range q.items {
		full := n+len(a.messages) > most || bytes+a.bytes > maxGroupBytes
		other := !grouped && (len(a.messages) > 1) != batch
		if len(group) > 0 && (full || other) {
			break
		}
		group = append(group, a)
		n += len(a.messages)
		bytes += a.bytes
	}
	q.bytes -= bytes
	q.records -= n
	clear(q.items[:len(group)]) // or the array keeps them
	if q.items = q.items[len(group):]; len(q.items) == 0 {
		q.items = nil
	}
	return group, batch
}

// close takes no more appends.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// over reports whether the queue is closed and nothing waits.
func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.items) == 0
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// waiting counts the records that wait.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records
}
