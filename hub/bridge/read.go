package bridge

import (
	"context"
	"fmt"
	"slices"

	"github.com/hubbub-im/hubbub/hub"
)

// Read gives a page of a room; see hub.Log. At most Config.Readers do so at once,
// since each read holds its stream up.
func (l *Log) Read(ctx context.Context, room string, r hub.Range) (hub.Page, error) {
	if l.closed.Load() {
		return hub.Page{}, hub.ErrClosed
	}
	r.Limit = min(max(r.Limit, 1), hub.MaxPage)
	select {
	case l.readers <- struct{}{}:
	case <-ctx.Done():
		return hub.Page{}, unavailable(ctx.Err())
	}
	defer func() { <-l.readers }()
	l.stats.reads.Add(1)
	p := l.partition(room)
	rd := reading{log: l, part: p, subject: l.cfg.logSubject(p.n, room), Range: r}
	page, err := rd.page(ctx)
	page.Epoch, page.Floor = p.position()
	return page, err
}

// position gives the partition's epoch and the sequence up to which it may have
// been trimmed.
func (p *partition) position() (epoch string, floor uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first > 1 {
		floor = p.first - 1
	}
	return p.epoch, floor
}

// reading is one Read under way.
type reading struct {
	log     *Log
	part    *partition
	subject string
	hub.Range
}

func (r *reading) page(ctx context.Context) (hub.Page, error) {
	if r.Before != 0 && r.Before <= r.After+1 {
		return hub.Page{}, nil
	}
	if r.Newest {
		return r.newest(ctx)
	}
	a, err := r.from(ctx, r.After+1, r.Limit+1)
	if err != nil {
		return hub.Page{}, err
	}
	entries, more := r.below(a)
	if len(entries) > r.Limit {
		entries, more = entries[:r.Limit], true
	}
	return hub.Page{Entries: entries, More: more}, nil
}

// from reads n entries, the first at seq or after it.
func (r *reading) from(ctx context.Context, seq uint64, n int) (directAnswer, error) {
	return r.log.get(ctx, r.part, directGet{Seq: max(seq, 1), NextFor: r.subject, Batch: n, MaxBytes: hub.MaxPageBytes})
}

// below cuts an answer at Before; more says whether it was cut short of that.
func (r *reading) below(a directAnswer) (entries []hub.Entry, more bool) {
	if r.Before == 0 {
		return a.entries, a.pending > 0
	}
	i := slices.IndexFunc(a.entries, func(e hub.Entry) bool { return e.Seq >= r.Before })
	if i >= 0 {
		return a.entries[:i], false
	}
	// What is pending may lie below Before or above it. Saying that there is more
	// when there is not costs one empty page.
	return a.entries, a.pending > 0
}

// newest reads backwards, which JetStream cannot: it finds, by counting, where
// Limit+1 entries below Before begin, and reads forward from there.
func (r *reading) newest(ctx context.Context) (hub.Page, error) {
	want := uint64(r.Limit) + 1
	behind := uint64(0) // entries at Before and after it
	if r.Before != 0 {
		c, err := r.count(ctx, r.Before)
		if err != nil {
			return hub.Page{}, err
		}
		behind = c.n
	}
	start, err := r.seek(ctx, behind, want)
	if err != nil || start.n <= behind {
		return hub.Page{}, err
	}
	var entries []hub.Entry
	seq, more := start.seq, start.seq > r.After+1 && !start.all
	for left := int(start.n - behind); left > 0; left = int(start.n-behind) - len(entries) {
		a, err := r.from(ctx, seq, left)
		if err != nil {
			return hub.Page{}, err
		}
		got, _ := r.below(a)
		entries = append(entries, got...)
		if len(got) == 0 || len(got) < len(a.entries) {
			break
		}
		seq = got[len(got)-1].Seq + 1
	}
	if len(entries) > r.Limit {
		entries, more = entries[len(entries)-r.Limit:], true
	}
	return cutOldest(hub.Page{Entries: entries, More: more}), nil
}

// cutOldest holds a page to MaxPageBytes.
func cutOldest(page hub.Page) hub.Page {
	size := 0
	for i := len(page.Entries) - 1; i >= 0; i-- {
		if size += len(page.Entries[i].Data); size > hub.MaxPageBytes && i < len(page.Entries)-1 {
			page.Entries, page.More = page.Entries[i+1:], true
			break
		}
	}
	return page
}

// counted is a place in a room: the first entry at or after some sequence, and
// how many there are from it to the end.
type counted struct {
	seq uint64
	n   uint64
	all bool // nothing of the range lies before it
}

// count asks how many entries there are from seq on.
func (r *reading) count(ctx context.Context, seq uint64) (counted, error) {
	a, err := r.from(ctx, seq, 1)
	if err != nil {
		return counted{}, err
	}
	if len(a.entries) == 0 {
		return counted{}, nil
	}
	return counted{seq: a.entries[0].Seq, n: a.pending + 1}, nil
}

// maxSeek bounds the search. Halving alone ends within the bits of a sequence.
const maxSeek = 70

// seek finds a place with at least want entries below Before from it on, and not
// many more; or the first of the range, if there are fewer. behind is how many
// are at Before and after.
func (r *reading) seek(ctx context.Context, behind, want uint64) (counted, error) {
	lo, err := r.count(ctx, r.After+1)
	if err != nil {
		return counted{}, err
	}
	lo.all = true
	slack := want + 16
	hi := r.Before // the count from here on is behind, or too few
	if hi == 0 {
		a, err := r.log.get(ctx, r.part, directGet{MultiLast: []string{r.subject}})
		if err != nil || len(a.entries) == 0 {
			return counted{}, err
		}
		hi = a.entries[0].Seq + 1
	}
	hiN := behind
	for range maxSeek {
		if lo.n <= behind+want+slack || hi <= lo.seq+1 {
			return lo, nil
		}
		probe := interpolate(lo.seq, hi, lo.n, hiN, behind+want+slack/2)
		c, err := r.count(ctx, probe)
		if err != nil {
			return counted{}, err
		}
		if c.n >= behind+want {
			lo = c
		} else {
			hi, hiN = probe, max(c.n, behind)
		}
		if lo.n <= behind+want+slack || hi <= lo.seq+1 {
			return lo, nil
		}
		// One halving for each interpolation, so that an uneven room ends as well.
		if c, err = r.count(ctx, lo.seq+(hi-lo.seq)/2); err != nil {
			return counted{}, err
		}
		if c.n >= behind+want {
			lo = c
		} else {
			hi, hiN = lo.seq+(hi-lo.seq)/2, max(c.n, behind)
		}
	}
	return counted{}, fmt.Errorf("%w: the place of a page was not found", hub.ErrUnavailable)
}

// interpolate guesses where target entries are left, between lo with loN and hi
// with hiN.
func interpolate(lo, hi, loN, hiN, target uint64) uint64 {
	if loN <= hiN {
		return lo + (hi-lo)/2
	}
	share := float64(loN-target) / float64(loN-hiN)
	return min(max(lo+uint64(share*float64(hi-lo)), lo+1), hi-1)
}
