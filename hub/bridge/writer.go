package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// maxGroup is how many messages are committed together. The server takes 1,000
	// in a batch; faults near that bound are known.
	maxGroup = 500
	// batchFrom is where one atomic batch (3.2 ms whatever its size) is as fast as
	// its messages one by one (0.25 ms each).
	batchFrom = 13
)

// The server's error codes that are answered to here (nats-server's errors.json).
const (
	codeBatchDuplicate = 10201 // a message of the batch was stored before
	codeBatchDisabled  = 10205
	codeMsgTooLarge    = 10054
)

// apiError is an error that the server gave.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// write is the partition's writer: whatever has gathered while one group was
// committed is the next group. It ends when the partition is closed and all is
// written.
func (p *partition) write() {
	defer close(p.done)
	for range p.wake {
		for {
			group, over := p.take(maxGroup)
			if over {
				return
			}
			if len(group) == 0 {
				break
			}
			p.commit(group)
		}
	}
}

// commit stores a group, in order, and answers each message of it. It repeats
// what got no answer, under the same ids, until GiveUp.
func (p *partition) commit(group []message) {
	deadline := time.Now().Add(p.log.cfg.GiveUp)
	wait := backoffFirst
	asBatch := len(group) >= batchFrom && p.log.batches()
	for len(group) > 0 {
		var err error
		if asBatch {
			err = p.commitBatch(group)
			if err == nil {
				return
			}
			if code := errCode(err); code == codeBatchDuplicate || code == codeBatchDisabled {
				asBatch = false
				continue
			}
		} else {
			n := min(len(group), p.log.window())
			var left []message
			left, err = p.commitSingles(group[:n])
			if err == nil {
				group = group[n:]
				continue
			}
			group = append(left, group[n:]...)
		}
		p.silent.Store(errors.Is(err, errNoAnswer))
		p.log.stats.retries.Add(1)
		p.log.checkHealth()
		if time.Now().Add(wait).After(deadline) || p.isClosed() && p.log.Health() != nil {
			p.refuse(group, err)
			return
		}
		time.Sleep(wait)
		wait = min(2*wait, backoffLast)
	}
}

func (p *partition) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// refuse answers a group that could not be stored, or not provably.
func (p *partition) refuse(group []message, err error) {
	err = fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	for i := range group {
		p.answer(&group[i], hub.Ack{Err: err})
	}
}

// commitBatch stores all of the group or none of it, with one commit.
func (p *partition) commitBatch(group []message) error {
	id := nuid.Next()
	last := len(group) - 1
	for i := range last {
		msg := p.message(&group[i])
		msg.Header["Nats-Batch-Id"] = []string{id}
		msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		if err := p.log.pub.PublishMsg(msg); err != nil {
			return err
		}
	}
	msg := p.message(&group[last])
	msg.Header["Nats-Batch-Id"] = []string{id}
	msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(last + 1)}
	msg.Header["Nats-Batch-Commit"] = []string{"1"}
	results := p.log.acks.await(1)
	if err := p.log.acks.publish(results, 0, msg); err != nil {
		return err
	}
	ack, err := results.wait(0, p.log.cfg.AckTimeout)
	if err != nil {
		return err
	}
	p.silent.Store(false)
	p.log.stats.batches.Add(1)
	p.log.stats.appends.Add(uint64(len(group)))
	for i := range group {
		p.answer(&group[i], hub.Ack{Position: hub.Position{Seq: ack.Seq - uint64(last-i)}})
	}
	return nil
}

// commitSingles publishes messages side by side, in order, and gives those that
// have no answer, with why.
func (p *partition) commitSingles(group []message) (left []message, err error) {
	results := p.log.acks.await(len(group))
	for i := range group {
		if perr := p.log.acks.publish(results, i, p.message(&group[i])); perr != nil {
			results.drop()
			return group, perr
		}
	}
	deadline := time.Now().Add(p.log.cfg.AckTimeout)
	for i := range group {
		ack, werr := results.wait(i, time.Until(deadline))
		switch {
		case werr == nil:
			p.silent.Store(false)
			p.log.stats.appends.Add(1)
			p.answer(&group[i], hub.Ack{Position: hub.Position{Seq: ack.Seq}, Duplicate: ack.Duplicate})
		case errCode(werr) == codeMsgTooLarge:
			p.answer(&group[i], hub.Ack{Err: fmt.Errorf("%w: %w", hub.ErrTooLarge, werr)})
		default:
			left, err = append(left, group[i]), werr
		}
	}
	return left, err
}

func (p *partition) message(m *message) *nats.Msg {
	return &nats.Msg{
		Subject: m.subject, Data: m.data,
		Header: nats.Header{
			"Nats-Msg-Id":          []string{m.id},
			"Nats-Expected-Stream": []string{p.stream},
		},
	}
}

func errCode(err error) int {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.ErrCode
	}
	return 0
}

// batches reports whether groups are committed as atomic batches: only where each
// single message would cost a sync of its own. Replicated streams commit in groups
// by themselves.
func (l *Log) batches() bool { return l.cfg.Ack == AckFsync && l.cfg.Replicas == 1 }

// window is how many messages are published side by side before their acks.
func (l *Log) window() int {
	if l.batches() {
		return batchFrom - 1
	}
	return maxGroup
}
