package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// cluster checks NATS servers, and the log on them, as a hub does at its start. It makes
// nothing.
func (d *diagnosis) cluster(ctx context.Context, f *natsFlags) {
	if err := f.check(); err != nil {
		d.ill(err.Error(), "Give the flags as hubbub serve has them.")
		return
	}
	c, found, err := f.dial(ctx, zerolog.Nop())
	if err != nil {
		d.ill(err.Error(), "Are the servers running, are these their addresses, and may this user connect?")
		return
	}
	defer closing(zerolog.Nop(), "cluster", c.Shutdown)
	d.servers(found)
	for _, of := range []bridge.Kind{bridge.Rooms, bridge.Documents} {
		d.logOn(ctx, c, bridge.Config{Of: of, Prefix: f.Prefix})
	}
}

// servers tells of each server what a hub needs of it.
func (d *diagnosis) servers(found *survey) {
	for _, s := range found.servers {
		if !found.syncKnown {
			s.SyncAlways = true
		}
		if err := s.Check(bridge.AckFsync); err != nil {
			d.ill(err.Error(), "Until then acks mean less than that what they acknowledge is on disk.")
			continue
		}
		known := "syncs each write"
		if !found.syncKnown {
			known = "whether it syncs each write was not verified: give --nats-system-creds FILE"
		}
		d.well("NATS server %s has version %s; %s", s.Name, s.Version, known)
	}
	for _, address := range found.silent {
		d.ill(fmt.Sprintf("NATS server %s does not answer", address), "Start it, or see why it cannot be reached from here.")
	}
	if !found.clustered {
		d.well("it is one server: when its machine is lost, so is the log; three servers keep three copies")
	}
}

// logOn opens one of the logs, if it is there.
func (d *diagnosis) logOn(ctx context.Context, c *cluster, cfg bridge.Config) {
	cfg.Connect, cfg.Ack, cfg.Existing = c.Connect, bridge.AckMemory, true
	l, err := bridge.Open(ctx, cfg)
	if err != nil {
		d.ill(fmt.Sprintf("the log of %s: %v", cfg.Of, err), "Nothing was changed. If there was no hub on these servers yet, there is no log: start one.")
		return
	}
	defer func() {
		if err := closeLog(l); err != nil {
			d.ill(err.Error(), "Try again.")
		}
	}()
	for _, finding := range l.Findings() {
		d.ill(finding.String(), "The partition has a new epoch: clients are told to load it again. Restore a backup if what is lost matters, and check the servers' disks.")
	}
	if err := l.Health(); err != nil {
		d.ill(err.Error(), "Publishers are told to try again. See that the servers run and have space.")
		return
	}
	d.well("the log of %s can be read and written", cfg.Of)
}
