package hub

import (
	"context"
	"slices"
	"sort"
	"time"
)

const (
	backlogParts = 16               // parts that one room keeps
	backlogBytes = 64 << 20         // what all rooms of a hub may keep of their events together
	backlogTime  = 20 * time.Second // from the last use of a part to its end
)

// backlog holds what members who come back have just been given of a room's past:
// after a crash or a deploy many come back at once, and each part of the log is
// read once for all of them.
type backlog struct {
	reading chan struct{} // closed when the read that is under way has ended; nil: there is none
	parts   []*part       // at most backlogParts, the one used last at the end
}

// part is what one read gave: all events of the room above after, up to the last of
// items.
type part struct {
	epoch   string
	after   uint64
	items   []Item // not empty
	more    bool   // there were further ones when it was read
	trimmed uint64 // events at or below it may have been trimmed
	bytes   int
	used    time.Time
}

// from gives a copy of the part that begins after seq.
func (p *part) from(seq uint64) part {
	rest := *p
	i := sort.Search(len(p.items), func(i int) bool { return p.items[i].Seq > seq })
	rest.after, rest.items = seq, p.items[i:]
	return rest
}

// missed gives what came after seq, from the backlog or from the log; one read of
// the log at a time. An empty part means that the log has nothing there.
func (r *liveRoom) missed(ctx context.Context, seq uint64) (part, error) {
	for {
		r.mu.Lock()
		if p := r.backlog.find(seq); p != nil {
			defer r.mu.Unlock()
			return p.from(seq), nil
		}
		reading := r.backlog.reading
		if reading == nil {
			done := make(chan struct{})
			r.backlog.reading = done
			r.mu.Unlock()
			return r.readMissed(ctx, seq, done)
		}
		r.mu.Unlock()
		select {
		case <-reading: // it may have brought what is wanted
		case <-ctx.Done():
			return part{}, unavailable(ctx.Err())
		}
	}
}

// readMissed reads a part from the log, and keeps it for whoever comes next.
func (r *liveRoom) readMissed(ctx context.Context, seq uint64, done chan struct{}) (part, error) {
	page, err := r.hub.read(ctx, r.name, Range{After: seq, Limit: ResumePage})
	p := part{epoch: page.Epoch, after: seq, items: itemsOf(page.Entries), more: page.More, trimmed: page.Floor, used: time.Now()}
	if n := oldestWithin(p.items); n < len(p.items) {
		p.items, p.more = slices.Clone(p.items[:n]), true
	}
	for _, it := range p.items {
		p.bytes += len(it.Event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog.reading = nil
	close(done)
	if err != nil {
		return part{}, unavailable(err)
	}
	if len(p.items) > 0 && p.epoch == r.at.Epoch && !r.catchUp.shut {
		r.keepPart(p)
	}
	return p, nil
}

// keepPart adds a part, if there is room for it. mu is held.
func (r *liveRoom) keepPart(p part) {
	if len(r.backlog.parts) == backlogParts {
		r.dropParts(1)
	}
	if r.hub.backlogs.Add(int64(p.bytes)) > backlogBytes {
		r.hub.backlogs.Add(-int64(p.bytes))
		return
	}
	r.backlog.parts = append(r.backlog.parts, &p)
}

// dropParts drops the n parts whose use is the longest ago. mu is held.
func (r *liveRoom) dropParts(n int) {
	for _, p := range r.backlog.parts[:n] {
		r.hub.backlogs.Add(-int64(p.bytes))
	}
	r.backlog.parts = slices.Delete(r.backlog.parts, 0, n)
}

// agePartsTo drops the parts that nobody has wanted for a while.
func (r *liveRoom) agePartsTo(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.backlog.parts) && now.Sub(r.backlog.parts[n].used) > backlogTime {
		n++
	}
	r.dropParts(n)
}

// find gives the part that holds the event that follows seq, the one that reaches
// furthest if there are several.
func (b *backlog) find(seq uint64) *part {
	best := -1
	for i, p := range b.parts {
		if p.after <= seq && seq < p.last() && (best < 0 || p.last() > b.parts[best].last()) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	p := b.parts[best]
	p.used = time.Now()
	b.parts = append(slices.Delete(b.parts, best, best+1), p)
	return p
}

func (p *part) last() uint64 { return p.items[len(p.items)-1].Seq }
