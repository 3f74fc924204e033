package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A quantile of the histogram is that of the sorted times, or at most 1.6% above.
func TestHistogramAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 300).Draw(t, "times")
		var h Histogram
		for _, v := range times {
			h.Record(time.Duration(v))
		}
		slices.Sort(times)
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			want := times[int(q*float64(len(times)-1))]
			got := int64(h.Quantile(q))
			require.GreaterOrEqual(t, got, want)
			require.LessOrEqual(t, got-want, want/64+1, "quantile %g of %v", q, times)
		}
		require.EqualValues(t, len(times), h.Count())
		require.EqualValues(t, times[len(times)-1], h.Max())
	})
}

func TestHistogramBuckets(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 129, 1 << 20, 1<<62 + 12345, 1<<63 - 1} {
		b := bucket(v)
		require.LessOrEqual(t, v, upper(b))
		require.True(t, b == 0 || upper(b-1) < v, "%d belongs lower than bucket %d", v, b)
	}
	var h Histogram
	require.Zero(t, h.Quantile(0.99))
	h.Record(-time.Second)
	require.Zero(t, h.Max())
	require.EqualValues(t, 1, h.Count())
	h.Reset()
	require.Zero(t, h.Count())
}

func TestMedians(t *testing.T) {
	run := func(cpu, ratio float64, lost int64) Result {
		r := Result{CPU: &cpu, Ratio: &ratio, Lost: lost}
		r.more("n", cpu*2)
		return r
	}
	m := medians([]Result{run(9, 3, 0), run(1, 1, 2), run(2, 1.5, 0)})
	require.Equal(t, 2.0, *m.CPU)
	require.Equal(t, 1.5, *m.Ratio)
	require.Equal(t, 4.0, m.More["n"])
	require.EqualValues(t, 2, m.Lost, "what was lost in one run is not forgotten in the median")
	require.Nil(t, m.P99)
	require.Equal(t, 1.5, *medians([]Result{run(1, 1, 0), run(2, 2, 0)}).CPU)
}
