package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// startProfile has the server's CPU profiled for a time, and its heap after that.
// What it gives waits for both, which are then files in the folder for profiles.
func (c *crowd) startProfile(ctx context.Context, d time.Duration) (wait func() error) {
	if c.profile == "" {
		return func() error { return nil }
	}
	ended := make(chan error, 1)
	go func() { ended <- c.target.profile(ctx, c.profile, d) }() // ends with ctx, and the caller waits
	return func() error { return <-ended }
}

func (t *Target) profile(ctx context.Context, dir string, d time.Duration) error {
	if t.Admin == "" {
		return errors.New("--profile: the server has no --admin address to fetch profiles from")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--profile: %w", err)
	}
	seconds := max(1, int(d/time.Second))
	for _, p := range []struct{ file, path string }{
		{"cpu.pprof", fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds)},
		{"heap.pprof", "/debug/pprof/heap"},
		{"goroutine.pprof", "/debug/pprof/goroutine"},
	} {
		data, err := t.fetch(ctx, p.path)
		if err != nil {
			return fmt.Errorf("--profile: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, t.Name+"-"+p.file), data, 0o644); err != nil {
			return fmt.Errorf("--profile: %w", err)
		}
	}
	return nil
}
