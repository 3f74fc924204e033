package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/hub"
)

// partition is one stream, with the one goroutine that writes to it.
type partition struct {
	// static after construction
	log    *Log
	n      int
	stream string
	wake   chan struct{} // holds one token while there is something to write
	done   chan struct{} // closed when the writer has ended

	mark   atomic.Uint64 // the highest sequence that was acknowledged
	silent atomic.Bool   // the stream did not answer the last time

	mu      sync.Mutex // guards what follows
	epoch   string
	deleted int    // holes that are accounted for
	first   uint64 // where the stream may begin
	queue   []*pending
	bytes   int
	closed  bool
}

// pending is one Append on its way.
type pending struct {
	messages []message
	acks     []hub.Ack
	left     int // messages without an answer
	bytes    int
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

func newPartition(l *Log, n int, at partitionAt) *partition {
	p := &partition{
		log: l, n: n, stream: l.cfg.stream(n), epoch: at.Epoch, deleted: at.Deleted, first: at.First,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.mark.Store(at.Mark)
	return p
}

func (p *partition) start() { go p.write() }

// record is what is remembered of the partition.
func (p *partition) record() partitionAt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return partitionAt{Epoch: p.epoch, Mark: p.mark.Load(), Deleted: p.deleted, First: p.first}
}

func (p *partition) currentEpoch() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// append queues records in order.
func (p *partition) append(room string, records []hub.Record, done func([]hub.Ack)) error {
	a := &pending{
		messages: make([]message, len(records)), acks: make([]hub.Ack, len(records)),
		left: len(records), done: done,
	}
	subject := p.log.cfg.logSubject(p.n, room)
	for i, rec := range records {
		a.messages[i] = message{subject: subject, id: messageID(room, rec.ID), data: rec.Data, of: a, at: i}
		a.bytes += len(rec.Data)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return hub.ErrClosed
	case len(p.queue) > 0 && p.bytes+a.bytes > p.log.cfg.QueueBytes:
		return hub.ErrBusy
	}
	p.queue = append(p.queue, a)
	p.bytes += a.bytes
	p.signal()
	return nil
}

func (p *partition) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// messageID makes an id that is unique in the stream out of one that is unique in
// the room. A record without one gets one all the same, so that a try whose
// answer was lost can be repeated.
func messageID(room, id string) string {
	if id == "" {
		return uuid.NewString()
	}
	sum := sha256.Sum256([]byte(room + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// take gives what is queued, up to most messages but at least one append, and
// whether the partition is closed and empty.
func (p *partition) take(most int) (group []message, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, a := range p.queue {
		if n > 0 && len(group)+len(a.messages) > most {
			break
		}
		group = append(group, a.messages...)
		p.bytes -= a.bytes
		n++
	}
	clear(p.queue[:n])
	p.queue = p.queue[n:]
	if len(p.queue) == 0 {
		p.queue = nil
	}
	return group, p.closed && n == 0
}

// answer gives a message its ack; the last of an append calls done.
func (p *partition) answer(m *message, ack hub.Ack) {
	if ack.Err == nil {
		ack.Epoch = p.currentEpoch()
		for {
			mark := p.mark.Load()
			if ack.Seq <= mark || p.mark.CompareAndSwap(mark, ack.Seq) {
				break
			}
		}
	}
	a := m.of
	a.acks[m.at] = ack
	if a.left--; a.left == 0 {
		a.done(a.acks)
	}
}

// close lets the writer finish what is queued.
func (p *partition) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.signal()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const backoffFirst, backoffLast = 10 * time.Millisecond, time.Second
