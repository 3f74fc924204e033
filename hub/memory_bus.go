package hub

import "sync"

// MemoryBus is a Bus within one process.
type MemoryBus struct {
	mu   sync.Mutex // guards subs
	subs map[string]map[*busSub]struct{}
}

type busSub struct {
	mu sync.Mutex // held during a call of fn
	fn func([]byte)
}

// NewMemoryBus makes a Bus.
func NewMemoryBus() *MemoryBus {
	return &MemoryBus{subs: make(map[string]map[*busSub]struct{})}
}

// Publish calls the room's subscribers, one after the other.
func (b *MemoryBus) Publish(room string, data []byte) error {
	b.mu.Lock()
	subs := make([]*busSub, 0, len(b.subs[room]))
	for s := range b.subs[room] {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		s.mu.Lock()
		s.fn(data)
		s.mu.Unlock()
	}
	return nil
}

// Subscribe calls fn with what is published from now on.
func (b *MemoryBus) Subscribe(room string, fn func([]byte)) (stop func(), err error) {
	s := &busSub{fn: fn}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs[room] == nil {
		b.subs[room] = make(map[*busSub]struct{})
	}
	b.subs[room][s] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs[room], s)
		if len(b.subs[room]) == 0 {
			delete(b.subs, room)
		}
	}, nil
}
