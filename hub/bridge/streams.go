package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/google/uuid"
)

// maxRecord bounds one stored record, headers apart.
const maxRecord = 512 << 10

// record is what the Log keeps about itself, as one message in a stream of its
// own: enough to tell a log that was lost from one that never was.
type record struct {
	Version    int           `json:"v"`
	Partitions []partitionAt `json:"partitions"`
}

// partitionAt is where a partition stood.
type partitionAt struct {
	Epoch   string `json:"epoch"`
	Mark    uint64 `json:"mark"`    // a sequence that was acknowledged: the stream never ends below it
	Deleted int    `json:"deleted"` // holes in the stream that are accounted for
	First   uint64 `json:"first"`   // where the stream may begin, if not at 1
}

func (c *Config) metaStream() string  { return strings.ToUpper(c.Prefix) + "_META" }
func (c *Config) metaSubject() string { return c.Prefix + ".meta.record" }

// logConfig is the configuration of a partition. It is fixed at creation: loss of
// power during a change can cost the whole stream.
func (c *Config) logConfig(p int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.stream(p),
		Description: "Hubbub: the log of a partition of its rooms",
		Subjects:    []string{c.logFilter(p)},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Compression: jetstream.NoCompression, // compressed blocks were corrupted by compaction (nats-server 8312)
		Discard:     jetstream.DiscardOld,
		MaxMsgs:     -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1,
		MaxMsgSize: maxRecord + 4096, // and the headers
		Replicas:   c.Replicas,
		Duplicates: c.Dedup,
		RePublish: &jetstream.RePublish{
			Source:      c.logFilter(p),
			Destination: c.liveFilterOf(p),
		},
		AllowDirect:        true,
		AllowAtomicPublish: true,
	}
}

// liveFilterOf names the destination in terms of the one wildcard of the source.
func (c *Config) liveFilterOf(p int) string {
	f := c.liveFilter(p)
	return f[:len(f)-1] + "{{wildcard(1)}}"
}

// metaConfig keeps the last few records, so that one that is half written never
// is the only one.
func (c *Config) metaConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.metaStream(),
		Description: "Hubbub: epochs and marks of its log",
		Subjects:    []string{c.metaSubject()},
		Storage:     jetstream.FileStorage,
		MaxMsgs:     8,
		Replicas:    c.Replicas,
		AllowDirect: true,
	}
}

// store finds the streams, or creates them if there never were any.
func (l *Log) store(ctx context.Context) (*record, error) {
	meta, err := l.js.Stream(ctx, l.cfg.metaStream())
	switch {
	case err == nil:
		return l.recall(ctx, meta)
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("look for the log: %w", err)
	case l.cfg.Existing:
		return nil, fmt.Errorf("stream %s is gone, and this log has been used before: nothing was created over it. Restore it from a backup, or start with another folder", l.cfg.metaStream())
	}
	return l.create(ctx)
}

// create makes a new log. It may find what an earlier try has left, as long as
// that is empty.
func (l *Log) create(ctx context.Context) (*record, error) {
	orDefault(&l.cfg.Partitions, defaultPartitions)
	orDefault(&l.cfg.Dedup, defaultDedup)
	rec := &record{Version: 1}
	for p := range l.cfg.Partitions {
		s, err := l.js.CreateStream(ctx, l.cfg.logConfig(p))
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", l.cfg.stream(p), err)
		}
		if last := s.CachedInfo().State.LastSeq; last > 0 {
			return nil, fmt.Errorf("%s holds messages, and %s, which tells where the log stood, is gone: nothing was changed. Restore it from a backup, or start with another folder", l.cfg.stream(p), l.cfg.metaStream())
		}
		rec.Partitions = append(rec.Partitions, partitionAt{Epoch: newEpoch()})
	}
	if _, err := l.js.CreateStream(ctx, l.cfg.metaConfig()); err != nil {
		return nil, fmt.Errorf("create %s: %w", l.cfg.metaStream(), err)
	}
	return rec, l.remember(ctx, rec)
}

func newEpoch() string { return uuid.NewString()[:8] }

// recall reads the newest record and takes from it what was fixed at creation.
func (l *Log) recall(ctx context.Context, meta jetstream.Stream) (*record, error) {
	msg, err := meta.GetLastMsgForSubject(ctx, l.cfg.metaSubject())
	if err != nil {
		return nil, fmt.Errorf("read where the log stood, in %s: %w", l.cfg.metaStream(), err)
	}
	rec := new(record)
	if err := json.Unmarshal(msg.Data, rec); err != nil {
		return nil, fmt.Errorf("read where the log stood, in %s: %w", l.cfg.metaStream(), err)
	}
	n := len(rec.Partitions)
	switch {
	case rec.Version != 1:
		return nil, fmt.Errorf("the log's record has version %d and this program knows 1: it was written by a newer one", rec.Version)
	case n == 0 || n > maxPartitions:
		return nil, fmt.Errorf("the log's record names %d partitions; 1 to %d are expected", n, maxPartitions)
	case l.cfg.Partitions != 0 && l.cfg.Partitions != n:
		return nil, fmt.Errorf("the log was created with %d partitions, which is fixed: %d cannot be had", n, l.cfg.Partitions)
	}
	l.cfg.Partitions = n
	return rec, nil
}

// remember writes the record.
func (l *Log) remember(ctx context.Context, rec *record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encode the log's record: %w", err)
	}
	if _, err := l.js.Publish(ctx, l.cfg.metaSubject(), data); err != nil {
		return fmt.Errorf("write where the log stands: %w", err)
	}
	return nil
}

// checkStream holds a partition that was found against the configuration that it
// must have.
func (l *Log) checkStream(info *jetstream.StreamInfo, p int) error {
	have := info.Config
	orDefault(&l.cfg.Dedup, have.Duplicates)
	want := l.cfg.logConfig(p)
	wrong := func(setting string, have, want any) error {
		return fmt.Errorf("%s: %s is %v, and this hub needs %v; it is fixed at creation and was not changed", "stream "+info.Config.Name, setting, have, want)
	}
	switch {
	case !slices.Equal(have.Subjects, want.Subjects):
		return wrong("subjects", have.Subjects, want.Subjects)
	case have.Storage != want.Storage:
		return wrong("storage", have.Storage, want.Storage)
	case have.Compression != want.Compression:
		return wrong("compression", have.Compression, want.Compression)
	case have.RePublish == nil || *have.RePublish != *want.RePublish:
		return wrong("republish", have.RePublish, *want.RePublish)
	case !have.AllowDirect || !have.AllowAtomicPublish:
		return wrong("allow_direct, allow_atomic", false, true)
	case have.Replicas != want.Replicas:
		return wrong("replicas", have.Replicas, want.Replicas)
	case have.Duplicates != want.Duplicates:
		return wrong("dedup window", have.Duplicates, want.Duplicates)
	case have.MaxMsgsPerSubject > 0 || have.MaxAge > 0 || have.MaxMsgs > 0 || have.MaxBytes > 0:
		return wrong("limits", "set", "none")
	}
	return nil
}
