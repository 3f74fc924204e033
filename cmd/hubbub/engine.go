package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// engineFlags say how the log is kept.
type engineFlags struct {
	Ack         string        `help:"When a publisher gets its ack: fsync, on disk; memory, when the operating system has it, which loss of power can lose." default:"fsync" enum:"fsync,memory" placeholder:"LEVEL"`
	Partitions  int           `help:"Streams that rooms are spread over. Fixed when the log is created; 0: as created, or 16." default:"0" placeholder:"N"`
	DedupWindow time.Duration `help:"How long a message id is known. Fixed when the log is created; 0: as created, or 2m." default:"0s" placeholder:"TIME"`
}

// engine is the running logs and what they stand on.
type engine struct {
	server *embedded.Server
	log    *bridge.Log // of rooms
	docs   *bridge.Log // of documents
	blobs  hub.Blobs
	bus    hub.Bus
	drop   func() // lets go of the bus's connection
}

// engineFile and docsFile say, in the data folder, that the log of rooms and that of
// documents were there: if one is gone the next time, that is told, and nothing is
// created in its place. A folder of before there were documents gets their log.
const engineFile, docsFile = "log.created", "docs.created"

// open starts the engine on the data folder.
func (f engineFlags) open(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	server, err := embedded.Start(ctx, embedded.Options{
		Dir: data, SyncAlways: f.Ack == string(bridge.AckFsync), Stage: embedded.MemoryFolder(),
		Logger: engineLog{log.With().Str("part", "nats").Logger()},
	})
	if err != nil {
		return nil, err
	}
	for _, cut := range server.CutOff() {
		log.Error().Str("part", "log").Msg(cut + "; unless the machine had lost power, what was acknowledged is gone with them: check the disk, and restore a backup if it matters")
	}
	e := &engine{server: server, drop: func() {}}
	if err := e.openLogs(ctx, f, data, log); err != nil {
		return nil, errors.Join(err, e.closeLogs(), server.Shutdown())
	}
	return e, nil
}

func (e *engine) openLogs(ctx context.Context, f engineFlags, data string, log zerolog.Logger) (err error) {
	rooms := bridge.Config{Partitions: f.Partitions, Dedup: f.DedupWindow, Ack: bridge.AckLevel(f.Ack)}
	if e.log, err = e.openLog(ctx, rooms, filepath.Join(data, engineFile), log); err != nil {
		return fmt.Errorf("data folder %s: %w", data, err)
	}
	docs := bridge.Config{Of: bridge.Documents, Ack: bridge.AckLevel(f.Ack)}
	if e.docs, err = e.openLog(ctx, docs, filepath.Join(data, docsFile), log); err != nil {
		return fmt.Errorf("data folder %s: %w", data, err)
	}
	e.blobs = e.docs.Blobs()
	nc, err := e.server.Connect("hubbub-bus")
	if err != nil {
		return err
	}
	e.bus, e.drop = bridge.NewBus(nc, ""), nc.Close
	return nil
}

// openLog opens one of the logs, or creates it if the file that marks it is not there.
func (e *engine) openLog(ctx context.Context, cfg bridge.Config, mark string, log zerolog.Logger) (*bridge.Log, error) {
	_, err := os.Stat(mark)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	cfg.Existing = err == nil
	cfg.Connect, cfg.Health, cfg.StageBatches = e.server.Connect, e.server.Health, e.server.StageBatches
	cfg.Fault = func(err error) { log.Warn().Str("part", "log").Err(err).Msg("survived") }
	l, err := bridge.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, found := range l.Findings() {
		log.Error().Str("part", "log").Bool("reset", found.Reset).Msg(found.String())
	}
	if _, err := dataFile(mark, func() []byte { return []byte(time.Now().UTC().Format(time.RFC3339) + "\n") }); err != nil {
		return nil, errors.Join(err, closeLog(l))
	}
	return l, nil
}

// alone reports whether no other instance shares the logs, so that nobody can go
// elsewhere when this one ends.
func (e *engine) alone() bool { return true }

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
	if err := errors.Join(e.closeLogs(), e.server.Shutdown()); err != nil {
		log.Warn().Err(err).Msg("close the log")
	}
}

// engineLog passes on what the engine says: its warnings and errors to everybody,
// the rest to whoever looks for causes.
type engineLog struct{ log zerolog.Logger }

func (l engineLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }
func (l engineLog) Warnf(format string, v ...any)   { l.log.Warn().Msgf(format, v...) }
func (l engineLog) Fatalf(format string, v ...any)  { l.log.Error().Msgf(format, v...) }
func (l engineLog) Errorf(format string, v ...any)  { l.log.Error().Msgf(format, v...) }
func (l engineLog) Debugf(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
func (l engineLog) Tracef(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
