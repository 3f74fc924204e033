package bridge

import "sync/atomic"

type stats struct {
	appends, batches, retries, reads, slow atomic.Uint64
}

// Stats is a moment's view of the log, for metrics.
type Stats struct {
	Appends uint64 // records stored
	Batches uint64 // atomic batches that they were stored in; the rest went singly
	Retries uint64 // groups that were tried again
	Reads   uint64 // pages read
	Slow    uint64 // times that entries came faster than the rooms took them
	Queued  int    // appends that wait
}

// Stats counts.
func (l *Log) Stats() Stats {
	st := Stats{
		Appends: l.stats.appends.Load(), Batches: l.stats.batches.Load(),
		Retries: l.stats.retries.Load(), Reads: l.stats.reads.Load(), Slow: l.stats.slow.Load(),
	}
	for _, p := range l.parts {
		p.mu.Lock()
		st.Queued += len(p.queue)
		p.mu.Unlock()
	}
	return st
}
