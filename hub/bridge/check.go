package bridge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// leastVersion has what keeps a replicated stream whole through elections, and
	// atomic batches that hold.
	leastVersion = "2.14.4"
	// fsyncVersion is the first that syncs all that it acknowledges where
	// sync_interval is always: one before it forgot what it had compacted.
	fsyncVersion = "2.15.0"

	// leastStore is what a new log must have of an account's space.
	leastStore = 64 << 20
)

// CheckVersion refuses a NATS server that would break what an ack level promises. The
// version is as servers give it: 2.15.2.
func CheckVersion(server, version string, ack AckLevel) error {
	switch {
	case older(version, leastVersion):
		return fmt.Errorf("NATS server %s has version %s, and its streams are safe from %s on: upgrade it", server, version, leastVersion)
	case ack == AckFsync && older(version, fsyncVersion):
		return fmt.Errorf("NATS server %s has version %s, which does not sync all that it acknowledges: ack level fsync can be had from %s on; upgrade it, or take replicated", server, version, fsyncVersion)
	}
	return nil
}

// older compares versions by their numbers; what follows a dash makes one older than
// the same without. A version that cannot be read is older than any.
func older(version, than string) bool {
	a, pre, ok := numbers(version)
	b, _, _ := numbers(than)
	if !ok {
		return true
	}
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return pre
}

func numbers(version string) (n [3]int, pre, ok bool) {
	version, build, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	parts := strings.Split(version, ".")
	if len(parts) != len(n) {
		return n, false, false
	}
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil {
			return n, false, false
		}
	}
	return n, build != "", true
}

// checkServer refuses the server at the other end if it cannot do what is needed.
func (l *Log) checkServer() error {
	if err := CheckVersion(serverName(l.pub), l.pub.ConnectedServerVersion(), l.cfg.Ack); err != nil {
		return err
	}
	if need, have := int64(hub.MaxRecord+headerRoom), l.pub.MaxPayload(); have < need {
		return fmt.Errorf("NATS server %s takes messages of %d bytes, and this log needs %d: set max_payload: %d or more in its configuration", serverName(l.pub), have, need, 1<<20)
	}
	return nil
}

func serverName(nc *nats.Conn) string {
	if name := nc.ConnectedServerName(); name != "" {
		return name
	}
	return nc.ConnectedUrlRedacted()
}

// account asks for what the account may do, which also tells whether there is any
// JetStream.
func (l *Log) account(ctx context.Context) (*jetstream.AccountInfo, error) {
	info, err := patient(ctx, l, func(ctx context.Context) (*jetstream.AccountInfo, error) { return l.js.AccountInfo(ctx) })
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("NATS server %s runs without JetStream: add jetstream { store_dir: DIR, sync_interval: always } to its configuration", serverName(l.pub))
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return nil, errors.New("the NATS account has no JetStream: enable it for the account, in the servers' configuration (jetstream: enabled) or in its JWT (nsc edit account --js-disk-storage)")
	case err != nil:
		return nil, fmt.Errorf("ask what the NATS account may do: %w", err)
	}
	return info, nil
}

// checkRoom refuses to create a log for which the account has no room.
func (l *Log) checkRoom(info *jetstream.AccountInfo) error {
	tier, of := info.Tier, ""
	if len(info.Tiers) > 0 {
		of = fmt.Sprintf(" with %d replicas", l.cfg.Replicas)
		var ok bool
		if tier, ok = info.Tiers[fmt.Sprint("R", l.cfg.Replicas)]; !ok {
			return fmt.Errorf("the NATS account has no room for streams%s: raise its limits, or give another number of replicas", of)
		}
	}
	need := l.cfg.Partitions + 1
	if l.cfg.Of == Documents {
		need++ // for what is too large
	}
	switch most := tier.Limits; {
	case most.MaxBytesRequired:
		return errors.New("the NATS account wants max_bytes on each stream (max_bytes_required), and a log has no such bound: lift it")
	case most.MaxStreams > 0 && most.MaxStreams < tier.Streams+need:
		return fmt.Errorf("the NATS account has %d streams%s and may have %d, and the log of %s takes %d more: raise its max_streams, or give fewer partitions", tier.Streams, of, most.MaxStreams, l.cfg.Of, need)
	case most.MaxStore >= 0 && uint64(most.MaxStore) < tier.Store+leastStore:
		return fmt.Errorf("the NATS account uses %d MiB of %d MiB of storage%s, and a log needs %d MiB to begin with: raise its max_file (--js-disk-storage)", tier.Store>>20, most.MaxStore>>20, of, leastStore>>20)
	}
	return nil
}
