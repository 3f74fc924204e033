//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// red is a cluster whose hubs have a fault built in: the checker must find it. The
// hubs are the test program of cmd/hubbub.
type red struct {
	hub    string // the fault of the hubs, as proof_faults_test.go names it
	strike string // what is done to them besides
	wants  []checker.Verdict
}

// reds are the eight, and a cluster without a fault that is made in the same way.
func reds() []red {
	gone := []checker.Verdict{checker.LostHead, checker.LostMiddle, checker.LostTail, checker.Misplaced}
	return []red{
		{"none", "kill-hub", nil},
		{"drops one", "none", gone},
		{"doubles one", "none", []checker.Verdict{checker.Doubled}},
		{"reorders", "none", []checker.Verdict{checker.Reordered}},
		{"acks early", "kill-hubs", gone},
		{"forgets", "kill-hubs", gone},
		{"old history", "none", []checker.Verdict{checker.StaleRead}},
		{"shows a ghost", "none", []checker.Verdict{checker.Ghost}},
		{"misses a leave", "none", []checker.Verdict{checker.Ghost}},
	}
}

// redRate has the faults that come after some hundred appends come soon.
const redRate = 150

// runReds shows that the checker can go red: eight faults, eight times.
func (s *settings) runReds(ctx context.Context, base string, with programs) error {
	program := filepath.Join(base, "faulty")
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "github.com/hubbub-im/hubbub/cmd/hubbub").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the hubs with a fault: %w\n%s", err, out)
	}
	s.load.part, s.load.rate = "presence,readers", max(s.load.rate, redRate)
	var missed []error
	for _, r := range reds() {
		with.hub = []string{program, "faulty-hub", r.hub}
		chosen, err := choose(r.strike)
		if err != nil {
			return err
		}
		res := s.one(ctx, chosen[0], filepath.Join(base, strings.ReplaceAll(r.hub, " ", "-")), with)
		found := r.found(res)
		fmt.Printf("hubs: %-15s %-10s %s\n", r.hub, r.strike, map[bool]string{true: "as it should be", false: "MISSED"}[found == nil])
		for _, what := range res.Found {
			fmt.Printf("    %.300s\n", strings.ReplaceAll(what, "\n", "\n    "))
		}
		if found != nil {
			missed = append(missed, found)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(missed...)
}

// found tells whether the checker saw what is wrong with the hubs.
func (r red) found(res *result) error {
	if len(r.wants) == 0 {
		if !res.OK {
			return fmt.Errorf("hubs without a fault were found to have one: %s", strings.Join(res.Found, "; "))
		}
		return nil
	}
	for _, v := range r.wants {
		if res.verdicts[v] > 0 {
			return nil
		}
	}
	return fmt.Errorf("hubs that %q were not found out: want one of %q, got %v", r.hub, r.wants, res.verdicts)
}
