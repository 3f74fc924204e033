package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

const (
	// scanRows and scanBytes bound what one request of a scan brings.
	scanRows, scanBytes = 512, 1 << 20
	// scanTries is how often an answer is waited for that is no older than what the
	// leader has, scanWait apart.
	scanTries, scanWait = 100, 50 * time.Millisecond
	// scanTime bounds one request.
	scanTime = 10 * time.Second
	// scanStep is how far a scan goes on where the engine finds nothing, though there
	// should be something: a block that cannot be read ends its search.
	scanStep = 1024
)

// scanned is what is read of a stream.
type scanned struct {
	stream   string
	from, to uint64
	filter   string // of subjects; empty: all
}

// scan reads what a stream holds, in order. What the engine passes over, because it was
// deleted or cannot be read, is missing.
func scan(ctx context.Context, nc *nats.Conn, of scanned, fn func(*archive.Message) error) error {
	if of.filter == "" {
		of.filter = ">"
	}
	for at, tries := max(of.from, 1), 0; at <= of.to; {
		a, err := of.once(ctx, nc, at)
		if err == nil && len(a.rows) == 0 {
			at, err = of.skip(ctx, nc, at)
		}
		if err != nil {
			if tries++; tries > scanTries || ctx.Err() != nil {
				return fmt.Errorf("stream %s: read from %d on: %w", of.stream, at, err)
			}
			wait(ctx, scanWait)
			continue
		}
		tries = 0
		for i, msg := range a.rows {
			if a.entries[i].Seq > of.to {
				return nil
			}
			m, err := stored(msg, a.entries[i].Seq, a.subjects[i])
			if err != nil {
				return fmt.Errorf("stream %s: %w", of.stream, err)
			}
			if err := fn(m); err != nil {
				return err
			}
			at = m.Seq + 1
		}
	}
	return nil
}

func (of *scanned) once(ctx context.Context, nc *nats.Conn, at uint64) (directAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	req := directGet{Seq: at, Batch: int(min(scanRows, of.to-at+1)), MaxBytes: scanBytes}
	if of.filter != ">" {
		req.NextFor = of.filter
	}
	return getMany(ctx, nc, of.stream, req)
}

// errBehind: the replica that was asked has less than the leader.
var errBehind = errors.New("the replica that answers is behind the leader")

// skip gives where to go on if an answer found nothing at a sequence or after it.
func (of *scanned) skip(ctx context.Context, nc *nats.Conn, at uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	switch _, err := leaderGet(ctx, nc, of.stream, directGet{Seq: at, NextFor: of.filter}); {
	case err == nil:
		return at, errBehind
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return at + scanStep, nil
	default:
		return at, err
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// answerHeaders are those that a direct get adds to a message's own.
var answerHeaders = []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"}

// stored makes of a row of an answer what was stored.
func stored(msg *nats.Msg, seq uint64, subject string) (*archive.Message, error) {
	at, err := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return nil, fmt.Errorf("message %d: when it was stored: %w", seq, err)
	}
	m := &archive.Message{Seq: seq, Time: at, Subject: subject, Data: msg.Data}
	for name, values := range msg.Header {
		if slices.Contains(answerHeaders, name) {
			continue
		}
		for _, v := range values {
			m.Header = append(m.Header, archive.Header{Name: name, Value: v})
		}
	}
	slices.SortStableFunc(m.Header, func(a, b archive.Header) int { return strings.Compare(a.Name, b.Name) })
	return m, nil
}
