package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

var _ hub.DocLog = (*Log)(nil)

// List asks each partition for the room's documents; see hub.DocLog.
func (l *Log) List(ctx context.Context, room string) ([]string, error) {
	if err := l.forDocuments(); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range l.parts {
		some, err := l.listed(ctx, p, room)
		if err != nil {
			return nil, unavailable(fmt.Errorf("stream %s: %w", p.stream, err))
		}
		names = append(names, some...)
	}
	return names, nil
}

// listed asks one partition.
func (l *Log) listed(ctx context.Context, p *partition, room string) (names []string, err error) {
	s, err := l.js.Stream(ctx, p.stream)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(l.cfg.docsFilter(p.n, room)))
	if err != nil {
		return nil, err
	}
	for subject := range info.State.Subjects {
		name, err := document(strings.TrimPrefix(subject, l.cfg.logPrefix(p.n)))
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// Count asks the partition's leader, whose index has what its files may have lost; see
// hub.DocLog.
func (l *Log) Count(ctx context.Context, doc string) (int, error) {
	if err := l.forDocuments(); err != nil {
		return 0, err
	}
	p := l.partition(doc)
	known, err := newReading(l, p, doc, hub.Range{}).spread(ctx)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", p.stream, err)
	}
	return int(known.entries), nil
}

// Erase removes a document's entries, one by one since only so their bytes go; see
// hub.DocLog. What there is the leader says: a replica that is behind would leave
// some.
func (l *Log) Erase(ctx context.Context, doc string, upTo uint64) error {
	if err := l.forDocuments(); err != nil {
		return err
	}
	p := l.partition(doc)
	subject := l.cfg.logSubject(p.n, doc)
	s, err := l.js.Stream(ctx, p.stream)
	if err != nil {
		return unavailable(fmt.Errorf("stream %s: %w", p.stream, err))
	}
	if err := l.tellErased(ctx, p, subject, upTo); err != nil {
		l.cfg.Fault(fmt.Errorf("stream %s: note what is erased: %w", p.stream, err)) // doctor may take it for lost
	}
	seen := l.known.tail(subject)
	for from := uint64(1); ; {
		e, err := l.leaderNext(ctx, p, subject, from)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			l.known.correct(subject, seen, 0)
			return nil
		case err != nil:
			return err
		case e.Seq > upTo:
			return nil
		}
		if err := l.eraseOne(ctx, s, p, subject, e.Seq); err != nil {
			return err
		}
		from = e.Seq + 1
	}
}

// eraseOne removes an entry, unless something else has meanwhile.
func (l *Log) eraseOne(ctx context.Context, s jetstream.Stream, p *partition, subject string, seq uint64) error {
	err := s.SecureDeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	next, nerr := l.leaderNext(ctx, p, subject, seq)
	if errors.Is(nerr, jetstream.ErrMsgNotFound) || nerr == nil && next.Seq != seq {
		return nil
	}
	return unavailable(fmt.Errorf("stream %s: erase %d: %w", p.stream, seq, err))
}

// forDocuments is why nothing of a document can be done here, or nil.
func (l *Log) forDocuments() error {
	switch {
	case l.cfg.Of != Documents:
		return errOfRooms
	case l.closed.Load():
		return hub.ErrClosed
	}
	return nil
}

// current gives the last entry's sequence where a read found one below what is known
// of a document: the read was of a replica that is behind, or the rest was erased by
// another instance.
func (l *Log) current(ctx context.Context, p *partition, subject string, found uint64) (uint64, error) {
	seen := l.known.tail(subject)
	if found >= seen || l.cfg.Of != Documents {
		return max(found, seen), nil
	}
	last, err := l.leader(ctx, p, directGet{LastFor: subject})
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, err
	}
	l.known.correct(subject, seen, last.Seq)
	return max(found, last.Seq), nil
}
