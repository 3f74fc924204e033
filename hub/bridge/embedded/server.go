package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a running NATS server. Its methods may be called by any goroutine.
type Server struct {
	// static after Start
	opts Options
	lock *dirLock
	stop chan struct{} // ends mend
	done chan struct{} // closed when mend has ended
	cut  []string      // see CutOff

	mu       sync.Mutex // guards what follows
	stage    stage
	engine   *server.Server
	down     error     // why there is no engine; nil: there is one
	ailing   time.Time // since when an engine with peers is not well; zero: it is
	shutdown bool
}

var errShutdown = errors.New("the engine was shut down")

// Start starts the server on Options.Dir, which no other process may be using, and
// waits until what is stored there has been found again. That cannot be cut short:
// if ctx ends meanwhile, Start fails when it is through.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	lock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, lock: lock, stop: make(chan struct{}), done: make(chan struct{})}
	s.stage = stage{within: opts.Stage, data: opts.Dir}
	before, blocks := s.stage.earlier(), blockSizes(opts.Dir)
	if s.engine, err = start(ctx, &s.opts); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.cut = blocks.cutOff(opts.Dir)
	s.note(s.stage.remove(before))
	s.note(s.stage.link())
	go s.mend()
	return s, nil
}

// start runs an engine on a folder that is ours.
func start(ctx context.Context, opts *Options) (*server.Server, error) {
	set, err := opts.engine()
	if err != nil {
		return nil, err
	}
	engine, err := server.NewServer(set)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", opts.Dir, err)
	}
	log := &engineLog{Logger: opts.Logger, fatal: make(chan string, 1)}
	engine.SetLoggerV2(log, false, false, false)
	engine.Start() // returns early if it fails, having logged why
	if opts.Peers != nil {
		startRoutes(engine)
	}
	err = log.lastWords()
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("the engine was starting: %w", ctx.Err())
	}
	if err == nil && engine.ReadyForConnections(settleTimeout) && engine.JetStreamEnabled() {
		return engine, nil
	}
	engine.Shutdown()
	engine.WaitForShutdown()
	if err == nil {
		err = errors.New("the engine did not start")
	}
	return nil, fmt.Errorf("data folder %s: %w; see that it can be written and has space", opts.Dir, err)
}

// StageBatches has the streams that there are by now gather their batches in
// Options.Stage. Those that the server found when it started do so already, so it is
// to be called when streams were created, before batches are published to them.
func (s *Server) StageBatches() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage.link()
}

// note tells of what was survived.
func (s *Server) note(err error) {
	if err != nil {
		s.opts.Logger.Warnf("%v", err)
	}
}

// Connect opens a connection to the server through memory.
func (s *Server) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append([]nats.Option{nats.Name(name), nats.InProcessServer(s)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return nc, nil
}

// InProcessConn makes the transport of one connection. Connections find the engine
// through it again when it was replaced.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	return s.engine.InProcessConn()
}

// Shutdown ends the server and gives the folder back.
func (s *Server) Shutdown() error {
	s.mu.Lock()
	again := s.shutdown
	s.shutdown = true
	s.mu.Unlock()
	if again {
		return nil
	}
	close(s.stop)
	<-s.done
	s.take(errShutdown)
	return errors.Join(s.stage.drop(), s.lock.release())
}

// take ends the engine, if there is one, for the reason given.
func (s *Server) take(why error) {
	s.mu.Lock()
	had := s.down == nil
	s.down = why
	s.mu.Unlock()
	if had {
		s.engine.Shutdown()
		s.engine.WaitForShutdown()
	}
}

// Engines need a while to find their messages again, so that mend is not tried all
// the time.
const (
	mendEvery = 2 * time.Second
	mendLeast = 30 * time.Second
)

// mend starts the engine again when one of its streams cannot write any more and
// the reason is gone. The engine itself never tries again.
func (s *Server) mend() {
	defer close(s.done)
	tick := time.NewTicker(mendEvery)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
		s.mu.Lock()
		err := s.stage.mend()
		s.mu.Unlock()
		s.note(err)
		if time.Since(last) < mendLeast || !s.broken() {
			continue
		}
		last = time.Now()
		s.restart()
	}
}
