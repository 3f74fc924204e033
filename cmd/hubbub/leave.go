package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/transport"
)

const (
	drainTime  = 20 * time.Second // in which connections are moved, if nobody says otherwise
	drainGrace = 10 * time.Second // after that everything is cut
)

// leaveFlags say how the hub ends when it is asked to.
type leaveFlags struct {
	Drain      *time.Duration `help:"After SIGTERM, the time in which connections are moved to other instances, one after another; 0: all at once. What is left 10s later is cut; a second signal cuts it at once. Without a value 20s, or 0 where there is no other instance." placeholder:"TIME"`
	DrainDelay time.Duration  `help:"How much of that passes before the first is moved: /readyz says no from the beginning, and a load balancer needs a while to see it." default:"0s" placeholder:"TIME"`

	EstrangedAfter time.Duration `help:"With --nats or --peer: how long no NATS server, or no other hub, may be reached before connections are moved to other instances, until it is; 1s or more. 0: nobody is moved." default:"5s" placeholder:"TIME"`
}

// check refuses what cannot be meant.
func (f leaveFlags) check() error {
	if f.EstrangedAfter != 0 && f.EstrangedAfter < time.Second {
		return fmt.Errorf("--estranged-after %v: any connection is away for so long at times; give 1s or more, or 0, and nobody is moved", f.EstrangedAfter)
	}
	return nil
}

// plan is when what happens, from the signal on.
type plan struct {
	delay time.Duration // nobody is moved before
	over  time.Duration // from then on; the last is told by its end
	alone bool          // there is no other instance
}

// plan makes the flags times. Where nobody can go elsewhere, a long end only makes the
// time longer in which the hub is not there.
func (f leaveFlags) plan(alone bool) plan {
	whole := drainTime
	switch {
	case f.Drain != nil:
		whole = *f.Drain
	case alone:
		whole = 0
	}
	return plan{delay: f.DrainDelay, over: max(0, whole-f.DrainDelay), alone: alone}
}

// house is what is taken down: each part when nothing above it uses it any more. The
// documents stand on the hub, which tells rooms of them. The engine is below all of it.
type house struct {
	server    *transport.Server
	documents *docs.Docs
	hub       *hub.Hub
	log       zerolog.Logger
}

// leave ends everything, in its order and as planned, or at once after a signal.
func (h *house) leave(p plan) {
	ctx, cancel := context.WithTimeout(context.Background(), p.delay+p.over+drainGrace)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	h.server.Retire()
	h.log.Info().Int("connections", h.server.Connections()).Dur("over_ms", p.delay+p.over).Msg("going down")
	select {
	case <-time.After(p.delay):
	case <-ctx.Done():
	}
	h.documents.Leave()
	h.told(h.server.Leave(ctx, transport.Leaving{Over: p.over, Alone: p.alone}))
	h.told(h.server.Shutdown(ctx))
	h.told(h.documents.Settle(ctx))
	h.documents.Close()
	h.hub.Close()
	h.log.Info().Msg("gone")
}

func (h *house) told(err error) {
	if err != nil {
		h.log.Warn().Err(err).Msg("going down")
	}
}
