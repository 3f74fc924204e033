package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// MaxTraced is among how many of a room's newest events one is looked for by its id.
	MaxTraced = 10_000
	// maxTracePages bounds what is read for that: so many pages of MaxPageBytes.
	maxTracePages = 16
)

// TraceRequest names an event of a room: by its id, which the newest event counts for
// that has it, or by its sequence.
type TraceRequest struct {
	Room string
	ID   string
	User string // the author, since ids are unique for each; "": whoever
	Seq  uint64 // in place of the id, for an event however old
}

// Trace is what is known of an event's way. Times are in Unix milliseconds; 0 is one
// that is not known.
type Trace struct {
	Room  string `json:"room"`
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`

	Kind     room.Kind `json:"kind"`
	ID       string    `json:"id,omitempty"`
	User     string    `json:"user"`
	Accepted int64     `json:"accepted,omitempty"` // by the clock of the instance that published it
	Stored   int64     `json:"stored,omitempty"`   // by the log's clock

	Instances []TracePart `json:"instances"`
	// Silent are instances that are there and have not answered in time.
	Silent []string `json:"silent,omitempty"`
	// Incomplete says that an instance could not be heard, if only one whose id is
	// not known.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Delivery is what an instance knows of how an event came to its members.
type Delivery string

// What an instance can know.
const (
	// DeliveryBrought: in the round that goes with it.
	DeliveryBrought Delivery = "brought"
	// DeliveryPending: it has yet to come, or is on its way.
	DeliveryPending Delivery = "pending"
	// DeliveryNone: no round had it. There was nobody, or who came later has had it as
	// a part of the room's past.
	DeliveryNone Delivery = "none"
	// DeliveryUnknown: it is older than what the instance remembers.
	DeliveryUnknown Delivery = "unknown"
)

// TracePart is what one instance knows. Its times are by its own clock.
type TracePart struct {
	Instance string     `json:"instance"`
	Name     string     `json:"name,omitempty"`
	Since    TraceSince `json:"since"`

	Acked    *TraceAck   `json:"acked,omitempty"` // it was published through this instance
	Delivery Delivery    `json:"delivery"`
	Round    *TraceRound `json:"round,omitempty"`
	Cuts     []TraceCut  `json:"cuts,omitempty"` // of the room's members, around that time
	MoreCuts bool        `json:"more_cuts,omitempty"`
}

// TraceSince says from when on an instance remembers all: it keeps the newest of each,
// and nothing from before it was started.
type TraceSince struct {
	Acks   int64 `json:"acks"`
	Rounds int64 `json:"rounds"`
	Cuts   int64 `json:"cuts"`
}

// TraceAck is what the log answered to the instance that published an event.
type TraceAck struct {
	At        int64 `json:"at"`
	Duplicate bool  `json:"duplicate,omitempty"` // of a repeat: it had been stored before
}

// TraceRound is the round that brought an event.
type TraceRound struct {
	At      int64 `json:"at"`      // when it began
	Took    int64 `json:"took_us"` // in microseconds
	Members int   `json:"members"` // who were given it
	Waiting int   `json:"waiting"` // of those, for whom it was put behind what they had not taken
}

// TraceCut is a member that was cut because its peer was too slow.
type TraceCut struct {
	At         int64  `json:"at"`
	User       string `json:"user"`
	Connection string `json:"connection"`
	Why        Excess `json:"why,omitempty"` // what was too much
	Bytes      int    `json:"bytes"`         // so many waited

	rooms []string
}

// Trace tells what is known of an event's way: from the log what it is and when it was
// stored, and from each instance what that remembers. It is the caller's to check that
// whoever asks may know.
func (h *Hub) Trace(ctx context.Context, req TraceRequest) (Trace, error) {
	if err := room.CheckName(req.Room); err != nil {
		return Trace{}, err
	}
	e, epoch, err := h.findEvent(ctx, req)
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Room: req.Room, Epoch: epoch, Seq: e.Seq, Kind: room.KindUnreadable}
	if ev, err := room.DecodeEvent(e.Data); err == nil {
		t.Kind, t.ID, t.User, t.Accepted = ev.Kind, ev.ID, ev.User, ev.At
	}
	stored, err := h.cfg.Log.Stored(ctx, req.Room, e.Seq)
	if err != nil {
		return Trace{}, unavailable(err)
	}
	if !stored.IsZero() {
		t.Stored = stored.UnixMilli()
	}
	h.askTrace(ctx, &t)
	return t, nil
}

// findEvent finds the event in the log, and the epoch that its sequence belongs to.
func (h *Hub) findEvent(ctx context.Context, req TraceRequest) (Entry, string, error) {
	if req.Seq == 0 {
		return h.findByID(ctx, req)
	}
	page, err := h.read(ctx, req.Room, Range{After: req.Seq - 1, Limit: 1})
	switch {
	case err != nil:
		return Entry{}, "", unavailable(err)
	case len(page.Entries) > 0 && page.Entries[0].Seq == req.Seq:
		return page.Entries[0], page.Epoch, nil
	case page.Floor >= req.Seq:
		return Entry{}, "", room.Errorf(room.CodeNotFound, "there is no event %d in this room any more: those up to %d may have been trimmed", req.Seq, page.Floor)
	}
	return Entry{}, "", room.Errorf(room.CodeNotFound, "there is no event %d in this room", req.Seq)
}

// findByID looks through the room's newest events, from the newest on.
func (h *Hub) findByID(ctx context.Context, req TraceRequest) (Entry, string, error) {
	quoted, err := json.Marshal(req.ID) // as it stands in an event that has it
	if err != nil {
		return Entry{}, "", err
	}
	seen, before := 0, uint64(0)
	for range maxTracePages {
		page, err := h.read(ctx, req.Room, Range{Before: before, Limit: min(MaxPage, MaxTraced-seen), Newest: true})
		if err != nil {
			return Entry{}, "", unavailable(err)
		}
		for _, e := range slices.Backward(page.Entries) {
			if bytes.Contains(e.Data, quoted) && req.isOf(e) {
				return e, page.Epoch, nil
			}
		}
		seen += len(page.Entries)
		if !page.More || len(page.Entries) == 0 {
			return Entry{}, "", room.Errorf(room.CodeNotFound, "%s in this room, which has %d", req.missing(), seen)
		}
		if before = page.Entries[0].Seq; seen >= MaxTraced {
			break
		}
	}
	return Entry{}, "", room.Errorf(room.CodeNotFound, "%s among the newest %d of this room; name an older one by its sequence", req.missing(), seen)
}

// isOf reports whether an entry is an event with the id that was asked for.
func (req *TraceRequest) isOf(e Entry) bool {
	ev, err := room.DecodeEvent(e.Data)
	return err == nil && ev.ID == req.ID && (req.User == "" || ev.User == req.User)
}

func (req *TraceRequest) missing() string {
	of := ""
	if req.User != "" {
		of = " of this user"
	}
	return "there is no event with this id" + of
}

// askTrace adds what each instance knows, this one first and the others by their names.
func (h *Hub) askTrace(ctx context.Context, t *Trace) {
	q := traceQuery{Room: t.Room, Of: Position{Epoch: t.Epoch, Seq: t.Seq}, Stored: t.Stored}
	if q.Stored == 0 {
		q.Stored = t.Accepted
	}
	asked := h.askAll(ctx, query{Trace: &q})
	t.Instances = append(t.Instances, *h.traceHere(q))
	t.Silent, t.Incomplete = asked.silent, !asked.whole
	for _, a := range asked.answers {
		if a.Trace == nil { // of an older hub, which does not know the question
			t.Incomplete = true
			continue
		}
		t.Instances = append(t.Instances, *a.Trace)
	}
	slices.SortFunc(t.Instances[1:], func(a, b TracePart) int {
		return strings.Compare(a.Name+"\x00"+a.Instance, b.Name+"\x00"+b.Instance)
	})
}
