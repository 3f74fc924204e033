package transport

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestAdmissionPacesAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pace, crowd = 100, 2000
		a := newAdmission(pace)
		var mu sync.Mutex
		in := make(map[int]int) // by the second
		var first, last []time.Duration
		begin := time.Now()
		var all sync.WaitGroup
		for i := range crowd {
			all.Go(func() {
				for {
					err := a.enter(t.Context())
					if err == nil {
						mu.Lock()
						in[int(time.Since(begin)/time.Second)]++
						mu.Unlock()
						return
					}
					again := room.AsError(err).RetryAfter
					mu.Lock()
					if i < crowd/2 {
						first = append(first, again)
					} else {
						last = append(last, again)
					}
					mu.Unlock()
					time.Sleep(again) // of fake time
				}
			})
		}
		all.Wait()
		total := 0
		for second, n := range in {
			total += n
			require.LessOrEqual(t, n, 2*pace+1, "second %d", second)
		}
		require.Equal(t, crowd, total)
		require.NotEmpty(t, first)
		require.Less(t, time.Since(begin), 4*crowd/pace*time.Second, "nobody is sent away for ever")
		for _, again := range append(first, last...) {
			require.Positive(t, again)
			require.LessOrEqual(t, again, 3*admissionLast/2)
		}
	})
}

func TestAdmissionRisesAndDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(10)
		sentAway := func() time.Duration {
			_, err := a.turn(time.Now())
			require.Error(t, err)
			return room.AsError(err).RetryAfter
		}
		for range 10 + 30 + 1 { // the burst, and those who wait
			_, err := a.turn(time.Now())
			require.NoError(t, err)
		}
		mean := func(n int) (sum time.Duration) {
			seen := make(map[time.Duration]bool)
			for range n {
				again := sentAway()
				sum += again
				seen[again] = true
			}
			require.Greater(t, len(seen), n/2, "they differ")
			return sum / time.Duration(n)
		}
		early := mean(50)
		mean(100)
		require.Greater(t, mean(50), early, "the more were sent away, the longer")
		time.Sleep(time.Minute) // of fake time
		wait, err := a.turn(time.Now())
		require.NoError(t, err)
		require.LessOrEqual(t, wait, time.Duration(0), "after a quiet time nobody waits")
	})
}

func TestAdmissionWithoutAPace(t *testing.T) {
	a := newAdmission(0)
	for range 10_000 {
		require.NoError(t, a.enter(context.Background()))
	}
}
