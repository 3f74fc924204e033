package bridge

import (
	"errors"
	"strconv"

	"github.com/nats-io/nuid"

	"github.com/hubbub-im/hubbub/hub"
)

// commitBatch stores a group as atomic batches of at most maxGroup messages: of
// each, all or none. It gives those that are to be tried again, and why.
func (p *partition) commitBatch(group []message) (left []message, err error) {
	for len(group) > 0 {
		n := min(maxGroup, len(group))
		if err := p.oneBatch(group[:n]); err != nil {
			return group, err
		}
		group = group[n:]
	}
	return nil, nil
}

// oneBatch stages all messages and commits with the last one, which alone is
// answered. The answer comes after the sync.
func (p *partition) oneBatch(group []message) error {
	floor := p.mark.Load()
	id, last := p.batchID(), len(group)-1
	p.replies.begin()
	for i := range group {
		msg := p.message(&group[i])
		msg.Header["Nats-Batch-Id"] = []string{id}
		msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		var err error
		if i < last {
			err = p.log.pub.PublishMsg(msg)
		} else {
			msg.Header["Nats-Batch-Commit"] = []string{"1"}
			err = p.replies.publish(0, msg)
		}
		if err != nil {
			return err // what is staged is dropped by the server after 10 s
		}
	}
	var got pubAck
	var aerr error
	err := p.replies.collect(p.log.ctx, 1, p.patience(group), func(_ int, ack pubAck, err error) { got, aerr = ack, err })
	if err = errors.Join(err, aerr); err != nil {
		return err
	}
	if got.Seq <= uint64(last) {
		return errors.New("the stream's answer has a sequence below the size of the batch")
	}
	p.log.stats.batches.Add(1)
	p.log.stats.batched.Add(uint64(len(group)))
	for i := range group {
		p.stored(&group[i], hub.Ack{Position: hub.Position{Seq: got.Seq - uint64(last-i)}}, floor)
	}
	return nil
}

// batchID makes an id that no try of any instance shares. It is stored with each
// message, so it is short.
func (p *partition) batchID() string {
	p.batches++
	return p.batchTag + strconv.FormatUint(p.batches, 36)
}

// newBatchTag makes what the batch ids of one writer begin with.
func newBatchTag() string {
	id := nuid.Next() // its end counts up within a process, its beginning is random
	return id[:6] + "-"
}
