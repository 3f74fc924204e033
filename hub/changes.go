package hub

import (
	"cmp"
	"context"
	"slices"

	"github.com/hubbub-im/hubbub/room"
)

// maxIndexed bounds the changes that one live room remembers. A room with more is
// read from the log each time that it is asked for.
const maxIndexed = 50_000

// changeIndex remembers which later events changed which message, from a sequence
// on that goes down as older pages are asked for. It is empty until the first
// page that does not reach the room's end is read with its changes.
type changeIndex struct {
	from  uint64            // every change above it is in the index
	items map[uint64][]Item // by target, ascending
	count int
}

func (x *changeIndex) reset() { *x = changeIndex{} }

// add takes the room's next event.
func (x *changeIndex) add(it Item, ev *room.Event) {
	if x.items == nil || !ev.Changes() {
		return
	}
	if x.count++; x.count > maxIndexed {
		x.reset()
		return
	}
	x.items[ev.Target] = append(x.items[ev.Target], it)
}

// of gives the changes above seq of the messages in page, ascending.
func (x *changeIndex) of(page []Item, seq uint64) []Item {
	var found []Item
	for _, m := range page {
		for _, it := range x.items[m.Seq] {
			if it.Seq > seq {
				found = append(found, it)
			}
		}
	}
	slices.SortFunc(found, func(a, b Item) int { return cmp.Compare(a.Seq, b.Seq) })
	return found
}

// changesOf gives the events after the page that change a message of it.
func (h *Hub) changesOf(ctx context.Context, name string, page HistoryPage) ([]Item, error) {
	if len(page.Events) == 0 {
		return nil, nil
	}
	last := page.Events[len(page.Events)-1].Seq
	if r := h.present(name); r != nil {
		if found, at, ok := r.changesAtHand(page, last); ok {
			if at == 0 {
				return found, nil
			}
			rest, _, err := h.scanChanges(ctx, name, max(at, last))
			return append(found, rest.of(page.Events, last)...), err
		}
	}
	x, end, err := h.scanChanges(ctx, name, last)
	if err != nil {
		return nil, err
	}
	if r := h.present(name); r != nil && x.count <= maxIndexed {
		r.keepIndex(x, end)
	}
	return x.of(page.Events, last), nil
}

// changesAtHand gives the changes above seq that the live room remembers, if it
// remembers them all. Where something acked has not come to the room yet, at is
// the sequence after which the log must be read for the rest.
func (r *liveRoom) changesAtHand(page HistoryPage, seq uint64) (found []Item, at uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes.items == nil || r.changes.from > seq || r.at.Epoch != page.Epoch {
		return nil, 0, false
	}
	if !r.current() {
		at = r.at.Seq
	}
	return r.changes.of(page.Events, seq), at, true
}

// scanChanges reads the log from seq to its end.
func (h *Hub) scanChanges(ctx context.Context, name string, seq uint64) (changeIndex, Position, error) {
	x := changeIndex{from: seq, items: make(map[uint64][]Item)}
	end := Position{Seq: seq}
	for {
		page, err := h.read(ctx, name, Range{After: end.Seq, Limit: MaxPage})
		if err != nil {
			return x, end, err
		}
		for _, e := range page.Entries {
			end.Seq = e.Seq
			if ev, err := room.DecodeEvent(e.Data); err == nil && ev.Changes() {
				x.items[ev.Target] = append(x.items[ev.Target], Item{Seq: e.Seq, Event: e.Data})
				x.count++
			}
		}
		end.Epoch = page.Epoch
		if !page.More || len(page.Entries) == 0 {
			return x, end, nil
		}
	}
}

// keepIndex makes x the room's index, if the ring joins on to where it ended.
func (r *liveRoom) keepIndex(x changeIndex, end Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest, ok := r.ring.after(end.Seq)
	if !ok || r.at.Epoch != end.Epoch {
		return
	}
	r.changes = x
	r.changes.items = make(map[uint64][]Item, len(x.items))
	for target, items := range x.items {
		r.changes.items[target] = slices.Clone(items)
	}
	for _, it := range rest {
		if ev, err := room.DecodeEvent(it.Event); err == nil {
			r.changes.add(it, ev)
		}
	}
}
