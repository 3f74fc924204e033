package docs

import (
	"context"
	"fmt"
	"time"
)

// settleEvery is how often documents are looked at that are to be let go of.
const settleEvery = 10 * time.Millisecond

// Leave has each document let go of as soon as nobody has it open and the log has all
// of it, since its editors open it on another instance next. Documents are still
// opened for those who are yet to go.
func (d *Docs) Leave() { d.leaving.Store(true) }

// Settle waits until every document was let go of, which Leave begins. An error says
// how many were not when ctx ended; Close then refuses what they had not stored.
func (d *Docs) Settle(ctx context.Context) error {
	d.Leave()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		all := d.all()
		if len(all) == 0 {
			return nil
		}
		for _, l := range all {
			if l.deserted() {
				l.letGo(time.Now())
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d documents are open, or not stored, at the end: %w", len(all), ctx.Err())
		}
	}
}

// deserted reports whether nobody has the document open.
func (l *liveDoc) deserted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready && len(l.seats) == 0
}
