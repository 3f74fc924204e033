package client

import (
	"context"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// HistoryPage is a part of a room, in ascending order.
type HistoryPage struct {
	Epoch                 string
	Events                []*Event
	Changes               []*Event // later events that changed a message of the page
	MoreBefore, MoreAfter bool
}

// HistoryOption says which part History reads.
type HistoryOption func(*wire.History)

// Before reads what came before a sequence.
func Before(seq uint64) HistoryOption { return anchored(wire.AnchorBefore, seq) }

// After reads what came after a sequence; 0 is the room's beginning.
func After(seq uint64) HistoryOption { return anchored(wire.AnchorAfter, seq) }

// Around reads what lies around a sequence, and the event itself.
func Around(seq uint64) HistoryOption { return anchored(wire.AnchorAround, seq) }

func anchored(a wire.Anchor, seq uint64) HistoryOption {
	return func(h *wire.History) { h.Anchor, h.Seq = a, seq }
}

// Limit bounds the page to 1 to 200 events; 50 without it.
func Limit(n int) HistoryOption { return func(h *wire.History) { h.Limit = n } }

// WithChanges also reads what later changed the page's messages.
func WithChanges() HistoryOption { return func(h *wire.History) { h.Changes = true } }

// History reads a part of the room, the newest without an option. The room need
// not be joined.
func (r *Room) History(ctx context.Context, options ...HistoryOption) (*HistoryPage, error) {
	cmd := &wire.History{Room: r.name}
	for _, o := range options {
		o(cmd)
	}
	reply, err := ask[*wire.HistoryPage](ctx, r.client, "history of "+r.name, cmd)
	if err != nil {
		return nil, err
	}
	return &HistoryPage{
		Epoch: reply.Epoch, Events: r.decodeAll(reply.Epoch, reply.Events), Changes: r.decodeAll(reply.Epoch, reply.Changes),
		MoreBefore: reply.MoreBefore, MoreAfter: reply.MoreAfter,
	}, nil
}

func (r *Room) decodeAll(epoch string, items []wire.Item) []*Event {
	events := make([]*Event, len(items))
	for i, it := range items {
		events[i] = decode(r.name, Position{Epoch: epoch, Seq: it.Seq}, it.Event)
	}
	return events
}
