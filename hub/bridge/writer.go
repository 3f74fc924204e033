package bridge

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// maxGroup is how many messages are committed together. The server takes 1,000
	// in a batch; faults near that bound are known.
	maxGroup = 500
	// maxGroupBytes is how large a group may become, a single append aside.
	maxGroupBytes = 4 << 20
	// batchFrom is from how many messages on an atomic batch pays. It costs several
	// syncs and some twenty file operations whatever its size, 3.2 ms on a quiet
	// disk, and a single message one sync, 0.25 ms. With ten partitions side by side
	// the two come out even at 10 to 25, depending on what else the machine does.
	// Staged in memory it costs little more than its one sync.
	batchFrom, batchFromStaged = 13, 5
	// singlesWindow is how many single messages of a partition are under way at
	// once where each costs a sync. More would save nothing: the server answers none
	// of those that wait at its door before it has stored all.
	singlesWindow = 8
	// gatherShare and gatherMost bound the wait before a batch for the publishers who
	// were answered just before, as a share of the time that their group has taken.
	gatherShare, gatherMost = 8, 5 * time.Millisecond

	backoffFirst, backoffLast = 10 * time.Millisecond, time.Second
)

// errGoingDown: the log was closed before the messages could be stored.
var errGoingDown = fmt.Errorf("%w before it was stored", hub.ErrClosed)

// write is the partition's writer: whatever has gathered while one group was
// committed is the next group. It ends when the partition is closed and all is
// written.
func (p *partition) write() {
	for {
		select {
		case <-p.queue.wake:
		case <-p.log.ctx.Done():
		}
		for {
			from, window := p.log.groups()
			appends, batch := p.queue.take(from, window)
			if len(appends) == 0 {
				break
			}
			start := time.Now()
			p.commit(messagesOf(appends), batch)
			p.gather(len(appends), time.Since(start))
		}
		if p.queue.over() {
			return
		}
	}
}

// gather waits a little for those publishers to come back who were answered now,
// if they would make a batch together with those who wait. Without it they would
// make two groups that take turns, each half as large and waiting for the other.
func (p *partition) gather(answered int, took time.Duration) {
	from, _ := p.log.groups()
	whole := p.queue.waiting() + answered
	if from == 0 || answered < 2 || whole < from {
		return
	}
	timer := time.NewTimer(min(took/gatherShare, gatherMost))
	defer timer.Stop()
	for p.queue.waiting() < whole && !p.queue.isClosed() {
		select {
		case <-p.queue.wake:
		case <-timer.C:
			return
		}
	}
}

// messagesOf gives the messages of appends in order. Where there is none, there is
// nothing to wait for.
func messagesOf(appends []*pending) (group []message) {
	for _, a := range appends {
		if len(a.messages) == 0 {
			a.done(a.acks)
		}
		group = append(group, a.messages...)
	}
	return group
}

// groups says from how many messages on a batch pays, 0 being never, and how many
// may be under way at once if they are none.
func (l *Log) groups() (from, window int) {
	// Only where each message costs a sync of its own do batches gain anything.
	// Replicated streams commit in groups by themselves.
	if l.cfg.Ack == AckFsync && l.cfg.Replicas == 1 {
		if l.staged {
			return batchFromStaged, singlesWindow
		}
		return batchFrom, singlesWindow
	}
	return 0, maxGroup
}

// commit stores a group, in order, and answers each message of it. It repeats what
// got no answer, under the same ids, for as long as each message has time.
func (p *partition) commit(group []message, batch bool) {
	wait := backoffFirst
	var err error
	for {
		if group = p.expire(group, err); len(group) == 0 {
			return
		}
		if err = p.log.hold(); err == nil {
			if batch && len(group) > 1 {
				group, err = p.commitBatch(group)
			} else {
				group, err = p.commitSingles(group)
			}
			switch {
			case len(group) == 0:
				return
			case errCode(err) == codeBatchDuplicate, errCode(err) == codeBatchIncomplete:
				// Which one it was is not told: find out one by one. And where the
				// server could not stage them all, it may do so with each.
				batch, err = false, nil
				continue
			}
			p.log.stats.retries.Add(1)
			if errCode(err) != codeInProcess && !errors.Is(err, errAway) {
				p.failed(err)
				p.log.checkHealth()
			}
		}
		if p.pause(wait) != nil {
			p.refuse(group, errGoingDown)
			return
		}
		wait = min(2*wait, backoffLast)
	}
}

