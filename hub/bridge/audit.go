package bridge

import (
	"context"
	"fmt"

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

// Findings tells what the audit found when the log was opened.
func (l *Log) Findings() []Finding { return l.findings }

// audit holds each partition against what is remembered of it. JetStream itself
// cannot tell a message that was lost from one that was deleted, so whatever is
// not accounted for begins a new epoch: better a reset than a hole that nobody
// sees.
func (l *Log) audit(ctx context.Context) error {
	changed := false
	for _, p := range l.parts {
		s, err := l.js.Stream(ctx, l.cfg.stream(p.n))
		if err != nil {
			return fmt.Errorf("%s: %w. It belongs to this log, and nothing was created in its place: restore it from a backup, or start with another folder", l.cfg.stream(p.n), err)
		}
		info, err := s.Info(ctx, jetstream.WithDeletedDetails(false))
		if err != nil {
			return fmt.Errorf("%s: %w", l.cfg.stream(p.n), err)
		}
		if err := l.checkStream(info, p.n); err != nil {
			return err
		}
		found := p.judge(info.State)
		for _, what := range found {
			l.findings = append(l.findings, Finding{Stream: l.cfg.stream(p.n), What: what, Reset: true})
		}
		if len(found) > 0 {
			changed = true
			p.reset(info.State)
		}
	}
	if changed {
		return l.writeMarks(ctx)
	}
	return nil
}

// judge compares a stream with what is remembered of it.
func (p *partition) judge(st jetstream.StreamState) []string {
	var found []string
	if st.Lost != nil && len(st.Lost.Msgs) > 0 {
		found = append(found, fmt.Sprintf("%d messages could not be read and are lost, the first is %d", len(st.Lost.Msgs), st.Lost.Msgs[0]))
	}
	if mark := p.mark.Load(); st.LastSeq < mark {
		found = append(found, fmt.Sprintf("it ends at %d, and %d was acknowledged", st.LastSeq, mark))
	}
	if st.NumDeleted > p.deleted {
		found = append(found, fmt.Sprintf("%d messages inside it are gone, and %d are accounted for", st.NumDeleted, p.deleted))
	}
	if st.FirstSeq > 1 && st.FirstSeq > p.first {
		found = append(found, fmt.Sprintf("it begins at %d, and nothing was trimmed", st.FirstSeq))
	}
	return found
}

// reset begins a new epoch from what there is.
func (p *partition) reset(st jetstream.StreamState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch = newEpoch()
	p.deleted, p.first = st.NumDeleted, st.FirstSeq
	p.mark.Store(st.LastSeq)
}
