package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// engineFlags say how the log is kept, and where.
type engineFlags struct {
	Ack         string        `help:"When a publisher gets its ack: fsync, on disk; replicated, when most of three servers have it in memory; memory, when the operating system has it. Loss of power can lose what is in memory alone. auto: fsync, where it can be had." default:"auto" enum:"auto,fsync,replicated,memory" placeholder:"LEVEL"`
	Partitions  int           `help:"Streams that rooms are spread over. Fixed when the log is created; 0: as created, or 16." default:"0" placeholder:"N"`
	Replicas    int           `help:"Copies of each stream on a cluster. Fixed when the log is created; 0: as created, or 3, or 1 on a single server." default:"0" placeholder:"N"`
	DedupWindow time.Duration `help:"How long a message id is known. Fixed when the log is created; 0: as created, or 2m." default:"0s" placeholder:"TIME"`

	NATS natsFlags `embed:""`
}

// base is what the logs stand on: a server in this process, or servers elsewhere.
type base interface {
	// Connect opens a connection, which outlives that of the network.
	Connect(name string, opts ...nats.Option) (*nats.Conn, error)
	// Health is nil, or why nothing can be stored.
	Health() error
	// Shutdown lets go of it, when nothing uses it any more.
	Shutdown() error
}

// engine is the running logs and what they stand on.
type engine struct {
	base   base
	server *embedded.Server // base, if it is in this process; else nil
	shared bool             // other instances may be using it

	log    *bridge.Log // of rooms
	docs   *bridge.Log // of documents
	blobs  hub.Blobs
	bus    hub.Bus
	docBus hub.Bus // nil: there are no other instances
	drop   func()  // lets go of the buses' connection
}

// Files of the data folder that say that the log of rooms and that of documents were
// there: if one is gone the next time, that is told, and nothing is created in its
// place. A folder of before there were documents gets their log. What a hub has seen on
// a cluster has marks of its own, see natsFlags.marks.
const engineFile, docsFile = "log.created", "docs.created"

// marks are the files that say so of one engine.
type marks struct{ log, docs string }

// open starts the engine on the data folder, or finds it on a cluster.
func (f engineFlags) open(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	if err := f.check(data); err != nil {
		return nil, err
	}
	if f.NATS.given() {
		return f.openCluster(ctx, data, log)
	}
	return f.openEmbedded(ctx, data, log)
}

// check refuses what cannot be meant.
func (f *engineFlags) check(data string) error {
	if f.NATS.given() {
		if err := f.NATS.check(); err != nil {
			return err
		}
		return f.NATS.checkFolder(data)
	}
	switch name := f.NATS.alone(); {
	case name != "":
		return fmt.Errorf("%s is for a hub on a NATS cluster: give --nats URL as well, or leave it out", name)
	case f.Ack == string(bridge.AckReplicated):
		return errors.New("--ack replicated: the log of a hub that stands alone has one copy; give --nats URL of a cluster, or take fsync or memory")
	case f.Replicas > 1:
		return fmt.Errorf("--replicas %d: the log of a hub that stands alone has one copy; give --nats URL of a cluster, or leave it out", f.Replicas)
	}
	return checkOwnFolder(data)
}

// openLogs opens both logs and the buses. cfg is what they have in common.
func (e *engine) openLogs(ctx context.Context, f engineFlags, cfg bridge.Config, m marks, log zerolog.Logger) (err error) {
	cfg.Connect, cfg.Health, cfg.Replicas = e.base.Connect, e.base.Health, f.Replicas
	rooms, docs := cfg, cfg
	rooms.Partitions, rooms.Dedup = f.Partitions, f.DedupWindow
	docs.Of = bridge.Documents
	if e.log, err = openLog(ctx, rooms, m.log, log); err != nil {
		return err
	}
	if e.docs, err = openLog(ctx, docs, m.docs, log); err != nil {
		return err
	}
	e.blobs = e.docs.Blobs()
	return e.openBuses(cfg.Prefix)
}

// openBuses connects what is not kept. It is never sent late.
func (e *engine) openBuses(prefix string) error {
	nc, err := e.base.Connect("hubbub-bus", nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		return err
	}
	e.bus, e.drop = bridge.NewBus(nc, prefix), nc.Close
	if e.shared {
		e.docBus = bridge.NewDocBus(nc, prefix)
	}
	return nil
}

// openLog opens one of the logs, or creates it if the file that marks it is not there.
func openLog(ctx context.Context, cfg bridge.Config, mark string, log zerolog.Logger) (*bridge.Log, error) {
	_, err := os.Stat(mark)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	cfg.Existing = err == nil
	cfg.Fault = func(err error) { log.Warn().Str("part", "log").Err(err).Msg("survived") }
	l, err := bridge.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, found := range l.Findings() {
		log.Error().Str("part", "log").Bool("reset", found.Reset).Msg(found.String())
	}
	if err := markFile(mark); err != nil {
		return nil, errors.Join(err, closeLog(l))
	}
	return l, nil
}

// alone reports whether no other instance shares the logs, so that nobody can go
// elsewhere when this one ends.
func (e *engine) alone() bool { return !e.shared }

// markFile makes a file that says that something was there.
func markFile(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	_, err := dataFile(name, func() []byte { return []byte(time.Now().UTC().Format(time.RFC3339) + "\n") })
	return err
}

// health is why one of the logs cannot store, or nil.
func (e *engine) health() error {
	if err := e.log.Health(); err != nil {
		return err
	}
	if err := e.docs.Health(); err != nil {
		return fmt.Errorf("documents: %w", err)
	}
	return nil
}

// closeLogs closes those that are open.
func (e *engine) closeLogs() error { return errors.Join(closeLog(e.docs), closeLog(e.log)) }

// closeTime is how long appends under way may take to end.
const closeTime = 10 * time.Second

func closeLog(l *bridge.Log) error {
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return l.Close(ctx)
}

// close stores what is queued and ends the engine.
func (e *engine) close(log zerolog.Logger) {
	e.drop()
	if err := errors.Join(e.closeLogs(), e.base.Shutdown()); err != nil {
		log.Warn().Err(err).Msg("close the log")
	}
}
