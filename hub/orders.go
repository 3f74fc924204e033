package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// Orders keeps what operators have decided about users and tokens, durably, for all
// instances. It is small: all of it is held in memory by each.
//
// Two forms exist, as of Log: MemoryOrders, and the one of hub/bridge.
// hubtest.TestOrders is the contract as a test.
type Orders interface {
	// Put stores data under a key, in the place of what was there. It is safe when Put
	// returns.
	Put(ctx context.Context, key string, data []byte) error
	// Delete removes it. That it is not there is no error.
	Delete(ctx context.Context, key string) error
	// Watch calls fn, one call at a time, with all that is stored, then once with Whole
	// set and nothing else, and then with each change, in the order in which each key
	// was changed, until stop is called. After a lost connection it goes on by itself,
	// and may tell again what it has told. fn must not block.
	Watch(fn func(OrderChange)) (stop func(), err error)
}

// OrderChange is what a watch brings.
type OrderChange struct {
	Key   string
	Data  []byte // nil: it was deleted
	Whole bool   // all that was stored has been brought
}

// MaxOrderKey is the longest key that every Orders takes, in bytes.
const MaxOrderKey = 1024

// MemoryOrders is an Orders within one process, which forgets with it.
type MemoryOrders struct {
	mu      sync.Mutex // guards what follows; held during calls of watchers
	kept    map[string][]byte
	watches map[*func(OrderChange)]struct{}
	failing error
}

// NewMemoryOrders makes an Orders.
func NewMemoryOrders() *MemoryOrders {
	return &MemoryOrders{kept: make(map[string][]byte), watches: make(map[*func(OrderChange)]struct{})}
}

// Fail has everything fail with an error from now on, or with nil no more.
func (o *MemoryOrders) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failing = err
}

// Put stores data; see Orders.
func (o *MemoryOrders) Put(_ context.Context, key string, data []byte) error {
	if len(key) == 0 || len(key) > MaxOrderKey {
		return errOrderKey
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing != nil {
		return o.failing
	}
	kept := append([]byte{}, data...) // not nil
	o.kept[key] = kept
	for fn := range o.watches {
		(*fn)(OrderChange{Key: key, Data: kept})
	}
	return nil
}

var errOrderKey = errors.New("the key is empty or too long")

// Delete removes what is stored; see Orders.
func (o *MemoryOrders) Delete(_ context.Context, key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing != nil {
		return o.failing
	}
	if _, had := o.kept[key]; !had {
		return nil
	}
	delete(o.kept, key)
	for fn := range o.watches {
		(*fn)(OrderChange{Key: key})
	}
	return nil
}

// Watch brings what is stored and what changes; see Orders.
func (o *MemoryOrders) Watch(fn func(OrderChange)) (stop func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing != nil {
		return nil, o.failing
	}
	for _, key := range slices.Sorted(maps.Keys(o.kept)) {
		fn(OrderChange{Key: key, Data: o.kept[key]})
	}
	fn(OrderChange{Whole: true})
	o.watches[&fn] = struct{}{}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.watches, &fn)
	}, nil
}
