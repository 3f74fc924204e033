package checker

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict names a kind of fault.
type Verdict string

// The verdicts on what was published.
const (
	// LostHead, LostMiddle and LostTail: an acknowledged message is not there.
	// Its sequence lies before what survived of the room, within, or after it.
	LostHead   Verdict = "acked message lost (head)"
	LostMiddle Verdict = "acked message lost (middle)"
	LostTail   Verdict = "acked message lost (tail)"
	// Doubled: one message of one user stands at two places.
	Doubled Verdict = "message doubled"
	// Misplaced: a message stands elsewhere than its ack said.
	Misplaced Verdict = "message is not where its ack said"
	// Reordered: a message stands before one that was acknowledged before it was
	// sent, or that the same connection had sent before it.
	Reordered Verdict = "messages reordered"
	// Phantom: an event that nobody sent.
	Phantom Verdict = "event that nobody sent"
	// Altered: an event whose text is not the one that was sent.
	Altered Verdict = "text altered"
	// RefusedStored: an event that the hub had refused.
	RefusedStored Verdict = "refused event stored"
	// Disorder: the final history does not ascend.
	Disorder Verdict = "final history does not ascend"
)

// The verdicts on what subscribers saw.
const (
	// Twice: an event came again to a subscriber that had not asked for it again.
	Twice Verdict = "delivered twice"
	// OutOfOrder: an event came after a later one.
	OutOfOrder Verdict = "delivered out of order"
	// Hole: an event between two that were delivered was not, and no reset said so.
	Hole Verdict = "hole in delivery"
	// WrongResume: the answer to a join contradicts what was asked, or itself.
	WrongResume Verdict = "resume not exact"
	// NeedlessReset: a reset although nothing was gone.
	NeedlessReset Verdict = "reset without a cause"
	// Differs: two were given different content for one place.
	Differs Verdict = "content differs between receivers"
	// Vanished: an event was delivered that is not in the final history, though no
	// reset said so.
	Vanished Verdict = "delivered, then gone"
	// Stray: an event came though the room was not joined.
	Stray Verdict = "delivered outside of a room"
	// Behind: a subscriber that was live to the end never got the last events.
	Behind Verdict = "live subscriber left behind"
)

// The verdicts on pages of history.
const (
	// StaleRead: a page lacks its newest events, though they had been acknowledged
	// before it was asked for.
	StaleRead Verdict = "stale history"
	// WrongPage: a page has a hole, or does not begin or end where it says.
	WrongPage Verdict = "wrong page of history"
)

// Finding is one fault, with the evidence.
type Finding struct {
	Verdict  Verdict
	Room     string
	Evidence string
}

// evidenceFor bounds the findings that are kept for each verdict; all are counted.
const evidenceFor = 10

// Report is the judgement of a history.
type Report struct {
	Findings []Finding       // at most a few for each verdict
	Counts   map[Verdict]int // all of them

	Messages   int // different ones that were sent
	Acked      int // of them, those that were acknowledged
	Attempts   int
	Duplicates int // acks that told of a repeat
	Unknown    int // messages without an ack that are stored all the same
	Deliveries int
	Joins      int
	Resumes    int
	Resets     int
	Reads      int
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Counts) == 0 }

// Has reports whether a verdict was given.
func (r *Report) Has(v Verdict) bool { return r.Counts[v] > 0 }

// Verdicts lists what was found, sorted.
func (r *Report) Verdicts() []Verdict {
	var all []Verdict
	for v := range r.Counts {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// String tells what was found, with the evidence.
func (r *Report) String() string {
	if r.OK() {
		return "nothing lost, doubled, reordered or missed"
	}
	var b strings.Builder
	for _, v := range r.Verdicts() {
		fmt.Fprintf(&b, "%s: %d\n", v, r.Counts[v])
		for _, f := range r.Findings {
			if f.Verdict == v {
				fmt.Fprintf(&b, "    room %s: %s\n", f.Room, f.Evidence)
			}
		}
	}
	return b.String()
}

func (r *Report) add(v Verdict, room, format string, args ...any) {
	r.Counts[v]++
	if r.Counts[v] <= evidenceFor {
		r.Findings = append(r.Findings, Finding{v, room, fmt.Sprintf(format, args...)})
	}
}
