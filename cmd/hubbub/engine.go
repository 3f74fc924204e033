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

	NATS  natsFlags `embed:""`
	Peers peerFlags `embed:""`
}

// base is what the logs stand on: a server in this process, or servers elsewhere.
type base interface {
	// Connect opens a connection, which outlives that of the network.
	Connect(name string, opts ...nats.Option) (*nats.Conn, error)
	// Health is nil, or why nothing can be stored.
	Health() error
	// Reached reports whether anybody is there whom other instances reach too, whatever
	// they can store. One goroutine at a time may ask, before Shutdown.
	Reached(ctx context.Context) bool
	// Whole reports whether, beyond that, all connections stand.
	Whole() bool
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
	orders *orders
	bus    hub.Bus
	docBus hub.Bus // nil: there are no other instances
	drop   func()  // lets go of the buses' connection
}

// Files of the data folder that say that the log of rooms, that of documents and the
// orders were there: if one is gone the next time, that is told, and nothing is created in its
// place. A folder of before there were documents gets their log. What a hub has seen on
// a cluster has marks of its own, see natsFlags.marks.
const engineFile, docsFile, ordersFile = "log.created", "docs.created", "orders.created"

// marks are the files that say so of one engine.
type marks struct{ log, docs, orders string }

// marksOf names them: what comes before each tells of the engine.
func marksOf(data, before string) marks {
	name := func(file string) string { return filepath.Join(data, before+file) }
	return marks{name(engineFile), name(docsFile), name(ordersFile)}
}

// open starts the engine on the data folder, alone or with others, or finds it on a
// cluster.
func (f engineFlags) open(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.checkFolder(data); err != nil {
		return nil, err
	}
	switch {
	case f.NATS.given():
		return f.openCluster(ctx, data, log)
	case f.Peers.given():
		return f.openPeers(ctx, data, log)
	}
	return f.openEmbedded(ctx, data, log)
}

// check refuses what cannot be meant.
func (f *engineFlags) check() error {
	nats, peers := f.NATS.given(), f.Peers.given()
	if name := f.NATS.alone(); !nats && name != "" {
		return fmt.Errorf("%s is for a hub on a NATS cluster: give --nats URL as well, or leave it out", name)
	}
	if name := f.Peers.alone(); !peers && name != "" {
		return fmt.Errorf("%s is for hubs that keep the log together: give --peer HOST:PORT,... as well, or leave it out", name)
	}
	switch {
	case nats && peers:
		return errors.New("--nats and --peer: the log is on NATS servers, or the hubs keep it together; give one of them")
	case nats:
		return f.NATS.check()
	case peers && f.Replicas != 0 && f.Replicas != 3:
		return fmt.Errorf("--replicas %d: hubs that keep the log together have three copies; leave it out", f.Replicas)
	case peers:
		return f.Peers.check()
	case f.Ack == string(bridge.AckReplicated):
		return errors.New("--ack replicated: the log of a hub that stands alone has one copy; give --nats or --peer, or take fsync or memory")
	case f.Replicas > 1:
		return fmt.Errorf("--replicas %d: the log of a hub that stands alone has one copy; give --nats or --peer, or leave it out", f.Replicas)
	}
	return nil
}

// checkFolder refuses the folder of a hub whose log was kept in another way: it would
// be left behind without a word, and peers would have it removed.
func (f *engineFlags) checkFolder(data string) error {
	kinds := []struct{ pattern, with string }{
		{engineFile, "alone, without --nats and --peer"},
		{peerMark + engineFile, "with --peer"},
		{clusterMark("*") + engineFile, "with --nats"},
	}
	now := 0
	switch {
	case f.Peers.given():
		now = 1
	case f.NATS.given():
		now = 2
	}
	for i, kind := range kinds {
		found, err := filepath.Glob(filepath.Join(data, kind.pattern))
		if err != nil {
			return err
		}
		if i != now && len(found) > 0 {
			return fmt.Errorf("--data %s: this hub has kept its log %s (%s). Start it so again, or give it another folder, and bring over what there is with hubbub export and import", data, kind.with, filepath.Base(found[0]))
		}
	}
	return nil
}

// openLogs opens both logs, the orders and the buses. cfg is what they have in common.
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
	if err := e.openOrders(ctx, cfg.Prefix, m.orders); err != nil {
		return err
	}
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

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, os.ErrNotExist)
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
func (e *engine) closeLogs() error {
	e.closeOrders()
	return errors.Join(closeLog(e.docs), closeLog(e.log))
}

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
