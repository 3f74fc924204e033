package bridge

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
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
	queue  *queue

	// owned by the writer
	replies  *replies
	batchTag string
	batches  uint64

	seals sealing

	// owned by whoever compares the stream's end
	doubt doubt

	mark    atomic.Uint64           // the highest sequence that was acknowledged
	failure atomic.Pointer[failure] // of the last try; nil: it was stored

	mu   sync.Mutex // guards what follows
	at   partitionAt
	lost int // messages that the engine says it cannot read, and that is known
}

func newPartition(l *Log, n int, at partitionAt) (*partition, error) {
	p := &partition{
		log: l, n: n, stream: l.cfg.stream(n), at: at,
		queue: newQueue(l.cfg.QueueRecords, l.cfg.QueueBytes), batchTag: newBatchTag(),
	}
	p.mark.Store(at.Mark)
	var err error
	p.replies, err = newReplies(l.pub)
	return p, err
}

// place is what is remembered of the partition.
func (p *partition) place() partitionAt {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at.Mark = p.mark.Load()
	return p.at
}

func (p *partition) epoch() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at.Epoch
}

// floor is the sequence up to which the partition may have been trimmed. What is
// missing of a document was replaced or erased.
func (p *partition) floor() uint64 {
	if p.log.cfg.Of == Documents {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.at.First, 1) - 1
}

// append queues records in order.
func (p *partition) append(room string, records []hub.Record, done func([]hub.Ack)) error {
	a := &pending{
		messages: make([]message, len(records)), acks: make([]hub.Ack, len(records)),
		left: len(records), deadline: time.Now().Add(p.log.cfg.GiveUp), done: done,
	}
	subject := p.log.cfg.logSubject(p.n, room)
	for i, rec := range records {
		if len(rec.Data) > hub.MaxRecord {
			return fmt.Errorf("%w: %d bytes, at most %d", hub.ErrTooLarge, len(rec.Data), hub.MaxRecord)
		}
		a.messages[i] = message{subject: subject, id: messageID(room, rec.ID), data: rec.Data, of: a, at: i}
		a.bytes += len(rec.Data) + recordCost
	}
	return p.queue.push(a)
}

// messageID makes an id that is unique in the stream out of one that is unique in
// the room. A record without one gets one all the same, so that a try whose answer
// was lost can be repeated.
func messageID(room, id string) string {
	if id == "" {
		random := uuid.New()
		return base64.RawURLEncoding.EncodeToString(random[:])
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s%s", len(room), room, id))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// answer gives a message its ack; the last of an append calls done. Only the
// writer calls it.
func (p *partition) answer(m *message, ack hub.Ack) {
	if ack.Err == nil {
		ack.Epoch = p.epoch()
		p.acked(ack.Seq)
		if !ack.Duplicate {
			p.seals.gather(makeMark(ack.Seq, m.subject, m.id, "", m.data))
		}
	}
	a := m.of
	a.acks[m.at] = ack
	if a.left--; a.left == 0 {
		a.done(a.acks)
	}
}

// acked takes in that a sequence is acknowledged.
func (p *partition) acked(seq uint64) {
	for mark := p.mark.Load(); seq > mark && !p.mark.CompareAndSwap(mark, seq); {
		mark = p.mark.Load()
	}
}
