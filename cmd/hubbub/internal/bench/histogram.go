package bench

import (
	"math/bits"
	"time"
)

// histogramBits is how many bits of a value are kept: buckets are at most 1/64
// wide, so a figure is at most 1.6% above the truth.
const histogramBits = 6

// Histogram counts times in buckets of equal relative width, in constant memory
// and a few nanoseconds each. The zero value is ready.
type Histogram struct {
	counts [(64 - histogramBits + 1) << histogramBits]uint64
	total  uint64
	max    int64
}

// Record counts a time; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	v := max(int64(d), 0)
	h.counts[bucket(uint64(v))]++
	h.total++
	h.max = max(h.max, v)
}

// Count tells how many times were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max gives the longest time, exactly.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max) }

// Quantile gives the time that a share q of the recorded ones does not exceed, as
// the upper end of its bucket; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	want := uint64(q*float64(h.total-1)) + 1
	for i, n := range h.counts {
		if n >= want {
			return min(time.Duration(upper(i)), h.Max())
		}
		want -= n
	}
	return h.Max()
}

// Add counts everything that another one has counted.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Reset forgets everything.
func (h *Histogram) Reset() { *h = Histogram{} }

// bucket: values below 64 have their own; above, each power of two has 64.
func bucket(v uint64) int {
	if v < 1<<histogramBits {
		return int(v)
	}
	shift := bits.Len64(v) - histogramBits - 1
	return (shift+1)<<histogramBits + int(v>>shift) - 1<<histogramBits
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	if i < 1<<histogramBits {
		return uint64(i)
	}
	shift := i>>histogramBits - 1
	return (uint64(i&(1<<histogramBits-1))+1<<histogramBits+1)<<shift - 1
}
