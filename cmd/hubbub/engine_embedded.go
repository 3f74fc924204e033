package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// openEmbedded starts a server in this process, on the data folder.
func (f engineFlags) openEmbedded(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	if f.Ack == ackAuto {
		f.Ack = string(bridge.AckFsync)
	}
	server, err := embedded.Start(ctx, embedded.Options{
		Dir: data, SyncAlways: f.Ack == string(bridge.AckFsync), Stage: embedded.MemoryFolder(),
		Logger: engineLog{log.With().Str("part", "nats").Logger()},
	})
	if err != nil {
		return nil, err
	}
	tellCutOff(server, log)
	e := &engine{base: server, server: server, drop: func() {}}
	cfg := bridge.Config{Ack: bridge.AckLevel(f.Ack), StageBatches: server.StageBatches}
	if err := e.openLogs(ctx, f, cfg, marksOf(data, ""), log); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: %w", data, err), e.closeLogs(), server.Shutdown())
	}
	return e, nil
}

func tellCutOff(server *embedded.Server, log zerolog.Logger) {
	for _, cut := range server.CutOff() {
		log.Error().Str("part", "log").Msg(cut + "; unless the machine had lost power, what was acknowledged is gone with them: check the disk, and restore a backup if it matters")
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
