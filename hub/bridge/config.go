package bridge

import (
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
)

// AckLevel says when an append is acknowledged.
type AckLevel string

// The ack levels. What a level needs of the server's own settings is the
// operator's: for AckFsync the server must run with sync_interval: always.
const (
	// AckFsync: when it is on disk. Loss of power loses nothing acknowledged.
	AckFsync AckLevel = "fsync"
	// AckReplicated: when most replicas have it in memory.
	AckReplicated AckLevel = "replicated"
	// AckMemory: when the operating system has it. kill -9 loses nothing
	// acknowledged, loss of power up to two minutes.
	AckMemory AckLevel = "memory"
)

// Config is what a Log is built from. Connect is required.
type Config struct {
	// Connect opens a connection; the Log opens a few, by the names given, and
	// closes them.
	Connect func(name string, opts ...nats.Option) (*nats.Conn, error)
	// Health is the engine's own word on whether it can store; nil: nobody asks.
	Health func() error
	// Existing says that the log has been there before: if it is not found, that
	// is an error, and nothing is created.
	Existing bool

	Prefix     string        // of subjects and stream names; "hubbub"
	Partitions int           // streams that the rooms are spread over, fixed at creation; 0: as created, or 16
	Replicas   int           // copies of each stream; 1
	Ack        AckLevel      // AckFsync
	Dedup      time.Duration // how long a message id is known, fixed at creation; 0: as created, or 2 min; at most 10 min

	AckTimeout time.Duration // how long one try of an append may take; 5 s
	GiveUp     time.Duration // after how long an append without an answer fails; 15 s
	QueueBytes int           // bytes that may wait in a partition; 64 MiB
	Readers    int           // history reads at once; 4
	MarkEvery  time.Duration // how often marks are written; 10 s

	// Fault hears what went wrong and was survived; nil: nobody does.
	Fault func(error)
}

const (
	defaultPartitions = 16
	maxPartitions     = 64
	defaultDedup      = 2 * time.Minute
	maxDedup          = 10 * time.Minute // ids are kept in memory
)

var prefixForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

func (c *Config) setDefaults() error {
	orDefault(&c.Prefix, "hubbub")
	orDefault(&c.Replicas, 1)
	orDefault(&c.Ack, AckFsync)
	orDefault(&c.AckTimeout, 5*time.Second)
	orDefault(&c.GiveUp, 15*time.Second)
	orDefault(&c.QueueBytes, 64<<20)
	orDefault(&c.Readers, 4)
	orDefault(&c.MarkEvery, 10*time.Second)
	if c.Fault == nil {
		c.Fault = func(error) {}
	}
	switch {
	case !prefixForm.MatchString(c.Prefix):
		return fmt.Errorf("prefix %q: give 1 to 16 lower-case letters and digits", c.Prefix)
	case c.Partitions < 0 || c.Partitions > maxPartitions:
		return fmt.Errorf("partitions: %d; give 1 to %d", c.Partitions, maxPartitions)
	case c.Dedup != 0 && (c.Dedup < 100*time.Millisecond || c.Dedup > maxDedup):
		return fmt.Errorf("dedup window: %v; give 100ms to %v", c.Dedup, maxDedup)
	case c.Ack != AckFsync && c.Ack != AckReplicated && c.Ack != AckMemory:
		return fmt.Errorf("ack level %q; give fsync, replicated or memory", c.Ack)
	}
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
