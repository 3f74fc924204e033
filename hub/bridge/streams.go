package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

// headerRoom is what the headers of a stored message may add.
const headerRoom = 4096

// logConfig is the configuration of a partition. It is fixed at creation: loss of
// power during a change can cost the whole stream.
func (c *Config) logConfig(p int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.stream(p),
		Description: "Hubbub: the log of a partition of its " + c.Of.String(),
		Subjects:    []string{c.logFilter(p)},

		// Nothing is trimmed: what was said stays.
		Retention: jetstream.LimitsPolicy,
		Discard:   jetstream.DiscardOld,
		MaxMsgs:   -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1,
		MaxMsgSize: hub.MaxRecord + headerRoom,

		Storage:     jetstream.FileStorage,
		Compression: jetstream.NoCompression,      // compressed blocks were corrupted by compaction (nats-server 8312)
		PersistMode: jetstream.DefaultPersistMode, // async would overrule sync_interval: always
		Replicas:    c.Replicas,
		Duplicates:  c.Dedup,

		// How instances hear of what was stored.
		RePublish: &jetstream.RePublish{Source: c.logFilter(p), Destination: c.liveDestination(p)},

		AllowDirect:        true,  // history is read by direct gets,
		MirrorDirect:       false, // never from a mirror, which may be far behind
		AllowAtomicPublish: true,  // group commit

		// A message must be erasable for good, which takes a delete; the audit
		// accounts for what is missing. Both can never be changed once they are set.
		DenyDelete: false,
		DenyPurge:  false,

		AllowRollup: c.Of == Documents, // it would remove a room's past; of a document it is Swap
		AllowMsgTTL: false,             // would remove parts of it, with markers published again
	}
}

// metaConfig keeps the last few records, so that one that is half written never is
// the only one. It is read from the leader: an older record would be taken for the
// newest.
func (c *Config) metaConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.metaStream(),
		Description: "Hubbub: epochs and marks of the log of its " + c.Of.String(),
		Subjects:    []string{c.metaSubject()},
		Storage:     jetstream.FileStorage,
		MaxMsgs:     8,
		Replicas:    c.Replicas,
	}
}

// errBegun: there are messages, and nothing tells where the log stood.
var errBegun = errors.New("holds messages")

// store finds the streams, or creates them if there never were any. Several
// instances may do so at once.
func (l *Log) store(ctx context.Context) (*record, error) {
	rec, err := l.findOrCreate(ctx)
	if errors.Is(err, errBegun) { // or another instance was faster
		rec, err = l.findOrCreate(ctx)
	}
	return rec, err
}

func (l *Log) findOrCreate(ctx context.Context) (*record, error) {
	meta, err := l.find(ctx, l.cfg.metaStream())
	switch {
	case err == nil:
		have := meta.CachedInfo().Config
		orDefault(&l.cfg.Replicas, have.Replicas)
		if err := l.checkMeta(have); err != nil {
			return nil, err
		}
		rec, err := l.recall(ctx, meta)
		if errors.Is(err, jetstream.ErrMsgNotFound) && !l.cfg.Existing {
			return l.create(ctx) // an instance was about to, or is
		}
		if err == nil && l.cfg.Of == Documents {
			err = l.openBlobs(ctx, false)
		}
		return rec, err
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("look for the log: %w", err)
	case l.cfg.Existing:
		return nil, fmt.Errorf("stream %s is gone, and this log has been used before: nothing was created over it. Restore it from a backup, or start with another folder", l.cfg.metaStream())
	}
	return l.create(ctx)
}

// create makes a new log. It may find what an earlier try has left, as long as
// that is empty. The record comes last: until it is there, nothing was acked.
func (l *Log) create(ctx context.Context) (*record, error) {
	if err := l.well(ctx); err != nil {
		return nil, fmt.Errorf("the log cannot be created: %w", err)
	}
	orDefault(&l.cfg.Replicas, l.newReplicas())
	if err := l.cfg.checkReplicated(); err != nil {
		return nil, err
	}
	orDefault(&l.cfg.Partitions, defaultPartitions)
	if l.cfg.Of == Documents {
		orDefault(&l.cfg.Dedup, defaultDocDedup)
	}
	orDefault(&l.cfg.Dedup, defaultDedup)
	if err := l.checkRoom(l.allowed); err != nil {
		return nil, err
	}
	rec := &record{Version: recordVersion}
	for p := range l.cfg.Partitions {
		s, err := l.make(ctx, l.cfg.logConfig(p))
		if err != nil {
			return nil, fmt.Errorf("create stream %s: %w", l.cfg.stream(p), err)
		}
		if last := s.CachedInfo().State.LastSeq; last > 0 {
			return nil, fmt.Errorf("stream %s %w, and %s, which tells where the log stood, is gone: nothing was changed. Restore it from a backup, or start with another folder", l.cfg.stream(p), errBegun, l.cfg.metaStream())
		}
		rec.Partitions = append(rec.Partitions, partitionAt{Epoch: newEpoch()})
	}
	if l.cfg.Of == Documents {
		if err := l.openBlobs(ctx, true); err != nil {
			return nil, err
		}
	}
	if _, err := l.make(ctx, l.cfg.metaConfig()); err != nil {
		return nil, fmt.Errorf("create stream %s: %w", l.cfg.metaStream(), err)
	}
	return l.remember(ctx, rec) // another instance may have been first
}

// find and make wait for a cluster that has no leader at the moment. Making a stream
// that is there, with the same configuration, finds it.
func (l *Log) find(ctx context.Context, name string) (jetstream.Stream, error) {
	return patient(ctx, l, func(ctx context.Context) (jetstream.Stream, error) { return l.js.Stream(ctx, name) })
}

// sure is find for a stream that must be there: a cluster may say for a moment that it
// is not, when it was just made.
func (l *Log) sure(ctx context.Context, name string) (jetstream.Stream, error) {
	for end := time.Now().Add(patientTry); ; {
		s, err := l.find(ctx, name)
		if !errors.Is(err, jetstream.ErrStreamNotFound) || l.near && !l.clustered() || time.Now().After(end) {
			return s, err
		}
		select {
		case <-time.After(patientWait):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (l *Log) make(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return patient(ctx, l, func(ctx context.Context) (jetstream.Stream, error) { return l.js.CreateStream(ctx, cfg) })
}

// Replicas is how many copies there are of each stream.
func (l *Log) Replicas() int { return l.cfg.Replicas }

// newReplicas is how many copies a new log has of each stream.
func (l *Log) newReplicas() int {
	if l.clustered() {
		return 3
	}
	return 1
}

func (l *Log) clustered() bool { return l.pub.ConnectedClusterName() != "" }
