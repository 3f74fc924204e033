//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
)

// settings are the flags.
type settings struct {
	faults  string
	times   int
	load    workload
	short   bool
	loop    bool
	hub     string
	nats    string
	dir     string
	results string
	table   bool
	red     bool
	budget  time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.faults, "fault", "all", "names of faults, with commas; all; or list")
	flag.IntVar(&s.times, "times", 20, "how often each fault strikes")
	flag.Uint64Var(&s.load.seed, "seed", 1, "seed of the workload and of the faults")
	flag.IntVar(&s.load.members, "clients", 200, "members of rooms; each is a connection")
	flag.IntVar(&s.load.rooms, "rooms", 20, "rooms of the chat")
	flag.IntVar(&s.load.speak, "speakers", 40, "members who publish")
	flag.Float64Var(&s.load.rate, "rate", 80, "messages a second of all together")
	flag.DurationVar(&s.load.settle, "settle", 90*time.Second, "how long everybody may take to be answered and delivered")
	flag.StringVar(&s.load.part, "parts", "presence,docs,bots", "parts of the workload beside the chat")
	flag.BoolVar(&s.short, "short", false, "what takes 30 s takes 5 s")
	flag.BoolVar(&s.loop, "loopback", false, "no namespaces, though this is root")
	flag.StringVar(&s.hub, "hubbub", "", "program to break, with its command if it is not serve; without it, it is built")
	flag.StringVar(&s.nats, "nats-server", "", "NATS server; without it, it is built from the module in go.mod")
	flag.StringVar(&s.dir, "dir", "", "folder for what the processes keep; it stays. Without it, a temporary one that goes if all was well")
	flag.StringVar(&s.results, "results", "", "file to which a line of JSON is added for each fault")
	flag.DurationVar(&s.budget, "budget", 0, "after how long no other fault is begun; those that are left are told as not run. 0: never")
	flag.BoolVar(&s.red, "red", false, "show that the checker finds each of eight faults that are built into hubs, and do nothing else")
	flag.BoolVar(&s.table, "table", false, "make the table of deploy/FAULTS.md out of -results, and do nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func (s *settings) run(ctx context.Context) error {
	switch {
	case s.table:
		return printTable(os.Stdout, s.results)
	case s.faults == "list":
		for _, f := range faults {
			fmt.Printf("%-16s %s\n", f.name, f.what)
		}
		return nil
	}
	chosen, err := choose(s.faults)
	if err != nil {
		return err
	}
	base, err := os.MkdirTemp(s.dir, "hubbub-faults-")
	if err != nil {
		return err
	}
	with, err := s.build(ctx, base)
	if err != nil {
		return err
	}
	if s.red {
		return errors.Join(s.runReds(ctx, base, with), os.RemoveAll(base))
	}
	var bad []string
	began := time.Now()
	for _, f := range chosen {
		if s.budget > 0 && time.Since(began) > s.budget {
			fmt.Println(&result{Fault: f.name, NotRun: true, Why: "the time is over"})
			continue
		}
		res := s.one(ctx, f, filepath.Join(base, f.name), with)
		fmt.Println(res)
		if err := res.keep(s.results); err != nil {
			return err
		}
		if !res.NotRun && !res.OK {
			bad = append(bad, f.name)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("not held: %s; what the processes said is in %s", strings.Join(bad, ", "), base)
	}
	if s.dir != "" {
		return nil
	}
	return os.RemoveAll(base)
}

// choose finds faults by their names.
func choose(names string) ([]fault, error) {
	if names == "all" {
		return faults, nil
	}
	var chosen []fault
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--fault %s: there is none of that name; --fault list names them", name)
		}
		chosen = append(chosen, faults[i])
	}
	return chosen, nil
}

// build makes the programs that were not given.
func (s *settings) build(ctx context.Context, dir string, flags ...string) (programs, error) {
	with := programs{nats: s.nats, hub: strings.Fields(s.hub)}
	for _, given := range []*string{&with.nats, first(with.hub)} {
		if abs, err := filepath.Abs(*given); *given != "" && err == nil {
			*given = abs // they run in folders of their own
		}
	}
	build := func(name, pkg string) (string, error) {
		path := filepath.Join(dir, name)
		out, err := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", path}, flags, []string{pkg})...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		return path, nil
	}
	var err error
	if with.nats == "" || len(flags) > 0 {
		if with.nats, err = build("nats-server", "github.com/nats-io/nats-server/v2"); err != nil {
			return with, err
		}
	}
	switch {
	case len(with.hub) == 0 || len(flags) > 0:
		path, err := build("hubbub", "github.com/hubbub-im/hubbub/cmd/hubbub")
		with.hub = []string{path, "serve"}
		return with, err
	case len(with.hub) == 1:
		with.hub = append(with.hub, "serve")
	}
	return with, nil
}

