package hub

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// MaxHistory is the largest Limit of a HistoryRequest.
const MaxHistory = 200

// HistoryRequest asks for a page of a room's events: the newest, or those before,
// after or around a sequence. At most one of the three is set.
type HistoryRequest struct {
	Room                  string
	Before, After, Around uint64 // 0: not set
	FromStart             bool   // with After 0: the oldest events, not the newest
	Limit                 int    // 1 to MaxHistory
	Changes               bool   // also give what later changed the page's messages
}

// HistoryPage is the answer, in ascending order.
type HistoryPage struct {
	Epoch      string
	Events     []Item
	MoreBefore bool
	MoreAfter  bool
	Changes    []Item // beyond the page
}

// History reads a page for a caller.
func (h *Hub) History(ctx context.Context, caller room.Caller, req HistoryRequest) (HistoryPage, error) {
	if err := room.CheckName(req.Room); err != nil {
		return HistoryPage{}, err
	}
	if err := allow(caller, req.Room, room.VerbHistory); err != nil {
		return HistoryPage{}, err
	}
	req.Limit = min(max(req.Limit, 1), MaxHistory)
	page, err := h.page(ctx, req)
	if err != nil {
		return HistoryPage{}, unavailable(err)
	}
	page.fit(req)
	if req.Changes && page.MoreAfter {
		if page.Changes, err = h.changesOf(ctx, req.Room, page); err != nil {
			return HistoryPage{}, unavailable(err)
		}
	}
	return page, nil
}

// fit holds the page to MaxReplyBytes, at the end away from where reading began.
func (p *HistoryPage) fit(req HistoryRequest) {
	if req.After > 0 || req.FromStart || req.Around > 0 {
		if n := oldestWithin(p.Events); n < len(p.Events) {
			p.Events, p.MoreAfter = p.Events[:n], true
		}
		return
	}
	if n := newestWithin(p.Events); n < len(p.Events) {
		p.Events, p.MoreBefore = p.Events[len(p.Events)-n:], true
	}
}

// page reads in the direction that was asked for; around is a half of each.
func (h *Hub) page(ctx context.Context, req HistoryRequest) (HistoryPage, error) {
	switch {
	case req.Around > 0:
		older, err := h.below(ctx, req.Room, req.Around, (req.Limit-1)/2)
		if err != nil {
			return HistoryPage{}, err
		}
		newer, err := h.above(ctx, req.Room, req.Around-1, req.Limit-len(older.Events))
		if err != nil {
			return HistoryPage{}, err
		}
		newer.Events = append(older.Events, newer.Events...)
		newer.MoreBefore = older.MoreBefore
		return newer, nil
	case req.After > 0 || req.FromStart:
		return h.above(ctx, req.Room, req.After, req.Limit)
	default:
		return h.below(ctx, req.Room, req.Before, req.Limit)
	}
}

// below gives the newest n events before a sequence, 0 being no bound.
func (h *Hub) below(ctx context.Context, name string, before uint64, n int) (HistoryPage, error) {
	if r := h.present(name); r != nil {
		if page, ok := r.ringBelow(before, n); ok {
			return page, nil
		}
	}
	page, err := h.read(ctx, name, Range{Before: before, Limit: max(n, 1), Newest: true})
	if err != nil {
		return HistoryPage{}, err
	}
	items := itemsOf(page.Entries)
	items = items[max(0, len(items)-n):]
	more := page.More || page.Floor > 0 || len(items) < len(page.Entries)
	return HistoryPage{Epoch: page.Epoch, Events: items, MoreBefore: more, MoreAfter: before > 0}, nil
}

// above gives the oldest n events after a sequence.
func (h *Hub) above(ctx context.Context, name string, after uint64, n int) (HistoryPage, error) {
	if r := h.present(name); r != nil {
		if at, items, ok := r.ringAbove(after); ok {
			more := len(items) > n
			return HistoryPage{Epoch: at.Epoch, Events: items[:min(n, len(items))], MoreBefore: after > 0, MoreAfter: more}, nil
		}
	}
	page, err := h.read(ctx, name, Range{After: after, Limit: n})
	if err != nil {
		return HistoryPage{}, err
	}
	return HistoryPage{
		Epoch: page.Epoch, Events: itemsOf(page.Entries),
		MoreBefore: after > 0 || page.Floor > 0, MoreAfter: page.More,
	}, nil
}

// present gives the room if it is live and whole, and nil if not.
func (h *Hub) present(name string) *liveRoom {
	h.mu.Lock()
	r := h.rooms[name]
	h.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.opened:
	default:
		return nil
	}
	if r.err != nil {
		return nil
	}
	return r
}

// ringAbove is false, too, for a bound that the room has not come to yet, and while
// something acked has not: whoever knows of it will look for it in the page.
func (r *liveRoom) ringAbove(after uint64) (at Position, items []Item, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	items, ok = r.ring.after(after)
	return r.at, slices.Clone(items), ok && after <= r.at.Seq && r.current()
}

// ringBelow is false in the same cases as ringAbove.
func (r *liveRoom) ringBelow(before uint64, n int) (HistoryPage, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before > r.at.Seq+1 || before == 0 && !r.current() {
		return HistoryPage{}, false
	}
	items, more, ok := r.ring.before(before, n)
	if !ok {
		return HistoryPage{}, false
	}
	return HistoryPage{
		Epoch: r.at.Epoch, Events: slices.Clone(items),
		MoreBefore: more, MoreAfter: before > 0 && before <= r.at.Seq,
	}, true
}

// newestPage is a room's newest items, and the position up to which they reach.
type newestPage struct {
	items []Item
	last  Position
	more  bool
}

// newest gives the newest n events of a live room.
func (r *liveRoom) newest(ctx context.Context, n int) (newestPage, error) {
	r.mu.Lock()
	items, more, ok := r.ring.before(0, n)
	page := newestPage{items: slices.Clone(items), last: r.at, more: more}
	held, floor := slices.Clone(r.ring.items), r.ring.floor
	r.mu.Unlock()
	if ok {
		return page, nil
	}
	older, err := r.hub.read(ctx, r.name, Range{Before: floor + 1, Limit: n - len(held), Newest: true})
	if err != nil {
		return newestPage{}, unavailable(err)
	}
	if older.Epoch != page.last.Epoch {
		return newestPage{}, errStale
	}
	page.items = append(itemsOf(older.Entries), held...)
	page.more = older.More || older.Floor > 0
	return page, nil
}

// read reads a page from the log; at most Config.HistoryReads at once do, and nobody
// waits for longer than Config.HistoryWait to be among them: whoever asks has lost
// patience by then, and reads for nobody would only keep the others waiting.
func (h *Hub) read(ctx context.Context, name string, r Range) (Page, error) {
	wait := time.NewTimer(h.cfg.HistoryWait)
	defer wait.Stop()
	select {
	case h.reads <- struct{}{}:
	case <-ctx.Done():
		return Page{}, ctx.Err()
	case <-wait.C:
		return Page{}, &room.Error{
			Code: room.CodeUnavailable, Message: "too many want to read history now; try again",
			RetryAfter: time.Second + rand.N(time.Second),
		}
	}
	defer func() { <-h.reads }()
	h.counter.logReads.Add(1)
	return h.cfg.Log.Read(ctx, name, r)
}
