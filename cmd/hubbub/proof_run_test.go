package main_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// workload says what a run does to its hub.
type workload struct {
	seed        uint64
	rooms       int
	quiet       int // of the rooms, those without subscribers: their history comes from the log
	publishers  int
	sdkShare    int // each how many-th publisher and subscriber uses the SDK; 0: none
	subscribers int
	readers     int
	pace        time.Duration // mean time between a publisher's messages
	kills       int
	pauses      int
	between     int           // acks between two kills, on average
	atLeast     int           // acks before it ends
	settle      time.Duration // how long all may take to be answered and delivered

	harsh
}

// harsh is what the clients of a workload do to their connections, beyond coming and
// going.
type harsh struct {
	stalls  int  // each how many-th subscriber stops reading until the hub cuts it; 0: none
	deflate bool // the raw clients insist on permessage-deflate
	reset   bool // a connection that is cut amid a frame is reset
}

// run is a workload under way: the clients, and what they record.
type run struct {
	// static after newRun
	t     testing.TB
	load  workload
	hub   *hubProcess
	begin time.Time
	ctx   context.Context // ends when the run is given up, or over

	acked   atomic.Int64
	slow    atomic.Int64  // connections that the hub cut because they did not read
	torn    atomic.Int64  // frames of which the hub got half
	trouble chan string   // what no client should have met; the first few
	quiet   chan struct{} // closed: nothing new is published any more
	told    chan struct{} // closed: targets is set, and subscribers end when they are there
	targets map[string]position

	mu      sync.Mutex // guards what follows
	history checker.History
}

func newRun(t testing.TB, load workload, hub *hubProcess) *run {
	return &run{
		t: t, load: load, hub: hub, begin: time.Now(),
		trouble: make(chan string, 20), quiet: make(chan struct{}), told: make(chan struct{}),
		history: checker.History{Final: map[string]checker.Final{}},
	}
}

// now is the time of the run's clock.
func (r *run) now() time.Duration { return time.Since(r.begin) }

// rng gives a client its own source of chance.
func (r *run) rng(kind string, n int) *rand.Rand {
	return rand.New(rand.NewPCG(r.load.seed, crc(fmt.Sprint(kind, n))))
}

// crc is the same in every process.
func crc(s string) uint64 { return uint64(crc32.ChecksumIEEE([]byte(s))) }

func (r *run) room(n int) string { return fmt.Sprint("room-", n%r.load.rooms) }

// dial connects one of the run's raw clients. slow: it is going to stop reading.
func (r *run) dial(token string, slow bool) (*rawConn, error) {
	c, err := dialing{tls: r.hub.tls, narrow: slow, deflate: r.load.deflate, reset: r.load.reset}.dial(r.ctx, r.hub.addr, token)
	if errors.Is(err, errNotCompressed) {
		r.complain("%v", err)
	}
	return c, err
}

// complain notes what no client should have met.
func (r *run) complain(format string, args ...any) {
	select {
	case r.trouble <- fmt.Sprintf(format, args...):
	default:
	}
}

// do runs the workload, and gives what was recorded. It is for the checker to say
// whether that was right; only a hub that does not answer any more fails here.
func (r *run) do() *checker.History {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.ctx = ctx
	r.hub.start()
	r.hub.awaitReady()
	var publishers, followers, readers sync.WaitGroup
	for i := range r.load.publishers {
		publishers.Go(r.publisher(i))
	}
	for i := range r.load.subscribers {
		followers.Go(r.follower(i))
	}
	reading, stop := context.WithCancel(ctx)
	for i := range r.load.readers {
		readers.Go(func() { r.reader(reading, i) })
	}
	r.disturb()
	r.awaitAcks(int64(r.load.atLeast))
	r.awaitSlow()
	close(r.quiet)
	if !r.await(&publishers, cancel, "the publishers to be answered") {
		r.t.FailNow()
	}
	stop()
	readers.Wait()
	r.targets = r.positions()
	close(r.told)
	if !r.await(&followers, cancel, "the subscribers to get there") {
		r.ctx = context.Background() // for the reading back
	}
	r.readBack()
	return &r.history
}

