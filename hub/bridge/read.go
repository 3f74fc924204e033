package bridge

import (
	"context"
	"fmt"
	"math"

	"github.com/hubbub-im/hubbub/hub"
)

// readChunk is how many bytes one answer of a stream may have. More would pile up
// in the server faster than they are taken.
const readChunk = 1 << 20

// Read gives a page of a room; see hub.Log. At most Config.Readers do so at once,
// since each read holds its stream up.
func (l *Log) Read(ctx context.Context, room string, r hub.Range) (hub.Page, error) {
	if l.closed.Load() {
		return hub.Page{}, hub.ErrClosed
	}
	select {
	case l.readers <- struct{}{}:
	case <-ctx.Done():
		return hub.Page{}, unavailable(ctx.Err())
	}
	defer func() { <-l.readers }()
	if err := ctx.Err(); err != nil {
		return hub.Page{}, unavailable(err)
	}
	l.stats.reads.Add(1)
	p := l.partition(room)
	return steady(p, func(epoch string) (hub.Page, error) {
		rd := newReading(l, p, room, r)
		page, err := rd.page(ctx)
		if err != nil {
			return hub.Page{}, err
		}
		page.Epoch, page.Floor = epoch, p.floor()
		return page, nil
	})
}

// reading is one Read under way.
type reading struct {
	log     *Log
	part    *partition
	subject string

	from, to uint64 // the range: from <= seq < to
	limit    int
	newest   bool
	open     bool // the range has no upper bound
}

func newReading(l *Log, p *partition, room string, r hub.Range) *reading {
	rd := &reading{
		log: l, part: p, subject: l.cfg.logSubject(p.n, room),
		from: r.After + 1, to: r.Before, limit: min(max(r.Limit, 1), hub.MaxPage), newest: r.Newest,
	}
	if r.Before == 0 {
		rd.to, rd.open = math.MaxUint64, true
	}
	if r.After == math.MaxUint64 {
		rd.from = rd.to
	}
	return rd
}

func (r *reading) page(ctx context.Context) (hub.Page, error) {
	if r.from >= r.to {
		return hub.Page{}, nil
	}
	read := r.oldestPage
	if r.newest {
		read = r.newestPage
	}
	page, err := read(ctx)
	if err != nil || !r.stale(page) {
		return page, err
	}
	return r.fresher(ctx, read, page)
}

// oldestPage reads forward from the range's beginning.
func (r *reading) oldestPage(ctx context.Context) (hub.Page, error) {
	entries, more, err := r.forward(ctx, r.from, r.limit, hub.MaxPageBytes)
	return hub.Page{Entries: entries, More: more}, err
}

// forward reads at most limit entries, and maxBytes, from a sequence on; more says
// whether the range holds others after them. One entry is read whatever its size.
func (r *reading) forward(ctx context.Context, from uint64, limit, maxBytes int) (entries []hub.Entry, more bool, err error) {
	size := 0
	for {
		// One more than is wanted tells whether there are others.
		a, err := r.next(ctx, from, limit-len(entries)+1)
		if err != nil {
			return nil, false, err
		}
		for _, e := range a.entries {
			if e.Seq >= r.to {
				return entries, false, nil
			}
			full := len(entries) > 0 && size+len(e.Data) > maxBytes
			if full || len(entries) == limit {
				return entries, true, nil
			}
			if len(entries) > 0 {
				e.Prev = entries[len(entries)-1].Seq
			}
			entries = append(entries, e)
			size += len(e.Data)
		}
		if a.pending == 0 || len(a.entries) == 0 {
			return entries, false, nil
		}
		from = a.last + 1
	}
}

// fewSteps is up to which limit a page's entries are asked for one by one, where the
// engine is in this process. A row is counted before it is sent, and for that all blocks from
// its beginning on, or all before it, are loaded once more; meanwhile nobody can
// publish to the partition. One by one, only those blocks are loaded in which the
// entries are, and publishers come in between. A document is read whole, and has
// few entries since its past is replaced: a row is the fastest way.
const fewSteps = 100

// next asks for n entries, the first at seq or after it. There may be fewer if
// they are large.
func (r *reading) next(ctx context.Context, seq uint64, n int) (directAnswer, error) {
	if r.log.near && n > 1 && r.limit <= fewSteps && r.log.cfg.Of == Rooms {
		return r.steps(ctx, max(seq, 1), n)
	}
	return getMany(ctx, r.log.old, r.part.stream, directGet{Seq: max(seq, 1), NextFor: r.subject, Batch: n, MaxBytes: readChunk})
}

// steps is next, one by one.
func (r *reading) steps(ctx context.Context, seq uint64, n int) (a directAnswer, err error) {
	for bytes := 0; n > 0 && bytes < readChunk; n-- {
		e, ok, err := getOne(ctx, r.log.old, r.part.stream, directGet{Seq: seq, NextFor: r.subject})
		if err != nil || !ok {
			a.pending = 0
			return a, err
		}
		if e.Seq < seq {
			return directAnswer{}, unavailable(fmt.Errorf("stream %s: %w: %d, when the one after %d was asked for", r.part.stream, errBroken, e.Seq, seq-1))
		}
		a.entries = append(a.entries, e)
		a.last, a.pending = e.Seq, 1 // there may be more
		if e.Seq >= r.to {
			break // what follows does not matter
		}
		seq = e.Seq + 1
		bytes += len(e.Data)
	}
	return a, nil
}
