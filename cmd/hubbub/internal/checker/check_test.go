package checker_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

const porcupineTime = 20 * time.Second

func drawWorld(t *rapid.T) *world {
	return newWorld(
		rapid.Uint64().Draw(t, "seed"),
		rapid.IntRange(1, 3).Draw(t, "rooms"),
		rapid.IntRange(1, 5).Draw(t, "publishers"),
		rapid.IntRange(1, 5).Draw(t, "subscribers"),
	)
}

func TestGoodHistoriesPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawWorld(t).run(rapid.IntRange(0, 600).Draw(t, "steps"))
		report := checker.Check(h, checker.Options{})
		require.True(t, report.OK(), report.String())
		require.Equal(t, len(h.Publishes), report.Attempts)
		require.Equal(t, len(h.Reads), report.Reads)
		require.NoError(t, checker.Linearizable(h, 0, porcupineTime))
	})
}

// A history that proves nothing must not pass for a proof: the worlds above hold
// what the checker looks at.
func TestGoodHistoriesAreRich(t *testing.T) {
	h := newWorld(7, 2, 4, 4).run(4000)
	r := checker.Check(h, checker.Options{})
	require.True(t, r.OK(), r.String())
	for what, n := range map[string]int{
		"acked": r.Acked, "repeats": r.Duplicates, "deliveries": r.Deliveries,
		"resumes": r.Resumes, "joins": r.Joins - r.Resumes, "reads": r.Reads,
	} {
		require.Greater(t, n, enough(), what)
	}
}

// enough is how often something that is drawn must have happened for a test to show
// anything; in short mode rapid draws a fifth.
func enough() int {
	if testing.Short() {
		return 1
	}
	return 20
}

// Each damage, at a random place of a random history, is found, and named.
func TestDamageIsFound(t *testing.T) {
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			done := 0
			rapid.Check(t, func(t *rapid.T) {
				h := drawWorld(t).run(rapid.IntRange(100, 800).Draw(t, "steps"))
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "place"), 2))
				if !d.do(h, rng) {
					return // this history has no place for it
				}
				done++
				report := checker.Check(h, checker.Options{})
				require.True(t, report.Has(d.want), "want %q, got:\n%s", d.want, report)
				if d.only {
					require.Equal(t, []checker.Verdict{d.want}, report.Verdicts(), report.String())
				}
				if d.linear {
					require.Error(t, checker.Linearizable(h, 0, porcupineTime))
				}
			})
			require.Greater(t, done, enough(), "the damage was hardly ever done")
		})
	}
}

func TestALaggingReadIsAllowedOnRequest(t *testing.T) {
	h := newWorld(3, 1, 3, 1).run(2000)
	rng := rand.New(rand.NewPCG(1, 1))
	require.True(t, staleRead(h, rng))
	require.True(t, checker.Check(h, checker.Options{}).Has(checker.StaleRead))
	require.True(t, checker.Check(h, checker.Options{Lag: time.Hour}).OK())
	require.Error(t, checker.Linearizable(h, 0, porcupineTime))
	require.NoError(t, checker.Linearizable(h, time.Hour, porcupineTime))
}

func TestAnEmptyHistoryPasses(t *testing.T) {
	r := checker.Check(&checker.History{}, checker.Options{})
	require.True(t, r.OK())
	require.Equal(t, "nothing lost, doubled, reordered or missed", r.String())
}

func TestALostRoomIsFound(t *testing.T) {
	h := newWorld(5, 1, 2, 2).run(500)
	h.Final = nil
	r := checker.Check(h, checker.Options{})
	require.Equal(t, r.Acked, r.Counts[checker.LostTail])
}

// What is gone with an epoch counts as lost, and members who were not told count
// as left behind.
func TestANewEpochIsNoExcuse(t *testing.T) {
	h := newWorld(5, 1, 2, 2).run(500)
	f := h.Final["room0"]
	h.Final["room0"] = checker.Final{Epoch: "e2", Entries: f.Entries[len(f.Entries)-1:]}
	r := checker.Check(h, checker.Options{})
	require.Equal(t, r.Acked-1, r.Counts[checker.LostHead], r.String())
	require.Equal(t, 2, r.Counts[checker.Behind], r.String())
	require.Contains(t, r.String(), "ended live in epoch e1")
}

// A reset that tells of a hole makes it no fault of delivery.
func TestAnAnnouncedHoleIsNoHole(t *testing.T) {
	e := func(seq uint64) checker.Entry { return checker.Entry{Seq: seq, User: "u", ID: string(rune('a' + seq))} }
	at := func(seq uint64) checker.Position { return checker.Position{Epoch: "e", Seq: seq} }
	history := func(announced bool) *checker.History {
		h := &checker.History{Final: map[string]checker.Final{"r": {Epoch: "e", Entries: []checker.Entry{e(1), e(2), e(3), e(4)}}}}
		for seq := range uint64(4) {
			h.Publishes = append(h.Publishes, checker.Publish{Room: "r", User: "u", ID: e(seq + 1).ID, Outcome: checker.Acked, At: at(seq + 1), Done: 1})
		}
		steps := []checker.Step{{Kind: checker.Joined, Join: &checker.Join{At: at(0), Live: true}}, {Entry: e(1)}}
		if announced {
			steps = append(steps, checker.Step{Kind: checker.Reset, Join: &checker.Join{At: at(3), Reset: "epoch"}})
		}
		h.Tracks = []checker.Track{{Who: "s", Room: "r", Steps: append(steps, checker.Step{Entry: e(4)})}}
		return h
	}
	require.Equal(t, 2, checker.Check(history(false), checker.Options{Resets: true}).Counts[checker.Hole])
	require.True(t, checker.Check(history(true), checker.Options{Resets: true}).OK())
	require.True(t, checker.Check(history(true), checker.Options{}).Has(checker.NeedlessReset))
}
