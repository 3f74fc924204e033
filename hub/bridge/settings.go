package bridge

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// setting is something about a stream that a promise rests on.
type setting struct {
	name       string
	have, want any
}

// hold names the first setting that is not as it must be. Nothing is ever changed:
// loss of power during a change can cost the whole stream, and whoever set it may have
// meant it.
func hold(stream string, settings []setting) error {
	for _, f := range settings {
		if !reflect.DeepEqual(f.have, f.want) {
			return fmt.Errorf("stream %s: %s is %v, and this hub needs %v; it is fixed when the log is created, and was not changed. %s",
				stream, f.name, show(f.have), show(f.want), remedy(f))
		}
	}
	return nil
}

// remedy says what to do about a setting.
func remedy(f setting) string {
	switch f.name {
	case "num_replicas":
		return fmt.Sprintf("Run the hub with --replicas %v or without the flag, or take the log to one with %v: hubbub export from a hub on this one, hubbub import into one with another --nats-prefix", f.have, f.want)
	case "duplicate_window":
		return fmt.Sprintf("Run the hub with --dedup-window %v, or without the flag", f.have)
	}
	return "If somebody has changed it, change it back with nats stream edit while no hub runs; else take the log to another --nats-prefix with hubbub export and import"
}

// checkStream holds a partition that was found against the configuration that it
// must have.
func (l *Log) checkStream(have jetstream.StreamConfig, p int) error {
	orDefault(&l.cfg.Dedup, have.Duplicates)
	want := l.cfg.logConfig(p)
	return hold(have.Name, append(
		keeping(have, want),
		setting{"subjects", have.Subjects, want.Subjects},
		setting{"num_replicas", have.Replicas, want.Replicas},
		setting{"duplicate_window", have.Duplicates, want.Duplicates},
		setting{"republish", have.RePublish, want.RePublish},
		setting{"allow_direct", have.AllowDirect, want.AllowDirect},
		setting{"mirror_direct", have.MirrorDirect, want.MirrorDirect},
		setting{"allow_atomic", have.AllowAtomicPublish, want.AllowAtomicPublish},
		setting{"allow_rollup_hdrs", have.AllowRollup, want.AllowRollup},
		setting{"allow_msg_ttl", have.AllowMsgTTL, want.AllowMsgTTL},
		setting{"compression", have.Compression, want.Compression},
		setting{"limits (max_msgs, max_bytes, max_age, max_msgs_per_subject)", limits(have), limits(want)},
	))
}

// checkMeta holds the stream of the log's record against what it must be.
func (l *Log) checkMeta(have jetstream.StreamConfig) error {
	want := l.cfg.metaConfig()
	return hold(have.Name, append(
		keeping(have, want),
		setting{"subjects", have.Subjects, want.Subjects},
		setting{"num_replicas", have.Replicas, l.cfg.Replicas},
		setting{"max_age", have.MaxAge, want.MaxAge},
	))
}

// checkKept holds the stream of what is too large for a log against what it must be.
func (l *Log) checkKept(have jetstream.StreamConfig) error {
	return hold(have.Name, append(
		keeping(have, jetstream.StreamConfig{Storage: jetstream.FileStorage}),
		setting{"num_replicas", have.Replicas, l.cfg.Replicas},
		setting{"limits (max_msgs, max_bytes, max_age)", limits(have)[:3], []int64{0, 0, 0}},
	))
}

// keeping are the settings without which a stream does not keep what it acknowledges, or
// has no way to let go of it for good.
func keeping(have, want jetstream.StreamConfig) []setting {
	return []setting{
		{"retention", have.Retention, want.Retention},
		{"storage", have.Storage, want.Storage},
		{"persist_mode", have.PersistMode, want.PersistMode},
		{"no_ack", have.NoAck, false},
		{"deny_delete", have.DenyDelete, false},
		{"deny_purge", have.DenyPurge, false},
		{"max_msg_size", enough(have.MaxMsgSize, want.MaxMsgSize), want.MaxMsgSize},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},
		{"subject_transform", have.SubjectTransform != nil, false},
		{"sealed", have.Sealed, false},
	}
}

// enough gives want if a bound leaves room for it, else the bound.
func enough(bound, want int32) int32 {
	if bound <= 0 || bound >= want {
		return want
	}
	return bound
}

func limits(c jetstream.StreamConfig) []int64 {
	return []int64{max(c.MaxMsgs, 0), max(c.MaxBytes, 0), int64(c.MaxAge), max(c.MaxMsgsPerSubject, 0)}
}

func show(v any) any {
	if r, ok := v.(*jetstream.RePublish); ok && r != nil {
		return *r
	}
	if list, ok := v.([]string); ok {
		return slices.Clone(list)
	}
	return v
}
