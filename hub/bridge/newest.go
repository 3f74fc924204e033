package bridge

import (
	"context"
	"fmt"

	"github.com/hubbub-im/hubbub/hub"
)

// place is a place in a room: a sequence, and how many entries there are from it
// to the end of the room.
type place struct {
	seq   uint64
	count uint64
}

// newestPage reads backward, which JetStream cannot: it finds where the page begins,
// and reads forward from there. Mostly a guess does.
func (r *reading) newestPage(ctx context.Context) (page hub.Page, err error) {
	page, ok, err := r.guess(ctx)
	if ok || err != nil {
		return page, err
	}
	return r.countedPage(ctx)
}

// countedPage finds the beginning by counting, which works for every room.
func (r *reading) countedPage(ctx context.Context) (hub.Page, error) {
	for limit, try := uint64(r.limit), 0; ; try++ {
		first, last, err := r.ends(ctx)
		if err != nil || first.count <= last.count {
			return hub.Page{}, err
		}
		start, err := r.seek(ctx, first, last, limit)
		if err != nil {
			return hub.Page{}, err
		}
		n := int(start.count - last.count) // between start and the end of the range
		entries, _, err := r.forward(ctx, start.seq, n, maxForward)
		if err != nil {
			return hub.Page{}, err
		}
		if len(entries) < n && size(entries) > hub.MaxPageBytes {
			// They are so large that the page is full long before. Begin nearer.
			limit = max(1, min(limit/2, uint64(len(entries)*hub.MaxPageBytes/size(entries))))
			continue
		}
		// What was stored between the counts can make the page short.
		if short := start != first && len(entries) < int(limit); !short || try == maxRecount {
			return cutOldest(hub.Page{Entries: entries, More: start != first}, r.limit), nil
		}
	}
}

// maxRecount bounds how often a page is looked for anew.
const maxRecount = 8

// maxForward bounds what is read to find a page of large entries.
const maxForward = 2 * hub.MaxPageBytes

// ends gives the first place of the range, and the one behind its last entry. What
// lies behind the range is counted before anything in it: what is stored meanwhile
// then makes the difference too large, which forward cuts at the range's end, and
// never too small, which would leave out the page's newest entries.
func (r *reading) ends(ctx context.Context) (first, last place, err error) {
	last.seq = r.to
	if !r.open {
		behind, err := r.count(ctx, r.to)
		if err != nil {
			return place{}, place{}, err
		}
		last.count = behind.count
	}
	if first, err = r.count(ctx, r.from); err != nil || first.count == 0 {
		return place{}, place{}, err
	}
	if r.open {
		tail, ok, err := getOne(ctx, r.log.old, r.part.stream, directGet{LastFor: r.subject})
		if err != nil || !ok {
			return place{}, place{}, err
		}
		last.seq = tail.Seq + 1
	}
	return first, last, nil
}

// count asks how many entries there are from seq on, and where the first one is.
func (r *reading) count(ctx context.Context, seq uint64) (place, error) {
	a, err := r.next(ctx, seq, 1)
	if err != nil || len(a.entries) == 0 {
		return place{}, err
	}
	return place{seq: a.entries[0].Seq, count: a.pending + 1}, nil
}

// maxSeek bounds the search. Halving alone ends within the bits of a sequence.
const maxSeek = 130

// seek finds a place with at least want entries from it up to last, and not many
// more; or first, if there are fewer.
func (r *reading) seek(ctx context.Context, first, last place, want uint64) (place, error) {
	slack := want/2 + 8
	lo, hi := first, last // at lo there are enough, at hi too few
	for try := range maxSeek {
		if lo.count <= last.count+want+slack || hi.seq <= lo.seq+1 {
			return lo, nil
		}
		probe := lo.seq + (hi.seq-lo.seq)/2
		if try%2 == 0 { // by turns, so that an uneven room ends as well
			probe = interpolate(lo, hi, last.count+want+slack/2)
		}
		c, err := r.count(ctx, probe)
		if err != nil {
			return place{}, err
		}
		if c.count >= last.count+want {
			lo = c
		} else {
			hi = place{seq: probe, count: max(c.count, last.count)}
		}
	}
	return place{}, fmt.Errorf("%w: the place of a page was not found", hub.ErrUnavailable)
}

// interpolate guesses where target entries are left, strictly between two places.
func interpolate(lo, hi place, target uint64) uint64 {
	share := 0.5
	if lo.count > hi.count && lo.count >= target {
		share = float64(lo.count-target) / float64(lo.count-hi.count)
	}
	return min(max(lo.seq+uint64(share*float64(hi.seq-lo.seq)), lo.seq+1), hi.seq-1)
}

// cutOldest holds a page to a limit and to MaxPageBytes, from its newest entry on.
func cutOldest(page hub.Page, limit int) hub.Page {
	n, bytes := 0, 0
	for n < min(limit, len(page.Entries)) {
		bytes += len(page.Entries[len(page.Entries)-1-n].Data)
		if n > 0 && bytes > hub.MaxPageBytes {
			break
		}
		n++
	}
	if n < len(page.Entries) {
		page.Entries, page.More = page.Entries[len(page.Entries)-n:], true
	}
	return page
}

func size(entries []hub.Entry) (bytes int) {
	for _, e := range entries {
		bytes += len(e.Data)
	}
	return bytes
}
