package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/hubbub-im/hubbub/hub"
)

// guesses is how often a page's beginning is guessed before it is counted.
const guesses = 3

// spread is what the engine knows of a room without looking into its blocks.
type spread struct {
	entries     uint64 // of the room
	first, last uint64 // sequences of the partition
}

// guess takes the room's entries to be spread evenly over the partition, and reads
// from where the page should begin then. A room that is uneven there is left to
// countedPage: ok is false.
func (r *reading) guess(ctx context.Context) (page hub.Page, ok bool, err error) {
	sp, err := r.spread(ctx)
	if err != nil {
		return hub.Page{}, false, err
	}
	from, end := max(r.from, sp.first), min(r.to, sp.last+1)
	if sp.entries == 0 || from >= end {
		return hub.Page{}, true, nil
	}
	want := uint64(r.limit) + 1 // the one more tells whether there are others
	most := int(2*want) + 32
	perSeq := float64(sp.entries) / float64(sp.last-sp.first+1)
	var entries []hub.Entry
	for start := end; ; {
		need := want - uint64(len(entries))
		// A little more than it takes on average, for chance. Every message in the
		// window costs, of whatever room it is: the engine looks at each.
		window := uint64((float64(need) + 1.5*math.Sqrt(float64(need)) + 2) / perSeq)
		begin := from
		if start-from > window {
			begin = start - window
		}
		got, whole, err := r.between(ctx, begin, start, most)
		if err != nil || !whole || size(got) > hub.MaxPageBytes {
			return hub.Page{}, false, err
		}
		entries = append(got, entries...)
		if begin == from || uint64(len(entries)) >= want {
			return cutOldest(hub.Page{Entries: chain(entries)}, r.limit), true, nil
		}
		if start = begin; end-start > guesses*window {
			return hub.Page{}, false, nil
		}
	}
}

// chain fills in what each entry follows.
func chain(entries []hub.Entry) []hub.Entry {
	for i := range entries[min(1, len(entries)):] {
		entries[i+1].Prev = entries[i].Seq
	}
	return entries
}

// between reads the entries from begin on and below end, if they are not too many;
// else whole is false.
func (r *reading) between(ctx context.Context, begin, end uint64, most int) (entries []hub.Entry, whole bool, err error) {
	part := *r
	part.to = end
	entries, more, err := part.forward(ctx, begin, most, hub.MaxPageBytes)
	return entries, !more, err
}

// spread asks the leader for what its index knows of a room.
func (r *reading) spread(ctx context.Context) (spread, error) {
	req, err := json.Marshal(struct {
		SubjectsFilter string `json:"subjects_filter"`
	}{r.subject})
	if err != nil {
		return spread{}, fmt.Errorf("encode the request: %w", err)
	}
	msg, err := r.log.old.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+r.part.stream, req)
	if err != nil {
		return spread{}, unavailable(err)
	}
	return decodeSpread(msg.Data, r.subject)
}

// decodeSpread reads the answer.
func decodeSpread(data []byte, subject string) (spread, error) {
	var info struct {
		Error *apiError `json:"error"`
		State *struct {
			First    uint64            `json:"first_seq"`
			Last     uint64            `json:"last_seq"`
			Subjects map[string]uint64 `json:"subjects"`
		} `json:"state"`
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return spread{}, unavailable(fmt.Errorf("the stream's state: %w", err))
	}
	switch {
	case info.Error != nil:
		return spread{}, unavailable(info.Error)
	case info.State == nil:
		return spread{}, unavailable(fmt.Errorf("the answer holds no state of a stream"))
	}
	sp := spread{entries: info.State.Subjects[subject], first: info.State.First, last: info.State.Last}
	if sp.last < sp.first {
		return spread{}, nil // the stream is empty
	}
	// Rooms are counted after the rest, and may have grown.
	sp.entries = min(sp.entries, sp.last-sp.first+1)
	return sp, nil
}
