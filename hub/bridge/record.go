package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// recordVersion is the form of the record that this program writes.
const recordVersion = 1

// record is what the Log keeps about itself, as one message in a stream of its
// own: enough to tell a log that was lost from one that never was.
type record struct {
	Version    int           `json:"v"`
	Partitions []partitionAt `json:"partitions"`
}

// partitionAt is where a partition stood.
type partitionAt struct {
	Epoch   string `json:"epoch"`
	Resets  int    `json:"resets,omitempty"`  // how many epochs there were before
	Reason  string `json:"reason,omitempty"`  // why the last one ended
	Mark    uint64 `json:"mark"`              // a sequence that was acknowledged: the stream never ends below it
	Deleted int    `json:"deleted,omitempty"` // holes in the stream that are accounted for
	First   uint64 `json:"first,omitempty"`   // where the stream may begin, if not at 1
}

func newEpoch() string { return strings.ReplaceAll(uuid.NewString(), "-", "")[:16] }

// recall reads the newest record and takes from it what was fixed at creation.
func (l *Log) recall(ctx context.Context, meta jetstream.Stream) (*record, error) {
	rec, _, err := l.lastRecord(ctx, meta)
	if err != nil {
		return nil, err
	}
	n := len(rec.Partitions)
	switch {
	case n == 0 || n > maxPartitions:
		return nil, fmt.Errorf("the log's record names %d partitions; 1 to %d are expected", n, maxPartitions)
	case l.cfg.Partitions != 0 && l.cfg.Partitions != n:
		return nil, fmt.Errorf("the log was created with %d partitions, which is fixed: %d cannot be had; leave the setting out, or give %d", n, l.cfg.Partitions, n)
	}
	l.cfg.Partitions = n
	return rec, nil
}

// lastRecord reads the newest record, and its sequence.
func (l *Log) lastRecord(ctx context.Context, meta jetstream.Stream) (*record, uint64, error) {
	msg, err := patient(ctx, l, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return meta.GetLastMsgForSubject(ctx, l.cfg.metaSubject())
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read where the log stood, in stream %s: %w", l.cfg.metaStream(), err)
	}
	rec := new(record)
	if err := json.Unmarshal(msg.Data, rec); err != nil {
		return nil, 0, fmt.Errorf("read where the log stood, in stream %s: %w", l.cfg.metaStream(), err)
	}
	if rec.Version != recordVersion {
		return nil, 0, fmt.Errorf("the log's record has version %d, and this program knows %d: it was written by a newer one", rec.Version, recordVersion)
	}
	return rec, msg.Sequence, nil
}

// writeMarks stores where the partitions stand, joined with what other instances
// have stored since, and takes over what is newer there.
func (l *Log) writeMarks(ctx context.Context) error {
	rec := &record{Version: recordVersion}
	for _, p := range l.parts {
		rec.Partitions = append(rec.Partitions, p.place())
	}
	rec, err := l.remember(ctx, rec)
	if err != nil {
		return err
	}
	for i, p := range l.parts {
		p.adopt(rec.Partitions[i])
	}
	return nil
}

// remember writes the record, joined with what is there. Of two epochs the later
// one holds; of two marks in one epoch, the higher one.
func (l *Log) remember(ctx context.Context, rec *record) (*record, error) {
	meta, err := l.sure(ctx, l.cfg.metaStream())
	if err != nil {
		return nil, fmt.Errorf("write where the log stands: %w", err)
	}
	for {
		there, last, err := l.lastRecord(ctx, meta)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			last = 0
		case err != nil:
			return nil, err
		case len(there.Partitions) != len(rec.Partitions):
			return nil, fmt.Errorf("the log has %d partitions, and not %d: start again, without the setting or with that number", len(there.Partitions), len(rec.Partitions))
		default:
			rec = join(rec, there)
		}
		data, err := json.Marshal(rec)
		if err != nil {
			return nil, fmt.Errorf("encode the log's record: %w", err)
		}
		if err = l.writeRecord(ctx, data, last); err == nil {
			return rec, nil
		}
		if !overtaken(err) && !(silence(err) && ctx.Err() == nil) { // one without an answer may have been stored
			return nil, fmt.Errorf("write where the log stands: %w", err)
		}
		select {
		case <-time.After(recordAgain):
		case <-ctx.Done():
			return nil, fmt.Errorf("write where the log stands: %w", ctx.Err())
		}
	}
}

func (l *Log) writeRecord(ctx context.Context, data []byte, last uint64) error {
	ctx, cancel := context.WithTimeout(ctx, patientTry)
	defer cancel()
	_, err := l.js.Publish(ctx, l.cfg.metaSubject(), data, jetstream.WithExpectLastSequencePerSubject(last))
	return err
}

// recordAgain is how long an instance waits when another one has written first.
const recordAgain = 20 * time.Millisecond

// codeWrongSequence is what a cluster answers where one server answers
// JSErrCodeStreamWrongLastSequence.
const codeWrongSequence = 10164

// overtaken reports whether a record was not written because another one was.
func overtaken(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == codeWrongSequence)
}

// join gives what two records know together.
func join(a, b *record) *record {
	joined := &record{Version: a.Version, Partitions: make([]partitionAt, len(a.Partitions))}
	for i, at := range a.Partitions {
		if i < len(b.Partitions) {
			switch other := b.Partitions[i]; {
			case other.Resets > at.Resets:
				at = other
			case other.Resets == at.Resets:
				at.Epoch = other.Epoch // of two that reset it at once, the first
				at.Mark = max(at.Mark, other.Mark)
			}
		}
		joined.Partitions[i] = at
	}
	return joined
}
