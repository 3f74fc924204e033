package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/floor"
)

func (c *BenchFanoutCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Fanout(ctx, "fanout", t, bench.FanoutConfig{Settings: set, Rooms: 1, Members: c.Members, Senders: c.Senders, Rate: c.Rate, Window: c.Window})
	})
}

func (c *BenchRoomsCmd) run(ctx context.Context, std streams) error {
	return c.Bench.measure(ctx, std, func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error) {
		return bench.Fanout(ctx, "rooms", t, bench.FanoutConfig{Settings: set, Rooms: c.Rooms, Members: c.RoomSize, Senders: c.RoomSize, Rate: c.Rate, Window: c.Window})
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

// scenario is one run against a server.
type scenario func(ctx context.Context, t *bench.Target, set bench.Settings) (bench.Result, error)

// measure runs a scenario against the server of the flags and tells what it found.
// If anything was lost, the exit status says so.
func (f *benchFlags) measure(ctx context.Context, std streams, run scenario) (err error) {
	t, stop, err := f.target(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	set := bench.Settings{Size: f.Size, Duration: f.Duration, Warmup: f.Warmup}
	r, err := run(ctx, t, set)
	if err != nil {
		return err
	}
	if err := r.WriteJSON(std.out); err != nil {
		return err
	}
	if r.Wrong() {
		return exitError(1)
	}
	return nil
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
		return nil, err
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
