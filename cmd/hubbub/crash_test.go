package main_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// The flags with which the proof is taken further than its tests do by themselves:
// go test ./cmd/hubbub -run NothingAcked -proof.kills 200 -proof.seed 7
var (
	seedFlag   = flag.Uint64("proof.seed", 0, "seed of the proof's workloads; 0: one that is drawn, and told")
	killsFlag  = flag.Int("proof.kills", 0, "how often the hub is killed; 0: as the test has it")
	pausesFlag = flag.Int("proof.pauses", 0, "how often the hub is stopped for some seconds")
	binaryFlag = flag.String("proof.binary", "", "program to prove; without it, it is built")
)

// hubFlagsOfProof let clients publish as fast as they can.
var hubFlagsOfProof = []string{"--rate=1000000", "--burst=1000000", "--admin-addr=", "--log-level=warn"}

// hubFlagsOfHarsh let a hub lose its patience with a peer in a second.
var hubFlagsOfHarsh = append(slices.Clone(hubFlagsOfProof), "--queue-bytes=32KiB", "--queue-age=1s", "--compress-from=128")

// onHarshConnections is a workload whose connections fare badly: a tenth of the
// subscribers stop reading until they are cut, frames break off in the middle and the
// connection is reset, and all of it goes compressed.
var onHarshConnections = harsh{stalls: 10, deflate: true, reset: true}

// readLag is by how much a page of history may be older than the last ack: whoever
// has an ack finds the message.
const readLag = 0

// seeded gives a workload its seed and what the flags say.
func seeded(load workload) workload {
	if load.seed = *seedFlag; load.seed == 0 {
		load.seed = rand.Uint64N(1 << 32)
	}
	if *killsFlag > 0 {
		load.kills = *killsFlag
	}
	load.pauses = *pausesFlag
	return load
}

// Promises 1 and 2, from outside: whatever is killed, what was acknowledged is
// there once, in one order, and everybody sees exactly that.
func TestNothingAckedIsLost(t *testing.T) {
	load := workload{
		rooms: 16, quiet: 2, publishers: 64, sdkShare: 3, subscribers: 32, readers: 4,
		pace: 50 * time.Millisecond, kills: 20, between: 2500, atLeast: 1000, settle: time.Minute,
	}
	if testing.Short() {
		load.rooms, load.quiet, load.publishers, load.subscribers, load.readers = 4, 1, 8, 8, 1
		load.kills, load.between, load.pace, load.atLeast = 4, 600, 10*time.Millisecond, 500
	}
	run := newRun(t, seeded(load), newHub(t, []string{binary(t), "serve"}, hubFlagsOfProof...))
	history := run.do()
	report := run.judge(history, checker.Options{Lag: readLag})
	run.noTrouble()
	require.True(t, report.OK(), report.String())
	require.GreaterOrEqual(t, report.Acked, load.atLeast, "too little was done to prove anything")
	require.Zero(t, report.Resets, "nothing is ever gone, so nobody needs a reset")
}

// The same where the connections fare badly, on each of the ways to a socket.
func TestNothingAckedIsLostOnHarshConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute for each form")
	}
	for _, form := range []struct {
		name  string
		flags []string
		tls   bool
	}{
		{"raw path", nil, false},
		{"plain I/O", []string{"--no-raw-io"}, false},
		{"TLS", nil, true},
	} {
		t.Run(form.name, func(t *testing.T) {
			load := seeded(workload{
				rooms: 4, quiet: 1, publishers: 16, sdkShare: 3, subscribers: 20, readers: 1,
				pace: 50 * time.Millisecond, kills: 1, between: 400, atLeast: 1000, settle: time.Minute,
				harsh: onHarshConnections,
			})
			hub := newHub(t, []string{binary(t), "serve"}, append(form.flags, hubFlagsOfHarsh...)...)
			if form.tls {
				hub.useTLS()
			}
			run := newRun(t, load, hub)
			report := run.judge(run.do(), checker.Options{Lag: readLag})
			run.noTrouble()
			require.True(t, report.OK(), report.String())
			require.GreaterOrEqual(t, report.Acked, load.atLeast, "too little was done to prove anything")
			require.Zero(t, report.Resets, "nothing is ever gone, so nobody needs a reset")
			require.Positive(t, run.slow.Load(), "nobody was cut for being slow")
			require.Positive(t, run.torn.Load(), "no connection was cut amid a frame")
		})
	}
}

// The same, small enough for another method of proof.
func TestSmallHistoriesAreLinearizable(t *testing.T) {
	load := workload{
		rooms: 3, quiet: 1, publishers: 6, sdkShare: 3, subscribers: 2, readers: 3,
		pace: 30 * time.Millisecond, kills: 2, between: 250, atLeast: 200, settle: time.Minute,
	}
	run := newRun(t, seeded(load), newHub(t, []string{binary(t), "serve"}, hubFlagsOfProof...))
	history := run.do()
	report := run.judge(history, checker.Options{Lag: readLag})
	run.noTrouble()
	require.True(t, report.OK(), report.String())
	require.NoError(t, checker.Linearizable(history, readLag, time.Minute))
}

// The proof can fail: each hub with a fault is found out, and the fault is named.
func TestAHubWithAFaultIsFoundOut(t *testing.T) {
	lost := []checker.Verdict{checker.LostHead, checker.LostMiddle, checker.LostTail}
	// Its publisher may say it once more, for no reason: then it stands elsewhere.
	gone := append(slices.Clone(lost), checker.Misplaced)
	for _, c := range []struct {
		fault string
		kills int
		want  []checker.Verdict // one of them
		on    harsh
	}{
		{"none", 2, nil, harsh{}},
		{"drops one", 0, gone, harsh{}},
		{"drops one", 0, gone, onHarshConnections},
		{"doubles one", 0, []checker.Verdict{checker.Doubled}, harsh{}},
		{"swaps two", 0, []checker.Verdict{checker.Reordered}, harsh{}},
		{"acks early", 2, gone, harsh{}},
		{"forgets", 1, lost, harsh{}},
		{"stale history", 0, []checker.Verdict{checker.StaleRead}, harsh{}},
		{"hides one", 0, []checker.Verdict{checker.Hole}, harsh{}},
		{"hides one", 0, []checker.Verdict{checker.Hole}, onHarshConnections},
	} {
		name, flags := c.fault, hubFlagsOfProof
		if c.on != (harsh{}) {
			name, flags = name+" on harsh connections", hubFlagsOfHarsh
		}
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			if testing.Short() && (c.on != (harsh{}) || c.fault != "none" && c.fault != "drops one" && c.fault != "doubles one") {
				t.Skip("the other faults are for the whole test")
			}
			load := seeded(workload{
				rooms: 4, quiet: 1, publishers: 8, subscribers: 6, readers: 2,
				pace: 5 * time.Millisecond, between: 1000, atLeast: 2000, settle: 30 * time.Second,
			})
			load.kills, load.pauses, load.harsh = c.kills, 0, c.on
			run := newRun(t, load, newHub(t, []string{self, "faulty-hub", c.fault}, flags...))
			report := run.judge(run.do(), checker.Options{Lag: readLag})
			t.Logf("verdicts: %q", report.Verdicts())
			if c.want == nil {
				run.noTrouble()
				require.True(t, report.OK(), report.String())
				return
			}
			found := false
			for _, v := range c.want {
				found = found || report.Has(v)
			}
			require.True(t, found, "want one of %q, got:\n%s", c.want, report)
		})
	}
}
