package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/transport"
)

const (
	// lookEvery is how often a hub looks whether it still reaches what it has in common
	// with others.
	lookEvery = 500 * time.Millisecond
	// lookMost is how much one look adds to a silence: more than it takes. A process that
	// stood still itself has heard nothing either, and that is nobody's silence.
	lookMost = 3 * time.Second
	// steadyFor is how long a connection must stand before newcomers are taken again.
	steadyFor = 2 * time.Second
	// movedOver is the time over which clients of a hub that is cut off are moved. They
	// hear nothing meanwhile, so it is short; but they do not come to the others at once.
	movedOver = 3 * time.Second
)

// lookout has a hub that is cut off send its clients to other instances. It goes by
// whether anybody is reached at all, not by what they can store: where a cluster has no
// leader, or no space, the other hubs are no better off. A nil lookout does nothing.
type lookout struct {
	// static after construction
	after   time.Duration
	reached func(context.Context) bool                 // anybody is there
	whole   func() bool                                // and all connections stand
	part    func(ctx context.Context, since time.Time) // send all away, and take nobody
	back    func()                                     // take them again
	stop    context.CancelFunc
	done    chan struct{}

	// owned by the goroutine
	looked time.Time     // last
	seen   time.Time     // when somebody was reached last
	silent time.Duration // for how long nobody was
	away   bool          // clients were sent away
	steady time.Time     // since when the connections stand again; zero: they do not
}

// lookout makes one for a hub with others, and starts it.
func (f leaveFlags) lookout(e *engine, server *transport.Server, log zerolog.Logger) *lookout {
	if f.EstrangedAfter == 0 || e.alone() {
		return nil
	}
	from := "NATS"
	if e.server != nil {
		from = "the other hubs"
	}
	l := &lookout{after: f.EstrangedAfter, reached: e.base.Reached, whole: e.base.Whole}
	l.part = func(ctx context.Context, since time.Time) {
		log.Warn().Str("from", from).Int("connections", server.Connections()).Msg("cut off: sending everybody to other instances")
		server.Estrange(ctx, transport.Estrangement{From: from, Since: since, Over: movedOver})
	}
	l.back = func() {
		log.Info().Str("from", from).Msg("no longer cut off: serving again")
		server.Return()
	}
	l.start()
	return l
}

func (l *lookout) start() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	l.looked, l.seen = time.Now(), time.Now()
	go func() {
		defer close(l.done)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.look(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// end ends it, and leaves everything as it is.
func (l *lookout) end() {
	if l == nil {
		return
	}
	l.stop()
	<-l.done
}

// look asks once, and acts on what comes of it.
func (l *lookout) look(ctx context.Context) {
	there := l.reached(ctx)
	now := time.Now()
	passed := min(now.Sub(l.looked), lookMost)
	l.looked = now
	if there {
		l.seen, l.silent = now, 0
	} else {
		l.silent += passed
	}
	switch {
	case ctx.Err() != nil:
	case l.away:
		l.comeBack(there, now)
	case l.silent >= l.after:
		l.away, l.steady = true, time.Time{}
		l.part(ctx, l.seen)
	}
}

// comeBack takes clients again once the connections have stood for a while.
func (l *lookout) comeBack(there bool, now time.Time) {
	switch {
	case !there || !l.whole():
		l.steady = time.Time{}
	case l.steady.IsZero():
		l.steady = now
	case now.Sub(l.steady) >= steadyFor:
		l.away = false
		l.back()
	}
}
