package bridge

import "sync/atomic"

type stats struct {
	appends, batches, batched, retries, reads, stale, slow atomic.Uint64
}

// Stats is a moment's view of the log, for metrics. All but Queued only grow.
type Stats struct {
	Appends uint64 // records stored
	Batches uint64 // atomic batches,
	Batched uint64 // and the records that they held; the rest went singly
	Retries uint64 // groups that were tried again
	Reads   uint64 // pages read
	Stale   uint64 // pages that were read again, because a replica was behind
	Slow    uint64 // times that entries came faster than they were taken
	Resets  int    // findings that began a new epoch, since the log was opened

	Queued int // records that wait
}

// Stats gives the figures of this moment.
func (l *Log) Stats() Stats {
	st := Stats{
		Appends: l.stats.appends.Load(), Batches: l.stats.batches.Load(), Batched: l.stats.batched.Load(),
		Retries: l.stats.retries.Load(), Reads: l.stats.reads.Load(), Stale: l.stats.stale.Load(),
		Slow: l.stats.slow.Load(), Resets: len(l.Findings()),
	}
	for _, p := range l.parts {
		st.Queued += p.queue.waiting()
	}
	return st
}
