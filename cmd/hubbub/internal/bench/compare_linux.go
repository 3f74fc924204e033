package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CompareConfig says how the floor and the hub are compared.
type CompareConfig struct {
	Settings
	Program string   // the hubbub program
	Dir     string   // where the hub gets a folder for its log
	Flags   []string // further flags of hubbub serve
	Rounds  int
	Rows    []string // names of RowNames; none: all
	Clients int      // of the rows idle and resume
}

// row is one line of the comparison.
type row struct {
	name  string
	fsync bool                          // the log counts: the hub runs at the level fsync as well
	ratio func(*Result) *float64        // what is compared with the floor's
	run   func(*CompareConfig) scenario // what is run
}

type scenario func(ctx context.Context, t *Target, set Settings) (Result, error)

func cpu(r *Result) *float64 { return r.CPU }

var rows = []row{
	{"fanout-saturated", true, cpu, fanoutRow(FanoutConfig{Rooms: 1, Members: 1000, Senders: 1, Window: 64})},
	{"fanout-300", false, cpu, fanoutRow(FanoutConfig{Rooms: 1, Members: 1000, Senders: 1, Rate: 300})},
	{"fanout-30", false, cpu, fanoutRow(FanoutConfig{Rooms: 1, Members: 1000, Senders: 1, Rate: 30})},
	{"rooms", true, cpu, fanoutRow(FanoutConfig{Rooms: 1000, Members: 10, Senders: 10, Rate: 3000})},
	{"idle", false, func(r *Result) *float64 { return r.RSSPerConn }, func(cfg *CompareConfig) scenario {
		return func(ctx context.Context, t *Target, set Settings) (Result, error) {
			return Idle(ctx, t, IdleConfig{Settings: set, Conns: cfg.Clients, RoomSize: 10, Settle: set.Duration})
		}
	}},
	{"ack", true, cpu, func(*CompareConfig) scenario {
		return func(ctx context.Context, t *Target, set Settings) (Result, error) {
			return Ack(ctx, t, AckConfig{Settings: set, Publishers: 64})
		}
	}},
	{"resume", false, allBack, func(cfg *CompareConfig) scenario {
		return func(ctx context.Context, t *Target, set Settings) (Result, error) {
			return Resume(ctx, t, ResumeConfig{Settings: set, Clients: cfg.Clients, Rooms: min(10, cfg.Clients), Missed: 20})
		}
	}},
}

func fanoutRow(f FanoutConfig) func(*CompareConfig) scenario {
	return func(*CompareConfig) scenario {
		return func(ctx context.Context, t *Target, set Settings) (Result, error) {
			f.Settings = set
			return Fanout(ctx, "fanout", t, f)
		}
	}
}

func allBack(r *Result) *float64 {
	v, ok := r.More["all_back_ms"]
	if !ok {
		return nil
	}
	return &v
}

// RowNames lists the rows of the comparison.
func RowNames() (names []string) {
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

// contestant is a server that runs the rows.
type contestant struct {
	name  string
	start func(ctx context.Context, cfg *CompareConfig) (*Process, error)
}

func hubContestant(name, ack string) contestant {
	return contestant{name, func(ctx context.Context, cfg *CompareConfig) (*Process, error) {
		return StartHub(ctx, HubConfig{Program: cfg.Program, Dir: cfg.Dir, Ack: ack, Flags: cfg.Flags})
	}}
}

// contestants come in the order in which they are told; the first is what the
// others are compared with.
func (r row) contestants() []contestant {
	all := []contestant{
		{"floor", func(ctx context.Context, cfg *CompareConfig) (*Process, error) { return StartFloor(ctx, cfg.Program) }},
		hubContestant("hubbub", "memory"),
	}
	if r.fsync {
		all = append(all, hubContestant("hubbub-fsync", "fsync"))
	}
	return all
}

func (cfg *CompareConfig) check() ([]row, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	if cfg.Rounds < 1 || cfg.Clients < 1 {
		return nil, errors.New("--rounds and --clients: give 1 or more")
	}
	if len(cfg.Rows) == 0 {
		return rows, nil
	}
	var chosen []row
	for _, name := range cfg.Rows {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--rows: there is no row %q; known are %s", name, strings.Join(RowNames(), ", "))
		}
		chosen = append(chosen, rows[i])
	}
	return chosen, nil
}

// Compare runs the rows, each on every server in turn, each time on a new one, for
// several rounds, and gives the medians row by row. The ratio of a row is the
// median of those of its rounds, so that a machine that is slower for a while
// slows both sides of it.
func Compare(ctx context.Context, cfg CompareConfig) ([]Result, error) {
	chosen, err := cfg.check()
	if err != nil {
		return nil, err
	}
	total := 0
	for _, r := range chosen {
		total += cfg.Rounds * len(r.contestants())
	}
	runs := make(map[string][]Result)
	done := 0
	for round := range cfg.Rounds {
		for _, r := range chosen {
			told := cfg.Tell
			set := cfg.Settings
			if told != nil {
				set.Tell = func(what string, _, _ int) {
					told(fmt.Sprintf("round %d of %d: %s: %s", round+1, cfg.Rounds, r.name, what), done, total)
				}
			}
			results, err := r.round(ctx, &cfg, set, round, func() { done++ })
			if err != nil {
				return nil, err
			}
			for _, result := range results {
				key := r.name + " " + result.Server
				runs[key] = append(runs[key], result)
			}
		}
	}
	var all []Result
	for _, r := range chosen {
		for _, c := range r.contestants() {
			all = append(all, medians(runs[r.name+" "+c.name]))
		}
	}
	return all, nil
}

// round runs a row on every server, in another order each time.
func (r row) round(ctx context.Context, cfg *CompareConfig, set Settings, round int, ran func()) ([]Result, error) {
	order := r.contestants()
	if round%2 == 1 {
		slices.Reverse(order)
	}
	var results []Result
	for _, c := range order {
		result, err := c.run(ctx, cfg, set, r.run(cfg))
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", r.name, c.name, err)
		}
		result.Scenario, result.Server = r.name, c.name
		results = append(results, result)
		ran()
	}
	base := results[slices.IndexFunc(results, func(r Result) bool { return r.Server == "floor" })]
	for i := range results {
		if own, floors := r.ratio(&results[i]), r.ratio(&base); own != nil && floors != nil && *floors > 0 {
			results[i].Ratio = ptr(*own / *floors)
		}
	}
	return results, nil
}

func (c contestant) run(ctx context.Context, cfg *CompareConfig, set Settings, run scenario) (r Result, err error) {
	p, err := c.start(ctx, cfg)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return run(ctx, &p.Target, set)
}
