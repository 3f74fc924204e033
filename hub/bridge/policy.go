package bridge

import (
	"sync"
	"time"
)

const (
	// usualBreakEven is how many single commits cost as much as a batch on a disk
	// that does nothing else: 3.2 ms against 0.25 ms each.
	usualBreakEven = 12
	// Whatever was measured, fewer are never a batch, and more always are.
	leastBatch, mostSingles = 6, 40

	// perBatched is what each message adds to a batch.
	perBatched = 20 * time.Microsecond
	// costWeight is the share of the newest measurement in a cost.
	costWeight = 0.1
	// costDoubt is how fast the cost that is not measured at the moment falls back
	// to what it usually is beside the other: disks change their ways.
	costDoubt = 0.002
)

// policy finds how many messages must wait for an atomic batch to be faster than
// single commits. A batch costs several syncs and some 20 file operations, whatever
// its size; a single commit costs one sync. What these cost is a matter of the disk,
// and of how many partitions are at it, so it is measured as they come.
type policy struct {
	mu     sync.Mutex // guards what follows
	single float64    // seconds for a message on its own
	batch  float64    // seconds for a batch, however small
}

func newPolicy() *policy {
	return &policy{single: 0.00025, batch: usualBreakEven * 0.00025}
}

// batchFrom is from how many messages on a batch pays.
func (p *policy) batchFrom() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	gain := p.single - perBatched.Seconds()
	if gain <= 0 || p.batch/gain >= mostSingles {
		return mostSingles + 1
	}
	return max(int(p.batch/gain)+1, leastBatch)
}

// tookSingles learns from n messages that were committed one by one.
func (p *policy) tookSingles(n int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.single += costWeight * (took.Seconds()/float64(n) - p.single)
	p.batch += costDoubt * (usualBreakEven*p.single - p.batch)
}

// tookBatch learns from a batch of n messages.
func (p *policy) tookBatch(n int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fixed := max(took-time.Duration(n)*perBatched, 0)
	p.batch += costWeight * (fixed.Seconds() - p.batch)
	p.single += costDoubt * (p.batch/usualBreakEven - p.single)
}
