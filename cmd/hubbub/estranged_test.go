package main

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// sky is what a lookout sees, and what it did.
type sky struct {
	there, whole atomic.Bool
	slow         atomic.Int64 // how long the next look takes, as a time.Duration

	mu     sync.Mutex // guards what follows
	parted []parting
	back   []time.Time
}

// parting is when all were sent away, and how long nobody had been reached then.
type parting struct {
	at    time.Time
	since time.Duration
}

func (s *sky) watched(after time.Duration) *lookout {
	s.there.Store(true)
	s.whole.Store(true)
	l := &lookout{after: after, whole: s.whole.Load}
	l.reached = func(context.Context) bool {
		time.Sleep(time.Duration(s.slow.Swap(0)))
		return s.there.Load()
	}
	l.part = func(_ context.Context, since time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.parted = append(s.parted, parting{time.Now(), time.Since(since)})
	}
	l.back = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.back = append(s.back, time.Now())
	}
	l.start()
	return l
}

// did gives what the lookout did.
func (s *sky) did() (parted []parting, back []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.parted), slices.Clone(s.back)
}

func (s *sky) parts() int {
	parted, _ := s.did()
	return len(parted)
}

func (s *sky) returns() int {
	_, back := s.did()
	return len(back)
}

// elapse lets time pass, and everything that is due happen.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLookoutMovesAndTakesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sky)
		l := s.watched(5 * time.Second)
		defer l.end()
		elapse(time.Minute)
		require.Zero(t, s.parts())
		lost := time.Now()
		s.there.Store(false)
		elapse(4900 * time.Millisecond)
		require.Zero(t, s.parts())
		elapse(time.Second)
		parted, _ := s.did()
		require.Len(t, parted, 1)
		require.InDelta(t, 5*time.Second, parted[0].at.Sub(lost), float64(2*lookEvery))
		require.InDelta(t, 5*time.Second, parted[0].since, float64(2*lookEvery))
		elapse(time.Hour)
		require.Equal(t, 1, s.parts(), "once")
		require.Zero(t, s.returns())

		found := time.Now()
		s.there.Store(true)
		elapse(steadyFor - 100*time.Millisecond)
		require.Zero(t, s.returns())
		elapse(time.Second)
		_, back := s.did()
		require.Len(t, back, 1)
		require.GreaterOrEqual(t, back[0].Sub(found), steadyFor)
		elapse(time.Hour)
		require.Equal(t, 1, s.returns())
		s.there.Store(false)
		elapse(6 * time.Second)
		require.Equal(t, 2, s.parts())
	})
}

// A connection that comes and goes moves nobody, and takes nobody back.
func TestLookoutIsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sky)
		l := s.watched(5 * time.Second)
		defer l.end()
		for range 20 {
			s.there.Store(false)
			elapse(4 * time.Second)
			s.there.Store(true)
			elapse(time.Second)
		}
		require.Zero(t, s.parts())
		s.there.Store(false)
		elapse(6 * time.Second)
		require.Equal(t, 1, s.parts())
		for range 20 {
			s.there.Store(true)
			elapse(1500 * time.Millisecond)
			s.there.Store(false)
			elapse(time.Second)
		}
		s.there.Store(true)
		s.whole.Store(false)
		elapse(time.Minute)
		require.Zero(t, s.returns(), "the log's own connections are not there yet")
		s.whole.Store(true)
		elapse(3 * time.Second)
		require.Equal(t, 1, s.returns())
	})
}

// A process that stood still for a minute was not cut off for so long.
func TestLookoutForgivesItsOwnPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sky)
		l := s.watched(5 * time.Second)
		defer l.end()
		s.there.Store(false)
		s.slow.Store(int64(time.Minute))
		elapse(time.Minute + 600*time.Millisecond)
		s.there.Store(true)
		elapse(time.Minute)
		require.Zero(t, s.parts())
	})
}

// Whoever has no stream that takes anything is not cut off, and goes to another server
// where one does not answer.
func TestReached(t *testing.T) {
	o := &server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()}
	run := func() *server.Server {
		s, err := server.NewServer(o)
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(10*time.Second))
		return s
	}
	s := run()
	defer func() { s.Shutdown(); s.WaitForShutdown() }() // the last one
	o.Port = s.Addr().(*net.TCPAddr).Port
	c := &cluster{urls: s.ClientURL(), log: zerolog.Nop(), escort: newEscort("ASKED", zerolog.Nop())}
	defer c.line.close()
	reached := func() bool { return c.Reached(t.Context()) }
	require.True(t, reached())
	require.True(t, reached())
	require.True(t, c.Whole())
	require.NoError(t, s.DisableJetStream())
	require.True(t, reached())
	s.Shutdown()
	s.WaitForShutdown()
	require.Eventually(t, func() bool { return !reached() }, 10*time.Second, 10*time.Millisecond)
	require.False(t, c.Whole())
	s = run()
	require.Eventually(t, reached, 10*time.Second, 10*time.Millisecond)
	require.True(t, c.Whole())
}

// relay stands before a server, which is silent once mute is true.
func relay(t *testing.T, target string) (url string, mute *atomic.Bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	mute = new(atomic.Bool)
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", target)
			if err != nil {
				_ = near.Close()
				continue
			}
			tasks.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
			tasks.Go(func() {
				defer func() { _ = near.Close() }()
				buf := make([]byte, 4096)
				for {
					n, err := far.Read(buf)
					if !mute.Load() {
						_, _ = near.Write(buf[:n])
					}
					if err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		tasks.Wait()
	})
	return "nats://" + l.Addr().String(), mute
}

// A machine with a NATS server on it that is gone without a word is no reason to send
// anybody away: another server answers before that is due.
func TestReachedLeavesASilentServer(t *testing.T) {
	run := func() *server.Server {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
		require.NoError(t, err)
		s.Start()
		require.True(t, s.ReadyForConnections(10*time.Second))
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		return s
	}
	first, second := run(), run()
	near, mute := relay(t, first.Addr().String())
	c := &cluster{urls: near + "," + second.ClientURL(), opts: []nats.Option{nats.DontRandomize()}, log: zerolog.Nop(), escort: newEscort("ASKED", zerolog.Nop())}
	defer c.line.close()
	reached := func() bool { return c.Reached(t.Context()) }
	require.True(t, reached())
	require.Equal(t, near, c.line.nc.ConnectedUrl())
	mute.Store(true)
	require.False(t, reached())
	require.Eventually(t, reached, 2*time.Second, 10*time.Millisecond)
	require.Equal(t, second.ClientURL(), c.line.nc.ConnectedUrl())
}

func TestEstrangedAfter(t *testing.T) {
	require.Equal(t, 5*time.Second, serveOf(t, nil).Leave.EstrangedAfter)
	for _, c := range []string{"0s", "1s", "1h"} {
		require.NoError(t, serveOf(t, []string{"--estranged-after", c}).Leave.check())
	}
	for _, c := range []string{"999ms", "-5s"} {
		require.Error(t, serveOf(t, []string{"--estranged-after=" + c}).Leave.check())
		status, _, errs := runIn(t, []string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--estranged-after=" + c})
		require.Equal(t, 1, status)
		require.Contains(t, errs, "--estranged-after "+c)
		require.Contains(t, errs, "1s or more")
	}
	alone := &engine{}
	require.Nil(t, leaveFlags{EstrangedAfter: time.Second}.lookout(alone, nil, zerolog.Nop()), "a hub alone moves nobody")
	require.Nil(t, leaveFlags{}.lookout(&engine{shared: true}, nil, zerolog.Nop()))
}
