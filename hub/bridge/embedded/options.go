package embedded

import (
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	defaultReserve = 64 << 20

	// settleTimeout is how long the server may take until it can be used, after it
	// has found its messages again.
	settleTimeout = 30 * time.Second

	// maxPayload leaves room for headers and for requests that name many subjects.
	maxPayload = 2 << 20
	// maxMemory bounds streams in memory, of which there are none.
	maxMemory = 64 << 20
	// maxStore is a number that no disk has: running out of space is the disk's to
	// say. The server's own limit, drawn from what is free at some start, would on a
	// full disk refuse everything for as long as the server runs.
	maxStore = 1 << 60
)

// Options say how the server runs. Dir is required.
type Options struct {
	// Dir is the data folder. It is made if it is missing, and belongs to one
	// process at a time.
	Dir string

	// SyncAlways makes each acknowledged write one that survives loss of power.
	SyncAlways bool

	// Reserve is how much of the disk must stay free. Below it Health reports the
	// disk as full, before a write can fail: what has failed once fails until the
	// engine is started again. 0: 64 MiB, or a tenth of a smaller disk; below 0:
	// none is kept.
	Reserve int64

	// Stage is a folder of a file system in memory, in which the engine gathers the
	// batches that it has not acknowledged yet; see Server.StageBatches. Up to 4 MiB
	// a stream are used there for a moment. Empty: they are gathered on the disk,
	// which costs much of what batches gain.
	Stage string

	// Peers are engines with which this one keeps its streams together; nil: it stands
	// alone. A folder is of the one kind or the other: an engine with peers removes
	// streams that they do not know of.
	Peers *Peers

	// Logger hears what the server has to say; nil: nobody does.
	Logger server.Logger
}

func (o *Options) check() error {
	if o.Dir == "" {
		return errors.New("no data folder is given")
	}
	if o.Logger == nil {
		o.Logger = silent{}
	}
	return nil
}

// engine gives the options of the NATS server.
func (o *Options) engine() (*server.Options, error) {
	opts := &server.Options{
		ServerName: "hubbub",
		DontListen: true,
		NoSigs:     true,
		MaxPayload: maxPayload,

		JetStream:              true,
		StoreDir:               o.Dir,
		SyncAlways:             o.SyncAlways,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      maxStore,
		DisableJetStreamBanner: true,
	}
	if o.Peers == nil {
		return opts, nil
	}
	return opts, o.Peers.engine(opts)
}
