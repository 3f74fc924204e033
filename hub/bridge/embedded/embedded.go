package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Options say how the server runs. Dir is required.
type Options struct {
	Dir string // where everything is kept; made if it is missing

	// SyncAlways makes each acknowledged write one that survives loss of power.
	SyncAlways bool

	// Logger hears what the server has to say; nil: nobody does.
	Logger server.Logger
}

// readyTimeout bounds the start. Two million messages after a kill are read in
// two seconds; a slow disk with a hundred times as many may take its time.
const readyTimeout = 10 * time.Minute

// Server is a running NATS server. Its methods may be called by any goroutine.
type Server struct {
	nats *server.Server
	lock *os.File
	dir  string
}

// Start starts the server on Options.Dir, which no other process may be using.
func Start(ctx context.Context, opts Options) (*Server, error) {
	lock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Server{nats: s, lock: lock, dir: opts.Dir}, nil
}

func start(ctx context.Context, opts Options) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "hubbub",
		DontListen: true,
		NoSigs:     true,
		NoLog:      opts.Logger == nil,
		JetStream:  true,
		StoreDir:   opts.Dir,
		SyncAlways: opts.SyncAlways,
		// A number that no disk has: running out of space is the disk's to say, and
		// a limit drawn from what was free at some start would refuse what is stored.
		JetStreamMaxStore:  1 << 60,
		JetStreamMaxMemory: 64 << 20, // nothing of ours is kept in memory streams
	})
	if err != nil {
		return nil, fmt.Errorf("log in %s: %w", opts.Dir, err)
	}
	if opts.Logger != nil {
		s.SetLogger(opts.Logger, false, false)
	}
	s.Start()
	ready := make(chan bool, 1)
	go func() { ready <- s.ReadyForConnections(readyTimeout) }()
	select {
	case ok := <-ready:
		if ok && s.JetStreamEnabled() {
			return s, nil
		}
		err = fmt.Errorf("log in %s: the engine did not start; its own lines above say why. Is the folder writable, and is there space?", opts.Dir)
	case <-ctx.Done():
		err = fmt.Errorf("log in %s: %w while it was starting", opts.Dir, ctx.Err())
	}
	s.Shutdown()
	s.WaitForShutdown()
	return nil, err
}

// lockDir makes the folder and takes it for this process. The lock goes with the
// process, however it ends.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s: %w; name one that can be made and written", dir, err)
	}
	name := filepath.Join(dir, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: cannot be written: %w", dir, err)
	}
	if err := tryLock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: another process is using it (%w); stop that one, or give this one a folder of its own", dir, err), f.Close())
	}
	return f, nil
}

// Connect opens a connection to the server through memory.
func (s *Server) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append(opts, nats.Name(name), nats.InProcessServer(s.nats))...)
	if err != nil {
		return nil, fmt.Errorf("connect to the engine: %w", err)
	}
	return nc, nil
}

// Health is nil, or why the engine cannot store. A stream that cannot write
// answers no publisher; this is the only place where the reason is told.
func (s *Server) Health() error {
	h := s.nats.Healthz(&server.HealthzOptions{Details: true})
	if h.StatusCode == 200 {
		return nil
	}
	reasons := make([]error, 0, len(h.Errors))
	for _, e := range h.Errors {
		reasons = append(reasons, errors.New(e.Error))
	}
	if len(reasons) == 0 {
		reasons = append(reasons, errors.New(h.Status+" "+h.Error))
	}
	return fmt.Errorf("the engine in %s: %w", s.dir, errors.Join(reasons...))
}

// Shutdown ends the server and gives the folder back.
func (s *Server) Shutdown() error {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return s.lock.Close()
}
