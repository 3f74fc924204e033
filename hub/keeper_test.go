package hub_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// looked is a log that keeps which rooms' tails were looked at, by the second.
type looked struct {
	hub.Log
	begun time.Time
	mu    sync.Mutex
	rooms map[int][]string
}

func (l *looked) Tails(ctx context.Context, rooms []string) ([]hub.Position, error) {
	l.mu.Lock()
	at := int(time.Since(l.begun) / time.Second)
	l.rooms[at] = append(l.rooms[at], rooms...)
	l.mu.Unlock()
	return l.Log.Tails(ctx, rooms)
}

// The log is looked at for so many rooms at once and no more, and for all in turn.
func TestTailsAreComparedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &looked{Log: hub.NewMemory(), begun: time.Now(), rooms: map[int][]string{}}
		w := newWorld(t, log, hub.Config{TailCheck: 5 * time.Second, RoomsPerConn: 5000})
		ann := w.connect("ann")
		for i := range 4500 {
			w.join(ann, hub.JoinRequest{Room: fmt.Sprint("room-", i)})
		}
		time.Sleep(21 * time.Second)
		log.mu.Lock()
		defer log.mu.Unlock()
		all := slices.Concat(log.rooms[5], log.rooms[10], log.rooms[15])
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 4500)
		for at, n := range map[int]int{5: 2000, 10: 2000, 15: 500, 20: 2000} {
			require.Len(t, log.rooms[at], n, "after %d s", at)
		}
		w.close()
	})
}
