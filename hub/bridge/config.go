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
	// AckReplicated: when most replicas have it in memory. It needs Replicas of 3
	// or more; loss of power at most of them at once loses up to two minutes.
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
	// Health is the engine's own word on whether it can store; nil: nobody asks. An
	// error with a method Hold() bool that says true keeps appends back for as long
	// as it lasts, so that they do no harm.
	Health func() error
	// StageBatches is called once the streams are there and before the first batch:
	// an engine that can gather batches in memory begins to, and then they pay from
	// fewer messages on. nil: it gathers them on its disk.
	StageBatches func() error
	// Existing says that the log has been there before: if it is not found, that
	// is an error, and nothing is created.
	Existing bool

	Of Kind // what the log is of; Rooms

	Prefix     string        // of subjects and stream names; "hubbub"
	Partitions int           // streams that the rooms are spread over, fixed at creation; 0: as created, or 16
	Replicas   int           // copies of each stream, fixed at creation; 0: as created, or 3 on a cluster, else 1
	Ack        AckLevel      // AckFsync
	Dedup      time.Duration // how long a message id is known, fixed at creation; 0: as created, or 2 min, of documents 10 s; at most 10 min

	AckTimeout   time.Duration // how long one try of an append may take; 5 s, less than 10 s
	GiveUp       time.Duration // after how long an append without an answer fails; 15 s
	QueueRecords int           // records that may wait in a partition; 4096
	QueueBytes   int           // bytes that may wait in a partition; 32 MiB
	Readers      int           // history reads at once; 4
	MarkEvery    time.Duration // how often marks are written and the streams' ends are checked; 10 s

	// Fault hears what went wrong and was survived; nil: nobody does.
	Fault func(error)
}

const (
	defaultPartitions = 16
	maxPartitions     = 64
	defaultDedup      = 2 * time.Minute
	defaultDocDedup   = 10 * time.Second       // for repeats of a try alone: what an update brings twice is there once
	minDedup          = 100 * time.Millisecond // the server's own bound
	maxDedup          = 10 * time.Minute       // ids are kept in memory

	// batchIdle is how long the server keeps a batch that was begun and not
	// committed. A try that waits longer would wait for nothing.
	batchIdle = 10 * time.Second
)

var prefixForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)

func (c *Config) setDefaults() error {
	orDefault(&c.Prefix, "hubbub")
	orDefault(&c.Ack, AckFsync)
	orDefault(&c.AckTimeout, 5*time.Second)
	orDefault(&c.GiveUp, 15*time.Second)
	orDefault(&c.QueueRecords, 4096)
	orDefault(&c.QueueBytes, 32<<20)
	orDefault(&c.Readers, 4)
	orDefault(&c.MarkEvery, 10*time.Second)
	if c.Fault == nil {
		c.Fault = func(error) {}
	}
	if c.Health == nil {
		c.Health = func() error { return nil }
	}
	return c.check()
}

func (c *Config) check() error {
	switch {
	case c.Of != Rooms && c.Of != Documents:
		return fmt.Errorf("of: %d; give Rooms or Documents", c.Of)
	case c.Connect == nil:
		return fmt.Errorf("connect: no way to connect is given")
	case !prefixForm.MatchString(c.Prefix):
		return fmt.Errorf("prefix %q: give 1 to 16 lower-case letters and digits, the first a letter", c.Prefix)
	case c.Partitions < 0 || c.Partitions > maxPartitions:
		return fmt.Errorf("partitions: %d; give 1 to %d", c.Partitions, maxPartitions)
	case c.Replicas != 0 && c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5:
		return fmt.Errorf("replicas: %d; give 1, 3 or 5, or 0 for what is there", c.Replicas)
	case c.Dedup != 0 && (c.Dedup < minDedup || c.Dedup > maxDedup):
		return fmt.Errorf("dedup window: %v; give %v to %v", c.Dedup, minDedup, maxDedup)
	case c.Ack != AckFsync && c.Ack != AckReplicated && c.Ack != AckMemory:
		return fmt.Errorf("ack level %q; give fsync, replicated or memory", c.Ack)
	case c.Ack == AckReplicated && c.Replicas == 1:
		return c.checkReplicated()
	case c.AckTimeout < 0 || c.AckTimeout >= batchIdle:
		return fmt.Errorf("ack timeout: %v; give less than %v", c.AckTimeout, batchIdle)
	}
	for name, n := range map[string]int64{
		"give up": int64(c.GiveUp), "queue records": int64(c.QueueRecords), "queue bytes": int64(c.QueueBytes),
		"readers": int64(c.Readers), "mark every": int64(c.MarkEvery),
	} {
		if n < 0 {
			return fmt.Errorf("%s: is negative; give more than 0, or 0 for the default", name)
		}
	}
	return nil
}

// checkReplicated refuses an ack level that the streams cannot give.
func (c *Config) checkReplicated() error {
	if c.Ack == AckReplicated && c.Replicas < 3 {
		return fmt.Errorf("ack level replicated: there is %d copy of each stream; have 3 replicas, which takes a cluster of 3 servers, or take fsync or memory", c.Replicas)
	}
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
