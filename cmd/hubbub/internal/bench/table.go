package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteTable writes results for people, a line each. A dash stands for a figure
// that there is none of.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "scenario\tserver\tCPU µs/delivery\tp50 ms\tp99 ms\tRSS KB/conn\tlost\t× floor\t")
	for i := range results {
		r := &results[i]
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t\n", r.Scenario, r.Server,
			figure(r.CPU, 1), figure(r.P50, 1000), figure(r.P99, 1000), figure(r.RSSPerConn, 1000), r.Lost+r.Repeated+r.Disordered, figure(r.Ratio, 1))
	}
	return t.Flush()
}

// WriteMore writes the scenario's own figures, a line each.
func (r *Result) WriteMore(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(r.More)) {
		_, _ = fmt.Fprintf(t, "%s\t%s\n", strings.ReplaceAll(name, "_", " "), short(r.More[name]))
	}
	if r.Generator != nil {
		_, _ = fmt.Fprintf(t, "generator cpu us per delivery\t%s\n", short(*r.Generator))
	}
	return t.Flush()
}

func figure(v *float64, unit float64) string {
	if v == nil {
		return "-"
	}
	return short(*v / unit)
}

// short gives three digits that count, and all of a whole number.
func short(v float64) string {
	if v >= 100 || v <= -100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
