package bridge_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// patience bounds every wait of these tests. It is only ever spent by a failure.
const patience = time.Minute

// childKey names, in the environment of a process that a test starts, what that
// process is to do.
const childKey = "HUBBUB_TEST_CHILD"

// children are what the processes do that tests start. args are the test's own.
var children = map[string]func(args []string){
	"write": writeForever, "swap": swapForever, "nats": serveNATS, "node": serveNode,
	"history-fill":    historyPart(historyTask.fill),
	"history-start":   historyPart(historyTask.start),
	"history-kill":    historyPart(historyTask.kill),
	"history-end":     historyPart(historyTask.end),
	"history-middle":  historyPart(historyTask.middle),
	"history-publish": historyPart(historyTask.publish),
}

func TestMain(m *testing.M) {
	if do := children[os.Getenv(childKey)]; do != nil {
		do(os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}

// child makes the command of a process of this binary that does what children
// says.
func child(what string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childKey+"="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

// world is a log on an engine in this process.
type world struct {
	engine *embedded.Server
	*bridge.Log
}

// start starts an engine in dir and opens a log on it. Whoever calls it closes it.
func start(t testing.TB, dir string, cfg bridge.Config) *world {
	t.Helper()
	w := startEngine(t, dir)
	var err error
	w.Log, err = w.open(t, cfg)
	if err != nil {
		require.NoError(t, w.engine.Shutdown())
	}
	require.NoError(t, err)
	return w
}

func startEngine(t testing.TB, dir string) *world {
	t.Helper()
	engine, err := embedded.Start(t.Context(), embedded.Options{
		Dir: dir, SyncAlways: true, Stage: embedded.MemoryFolder(), Logger: testLogger{t},
	})
	require.NoError(t, err)
	return &world{engine: engine}
}

func (w *world) open(t testing.TB, cfg bridge.Config) (*bridge.Log, error) {
	cfg.Connect, cfg.Health, cfg.StageBatches = w.engine.Connect, w.engine.Health, w.engine.StageBatches
	return bridge.Open(t.Context(), cfg)
}

func (w *world) close(t testing.TB) {
	t.Helper()
	w.closeLog(t)
	require.NoError(t, w.engine.Shutdown())
}

func (w *world) closeLog(t testing.TB) {
	t.Helper()
	if w.Log == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, w.Close(ctx))
}

// openLog is start for a test that needs one log; the test's end closes it.
func openLog(t testing.TB, dir string, cfg bridge.Config) *bridge.Log {
	t.Helper()
	w := start(t, dir, cfg)
	t.Cleanup(func() { w.close(t) })
	return w.Log
}

// testLogger passes on the engine's warnings.
type testLogger struct{ testing.TB }

func (l testLogger) Warnf(format string, v ...any)  { l.Logf("engine: "+format, v...) }
func (l testLogger) Errorf(format string, v ...any) { l.Logf("engine: "+format, v...) }
func (l testLogger) Fatalf(format string, v ...any) { l.Logf("engine: "+format, v...) }
func (l testLogger) Noticef(string, ...any)         {}
func (l testLogger) Debugf(string, ...any)          {}
func (l testLogger) Tracef(string, ...any)          {}

// put appends records and waits for the acks.
func put(t testing.TB, l hub.Log, room string, records ...hub.Record) []hub.Ack {
	t.Helper()
	got := make(chan []hub.Ack, 1)
	require.NoError(t, l.Append(room, records, func(a []hub.Ack) { got <- a }))
	select {
	case acks := <-got:
		return acks
	case <-time.After(patience):
		require.FailNow(t, "an append was never answered")
		return nil
	}
}

// fill stores n records, and gives their sequences.
func fill(t testing.TB, l hub.Log, room string, n int) (seqs []uint64) {
	t.Helper()
	records := make([]hub.Record, n)
	for i := range records {
		records[i] = hub.Record{ID: fmt.Sprint(room, "-", i), Data: fmt.Appendf(nil, "%s %d", room, i)}
	}
	for _, ack := range put(t, l, room, records...) {
		require.NoError(t, ack.Err)
		seqs = append(seqs, ack.Seq)
	}
	return seqs
}

func readAll(t testing.TB, l hub.Log, room string) (entries []hub.Entry) {
	t.Helper()
	for after := uint64(0); ; {
		page, err := l.Read(t.Context(), room, hub.Range{After: after, Limit: hub.MaxPage})
		require.NoError(t, err)
		entries = append(entries, page.Entries...)
		if !page.More {
			return entries
		}
		after = page.Entries[len(page.Entries)-1].Seq
	}
}

func tail(t testing.TB, l hub.Log, room string) hub.Position {
	t.Helper()
	at, err := l.Tail(t.Context(), room)
	require.NoError(t, err)
	return at
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, patience, 5*time.Millisecond, what)
}

// recorder is a watcher that keeps what it is told.
type recorder struct {
	mu       sync.Mutex
	entries  []hub.Entry
	suspects int
}

func (r *recorder) Entry(e hub.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
}

func (r *recorder) Flush() {}

func (r *recorder) Suspect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suspects++
}

func (r *recorder) counts() (entries, suspects int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries), r.suspects
}

func watch(t testing.TB, l hub.Log, room string) *recorder {
	t.Helper()
	r := new(recorder)
	stop, err := l.Watch(room, r)
	require.NoError(t, err)
	t.Cleanup(stop)
	return r
}
