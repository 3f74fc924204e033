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
	}{
		{"none", 2, nil},
		{"drops one", 0, gone},
		{"doubles one", 0, []checker.Verdict{checker.Doubled}},
		{"swaps two", 0, []checker.Verdict{checker.Reordered}},
		{"acks early", 2, gone},
		{"forgets", 1, lost},
		{"stale history", 0, []checker.Verdict{checker.StaleRead}},
		{"hides one", 0, []checker.Verdict{checker.Hole}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			if testing.Short() && c.fault != "none" && c.fault != "drops one" && c.fault != "doubles one" {
				t.Skip("the other faults are for the whole test")
			}
			load := seeded(workload{
				rooms: 4, quiet: 1, publishers: 8, subscribers: 6, readers: 2,
				pace: 5 * time.Millisecond, between: 1000, atLeast: 2000, settle: 30 * time.Second,
			})
			load.kills, load.pauses = c.kills, 0
			run := newRun(t, load, newHub(t, []string{self, "faulty-hub", c.fault}, hubFlagsOfProof...))
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