// disturb kills the hub at random moments, each time after some acks and a little
// more, and starts it anew; some kills hit a hub that is just starting.
func (r *run) disturb() {
	rng := r.rng("kills", 0)
	for i := range max(r.load.kills, r.load.pauses) {
		if i < r.load.pauses {
			r.awaitSome(int64(r.load.between / 2))
			r.hub.pause(time.Duration(100+rng.IntN(4000)) * time.Millisecond)
		}
		if i < r.load.kills {
			r.awaitSome(rng.Int64N(2 * int64(r.load.between)))
			wait(r.ctx, time.Duration(rng.IntN(30_000))*time.Microsecond)
			r.hub.kill()
			r.hub.start()
			if rng.IntN(5) == 0 {
				wait(r.ctx, time.Duration(rng.IntN(300))*time.Millisecond)
				r.hub.kill()
				r.hub.start()
			}
			r.hub.awaitReady()
		}
	}
}

// mostBetween bounds the time between two kills, so that a slow machine does less
// and not longer.
const mostBetween = 3 * time.Second

// awaitSome waits for some more acks: for one at least, and not for too long.
func (r *run) awaitSome(n int64) {
	r.t.Helper()
	from, end := r.acked.Load(), time.Now().Add(mostBetween)
	r.awaitAcks(from + 1)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.acked.Load() < from+n && time.Now().Before(end) {
		<-tick.C
	}
}

// awaitAcks waits until so many were counted. A hub that gives none for long is
// stuck.
func (r *run) awaitAcks(n int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	last, since := int64(-1), time.Now()
	for {
		have := r.acked.Load()
		if have >= n {
			return
		}
		if have != last {
			last, since = have, time.Now()
		}
		if time.Since(since) > r.load.settle {
			r.t.Fatalf("no ack for %v, after %d\n%s", r.load.settle, have, r.hub.tail())
		}
		<-tick.C
	}
}

// awaitSlow waits until the hub has cut a few of the subscribers who stop reading, if
// there are any; how fast what they do not read grows is the machine's to say.
func (r *run) awaitSlow() {
	if r.load.stalls == 0 {
		return
	}
	tick, end := time.NewTicker(10*time.Millisecond), time.Now().Add(r.load.settle)
	defer tick.Stop()
	for r.slow.Load() < 3 && time.Now().Before(end) {
		<-tick.C
	}
}

// await waits for clients to end. Those that do not are made to, and the checker
// says what they missed.
func (r *run) await(clients *sync.WaitGroup, giveUp func(), what string) bool {
	r.t.Helper()
	done := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(r.load.settle):
		r.t.Errorf("gave up waiting %v for %s\n%s\nwhat the hub is doing:\n%s", r.load.settle, what, r.hub.tail(), r.hub.stacks())
		giveUp()
		<-done
		return false
	}
}

// keep adds what a client has recorded.
func (r *run) keep(publishes []checker.Publish, tracks []checker.Track, reads []checker.Read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Publishes = append(r.history.Publishes, publishes...)
	r.history.Tracks = append(r.history.Tracks, tracks...)
	r.history.Reads = append(r.history.Reads, reads...)
}

// noTrouble fails the test if a client met what it should not.
func (r *run) noTrouble() {
	r.t.Helper()
	select {
	case what := <-r.trouble:
		r.t.Errorf("a client met: %s (and %d more)", what, len(r.trouble))
	default:
	}
}

// judge lets the checker speak, and prints what was done.
func (r *run) judge(h *checker.History, opts checker.Options) *checker.Report {
	took := r.now()
	report := checker.Check(h, opts)
	r.t.Logf("seed %d | %d publishers, %d subscribers, %d rooms | %d kills, %d pauses, %d cut for being slow, %d half frames | acked %d of %d, attempts %d, repeats %d | deliveries %d, joins %d, resumes %d, resets %d | pages %d | %v, checked in %v",
		r.load.seed, r.load.publishers, r.load.subscribers, r.load.rooms, r.load.kills, r.load.pauses, r.slow.Load(), r.torn.Load(),
		report.Acked, report.Messages, report.Attempts, report.Duplicates,
		report.Deliveries, report.Joins, report.Resumes, report.Resets, report.Reads,
		took.Round(time.Millisecond), (r.now() - took).Round(time.Millisecond))
	return report
}

// must ends the test for an error in what the run itself needs.
func (r *run) must(err error) {
	r.t.Helper()
	require.NoError(r.t, err, "%s", r.hub.tail())
}
