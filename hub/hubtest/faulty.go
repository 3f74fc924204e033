package hubtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// Faulty is a hub.Log that passes everything on to another one and goes wrong on
// the way, as often as its plan says. What it does to a room follows from the
// seed and from the calls for that room, so a run under fake time can be repeated.
type Faulty struct {
	// static after construction
	log    hub.Log
	seed   uint64
	plan   Plan
	ctx    context.Context // ends when the Log is closed
	cancel context.CancelFunc

	calm   chan struct{} // closed by Quiet
	counts [faults]atomic.Int64
	tasks  sync.WaitGroup // every goroutine of the Faulty

	mu     sync.Mutex // guards what follows
	rooms  map[string]*faultyRoom
	quiet  bool
	closed bool
}

// faultyRoom is what a Faulty knows of one room. All of it is guarded by the
// Faulty's mu.
type faultyRoom struct {
	appends *rand.Rand
	reads   *rand.Rand
	queue   []*faultyAppend // waits; the first one is under way
	watches int             // how many there have been
}

// NewFaulty wraps log. Close closes both.
func NewFaulty(log hub.Log, seed uint64, plan Plan) *Faulty {
	plan.setDefaults()
	f := &Faulty{log: log, seed: seed, plan: plan, calm: make(chan struct{}), rooms: make(map[string]*faultyRoom)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// Reached tells how often a fault has happened.
func (f *Faulty) Reached(fault Fault) int { return int(f.counts[fault].Load()) }

// Quiet ends the faults: from now on nothing goes wrong, and what is delayed goes
// on at once. Lost acks still take their time.
func (f *Faulty) Quiet() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.quiet {
		f.quiet = true
		close(f.calm)
	}
}

// room finds or makes a room. mu is held.
func (f *Faulty) room(name string) *faultyRoom {
	r := f.rooms[name]
	if r == nil {
		r = &faultyRoom{appends: newDice(f.seed, "append", name), reads: newDice(f.seed, "read", name)}
		f.rooms[name] = r
	}
	return r
}

// hit throws the dice for a fault. The dice belong to whoever calls, or mu is held.
func (f *Faulty) hit(dice *rand.Rand, fault Fault) bool {
	if dice.Float64() >= f.plan.Rates[fault] {
		return false
	}
	select {
	case <-f.calm:
		return false
	default:
	}
	f.counts[fault].Add(1)
	return true
}

// some gives a delay.
func (f *Faulty) some(dice *rand.Rand) time.Duration {
	return time.Duration(dice.Int64N(int64(f.plan.MaxDelay))) + 1
}

// pause waits, unless Quiet or Close end it.
func (f *Faulty) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.calm:
	case <-f.ctx.Done():
	}
}

// Health is that of the wrapped Log.
func (f *Faulty) Health() error { return f.log.Health() }

// Close lets what waits go on, and closes the wrapped Log.
func (f *Faulty) Close(ctx context.Context) error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		f.tasks.Wait()
	}()
	select {
	case <-drained:
	case <-ctx.Done():
		return fmt.Errorf("close: %w", ctx.Err())
	}
	return f.log.Close(ctx)
}
