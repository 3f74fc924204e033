//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// readLag is by how much a page may be older than what another hub has acknowledged.
const readLag = time.Second

// judge lets the checker speak.
func (r *result) judge(d *drill) {
	t := d.trial
	report := checker.Check(&t.history, checker.Options{Lag: readLag, Within: presenceWithin, Unsettled: t.unsettled})
	r.verdicts = report.Counts
	r.Acked, r.Deliveries, r.Resets = report.Acked, report.Deliveries, report.Resets
	r.Unknown, r.Reconnects = t.unknown.Load(), t.linked.Load()-int64(len(d.chat.members))
	r.Late[0], r.Late[1], r.Late[2] = d.chat.lateness()
	r.Ack, r.Took = t.worst.Round(time.Millisecond), t.now().Round(time.Second)
	r.Crowd, r.Crowd99, r.CrowdAll = d.crowdSize, worst(d.crowd99), worst(d.crowdAll)
	r.Revived = d.revived
	r.Stays = len(t.history.Stays)
	if len(d.tails) > 0 {
		r.Tail = slices.Max(d.tails).Round(time.Millisecond)
	}
	if !report.OK() {
		r.fail("%s", report)
	}
	if report.Resets > 0 {
		r.fail("%d resets, though nothing was gone", report.Resets)
	}
	for i, what := range t.trouble {
		if i == 10 {
			r.fail("and %d more", len(t.trouble)-i)
			break
		}
		r.fail("%s", what)
	}
}

// String tells a result to whoever watches.
func (r *result) String() string {
	if r.NotRun {
		return fmt.Sprintf("%-14s not run: %s", r.Fault, r.Why)
	}
	word := "held"
	if !r.OK {
		word = "NOT HELD"
	}
	s := fmt.Sprintf("%-14s %s | seed %d, %d times, %v | acked %d (unknown %d), deliveries %d, reconnects %d, resets %d | saved %d, asked %d, stays %d | late p50 %v p99 %v max %v | ack max %v",
		r.Fault, word, r.Seed, r.Times, r.Took, r.Acked, r.Unknown, r.Deliveries, r.Reconnects, r.Resets, r.Saved, r.Asked, r.Stays, r.Late[0], r.Late[1], r.Late[2], r.Ack)
	if r.Tail > 0 {
		s += fmt.Sprintf(" | tail max %v", r.Tail)
	}
	if r.Crowd > 0 {
		s += fmt.Sprintf(" | of %d clients 99%% were back after %v, all after %v", r.Crowd, r.Crowd99, r.CrowdAll)
	}
	for _, f := range r.Found {
		s += "\n    " + strings.ReplaceAll(strings.TrimSpace(f), "\n", "\n    ")
	}
	return s
}

// printTable makes the rows of deploy/FAULTS.md of a file of results; runs of the same
// fault are added up.
func printTable(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	sums := map[string]*result{}
	runs := map[string]int{}
	for dec := json.NewDecoder(f); ; {
		var r result
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
		if sums[r.Fault] == nil {
			sums[r.Fault] = &result{Fault: r.Fault, What: r.What, OK: true}
		}
		runs[r.Fault]++
		sums[r.Fault].add(&r)
	}
	for _, f := range faults {
		if s := sums[f.name]; s != nil {
			s.row(w, runs[f.name])
		} else {
			_, _ = fmt.Fprintf(w, "| %s | `--fault %s` | not run | | | | | |\n", f.what, f.name)
		}
	}
	return f.Close()
}

// add takes another run of the same fault in.
func (r *result) add(o *result) {
	r.Times, r.Acked, r.Deliveries, r.Reconnects, r.Resets = r.Times+o.Times, r.Acked+o.Acked, r.Deliveries+o.Deliveries, r.Reconnects+o.Reconnects, r.Resets+o.Resets
	r.OK = r.OK && o.OK
	r.Found = append(r.Found, o.Found...)
	r.Clients, r.Ack, r.Tail = max(r.Clients, o.Clients), max(r.Ack, o.Ack), max(r.Tail, o.Tail)
	r.Crowd, r.Crowd99, r.CrowdAll = max(r.Crowd, o.Crowd), max(r.Crowd99, o.Crowd99), max(r.CrowdAll, o.CrowdAll)
	r.Saved, r.Asked, r.Stays, r.Revived = r.Saved+o.Saved, r.Asked+o.Asked, r.Stays+o.Stays, r.Revived+o.Revived
	for i := range r.Late {
		r.Late[i] = max(r.Late[i], o.Late[i])
	}
}

func (r *result) row(w io.Writer, runs int) {
	seen := "nothing lost, doubled or out of order"
	if !r.OK {
		seen = "**not held**: see below"
	}
	if r.Tail > 0 {
		seen += fmt.Sprintf("; the tail within %v", r.Tail)
	}
	if r.Crowd > 0 {
		seen += fmt.Sprintf("; of %d clients 99%% were back after %v, all after %v", r.Crowd, r.Crowd99, r.CrowdAll)
	}
	_, _ = fmt.Fprintf(w, "| %s | `--fault %s` | %d in %d | %d | %d | %d / %d | %v / %v / %v | %s |\n",
		r.What, r.Fault, r.Times, runs, r.Acked, r.Deliveries, r.Reconnects, r.Resets, r.Late[0], r.Late[1], r.Late[2], seen)
}
