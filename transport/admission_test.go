package transport

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
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

// Those who find no turn, or no place, are told when to come back, by a code that
// every client knows.
func TestTooManyConnect(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.Limits.ConnectRate = 5 })
	var peers []*peer
	for range 60 { // the burst, those who wait 3 s, and others
		p := e.dial()
		p.start(&wire.Connect{})
		peers = append(peers, p)
	}
	in, out := 0, 0
	for _, p := range peers {
		h, err := p.read()
		require.NoError(t, err)
		r, err := wire.DecodeReply(h.payload)
		require.NoError(t, err)
		switch body := r.Body.(type) {
		case *wire.Connected:
			in++
		case *wire.Error:
			require.Equal(t, room.CodeUnavailable, body.Code)
			require.Positive(t, body.RetryAfterMS)
			require.Empty(t, p.cut(wire.CloseOverloaded))
			out++
		default:
			require.Fail(t, "unexpected", "%T", body)
		}
	}
	require.Greater(t, in, 15)
	require.Greater(t, out, 15)
}

func TestNoPlaceLeft(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.Limits.Connections = 2 })
	first := e.guest()
	e.guest()
	p := e.dial()
	p.start(&wire.Connect{})
	require.Equal(t, []string{"error 1 unavailable"}, brieves(p.cut(wire.CloseOverloaded)))
	res, err := http.Get("http://" + e.addr + "/sse?room=a")
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.NoError(t, res.Body.Close())
	first.bye()
	require.Eventually(t, func() bool { return e.hub.Sessions() == 1 }, patience, time.Millisecond)
	e.guest()
}

func brieves(frames []string) (list []string) {
	for _, f := range frames {
		list = append(list, brief([]byte(f)))
	}
	return list
}
