package client

import (
	"context"
	"sync"
)

// budget bounds what all outboxes of a client hold together.
type budget struct {
	mu            sync.Mutex
	events, bytes int           // what may still be taken
	freed         chan struct{} // closed and replaced when something is given back
}

func newBudget(events, bytes int) *budget {
	return &budget{events: events, bytes: bytes, freed: make(chan struct{})}
}

// take waits until one event of n bytes fits. The last one may exceed the bytes,
// so that whatever is within the bounds of an event fits some time.
func (b *budget) take(ctx context.Context, n int) error {
	for {
		b.mu.Lock()
		if b.events > 0 && b.bytes > 0 {
			b.events--
			b.bytes -= n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events++
	b.bytes += n
	close(b.freed)
	b.freed = make(chan struct{})
}
