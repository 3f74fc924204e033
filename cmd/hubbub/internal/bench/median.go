package bench

import (
	"slices"
)

// medians makes one result of the same run made several times: the median of each
// figure, and the sum of what was lost, doubled or disordered. Its ratio is the
// median of theirs.
func medians(runs []Result) Result {
	m := runs[0]
	m.Lost, m.Repeated, m.Disordered, m.More = 0, 0, 0, nil
	for _, r := range runs {
		m.Lost += r.Lost
		m.Repeated += r.Repeated
		m.Disordered += r.Disordered
	}
	for _, f := range []struct {
		of  func(*Result) *float64
		set **float64
	}{
		{func(r *Result) *float64 { return r.CPU }, &m.CPU},
		{func(r *Result) *float64 { return r.P50 }, &m.P50},
		{func(r *Result) *float64 { return r.P99 }, &m.P99},
		{func(r *Result) *float64 { return r.Max }, &m.Max},
		{func(r *Result) *float64 { return r.RSSPerConn }, &m.RSSPerConn},
		{func(r *Result) *float64 { return r.Ratio }, &m.Ratio},
		{func(r *Result) *float64 { return r.Generator }, &m.Generator},
	} {
		*f.set = medianOf(runs, f.of)
	}
	for name := range runs[0].More {
		v := medianOf(runs, func(r *Result) *float64 {
			if v, ok := r.More[name]; ok {
				return &v
			}
			return nil
		})
		if v != nil {
			m.more(name, *v)
		}
	}
	return m
}

// medianOf gives the median of those runs that have the figure; nil if none has.
func medianOf(runs []Result, figure func(*Result) *float64) *float64 {
	var all []float64
	for i := range runs {
		if v := figure(&runs[i]); v != nil {
			all = append(all, *v)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	middle := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	return &middle
}