func (p *partition) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.log.ctx.Done():
		return p.log.ctx.Err()
	}
}

// expire answers the messages that have no time left, because of why, and gives
// the others.
func (p *partition) expire(group []message, why error) []message {
	now := time.Now()
	if p.log.ctx.Err() != nil {
		p.refuse(group, errGoingDown)
		return nil
	}
	n := 0
	for i := range group {
		if m := &group[i]; now.Before(m.of.deadline) {
			group[n] = *m
			n++
		} else {
			p.refuse(group[i:i+1], p.unavailable(why))
		}
	}
	return group[:n]
}

// unavailable makes the answer to a publisher who has waited long enough, with the
// engine's own reason if it has one.
func (p *partition) unavailable(why error) error {
	if why == nil {
		why = errors.New("too much was waiting")
	}
	if reason := p.log.Health(); reason != nil {
		return fmt.Errorf("%w: %w: %w", hub.ErrUnavailable, why, reason)
	}
	return fmt.Errorf("%w: %w", hub.ErrUnavailable, why)
}

func (p *partition) refuse(group []message, err error) {
	for i := range group {
		p.answer(&group[i], hub.Ack{Err: err})
	}
}

// patience is how long the answer to one try is waited for.
func (p *partition) patience(group []message) time.Duration {
	latest := group[0].of.deadline
	for i := range group {
		if d := group[i].of.deadline; d.After(latest) {
			latest = d
		}
	}
	return min(p.log.cfg.AckTimeout, time.Until(latest))
}

// commitSingles publishes a group's messages side by side, in order. It gives
// those that are to be tried again, and why.
func (p *partition) commitSingles(group []message) (left []message, err error) {
	_, window := p.log.groups()
	for len(group) > 0 {
		n := min(window, len(group))
		if left, err = p.round(group[:n]); err != nil {
			return append(left, group[n:]...), err
		}
		group = group[n:]
	}
	return nil, nil
}

// round publishes a few messages and takes their answers.
func (p *partition) round(group []message) (left []message, err error) {
	floor := p.mark.Load()
	p.replies.begin()
	sent := 0
	for sent < len(group) {
		if err = p.replies.publish(sent, p.message(&group[sent])); err != nil {
			break
		}
		sent++
	}
	acks := make([]hub.Ack, len(group))
	cerr := p.replies.collect(p.log.ctx, sent, p.patience(group), func(i int, ack pubAck, aerr error) {
		acks[i] = hub.Ack{Position: hub.Position{Seq: ack.Seq}, Duplicate: ack.Duplicate, Err: aerr}
	})
	return p.settle(group, acks, floor, errors.Join(err, cerr))
}

// settle answers the messages of a round, and gives those to try again. A message
// that a later one of its room has overtaken is not: it would be stored behind it.
func (p *partition) settle(group []message, acks []hub.Ack, floor uint64, err error) (left []message, why error) {
	overtaken := make(map[string]bool)
	again := make([]bool, len(group))
	for i := len(group) - 1; i >= 0; i-- {
		m, ack := &group[i], acks[i]
		switch {
		case ack.Err == nil && ack.Seq > 0:
			overtaken[m.subject] = true
			p.stored(m, ack, floor)
		case errCode(ack.Err) == codeMsgTooLarge:
			p.answer(m, hub.Ack{Err: fmt.Errorf("%w: %w", hub.ErrTooLarge, ack.Err)})
		case overtaken[m.subject] && errCode(ack.Err) != codeInProcess:
			p.refuse(group[i:i+1], p.unavailable(errors.Join(err, ack.Err)))
		default:
			again[i] = true
			why = errors.Join(err, ack.Err)
		}
	}
	for i := range group {
		if again[i] {
			left = append(left, group[i])
		}
	}
	return left, why
}

// stored answers a message that the stream has.
func (p *partition) stored(m *message, ack hub.Ack, floor uint64) {
	if p.failure.Swap(nil) != nil {
		p.log.checkHealth()
	}
	if !ack.Duplicate {
		p.log.stats.appends.Add(1)
		if ack.Seq <= floor {
			p.fellBack(ack.Seq, floor)
		}
	} else {
		p.log.watches.doubt(p, m.subject)
	}
	p.log.known.note(m.subject, ack.Seq)
	p.answer(m, ack)
}

// message puts a record into the form in which it is published.
func (p *partition) message(m *message) *nats.Msg {
	return &nats.Msg{Subject: m.subject, Data: m.data, Header: nats.Header{"Nats-Msg-Id": []string{m.id}}}
}
