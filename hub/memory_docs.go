package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hubbub-im/hubbub/room"
)

var (
	_ DocLog = (*Memory)(nil)
	_ Blobs  = (*MemoryBlobs)(nil)
)

// Swap stores an entry if the document's last one is as given; see DocLog. It takes
// its turn among the appends, so that watchers hear of all in order.
func (m *Memory) Swap(ctx context.Context, doc string, last uint64, data []byte, replace bool) (Position, error) {
	if len(data) > MaxRecord {
		return Position{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), MaxRecord)
	}
	if err := ctx.Err(); err != nil {
		return Position{}, errors.Join(ErrUnavailable, err)
	}
	type answer struct {
		at  Position
		err error
	}
	got := make(chan answer, 1)
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return Position{}, ErrClosed
	}
	m.queue(func() {
		at, err := m.swap(doc, last, data, replace)
		got <- answer{at, err}
	})
	m.mu.Unlock()
	select {
	case a := <-got:
		return a.at, a.err
	case <-ctx.Done():
		return Position{}, errors.Join(ErrUnavailable, ctx.Err())
	}
}

// swap is called by run.
func (m *Memory) swap(doc string, last uint64, data []byte, replace bool) (Position, error) {
	m.mu.Lock()
	r := m.room(doc)
	if tail := r.tail(); tail != last {
		m.mu.Unlock()
		return Position{}, fmt.Errorf("%w: its last entry is at %d, not at %d", ErrStale, tail, last)
	}
	m.seq++
	e := r.add(m.seq, bytes.Clone(data), m.opts.Keep)
	if replace {
		r.drop(m.seq - 1)
	}
	at, watchers := Position{m.epoch, m.seq}, r.watchers
	m.mu.Unlock()
	m.bring(watchers, []Entry{e})
	return at, nil
}

// List gives the names of a room's documents; see DocLog.
func (m *Memory) List(ctx context.Context, in string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	var names []string
	for name, r := range m.rooms {
		if of, _ := room.DocRoom(name); of == in && len(r.entries) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

// Count is how many entries a document has; see DocLog.
func (m *Memory) Count(ctx context.Context, doc string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, ErrClosed
	}
	if r := m.rooms[doc]; r != nil {
		return len(r.entries), nil
	}
	return 0, nil
}

// Erase removes the document's entries up to a sequence; see DocLog.
func (m *Memory) Erase(ctx context.Context, doc string, upTo uint64) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if r := m.rooms[doc]; r != nil {
		r.drop(upTo)
	}
	return nil
}

// MemoryBlobs is a Blobs that keeps everything in memory. Its zero value is empty.
type MemoryBlobs struct {
	mu   sync.Mutex // guards what follows
	data map[string][]byte
}

// Put stores data; see Blobs.
func (b *MemoryBlobs) Put(ctx context.Context, name string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if there, ok := b.data[name]; ok && !bytes.Equal(there, data) {
		return fmt.Errorf("blob %q: other data is stored under this name, which is never changed: give another name", name)
	}
	if b.data == nil {
		b.data = make(map[string][]byte)
	}
	b.data[name] = slices.Clone(data)
	return nil
}

// Get gives what was stored; see Blobs.
func (b *MemoryBlobs) Get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(ErrUnavailable, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	data, ok := b.data[name]
	if !ok {
		return nil, fmt.Errorf("blob %q: %w", name, ErrNoBlob)
	}
	return slices.Clone(data), nil
}

// Delete removes a blob; see Blobs.
func (b *MemoryBlobs) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.data, name)
	return nil
}
