package bridge

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// healthEvery is how often the engine is asked for its health.
	healthEvery = 2 * time.Second
	// failureLasts is for how long a stream that could not store is held to be
	// unable to: whether it can again, only the next append tells.
	failureLasts = 10 * time.Second
	// silenceCounts is for how long it may not be known where the log stands: longer than
	// it takes to find another leader.
	silenceCounts = 10 * time.Second
)

// holds reports whether an error of Config.Health says that nothing may be stored
// for as long as it lasts.
func holds(err error) bool {
	h, ok := errors.AsType[interface {
		error
		Hold() bool
	}](err)
	return ok && h.Hold()
}

// Health is nil while the log can store; see hub.Log.
func (l *Log) Health() error {
	if reason := l.health.Load(); reason != nil {
		return *reason
	}
	return nil
}

// hold is why appends are kept back at the moment, or nil.
func (l *Log) hold() error {
	if reason := l.Health(); reason != nil && holds(reason) {
		return reason
	}
	return nil
}

// checkHealth asks the engine. A stream that cannot write answers no publisher, so
// this is the only place where the reason is told.
func (l *Log) checkHealth() {
	var reason error
	switch {
	case l.closed.Load():
		reason = hub.ErrClosed
	case !l.pub.IsConnected():
		reason = l.awayError()
	default:
		reason = l.cfg.Health()
	}
	if reason == nil {
		if reason = l.stuck(); reason != nil && l.refused() != nil {
			reason = fmt.Errorf("%w: %w", reason, l.refused())
		}
	}
	if reason == nil {
		l.health.Store(nil)
		return
	}
	l.health.Store(&reason)
}

// awayError says that there is no connection, and why as far as is known.
func (l *Log) awayError() error {
	if why := l.away.Load(); why != nil {
		return fmt.Errorf("there is no connection to NATS: %w", *why)
	}
	return errors.New("there is no connection to NATS")
}

// lost notes why there is no connection. It goes on trying.
func (l *Log) lost(_ *nats.Conn, err error) {
	if err != nil {
		l.away.Store(&err)
	}
}

// failure is what became of the last try to store something.
type failure struct {
	at  time.Time
	why error
}

// answered notes whether the servers have answered who asked where the log stands.
// Where nobody publishes that is all there is to tell that most of them are gone.
func (l *Log) answered(err error) {
	if err == nil {
		l.silence.Store(nil)
		return
	}
	f := failure{at: time.Now(), why: err}
	if before := l.silence.Load(); before != nil {
		f.at = before.at
	}
	l.silence.Store(&f)
}

// failed notes that a try came to nothing.
func (p *partition) failed(why error) { p.failure.Store(&failure{time.Now(), why}) }

// stuck is the reason of a partition that could not store of late, for engines
// that cannot say it themselves.
func (l *Log) stuck() error {
	for _, p := range l.parts {
		if f := p.failure.Load(); f != nil && time.Since(f.at) < failureLasts {
			return fmt.Errorf("stream %s: %w", p.stream, f.why)
		}
	}
	if f := l.silence.Load(); f != nil && time.Since(f.at) > silenceCounts {
		return fmt.Errorf("it cannot be seen where the log stands: %w", f.why)
	}
	return nil
}

func (l *Log) keepHealth() {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.checkHealth()
		case <-l.ctx.Done():
			l.checkHealth()
			return
		}
	}
}
