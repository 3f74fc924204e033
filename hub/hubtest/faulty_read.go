package hubtest

import (
	"context"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// allRooms stands for the room where a call is about many.
const allRooms = "\x00all"

// misread is what shall happen to one Read, Tail or Tails.
type misread struct {
	delay time.Duration
	fails bool
}

func (f *Faulty) misread(room string) misread {
	f.mu.Lock()
	defer f.mu.Unlock()
	dice := f.room(room).reads
	var m misread
	if f.hit(dice, SlowRead) {
		m.delay = f.some(dice)
	}
	m.fails = f.hit(dice, ReadError)
	return m
}

// suffer waits and fails as m says.
func (f *Faulty) suffer(ctx context.Context, m misread) error {
	f.pause(m.delay)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	if m.fails {
		return fmt.Errorf("%w: %w", hub.ErrUnavailable, errInjected)
	}
	return nil
}

// Tail is that of the wrapped Log, or an error.
func (f *Faulty) Tail(ctx context.Context, room string) (hub.Position, error) {
	if err := f.suffer(ctx, f.misread(room)); err != nil {
		return hub.Position{}, err
	}
	return f.log.Tail(ctx, room)
}

// Tails are those of the wrapped Log, or an error.
func (f *Faulty) Tails(ctx context.Context, rooms []string) ([]hub.Position, error) {
	if err := f.suffer(ctx, f.misread(allRooms)); err != nil {
		return nil, err
	}
	return f.log.Tails(ctx, rooms)
}

// Read is that of the wrapped Log, less some entries, or an error.
func (f *Faulty) Read(ctx context.Context, room string, r hub.Range) (hub.Page, error) {
	if err := f.suffer(ctx, f.misread(room)); err != nil {
		return hub.Page{}, err
	}
	page, err := f.log.Read(ctx, room, r)
	if err != nil {
		return hub.Page{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	dice := f.room(room).reads
	n := len(page.Entries)
	atTail := r.Before == 0 && (r.Newest || !page.More)
	if n > 0 && atTail && f.hit(dice, StaleRead) {
		n -= 1 + dice.IntN(min(n, 3))
		page.Entries = page.Entries[:n]
	}
	if n > 1 && f.hit(dice, ShortRead) {
		keep := 1 + dice.IntN(n-1)
		page.More = true
		if r.Newest {
			page.Entries = page.Entries[n-keep:]
		} else {
			page.Entries = page.Entries[:keep]
		}
	}
	return page, nil
}

// Stored is that of the wrapped Log, or an error.
func (f *Faulty) Stored(ctx context.Context, room string, seq uint64) (time.Time, error) {
	if err := f.suffer(ctx, f.misread(room)); err != nil {
		return time.Time{}, err
	}
	return f.log.Stored(ctx, room, seq)
}
