package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
)

// Stored gives when an entry was stored, by the clock of the server that led the
// stream; see hub.Log.
func (l *Log) Stored(ctx context.Context, room string, seq uint64) (time.Time, error) {
	if l.closed.Load() {
		return time.Time{}, hub.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return time.Time{}, unavailable(err)
	}
	p := l.partition(room)
	msg, err := getMessage(ctx, l.old, p.stream, directGet{Seq: max(seq, 1), NextFor: l.cfg.logSubject(p.n, room)})
	if msg == nil || err != nil {
		return time.Time{}, err
	}
	got, err := header(msg, "Nats-Sequence")
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	if got != seq {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return time.Time{}, unavailable(fmt.Errorf("%s: %w: when %d was stored: %w", p.stream, errBroken, seq, err))
	}
	return at, nil
}
