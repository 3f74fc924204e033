package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// ackAuto leaves the ack level to what the engine can give.
const ackAuto = "auto"

// openCluster opens the logs on servers elsewhere. Other instances may be using them,
// and others than hubs may be using the servers.
func (f engineFlags) openCluster(ctx context.Context, data string, log zerolog.Logger) (*engine, error) {
	c, found, err := f.NATS.dial(ctx, log)
	if err != nil {
		return nil, err
	}
	ack, why, err := found.choose(f.Ack, f.Replicas)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--nats: %w", err), c.Shutdown())
	}
	c.report(found, ack, why)
	e := &engine{base: c, shared: true, drop: func() {}}
	cfg := bridge.Config{Prefix: f.NATS.Prefix, Ack: ack}
	if err := e.openLogs(ctx, f, cfg, marksOf(data, clusterMark(f.NATS.Prefix)), log); err != nil {
		return nil, errors.Join(fmt.Errorf("--nats: %w", err), e.closeLogs(), c.Shutdown())
	}
	return e, nil
}

// clusterMark begins the names of the files that say that something was on a cluster.
func clusterMark(prefix string) string { return "nats-" + prefix + "-" }
