package hubtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

func closedSaysSo(t *testing.T, log hub.Log) {
	require.NoError(t, log.Health())
	f := Follow(t, log, "lobby")
	stored(t, log, "lobby", record("", "1"))
	f.Await(t, 1)
	closeLog(t, log)
	closeLog(t, log) // once more does no harm
	err := log.Append("lobby", []hub.Record{record("", "2")}, func([]hub.Ack) {
		t.Error("done was called for an append that was refused")
	})
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Watch("lobby", f)
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Tail(within(t), "lobby")
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Tails(within(t), []string{"lobby"})
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Read(within(t), "lobby", hub.Range{Limit: 1})
	require.ErrorIs(t, err, hub.ErrClosed)
	_, err = log.Stored(within(t), "lobby", 1)
	require.ErrorIs(t, err, hub.ErrClosed)
	require.Error(t, log.Health())
	f.Stop() // after Close as well
}

// closeAnswersWhatIsUnderWay closes in the middle of a flood: whatever was taken
// is answered before Close returns.
func closeAnswersWhatIsUnderWay(t *testing.T, log hub.Log) {
	const writers = 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	open, stored := 0, 0
	started := make(chan struct{}, writers)
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				mu.Lock()
				open++
				mu.Unlock()
				err := log.Append(fmt.Sprint("room-", w%3), []hub.Record{record(fmt.Sprint(w, "-", i), "x")}, func(acks []hub.Ack) {
					mu.Lock()
					defer mu.Unlock()
					open--
					if acks[0].Err == nil {
						stored++
					}
				})
				if err != nil {
					mu.Lock()
					open--
					mu.Unlock()
				}
				if i == 20 {
					started <- struct{}{}
				}
				if errors.Is(err, hub.ErrClosed) {
					return
				}
			}
		})
	}
	for range writers {
		<-started
	}
	closeLog(t, log)
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	require.Zero(t, open, "appends without an answer")
	require.Positive(t, stored)
}

func cancelledContexts(t *testing.T, log hub.Log) {
	stored(t, log, "lobby", record("", "1"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := log.Read(ctx, "lobby", hub.Range{Limit: 1})
	require.ErrorIs(t, err, hub.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	_, err = log.Tail(ctx, "lobby")
	require.ErrorIs(t, err, hub.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	_, err = log.Tails(ctx, []string{"lobby"})
	require.ErrorIs(t, err, hub.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, readAll(t, log, "lobby"), 1, "a cancelled read does no harm")
}
