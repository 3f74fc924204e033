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

// engine is the running log and what it stands on.
type engine struct {
	server *embedded.Server
	log    *bridge.Log
	bus    hub.Bus
	drop   func() // lets go of the bus's connection
}

// engineFile says, in the data folder, that the log was there: if it is gone the
// next time, that is told, and nothing is created in its place.
const engineFile = "log.created"

// open starts the engine on the data folder.
func (f engineFlags) open(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	server, err := embedded.Start(ctx, embedded.Options{
		Dir: data, SyncAlways: f.Ack == string(bridge.AckFsync), Stage: embedded.MemoryFolder(),
		Logger: engineLog{log.With().Str("part", "nats").Logger()},
	})
	if err != nil {
		return nil, err
	}
	e := &engine{server: server}
	if err := e.openLog(ctx, f, data, log); err != nil {
		return nil, errors.Join(err, server.Shutdown())
	}
	return e, nil
}

func (e *engine) openLog(ctx context.Context, f engineFlags, data string, log zerolog.Logger) error {
	mark := filepath.Join(data, engineFile)
	_, err := os.Stat(mark)
	existing := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("data folder %s: %w", data, err)
	}
	e.log, err = bridge.Open(ctx, bridge.Config{
		Connect: e.server.Connect, Health: e.server.Health, Existing: existing, StageBatches: e.server.StageBatches,
		Partitions: f.Partitions, Dedup: f.DedupWindow, Ack: bridge.AckLevel(f.Ack),
		Fault: func(err error) { log.Warn().Str("part", "log").Err(err).Msg("survived") },
	})
	if err != nil {
		return fmt.Errorf("data folder %s: %w", data, err)
	}
	for _, found := range e.log.Findings() {
		log.Error().Str("part", "log").Bool("reset", found.Reset).Msg(found.String())
	}
	if _, err := dataFile(mark, func() []byte { return []byte(time.Now().UTC().Format(time.RFC3339) + "\n") }); err != nil {
		return errors.Join(fmt.Errorf("data folder %s: %w", data, err), e.closeLog())
	}
	nc, err := e.server.Connect("hubbub-bus")
	if err != nil {
		return errors.Join(err, e.closeLog())
	}
	e.bus, e.drop = bridge.NewBus(nc, ""), nc.Close
	return nil
}

func (e *engine) closeLog() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return e.log.Close(ctx)
}

// close stores what is queued and ends the engine.
func (e *engine) close(log zerolog.Logger) {
	e.drop()
	if err := errors.Join(e.closeLog(), e.server.Shutdown()); err != nil {
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
