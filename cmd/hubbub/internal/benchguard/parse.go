package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the figures of each benchmark, by its name and the figure's unit: one
// for each time that it ran.
type results map[string]map[string][]float64

// procs is what go test adds to a benchmark's name.
var procs = regexp.MustCompile(`-\d+$`)

// parse reads what go test prints. A benchmark is named after the end of its
// package's path: "hub Round/members=10".
func parse(text io.Reader) (results, error) {
	found, pkg := make(results), ""
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = path[strings.LastIndexByte(path, '/')+1:]
		}
		if strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL") {
			return nil, fmt.Errorf("a benchmark has failed: %s", line)
		}
		fields := strings.Fields(line)
		name, ours := strings.CutPrefix(line, "Benchmark")
		if !ours || len(fields) < 4 {
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		name, _, _ = strings.Cut(name, "\t")
		if err := found.add(pkg+" "+procs.ReplaceAllString(name, ""), fields[2:]); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("there is no benchmark in it")
	}
	return found, nil
}

// add takes pairs of a figure and its unit.
func (r results) add(name string, pairs []string) error {
	if r[name] == nil {
		r[name] = make(map[string][]float64)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return err
		}
		r[name][pairs[i+1]] = append(r[name][pairs[i+1]], v)
	}
	return nil
}

// least is the smallest figure: what a run allocated beyond that was not the code's
// doing.
func (r results) least(name, unit string) (float64, bool) {
	all := r[name][unit]
	if len(all) == 0 {
		return 0, false
	}
	return slices.Min(all), true
}

// ratio is the median of the ratios of the runs, which took turns.
func (r results) ratio(above, below, unit string) (float64, error) {
	a, b := r[above][unit], r[below][unit]
	if len(a) == 0 || len(a) != len(b) {
		return 0, fmt.Errorf("%d figures %s of %q and %d of %q", len(a), unit, above, len(b), below)
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], nil
}
