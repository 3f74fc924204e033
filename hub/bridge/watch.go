package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

// lookAfter is when, after an election, a partition is looked at once more: who looks at
// once may be answered by a copy that has not come so far.
var lookAfter = []time.Duration{300 * time.Millisecond, time.Second, 1700 * time.Millisecond, 3 * time.Second}

// flushTimeout bounds the wait for the server to know of a subscription.
const flushTimeout = 5 * time.Second

// watches brings what the streams publish again to the rooms' watchers.
type watches struct {
	log  *Log
	fan  *fan[*watch]
	news []*nats.Subscription // what the engine tells
}

// watch is one Watch call.
type watch struct {
	hub.Watcher
	on atomic.Bool // false after stop
}

func newWatches(l *Log) *watches {
	w := &watches{log: l}
	w.fan = newFan(l.live, w.deliver, func(one *watch) {
		if one.on.Load() {
			one.Flush()
		}
	}, func(one *watch) {
		if one.on.Load() {
			one.Suspect()
		}
	})
	return w
}

// Watch subscribes to the room, and returns when the server knows; see hub.Log.
func (l *Log) Watch(room string, watcher hub.Watcher) (stop func(), err error) {
	if l.closed.Load() {
		return nil, hub.ErrClosed
	}
	subject, one := l.cfg.liveSubject(l.partition(room).n, room), &watch{Watcher: watcher}
	one.on.Store(true)
	if err := l.watches.fan.add(subject, one); err != nil {
		return nil, unavailable(err)
	}
	stop = func() {
		one.on.Store(false)
		if err := l.watches.fan.remove(subject, one); err != nil {
			l.cfg.Fault(err)
		}
	}
	if err := l.live.FlushTimeout(flushTimeout); err != nil {
		stop()
		return nil, unavailable(fmt.Errorf("subscribe: %w", err))
	}
	return stop, nil
}

func (w *watches) deliver(one *watch, msg *nats.Msg) {
	if !one.on.Load() {
		return
	}
	e, err := decodeLive(msg)
	if err != nil {
		w.log.cfg.Fault(err)
		one.Suspect()
		return
	}
	w.log.known.note(w.log.cfg.loggedAs(msg.Subject), e.Seq)
	one.Entry(e)
}

// decodeLive reads a message that a stream has published again.
func decodeLive(msg *nats.Msg) (hub.Entry, error) {
	seq, err := header(msg, "Nats-Sequence")
	if err != nil {
		return hub.Entry{}, err
	}
	prev, err := header(msg, "Nats-Last-Sequence")
	if err != nil {
		return hub.Entry{}, err
	}
	if prev >= seq {
		return hub.Entry{}, fmt.Errorf("%s: sequence %d after %d", msg.Subject, seq, prev)
	}
	return hub.Entry{Seq: seq, Prev: prev, Data: msg.Data}, nil
}

// header reads a number out of a message's headers. The server writes it once: if
// it is there twice, something else has written it too.
func header(msg *nats.Msg, name string) (uint64, error) {
	values := msg.Header[name]
	if len(values) != 1 {
		return 0, fmt.Errorf("%s: the header %s is there %d times, and must be once", msg.Subject, name, len(values))
	}
	n, err := strconv.ParseUint(values[0], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: header %s: %w", msg.Subject, name, err)
	}
	return n, nil
}

// What the engine tells about streams, and about itself.
const (
	newsElected   = "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED."
	newsAbandoned = "$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED."
	newsFull      = "$JS.EVENT.ADVISORY.SERVER.OUT_OF_STORAGE"
)

// hearNews subscribes to what the engine tells.
func (w *watches) hearNews() error {
	for subject, heard := range map[string]nats.MsgHandler{
		newsElected + "*":   func(msg *nats.Msg) { w.elected(strings.TrimPrefix(msg.Subject, newsElected)) },
		newsAbandoned + "*": func(msg *nats.Msg) { w.abandoned(strings.TrimPrefix(msg.Subject, newsAbandoned), msg.Data) },
		newsFull:            func(msg *nats.Msg) { w.log.cfg.Fault(fmt.Errorf("a server is out of space: %s", msg.Data)) },
	} {
		sub, err := w.log.live.Subscribe(subject, heard)
		if err != nil {
			return fmt.Errorf("subscribe to the engine's news: %w", err)
		}
		w.news = append(w.news, sub)
	}
	return nil
}

// abandoned tells of a batch that the engine has dropped.
func (w *watches) abandoned(stream string, why []byte) {
	for _, p := range w.log.parts {
		if p.stream == stream {
			w.log.cfg.Fault(fmt.Errorf("stream %s: a batch was dropped: %s", stream, why))
		}
	}
}

// elected has a partition looked at that has a new leader: what the one before has
// committed may never have been published again, and what it was asked may have died
// with it.
func (w *watches) elected(stream string) {
	for _, p := range w.log.parts {
		if p.stream == stream {
			p.replies.giveUp() // the one before answers no more
			w.suspect(p.n)
			for _, wait := range lookAfter {
				time.AfterFunc(wait, func() { w.suspect(p.n) })
			}
			w.log.lookAgain()
		}
	}
}

// doubt has the watchers of one room look at the log, which has an entry that nobody may
// have been told of: a repeat was answered.
func (w *watches) doubt(p *partition, logged string) {
	live := w.log.cfg.livePrefix(p.n) + strings.TrimPrefix(logged, w.log.cfg.logPrefix(p.n))
	w.fan.suspectOne(live)
}

// suspect has all watchers of a partition look at the log.
func (w *watches) suspect(partition int) {
	prefix := w.log.cfg.livePrefix(partition)
	w.fan.suspect(func(subject string) bool { return strings.HasPrefix(subject, prefix) })
}

// reconnected has everybody look at the log, as soon as the server knows of the
// subscriptions again: what is missed later shows by Prev.
func (w *watches) reconnected() {
	if err := w.log.live.FlushTimeout(flushTimeout); err != nil {
		w.log.cfg.Fault(fmt.Errorf("watching again: %w", err))
	}
	w.fan.suspect(func(string) bool { return true })
}

// failed hears of errors on the watching connection: a receiver that was too slow
// has missed something.
func (w *watches) failed(sub *nats.Subscription, err error) {
	if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
		w.log.stats.slow.Add(1)
		w.fan.suspect(func(subject string) bool { return subject == sub.Subject })
		return
	}
	w.log.cfg.Fault(fmt.Errorf("watching: %w", err))
}

func (w *watches) close() {
	w.fan.close()
	for _, sub := range w.news {
		_ = sub.Unsubscribe() // the connection may be gone
	}
}
