package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// escort takes connections away from a server that is cut off from the others. Such a
// server keeps them, but stores nothing that comes over them and hears nothing of what
// is stored: the hub would be cut off with it, though it can reach the rest. Whether it
// is shows by who answers for a stream: nobody, or a leader that has lost its followers.
type escort struct {
	stream          string        // that is asked for
	every, patience time.Duration // between two questions, and for the answer
	rest            time.Duration // least time between two moves
	log             zerolog.Logger
	stop            context.CancelFunc
	done            chan struct{}

	mu    sync.Mutex // guards what follows
	conns []*nats.Conn

	// owned by the goroutine
	answered bool           // there was an answer once: the question is allowed
	silent   map[string]int // by server: questions in a row without an answer
	next     time.Time      // no move before
	wait     time.Duration  // until the one after it
}

const (
	escortEvery, escortPatience = 3 * time.Second, 2 * time.Second
	// escortTimes is more than an election takes.
	escortTimes = 3
	// escortRest keeps a hub from hurrying about where no server has a leader.
	escortRest, escortRestMost = 10 * time.Second, 2 * time.Minute
)

func newEscort(stream string, log zerolog.Logger) *escort {
	return &escort{stream: stream, every: escortEvery, patience: escortPatience, rest: escortRest, log: log, silent: map[string]int{}}
}

// start begins the walk; end ends it.
func (e *escort) start() {
	ctx, stop := context.WithCancel(context.Background())
	e.stop, e.done = stop, make(chan struct{})
	go func() {
		defer close(e.done)
		tick := time.NewTicker(e.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				e.look(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (e *escort) end() {
	e.stop()
	<-e.done
}

// take has a connection watched for as long as it is open.
func (e *escort) take(nc *nats.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns = append(e.conns, nc)
}

// open gives the connections that were not closed.
func (e *escort) open() []*nats.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns = slices.DeleteFunc(e.conns, (*nats.Conn).IsClosed)
	return slices.Clone(e.conns)
}

// byServer gives the connections that stand, by the server they are on.
func (e *escort) byServer() map[string][]*nats.Conn {
	groups := make(map[string][]*nats.Conn)
	for _, nc := range e.open() {
		if nc.IsConnected() && len(nc.Servers()) > 1 {
			groups[nc.ConnectedUrlRedacted()] = append(groups[nc.ConnectedUrlRedacted()], nc)
		}
	}
	return groups
}

// look asks each server, and leaves those that have been silent for too long.
func (e *escort) look(ctx context.Context) {
	for server, conns := range e.byServer() {
		if e.ask(ctx, conns[0]) {
			e.answered, e.silent[server], e.wait = true, 0, e.rest
			continue
		}
		e.silent[server]++
		if !e.answered || e.silent[server] < escortTimes || time.Now().Before(e.next) || ctx.Err() != nil {
			continue
		}
		e.log.Warn().Str("server", server).Msg("the server is cut off from the others: going to another one")
		for _, nc := range conns {
			if err := nc.ForceReconnect(); err != nil {
				e.log.Warn().Err(err).Msg("leave the server")
			}
		}
		e.next, e.wait, e.silent[server] = time.Now().Add(e.wait), min(2*e.wait, escortRestMost), 0
	}
}

// ask reports whether a server gives an answer of a leader that has its followers.
func (e *escort) ask(ctx context.Context, nc *nats.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	js, err := jetstream.New(nc)
	if err != nil {
		return false
	}
	s, err := js.Stream(ctx, e.stream)
	if err != nil {
		return false
	}
	c := s.CachedInfo().Cluster
	return c == nil || bridge.Followed(c)
}
