package transport

import (
	"context"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	// estrangedAnswers is how long somebody who is moved waits for answers of a log that
	// is out of reach: only those that were on their way still come.
	estrangedAnswers = time.Second
	// estrangedFor is when whoever comes while the hub is cut off may come to it again,
	// if they know no other address.
	estrangedFor = 2 * time.Second
)

// Estrangement says what a server is cut off from that others may well reach.
type Estrangement struct {
	From  string        // as people call it: NATS
	Since time.Time     // when it was last there
	Over  time.Duration // the last of the peers is told by then; 0: all at once
}

// reason is what /readyz says.
func (e *Estrangement) reason() error {
	return fmt.Errorf("cut off from %s for %s", e.From, time.Since(e.Since).Round(time.Second))
}

// refusal is what newcomers are told.
func (e *Estrangement) refusal() error {
	return &room.Error{
		Code:       room.CodeUnavailable,
		Message:    "this instance is cut off from " + e.From + "; connect to another one",
		RetryAfter: estrangedFor,
	}
}

// Estrange takes no more connections and sends those that there are elsewhere, as Leave
// does, until Return. What they have under way is answered where the answer comes within
// a second; else it is their outboxes' to send to another instance, under the same ids.
// It returns when all were told.
func (s *Server) Estrange(ctx context.Context, from Estrangement) {
	s.estranged.Store(&from)
	m := &mover{code: wire.CloseMoved, ctx: ctx, gone: s.conns.close(), patience: estrangedAnswers}
	m.empty(&s.conns, from.Over)
}

// Return has the server take connections again after Estrange, unless it leaves.
func (s *Server) Return() {
	s.conns.open()
	s.estranged.Store(nil)
}
