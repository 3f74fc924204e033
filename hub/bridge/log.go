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

// openTimeout bounds the requests with which a log is opened.
const openTimeout = time.Minute

// healthEvery is how often the engine is asked for its health.
const healthEvery = 2 * time.Second

// Log is a hub.Log on JetStream.
type Log struct {
	// static after Open
	cfg      Config
	pub      *nats.Conn // appends
	live     *nats.Conn // watching
	old      *nats.Conn // history
	js       jetstream.JetStream
	parts    []*partition
	acks     *ackInbox
	watches  *watches
	readers  chan struct{} // a token for each history read under way
	findings []Finding

	ctx    context.Context // ends when the log is closed
	cancel context.CancelFunc
	tasks  sync.WaitGroup // keepMarks, keepHealth; the writers are waited for apart
	health atomic.Pointer[error]
	stats  stats
	closed atomic.Bool
}

// Open opens the log, or makes it if there never was one. ctx bounds the opening.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, readers: make(chan struct{}, cfg.Readers)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := l.open(ctx); err != nil {
		l.cancel()
		l.disconnect()
		return nil, err
	}
	for _, p := range l.parts {
		p.start()
	}
	l.watches.start()
	l.checkHealth()
	l.tasks.Go(l.keepHealth)
	l.tasks.Go(l.keepMarks)
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	var err error
	for _, c := range []struct {
		conn **nats.Conn
		name string
		opts []nats.Option
	}{
		{&l.pub, "hubbub-append", nil},
		{&l.old, "hubbub-history", nil},
		{&l.live, "hubbub-watch", []nats.Option{
			nats.ReconnectHandler(func(*nats.Conn) { l.watches.suspectAll() }),
			nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { l.watches.failed(sub, err) }),
		}},
	} {
		if *c.conn, err = l.cfg.Connect(c.name, c.opts...); err != nil {
			return err
		}
	}
	if l.js, err = jetstream.New(l.pub); err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	l.watches = newWatches(l)
	rec, err := l.store(ctx)
	if err != nil {
		return err
	}
	if l.acks, err = newAckInbox(l.pub); err != nil {
		return err
	}
	for p := range rec.Partitions {
		l.parts = append(l.parts, newPartition(l, p, rec.Partitions[p]))
	}
	return l.audit(ctx)
}

func (l *Log) disconnect() {
	for _, nc := range []*nats.Conn{l.pub, l.live, l.old} {
		if nc != nil {
			nc.Close()
		}
	}
}

// partition finds where a room is.
func (l *Log) partition(room string) *partition {
	return l.parts[partitionOf(room, len(l.parts))]
}

// Append queues the records with the room's partition; see hub.Log.
func (l *Log) Append(room string, records []hub.Record, done func([]hub.Ack)) error {
	for i := range records {
		if n := len(records[i].Data); n > maxRecord {
			return fmt.Errorf("%w: %d bytes, at most %d", hub.ErrTooLarge, n, maxRecord)
		}
	}
	return l.partition(room).append(room, records, done)
}

// Health is nil while the log can store; see hub.Log.
func (l *Log) Health() error {
	if reason := l.health.Load(); reason != nil {
		return *reason
	}
	return nil
}

// checkHealth asks the engine.
func (l *Log) checkHealth() {
	var reason error
	switch {
	case l.closed.Load():
		reason = hub.ErrClosed
	case !l.pub.IsConnected():
		reason = errors.New("there is no connection to NATS")
	case l.cfg.Health != nil:
		reason = l.cfg.Health()
	}
	if reason == nil {
		reason = l.stuck()
	}
	if reason == nil {
		l.health.Store(nil)
		return
	}
	l.health.Store(&reason)
}

// stuck is the reason of a partition that has not answered for a while, for
// engines that cannot say it themselves.
func (l *Log) stuck() error {
	for _, p := range l.parts {
		if p.silent.Load() {
			return fmt.Errorf("%s does not answer", l.cfg.stream(p.n))
		}
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
			return
		}
	}
}

// keepMarks writes where the partitions stand, when that has moved.
func (l *Log) keepMarks() {
	tick := time.NewTicker(l.cfg.MarkEvery)
	defer tick.Stop()
	var last []uint64
	for {
		select {
		case <-tick.C:
			marks := l.marks()
			if moved(last, marks) {
				ctx, cancel := context.WithTimeout(l.ctx, l.cfg.AckTimeout)
				if err := l.writeMarks(ctx); err != nil {
					l.cfg.Fault(err)
				} else {
					last = marks
				}
				cancel()
			}
		case <-l.ctx.Done():
			return
		}
	}
}

func (l *Log) marks() []uint64 {
	marks := make([]uint64, len(l.parts))
	for i, p := range l.parts {
		marks[i] = p.mark.Load()
	}
	return marks
}

func moved(a, b []uint64) bool {
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			return true
		}
	}
	return false
}

func (l *Log) writeMarks(ctx context.Context) error {
	rec := &record{Version: 1}
	for _, p := range l.parts {
		rec.Partitions = append(rec.Partitions, p.record())
	}
	return l.remember(ctx, rec)
}

// Close stores what is queued, writes the marks and lets go of the connections;
// see hub.Log.
func (l *Log) Close(ctx context.Context) error {
	if l.closed.Swap(true) {
		return nil
	}
	var err error
	for _, p := range l.parts {
		err = errors.Join(err, p.close(ctx))
	}
	l.cancel()
	l.tasks.Wait()
	if merr := l.writeMarks(ctx); merr != nil {
		err = errors.Join(err, merr)
	}
	l.watches.close()
	l.acks.close()
	l.disconnect()
	l.watches.wait()
	return err
}
