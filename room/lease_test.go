package room

import (
	"slices"
	"testing"
	"time"
)

func TestLeases(t *testing.T) {
	now := time.Unix(0, 0)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	l := Leases{Length: 7 * time.Second}
	hear := func(beat uint64, at time.Duration, want Heard) {
		t.Helper()
		if got := l.Hear("a", beat, in(at)); got != want {
			t.Fatalf("beat %d at %v: %v, want %v", beat, at, got, want)
		}
	}
	expire := func(at time.Duration, want ...string) {
		t.Helper()
		if got := l.Expire(in(at)); !slices.Equal(got, want) {
			t.Fatalf("gone at %v: %v, want %v", at, got, want)
		}
	}
	second := time.Second
	hear(5, 0, HeardNew)
	hear(6, second, HeardThere)
	hear(6, 4*second, HeardThere) // once more, or late: it renews nothing
	hear(5, 4*second, HeardThere)
	for s := range 8 {
		expire(time.Duration(s) * second)
	}
	if !l.Doubtful(in(7 * second)) {
		t.Fatal("a lease that has nearly run out is doubtful")
	}
	expire(8*second, "a")
	expire(9 * second)
	if l.Others() != 0 {
		t.Fatal("it is gone")
	}
	hear(6, 10*second, HeardLate)
	hear(4, 10*second, HeardLate)
	if l.Others() != 0 {
		t.Fatal("what comes late brings nobody back")
	}
	hear(7, 11*second, HeardNew)
	if !l.Bye("a", 8, in(12*second)) || l.Bye("a", 8, in(12*second)) {
		t.Fatal("a goodbye counts once")
	}
	hear(7, 12*second, HeardLate)
	hear(9, 12*second, HeardLate)
	expire(20 * second)
}

// TestLeasesOutliveAPause: a process that stood still finds the others as they were.
func TestLeasesOutliveAPause(t *testing.T) {
	now := time.Unix(0, 0)
	l := Leases{Length: 7 * time.Second}
	l.Hear("a", 1, now)
	l.Expire(now)
	now = now.Add(30 * time.Second)
	if gone := l.Expire(now); gone != nil {
		t.Fatalf("gone: %v", gone)
	}
	for range 8 {
		now = now.Add(time.Second)
		if gone := l.Expire(now); gone != nil {
			return // it did not come back after the pause
		}
	}
	t.Fatal("it has to be gone by now")
}
