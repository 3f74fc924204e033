package docs

import (
	"context"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
)

// note stores something that is said of the document, and waits until this instance
// knows it.
func (l *liveDoc) note(ctx context.Context, n document.Note) error {
	entry, _, err := l.encode(ctx, &document.Record{Kind: document.KindNote, Note: n})
	if err != nil {
		return l.docs.cannot(err)
	}
	answer := make(chan hub.Ack, 1)
	err = l.docs.cfg.Log.Append(l.name, []hub.Record{{Data: entry}}, func(acks []hub.Ack) { answer <- acks[0] })
	if err != nil {
		return l.docs.cannot(err)
	}
	select {
	case ack := <-answer:
		if ack.Err != nil {
			return l.docs.cannot(ack.Err)
		}
		return l.reach(ctx, ack.Seq)
	case <-ctx.Done():
		return room.Errorf(room.CodeUnavailable, "the log gave no answer in time")
	}
}

// reach waits until the record at a sequence is in the state.
func (l *liveDoc) reach(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		lost, there := l.lost, l.at.Seq >= seq
		if l.moved == nil {
			l.moved = make(chan struct{})
		}
		moved := l.moved
		l.mu.Unlock()
		switch {
		case lost != nil:
			return lost
		case there:
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return room.Errorf(room.CodeUnavailable, "it is stored, and has not come back from the log in time")
		}
	}
}

// hasMoved wakes those who wait for a record. mu is held.
func (l *liveDoc) hasMoved() {
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
}
