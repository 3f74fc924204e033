package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Finding is something about the stored log that a person should know.
type Finding struct {
	Stream string
	What   string
	Reset  bool // the partition has a new epoch: clients start again
}

// String gives the finding as a line of text.
func (f Finding) String() string { return f.Stream + ": " + f.What }

// Findings tells what was found wrong with the stored log, when it was opened and
// since.
func (l *Log) Findings() []Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.findings)
}

// audit holds each partition against what is remembered of it. JetStream itself
// cannot tell a message that was lost from one that was deleted, so whatever is
// not accounted for begins a new epoch: better a reset than a hole that nobody
// sees.
func (l *Log) audit(ctx context.Context) error {
	reset := false
	infos := make([]*jetstream.StreamInfo, len(l.parts))
	for i, p := range l.parts {
		info, err := l.info(ctx, p)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("stream %s is gone. It belongs to this log, and nothing was created in its place: restore it from a backup, or start with another folder", p.stream)
		}
		if err != nil {
			return err
		}
		if err := l.checkStream(info.Config, p.n); err != nil {
			return err
		}
		infos[i] = info
		p.sure(info, p.mark.Load()) // those that are not are looked at again below
	}
	for i, p := range l.parts {
		info, err := l.settled(ctx, p, infos[i])
		if err != nil {
			return err
		}
		reset = p.examine(info.State, p.mark.Load(), true) || reset
	}
	if reset {
		return l.writeMarks(ctx)
	}
	return nil
}

// settled asks for a stream's state until that can be relied on.
func (l *Log) settled(ctx context.Context, p *partition, info *jetstream.StreamInfo) (*jetstream.StreamInfo, error) {
	for !p.sure(info, p.mark.Load()) {
		select {
		case <-time.After(doubtWait):
		case <-ctx.Done():
			return nil, fmt.Errorf("stream %s: ends at %d, and %d was acknowledged: %w", p.stream, info.State.LastSeq, p.mark.Load(), ctx.Err())
		}
		var err error
		if info, err = l.info(ctx, p); err != nil {
			return nil, err
		}
	}
	return info, nil
}

func (l *Log) info(ctx context.Context, p *partition) (*jetstream.StreamInfo, error) {
	s, err := l.sure(ctx, p.stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", p.stream, err)
	}
	return s.CachedInfo(), nil
}

// judge compares a stream with what is remembered of it. In one of documents holes
// are no loss: each entry that replaces others leaves some.
func judge(of Kind, at partitionAt, st jetstream.StreamState) []string {
	var found []string
	if st.Lost != nil && len(st.Lost.Msgs) > 0 {
		found = append(found, fmt.Sprintf("%d messages could not be read and are lost, from %d to %d", len(st.Lost.Msgs), slices.Min(st.Lost.Msgs), slices.Max(st.Lost.Msgs)))
	}
	if st.LastSeq < at.Mark {
		found = append(found, fmt.Sprintf("it ends at %d, and %d was acknowledged", st.LastSeq, at.Mark))
	}
	if of == Documents {
		return found
	}
	if st.NumDeleted > at.Deleted {
		found = append(found, fmt.Sprintf("%d messages inside it are gone, and %d are accounted for", st.NumDeleted, at.Deleted))
	}
	if st.FirstSeq > max(at.First, 1) {
		found = append(found, fmt.Sprintf("it begins at %d, and nothing was trimmed", st.FirstSeq))
	}
	return found
}

// examine takes in the state of the stream. Anything that is not accounted for
// resets the partition; only, what goes missing while the log is open was deleted
// by somebody, for nothing is lost by a stream that runs.
// mark is what was acknowledged when the stream was asked.
func (p *partition) examine(st jetstream.StreamState, mark uint64, opening bool) (reset bool) {
	p.mu.Lock()
	at := p.at
	at.Mark = mark
	if !opening {
		at.Deleted, at.First = max(at.Deleted, st.NumDeleted), max(at.First, st.FirstSeq)
	}
	lost := 0
	if st.Lost != nil {
		lost = len(st.Lost.Msgs)
	}
	if lost <= p.lost {
		st.Lost = nil // as before
	}
	p.lost = lost
	found := judge(p.log.cfg.Of, at, st)
	if len(found) == 0 {
		p.at.Deleted, p.at.First = at.Deleted, at.First
		p.mu.Unlock()
		return false
	}
	p.renew(strings.Join(found, "; "), st.LastSeq)
	p.at.Deleted, p.at.First = st.NumDeleted, st.FirstSeq
	p.mu.Unlock()
	p.tell(found...)
	return true
}

// fellBack resets the partition because the stream gave a sequence that is not
// above one that was acknowledged before it was asked.
func (p *partition) fellBack(seq, acked uint64) {
	p.mu.Lock()
	known := seq > p.mark.Load() // somebody has reset it in the meantime
	what := fmt.Sprintf("it gave the sequence %d, and %d was acknowledged before", seq, acked)
	if !known {
		p.renew(what, seq)
	}
	p.mu.Unlock()
	if !known {
		p.tell(what)
		p.log.lookAgain()
	}
}

// renew begins a new epoch, from what there is. mu is held.
func (p *partition) renew(why string, last uint64) {
	p.at.Epoch, p.at.Reason = newEpoch(), time.Now().UTC().Format(time.RFC3339)+" "+why
	p.at.Resets++
	p.mark.Store(last)
	p.seals.lost(last)
	p.log.known.forget()
}

// adopt takes over what another instance has found out.
func (p *partition) adopt(at partitionAt) {
	p.mu.Lock()
	news := at.Resets > p.at.Resets || at.Epoch != p.at.Epoch
	if news {
		p.at = at
		p.mark.Store(at.Mark)
		p.log.known.forget()
	} else if at.Mark > p.mark.Load() {
		p.mark.Store(at.Mark)
	}
	p.mu.Unlock()
	if news {
		p.log.watches.suspect(p.n)
	}
}

// tell makes findings known, and the watchers look.
func (p *partition) tell(found ...string) {
	l := p.log
	l.mu.Lock()
	for _, what := range found {
		l.findings = append(l.findings, Finding{Stream: p.stream, What: what, Reset: true})
	}
	l.mu.Unlock()
	for _, what := range found {
		l.cfg.Fault(fmt.Errorf("stream %s: %s; its %s have a new epoch", p.stream, what, l.cfg.Of))
	}
	l.renewed.Store(true)
	l.watches.suspect(p.n)
}
