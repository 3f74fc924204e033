package docs

import (
	"context"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// countAgain is how long a document waits before it is counted again: somebody may be
// writing it.
const countAgain = 50 * time.Millisecond

// checkWhole holds what was read against what the log has. A record that is damaged on
// disk may not be given at all. Without some edits the document opens, with an alarm:
// whoever has a copy brings them again. Without the snapshot, or anything, it does not:
// what would be left is next to nothing, and would be taken for the document.
func (l *liveDoc) checkWhole(ctx context.Context) error {
	seen := hub.Position{Seq: ^uint64(0)}
	for {
		count, err := l.docs.cfg.Log.Count(ctx, l.name)
		if err != nil {
			return err
		}
		l.mu.Lock()
		at, have, baseless := l.at, l.state.Records(), l.state.Baseless
		l.mu.Unlock()
		switch {
		case have >= count || ctx.Err() != nil:
			return ctx.Err()
		case at == seen && (have == 0 || baseless):
			return room.Errorf(room.CodeUnavailable, "the log has %d records of this document, and what it stands on cannot be read: its disk is damaged. Keep your copy; the operator has to restore a backup", count)
		case at == seen:
			l.docs.counter.broken.Add(uint64(count - have))
			l.docs.cfg.Fault(l.name, fmt.Errorf("%d of %d records cannot be read and are passed over: check the disk. What was in them comes back only with editors that have a copy", count-have, count))
			return nil
		}
		seen = at
		l.docs.pause(countAgain)
		if err := l.readRest(ctx); err != nil {
			return err
		}
	}
}
