package hub

import (
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
)

// memoryRoom is what a Memory holds of one room. All of it is guarded by the
// Memory's mu.
type memoryRoom struct {
	entries  []Entry
	stored   []int64           // when each of them was, in Unix microseconds
	ids      map[string]uint64 // the sequence of each id within the dedup window
	floor    uint64
	watchers []*memoryWatch // never changed in place
}

// add makes an entry the newest one; keep bounds how many there are, if it is not
// 0.
func (r *memoryRoom) add(seq uint64, data []byte, keep int) Entry {
	e := Entry{Seq: seq, Prev: r.tail(), Data: data}
	r.entries, r.stored = append(r.entries, e), append(r.stored, time.Now().UnixMicro())
	if keep > 0 && len(r.entries) > keep {
		r.trim(r.entries[len(r.entries)-keep-1].Seq)
	}
	return e
}

func (r *memoryRoom) tail() uint64 {
	if len(r.entries) == 0 {
		return 0
	}
	return r.entries[len(r.entries)-1].Seq
}

func (r *memoryRoom) trim(through uint64) {
	r.drop(through)
	r.floor = max(r.floor, through)
}

// drop removes the entries up to a sequence, without a floor: whoever asks for them
// misses nothing.
func (r *memoryRoom) drop(through uint64) {
	n := sort.Search(len(r.entries), func(i int) bool { return r.entries[i].Seq > through })
	clear(r.entries[:n]) // or the array keeps their data
	r.entries, r.stored = r.entries[n:], r.stored[n:]
}

// search gives the place of the first entry at seq or after it.
func (r *memoryRoom) search(seq uint64) int {
	return sort.Search(len(r.entries), func(i int) bool { return r.entries[i].Seq >= seq })
}

func (r *memoryRoom) watch(w *memoryWatch) {
	r.watchers = append(slices.Clone(r.watchers), w)
}

func (r *memoryRoom) unwatch(w *memoryWatch) {
	r.watchers = slices.DeleteFunc(slices.Clone(r.watchers), func(o *memoryWatch) bool { return o == w })
}

// Tail gives the position of the room's last entry; see Log.
func (m *Memory) Tail(ctx context.Context, room string) (Position, error) {
	tails, err := m.Tails(ctx, []string{room})
	if err != nil {
		return Position{}, err
	}
	return tails[0], nil
}

// Tails gives the position of each room's last entry; see Log.
func (m *Memory) Tails(ctx context.Context, rooms []string) ([]Position, error) {
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	tails := make([]Position, len(rooms))
	for i, name := range rooms {
		tails[i].Epoch = m.epoch
		if r := m.rooms[name]; r != nil {
			tails[i].Seq = r.tail()
		}
	}
	return tails, nil
}

// Read gives a page; see Log.
func (m *Memory) Read(ctx context.Context, room string, rg Range) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Page{}, ErrClosed
	}
	page := Page{Epoch: m.epoch}
	r := m.rooms[room]
	if r == nil {
		return page, nil
	}
	page.Floor = r.floor
	found := r.within(rg)
	cut := cutPage(found, min(max(rg.Limit, 1), MaxPage), rg.Newest)
	page.Entries, page.More = slices.Clone(cut), len(cut) < len(found)
	return page, nil
}

// Stored gives when an entry was stored; see Log.
func (m *Memory) Stored(ctx context.Context, room string, seq uint64) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, errors.Join(ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return time.Time{}, ErrClosed
	}
	r := m.rooms[room]
	if r == nil {
		return time.Time{}, nil
	}
	if i := r.search(seq); i < len(r.entries) && r.entries[i].Seq == seq {
		return time.UnixMicro(r.stored[i]), nil
	}
	return time.Time{}, nil
}

// within gives the entries of a range, whatever its limit.
func (r *memoryRoom) within(rg Range) []Entry {
	if rg.After == ^uint64(0) {
		return nil
	}
	from, to := r.search(rg.After+1), len(r.entries)
	if rg.Before != 0 {
		to = max(from, r.search(rg.Before))
	}
	return r.entries[from:to]
}

// cutPage takes at most limit entries, and MaxPageBytes, from the end where
// reading begins; it takes one entry at least.
func cutPage(entries []Entry, limit int, newest bool) []Entry {
	n, size := 0, 0
	for n < min(limit, len(entries)) {
		e := entries[n]
		if newest {
			e = entries[len(entries)-1-n]
		}
		if size += len(e.Data); n > 0 && size > MaxPageBytes {
			break
		}
		n++
	}
	if newest {
		return entries[len(entries)-n:]
	}
	return entries[:n]
}

// Trim removes the room's entries up to a sequence, and the room's watchers are
// told to look: for tests of what happens to those who are behind.
func (m *Memory) Trim(room string, through uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.room(room)
	r.trim(through)
	m.suspect(r)
}

// Reset loses every entry and begins a new epoch, as a log does whose disk was
// lost. All watchers are told to look.
func (m *Memory) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.seq, m.ids = uuid.NewString(), 0, nil
	for _, r := range m.rooms {
		r.entries, r.stored, r.floor = nil, nil, 0
		clear(r.ids)
		m.suspect(r)
	}
}

// suspect tells a room's watchers. mu is held.
func (m *Memory) suspect(r *memoryRoom) {
	watchers := r.watchers
	if m.closed || len(watchers) == 0 {
		return
	}
	m.queue(func() {
		for _, w := range watchers {
			if w.on.Load() {
				w.Suspect()
			}
		}
	})
}
