package hub_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// meanwhile is a log in which something happens while history is read.
type meanwhile struct {
	hub.Log
	happens func()
}

func (l *meanwhile) Read(ctx context.Context, room string, r hub.Range) (hub.Page, error) {
	page, err := l.Log.Read(ctx, room, r)
	if l.happens != nil {
		l.happens()
	}
	return page, err
}

// Who asks for the newest few gets no more than that, also when more are published
// while the log is read, and then hears what comes after them.
func TestNewestAreNoMoreThanAskedFor(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4} {
		log := &meanwhile{Log: hub.NewMemory()}
		w := newWorld(t, log, hub.Config{})
		for range 5 {
			w.post("ann", "lobby", "before")
		}
		w.hub.Close()
		w.hub = newWorld(t, log, hub.Config{Ring: 2}).hub // which has to read for more than two
		ann := w.connect("ann")
		w.join(ann, hub.JoinRequest{Room: "lobby"})
		log.happens = func() {
			w.post("ann", "lobby", "meanwhile")
			_, err := ann.Next(t.Context(), nil) // so that the room has it
			require.NoError(t, err)
		}
		p := w.connect("bob")
		joined := w.join(p, hub.JoinRequest{Room: "lobby", History: n})
		log.happens = nil
		require.Len(t, joined.Events, n)
		require.True(t, joined.More)
		if n > 0 {
			require.Equal(t, joined.At.Seq, joined.Events[n-1].Seq)
		}
		after := w.post("ann", "lobby", "after")
		require.Equal(t, joined.At.Seq+1, after)
		frames, err := p.Next(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, after, frames[0].At.Seq)
		w.close()
	}
}
