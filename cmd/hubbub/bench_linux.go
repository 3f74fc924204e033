package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/floor"
)

func (c *BenchFanoutCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Fanout(ctx, "fanout", t, bench.FanoutConfig{
			Settings: set, Rooms: 1, Members: c.Members, Senders: c.Senders, Rate: c.Rate, Window: c.Window,
		})
	})
}

func (c *BenchRoomsCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Fanout(ctx, "rooms", t, bench.FanoutConfig{
			Settings: set, Rooms: c.Rooms, Members: c.RoomSize, Senders: c.RoomSize, Rate: c.Rate, Window: c.Window,
		})
	})
}

func (c *BenchIdleCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Idle(ctx, t, bench.IdleConfig{Settings: set, Conns: c.Conns, RoomSize: c.RoomSize, Settle: c.Settle})
	})
}

func (c *BenchAckCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Ack(ctx, t, bench.AckConfig{Settings: set, Publishers: c.Publishers, Rate: c.Rate})
	})
}

func (c *BenchHistoryCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.History(ctx, t, bench.HistoryConfig{Settings: set, Readers: c.Readers, Stored: c.Stored, Limit: c.Limit})
	})
}

func (c *BenchResumeCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Resume(ctx, t, bench.ResumeConfig{Settings: set, Clients: c.Clients, Rooms: c.Rooms, Missed: c.Missed})
	})
}

func (c *BenchSlowCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Slow(ctx, t, bench.SlowConfig{
			Settings: set, Rooms: c.Rooms, Members: c.Members, Stalled: c.Stalled, Turns: c.Turns, Rate: c.Rate, Buffer: c.Buffer,
		})
	})
}

func (c *BenchChurnCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Churn(ctx, t, bench.ChurnConfig{Settings: set, Total: c.Total, AtOnce: c.AtOnce, Rooms: c.Rooms, Settle: c.Settle})
	})
}

func (c *BenchFloorCmd) run(ctx context.Context, std streams) error {
	s, err := floor.Listen(c.Addr)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	_, err = fmt.Fprintf(std.out, "floor     ws://%s\n", s.Addr())
	if err == nil {
		err = s.Serve(ctx)
	}
	return errors.Join(err, s.Close())
}

func (c *BenchCompareCmd) run(ctx context.Context, std streams) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own file: %w", err)
	}
	tell, done := progress(std.err)
	results, err := bench.Compare(ctx, bench.CompareConfig{
		Settings: bench.Settings{Duration: c.Duration, Warmup: 300 * time.Millisecond, Tell: tell},
		Program:  program, Dir: c.Dir, Flags: c.Serve, Rounds: c.Rounds, Rows: c.Rows, Clients: c.Clients,
	})
	done()
	if err != nil {
		return interrupted(ctx, err)
	}
	return report(std.out, results, c.JSON)
}

// scenario is one run against a server.
type scenario func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error)

// measure runs a scenario against the server of the flags and tells what it found.
func (f *benchFlags) measure(ctx context.Context, std streams, run scenario) (err error) {
	t, stop, err := f.target(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	tell, done := progress(std.err)
	r, err := run(ctx, t, bench.Settings{Size: f.Size, Duration: f.Duration, Warmup: f.Warmup, Profiles: f.Profile, Tell: tell})
	done()
	if err != nil {
		return interrupted(ctx, err)
	}
	return report(std.out, []bench.Result{r}, f.JSON)
}

// report tells what was found. If anything was lost, the exit status says so.
func report(w io.Writer, results []bench.Result, asJSON bool) error {
	wrong := false
	for i := range results {
		wrong = wrong || results[i].Wrong()
		if !asJSON {
			continue
		}
		if err := results[i].WriteJSON(w); err != nil {
			return err
		}
	}
	if !asJSON {
		if err := bench.WriteTable(w, results); err != nil {
			return err
		}
		if len(results) == 1 {
			if err := results[0].WriteMore(w); err != nil {
				return err
			}
		}
	}
	if wrong {
		return exitError(1)
	}
	return nil
}

// interrupted says plainly what an end from outside means.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: what was measured so far is no result")
	}
	return err
}

// progress shows a person how far a run is.
func progress(w io.Writer) (tell func(what string, done, total int), end func()) {
	if !terminal(w) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false))
	tell = func(what string, done, total int) {
		bar.Describe(what)
		bar.ChangeMax(max(total, 1))
		_ = bar.Set(min(done, total-1)) // its end is end's to say
	}
	return tell, func() { _ = bar.Finish() }
}

// target is the server that runs already, or one that is started.
func (f *benchFlags) target(ctx context.Context) (*bench.Target, func() error, error) {
	if f.URL != "" {
		t, err := f.running()
		return t, func() error { return nil }, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("this program's own file: %w", err)
	}
	var p *bench.Process
	if f.Server == "floor" {
		p, err = bench.StartFloor(ctx, program)
	} else {
		p, err = bench.StartHub(ctx, bench.HubConfig{Program: program, Dir: f.Dir, Ack: f.Ack, Flags: f.Serve})
	}
	if err != nil {
		return nil, nil, err
	}
	return &p.Target, p.Stop, nil
}

func (f *benchFlags) running() (*bench.Target, error) {
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("--url %q: give one as ws://127.0.0.1:8080", f.URL)
	}
	d, err := dialect.New(f.Protocol)
	if err != nil {
		return nil, fmt.Errorf("--protocol: %w", err)
	}
	t := &bench.Target{Name: f.Name, URL: u, Dialect: d, PID: f.PID, Admin: f.Admin}
	if t.Name == "" {
		t.Name = f.Protocol
	}
	if f.Token != "" {
		t.Token = func(int) string { return f.Token }
	}
	return t, nil
}
