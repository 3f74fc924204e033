package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// openTimeout bounds the requests with which a log is opened.
	openTimeout = time.Minute
	// lastWrite bounds the writing of marks when a log is closed, and lateWrite does
	// where the time to close it is over.
	lastWrite, lateWrite = 10 * time.Second, 2 * time.Second
)

// Log is a hub.Log on JetStream, and a hub.DocLog if it is of documents.
type Log struct {
	// static after Open
	cfg     Config
	engine  // how the engine is reached
	parts   []*partition
	watches *watches
	known   *known        // nil where no replica can be behind
	readers chan struct{} // a token for each history read under way
	blobs   *Blobs        // nil: it is of rooms

	life
	health  atomic.Pointer[error]
	silence atomic.Pointer[failure] // since when it cannot be seen where the log stands; nil: it can
	away    atomic.Pointer[error]   // why the connection was lost, or could not be had again
	recheck chan struct{}           // holds a token when the streams' ends are to be checked
	renewed atomic.Bool             // a partition has a new epoch that is not stored yet
	stats   stats

	mu       sync.Mutex // guards what follows
	findings []Finding
}

// engine is what the log stands on.
type engine struct {
	pub     *nats.Conn // appends, and the streams' management
	live    *nats.Conn // watching, and the tails
	old     *nats.Conn // history
	js      jetstream.JetStream
	allowed *jetstream.AccountInfo // when it was opened
	near    bool                   // it is in this process: asking costs next to nothing
	staged  bool                   // it gathers batches in memory
}

// life is the log's goroutines and their end.
type life struct {
	ctx     context.Context // ends when the log is closed
	cancel  context.CancelFunc
	writers sync.WaitGroup // and swaps
	gate    sync.RWMutex   // held to begin a swap, and to say that the log is closed
	tasks   sync.WaitGroup // keepHealth, keepMarks
	closing sync.Mutex     // held while closing
	opened  atomic.Bool
	closed  atomic.Bool
}

// Open opens the log, or makes it if there never was one. ctx bounds the opening.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	l := &Log{
		cfg:     cfg,
		readers: make(chan struct{}, cfg.Readers), recheck: make(chan struct{}, 1),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := l.open(ctx); err != nil {
		l.cancel()
		l.disconnect()
		return nil, err
	}
	l.opened.Store(true)
	for _, p := range l.parts {
		l.writers.Go(p.write)
	}
	l.checkHealth()
	l.tasks.Go(l.keepHealth)
	l.tasks.Go(l.keepMarks)
	l.tasks.Go(l.keepSeals)
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	if err := l.connect(); err != nil {
		return err
	}
	var err error
	if l.js, err = jetstream.New(l.pub); err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	if err := l.ready(ctx); err != nil {
		return err
	}
	if err := l.checkServer(); err != nil {
		return err
	}
	if l.allowed, err = l.account(ctx); err != nil {
		return err
	}
	rec, err := l.store(ctx)
	if err != nil {
		return err
	}
	if err := l.cfg.checkReplicated(); err != nil {
		return err
	}
	if l.cfg.Replicas > 1 {
		l.known = newKnown()
	}
	for n := range rec.Partitions {
		p, err := newPartition(l, n, rec.Partitions[n])
		if err != nil {
			return err
		}
		l.parts = append(l.parts, p)
	}
	l.watches = newWatches(l)
	if err := l.watches.hearNews(); err != nil {
		return err
	}
	if err := l.audit(ctx); err != nil {
		return err
	}
	if err := l.probe(); err != nil {
		return err
	}
	if l.cfg.StageBatches != nil {
		err := l.cfg.StageBatches()
		if l.staged = err == nil; err != nil {
			l.cfg.Fault(err)
		}
	}
	return nil
}

// ready refuses an engine that could not load all it has: what it does not show
// would be taken for something that never was.
func (l *Log) ready(ctx context.Context) error {
	err := l.well(ctx)
	if err == nil || holds(err) {
		return nil
	}
	return fmt.Errorf("the engine is not well, and nothing was changed: %w", err)
}

