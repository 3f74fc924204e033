package hub

import (
	"context"
	"slices"

	"github.com/hubbub-im/hubbub/room"
)

// target finds the message that the command refers to, as it stands after all that
// was acked: in the live room, else in the log. It is nil if there is none, or if
// the caller may not publish anyway.
func (h *Hub) target(ctx context.Context, caller room.Caller, name string, cmd *room.Command) (*room.Target, error) {
	seq := cmd.Refers()
	if seq == 0 || room.CheckName(name) != nil || !caller.Grants.Allow(name, cmd.Verb()) {
		return nil, nil
	}
	t, known, err := h.targetAtHand(ctx, name, seq)
	if err != nil {
		return nil, h.cannot(err)
	}
	if known {
		return &t, nil
	}
	stored, err := h.storedTarget(ctx, name, seq)
	if err != nil {
		return nil, h.cannot(err)
	}
	return stored, nil
}

// targetAtHand asks the live room. Where something acked has not come to it yet, the
// log is asked whether that deletes the message.
func (h *Hub) targetAtHand(ctx context.Context, name string, seq uint64) (t room.Target, known bool, err error) {
	r := h.present(name)
	if r == nil {
		return t, false, nil
	}
	r.mu.Lock()
	t, known = r.state.Target(seq)
	at, current := r.at, r.current()
	r.mu.Unlock()
	if !known || current || t.Deleted {
		return t, known, nil
	}
	rest, _, err := h.scanChanges(ctx, name, at.Seq)
	t.Deleted = deletedBy(rest.items[seq], t.User)
	return t, true, err
}

// storedTarget reads the message, and what changed it, from the log.
func (h *Hub) storedTarget(ctx context.Context, name string, seq uint64) (*room.Target, error) {
	page, err := h.read(ctx, name, Range{After: seq - 1, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(page.Entries) == 0 || page.Entries[0].Seq != seq {
		return nil, nil
	}
	ev, err := room.DecodeEvent(page.Entries[0].Data)
	if err != nil {
		return nil, nil // an unreadable record is no message
	}
	t := &room.Target{Kind: ev.Kind, User: ev.User}
	if ev.Kind == room.KindMessage {
		changes, err := h.changesOf(ctx, name, HistoryPage{Epoch: page.Epoch, Events: itemsOf(page.Entries)})
		if err != nil {
			return nil, err
		}
		t.Deleted = deletedBy(changes, ev.User)
	}
	return t, nil
}

// deletedBy reports whether one of the changes of a message is its author's delete.
func deletedBy(changes []Item, author string) bool {
	return slices.ContainsFunc(changes, func(it Item) bool {
		ev, err := room.DecodeEvent(it.Event)
		return err == nil && ev.Version <= room.EventVersion && ev.Kind == room.KindDelete && ev.User == author
	})
}
