package main

import (
	"fmt"
	"maps"
	"slices"
)

// Baseline is the file.
type Baseline struct {
	About      string          `json:"about"`
	Tolerance  Tolerance       `json:"tolerance"`
	Benchmarks map[string]Cost `json:"benchmarks"`
	Ratios     []Ratio         `json:"ratios"`
}

// Tolerance is by how much a figure may be above the baseline's: a share of it, and
// for bytes some more, which an average of few runs varies by.
type Tolerance struct {
	Share float64 `json:"share"`
	Bytes float64 `json:"bytes"`
}

// Cost is what one operation of a benchmark allocates. Share, if it is not 0, stands
// in for that of the tolerance: for a benchmark that other goroutines have a part in.
type Cost struct {
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
	Share  float64 `json:"share,omitempty"`
}

// Ratio bounds one figure of a benchmark by that of another one in the same run.
type Ratio struct {
	What  string  `json:"what"`
	Above string  `json:"above"`
	Below string  `json:"below"`
	Unit  string  `json:"unit"`
	Most  float64 `json:"most"`
}

const (
	unitAllocs = "allocs/op"
	unitBytes  = "B/op"
)

// compare gives a line for each figure, and how many of them are wrong.
func (b *Baseline) compare(r results) (wrong int, lines []string) {
	tell := func(good bool, format string, args ...any) {
		mark := "ok    "
		if !good {
			wrong++
			mark = "WORSE "
		}
		lines = append(lines, mark+fmt.Sprintf(format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(b.Benchmarks)) {
		cost := b.Benchmarks[name]
		share := b.Tolerance.Share
		if cost.Share != 0 {
			share = cost.Share
		}
		allocs, ran := r.least(name, unitAllocs)
		bytes, _ := r.least(name, unitBytes)
		if !ran {
			tell(false, "%s did not run with -benchmem: was it renamed?", name)
			continue
		}
		most := cost.Allocs * (1 + share)
		tell(allocs <= most, "%s: %g allocations; %g before, at most %.4g", name, allocs, cost.Allocs, most)
		most = cost.Bytes*(1+share) + b.Tolerance.Bytes
		tell(bytes <= most, "%s: %g bytes; %g before, at most %.6g", name, bytes, cost.Bytes, most)
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if _, known := b.Benchmarks[name]; !known {
			tell(false, "%s is not in the baseline: make bench-update", name)
		}
	}
	for _, ratio := range b.Ratios {
		v, err := r.ratio(ratio.Above, ratio.Below, ratio.Unit)
		if err != nil {
			tell(false, "%s: %v", ratio.What, err)
			continue
		}
		tell(v <= ratio.Most, "%s: %.3g; at most %g", ratio.What, v, ratio.Most)
	}
	return wrong, lines
}

// take puts what was measured in the place of what was there.
func (b *Baseline) take(r results) {
	fresh := make(map[string]Cost, len(r))
	for name := range r {
		allocs, ran := r.least(name, unitAllocs)
		if !ran {
			continue
		}
		bytes, _ := r.least(name, unitBytes)
		fresh[name] = Cost{Allocs: allocs, Bytes: bytes, Share: b.Benchmarks[name].Share}
	}
	b.Benchmarks = fresh
}
