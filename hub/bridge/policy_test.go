package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// disk is what commits cost somewhere.
type disk struct{ single, batch time.Duration }

// run lets a policy decide about many groups of one size, and tells which share
// of the second half were batches.
func (d disk) run(p *policy, waiting int) float64 {
	const groups = 6000
	batches := 0
	for i := range groups {
		if waiting >= p.batchFrom() {
			p.tookBatch(waiting, d.batch+time.Duration(waiting)*perBatched)
			if i >= groups/2 {
				batches++
			}
			continue
		}
		n := min(waiting, singlesWindow)
		p.tookSingles(n, time.Duration(n)*d.single)
	}
	return float64(batches) / (groups / 2)
}

func TestPolicyFindsWhatPays(t *testing.T) {
	quiet := disk{single: 250 * time.Microsecond, batch: 3200 * time.Microsecond}
	for _, c := range []struct {
		name    string
		disk    disk
		waiting int
		batches bool
	}{
		{"one publisher", quiet, 1, false},
		{"a few", quiet, 8, false},
		{"many", quiet, 30, true},
		{"very many", quiet, 500, true},
		{"a slow disk, where a batch is worth eight", disk{2 * time.Millisecond, 16 * time.Millisecond}, 10, true},
		{"ten partitions at one disk, where a batch is worth twenty", disk{3800 * time.Microsecond, 76 * time.Millisecond}, 13, false},
		{"the same, with more waiting", disk{3800 * time.Microsecond, 76 * time.Millisecond}, 30, true},
		{"a disk without syncs, and a flood", disk{30 * time.Microsecond, 900 * time.Microsecond}, 300, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			share := c.disk.run(newPolicy(), c.waiting)
			if c.batches {
				require.Greater(t, share, 0.9)
			} else {
				require.Less(t, share, 0.1)
			}
		})
	}
}

func TestPolicyForgetsABadHour(t *testing.T) {
	p := newPolicy()
	disk{single: 10 * time.Millisecond, batch: 3 * time.Second}.run(p, 30)
	require.Greater(t, p.batchFrom(), 30, "batches were hardly ever worth it")
	quiet := disk{single: 250 * time.Microsecond, batch: 3200 * time.Microsecond}
	quiet.run(p, 30)
	require.Greater(t, quiet.run(p, 30), 0.9, "and now they are again")
}

func TestPolicyStaysWithinItsBounds(t *testing.T) {
	for _, d := range []disk{{0, time.Hour}, {time.Hour, 0}, {0, 0}, {time.Nanosecond, time.Nanosecond}} {
		p := newPolicy()
		for _, n := range []int{1, 7, 50, 500} {
			d.run(p, n)
			require.GreaterOrEqual(t, p.batchFrom(), leastBatch)
			require.LessOrEqual(t, p.batchFrom(), mostSingles+1)
		}
	}
}