// well is the engine's health. One that has just come to others is not well for a
// moment.
func (l *Log) well(ctx context.Context) error {
	for {
		err := l.cfg.Health()
		if err == nil || holds(err) || !l.clustered() {
			return err
		}
		select {
		case <-time.After(patientWait):
		case <-ctx.Done():
			return err
		}
	}
}

// connect opens the three connections.
func (l *Log) connect() (err error) {
	always := l.lasting()
	if l.pub, err = l.cfg.Connect("hubbub-append", append(always,
		nats.DisconnectErrHandler(l.lost), nats.ReconnectErrHandler(l.lost),
		nats.ReconnectHandler(func(*nats.Conn) { l.reconnected() }))...); err != nil {
		return err
	}
	if l.old, err = l.cfg.Connect("hubbub-history", always...); err != nil {
		return err
	}
	l.near = l.old.Opts.InProcessServer != nil
	l.live, err = l.cfg.Connect("hubbub-watch", append(always,
		nats.ReconnectHandler(func(*nats.Conn) {
			if l.opened.Load() {
				l.watches.reconnected()
			}
		}),
		nats.ErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			if l.opened.Load() && nc.IsConnected() {
				l.watches.failed(sub, err)
			}
		}))...)
	return err
}

// reconnected looks whether the server that was found is one that will do, and whether
// all is there.
func (l *Log) reconnected() {
	l.away.Store(nil)
	if !l.opened.Load() {
		return
	}
	for _, p := range l.parts {
		p.replies.giveUp() // the answers would have come on the connection that was lost
	}
	if err := l.checkServer(); err != nil {
		l.cfg.Fault(err)
	}
	l.lookAgain()
	l.checkHealth()
}

// lasting are the options of each connection. What cannot be sent now is tried again
// later, so nothing is kept for it.
func (l *Log) lasting() []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(reconnectWait),
		nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
			if nc.IsConnected() {
				l.cfg.Fault(err)
			} else {
				l.lost(nc, err) // it is told once a try, by each connection
			}
		}),
	}
}

// reconnectWait is how long a lost connection waits between tries.
const reconnectWait = 100 * time.Millisecond

func (l *Log) disconnect() {
	for _, nc := range []*nats.Conn{l.pub, l.live, l.old} {
		if nc != nil {
			nc.Close()
		}
	}
	if l.blobs != nil && l.blobs.nc != nil {
		l.blobs.nc.Close()
	}
}

// partition finds where a room or a document is.
func (l *Log) partition(name string) *partition {
	return l.parts[partitionOf(name, len(l.parts))]
}

// Append queues the records with the room's partition; see hub.Log.
func (l *Log) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	return l.partition(room).append(room, records, done)
}

// Close stores what is queued, writes the marks and lets go of the connections;
// see hub.Log.
func (l *Log) Close(ctx context.Context) error {
	l.closing.Lock()
	defer l.closing.Unlock()
	l.gate.Lock()
	before := l.closed.Swap(true)
	l.gate.Unlock()
	if before {
		return nil
	}
	for _, p := range l.parts {
		p.queue.close()
	}
	err := l.drain(ctx)
	l.cancel()
	l.writers.Wait()
	l.tasks.Wait()
	err = errors.Join(err, l.lastMarks(ctx))
	l.watches.close()
	l.disconnect()
	return err
}

// lastMarks writes the marks a last time, also if ctx has ended.
func (l *Log) lastMarks(ctx context.Context) error {
	most := lastWrite
	if ctx.Err() != nil {
		ctx, most = context.WithoutCancel(ctx), lateWrite
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := l.writeMarks(ctx)
	if serr := l.sealAll(ctx, 0); serr != nil {
		l.cfg.Fault(serr) // what is not sealed now is the next time
	}
	return err
}

// drain waits for the writers until ctx ends. What they have not stored by then is
// answered with ErrClosed.
func (l *Log) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.writers.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close the log: %w", ctx.Err())
	}
}