func first(words []string) *string {
	if len(words) == 0 {
		return new(string)
	}
	return &words[0]
}

// buildForClock makes programs whose clocks can be stepped. The folder is always the
// same, since Go builds all of the standard library anew for another one.
func (s *settings) buildForClock(ctx context.Context, dir string) (programs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return programs{}, err
	}
	overlay, err := clockOverlay(ctx, dir)
	if err != nil {
		return programs{}, err
	}
	return s.build(ctx, dir, "-overlay="+overlay)
}

// one lets one fault strike a cluster of its own.
func (s *settings) one(ctx context.Context, f fault, dir string, with programs) *result {
	apart := os.Geteuid() == 0 && !s.loop
	res := &result{Fault: f.name, What: f.what, Seed: s.load.seed, Clients: s.load.members, Rate: s.load.rate, Short: s.short}
	if f.net && !apart {
		res.NotRun, res.Why = true, "it needs network namespaces, which are root's to make"
		return res
	}
	if err := s.strike(ctx, f, dir, with, apart, res); err != nil {
		res.fail("%v", err)
	}
	res.OK = len(res.Found) == 0
	return res
}

func (s *settings) strike(ctx context.Context, f fault, dir string, with programs, apart bool, res *result) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if f.clock {
		if with, err = s.buildForClock(ctx, filepath.Join(os.TempDir(), "hubbub-faults-clock")); err != nil {
			return err
		}
	}
	c, err := newCluster(dir, apart, with)
	if err != nil {
		return err
	}
	undo := func() error { return nil }
	if f.before != nil {
		if undo, err = f.before(c); err != nil {
			return errors.Join(err, c.stop())
		}
	}
	defer func() { err = errors.Join(err, c.stop(), undo()) }()
	if err := c.start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return s.drill(ctx, f, newTrial(ctx, s.load, c), res)
}

// drill runs the workload, and the fault in the middle of it.
func (s *settings) drill(ctx context.Context, f fault, t *trial, res *result) error {
	parts, err := t.start()
	if err != nil {
		return err
	}
	d := &drill{cluster: t.cluster, trial: t, chat: parts.chat, rng: t.rng("fault "+f.name, 0, 0), short: s.short}
	for range s.times {
		pass(ctx, d.some(time.Second, 3*time.Second))
		began := t.now()
		fmt.Fprintln(t.cluster.diary, time.Now().UTC().Format(time.TimeOnly), f.name, "begins")
		if err := f.strike(ctx, d); err != nil {
			res.fail("strike %d: %v", res.Times+1, err)
			break
		}
		fmt.Fprintln(t.cluster.diary, time.Now().UTC().Format(time.TimeOnly), f.name, "is mended")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		res.Times++
		settled := d.unsettled(f, began)
		if !s.short {
			pass(ctx, settled-t.now()+presenceWithin)
		}
	}
	pass(ctx, d.settled-t.now()+2*presenceWithin)
	if err := parts.end(res); err != nil {
		res.fail("%v", err)
		t.giveUp() // and let the checker say what they missed
		if !awaitGroup(&parts.chat.following, 20*time.Second) || !awaitGroup(&parts.chat.publishing, 20*time.Second) {
			return nil
		}
	}
	res.judge(d)
	if f.clock {
		res.Late = [3]time.Duration{} // it is measured by the hubs' clocks
	}
	return nil
}

// result is what became of a fault: a row of the table.
type result struct {
	Fault, What string
	Seed        uint64
	Clients     int
	Rate        float64
	Short       bool
	NotRun      bool   `json:",omitempty"`
	Why         string `json:",omitempty"`

	Times      int
	OK         bool
	Found      []string
	Acked      int
	Unknown    int64
	Deliveries int
	Reconnects int64
	Resets     int
	Late       [3]time.Duration // how late a message came at most: to the median member, at p99, to any
	Ack        time.Duration    // the longest that an ack took
	Tail       time.Duration    `json:",omitempty"` // the longest that an acknowledged tail took
	Saved      int              // edits of documents that were called saved
	Asked      int              // commands to the bot
	Revived    int              // processes that ended by themselves
	Stays      int              // comings and goings that were judged
	Crowd      int              `json:",omitempty"`
	Crowd99    time.Duration    `json:",omitempty"` // until 99% of it was back
	CrowdAll   time.Duration    `json:",omitempty"`
	Took       time.Duration

	verdicts map[checker.Verdict]int
}

func (r *result) fail(format string, args ...any) {
	r.Found = append(r.Found, fmt.Sprintf(format, args...))
}

// keep adds the result to a file.
func (r *result) keep(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(r), f.Close())
}
