package hubtest

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

// TestBus holds a Bus to its contract. open gives one that nobody else uses.
func TestBus(t *testing.T, open func(t *testing.T) hub.Bus) {
	for _, c := range []struct {
		name string
		test func(*testing.T, hub.Bus)
	}{
		{"ReachesAllOfTheRoom", reachesAllOfTheRoom},
		{"OrderOfOnePublisher", orderOfOnePublisher},
		{"OneCallAtATime", oneCallAtATime},
		{"StoppedIsLeftAlone", stoppedIsLeftAlone},
		{"NothingIsKept", nothingIsKept},
		{"AnyBytes", anyBytes},
		{"NamesDoNotMix", busNamesDoNotMix},
		{"ManyRooms", busManyRooms},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// listener takes what comes to one room.
type listener struct {
	got  chan []byte
	stop func()
}

func listen(t *testing.T, bus hub.Bus, room string) *listener {
	t.Helper()
	l := &listener{got: make(chan []byte, 4096)}
	stop, err := bus.Subscribe(room, func(data []byte) { l.got <- data })
	require.NoError(t, err)
	l.stop = stop
	t.Cleanup(stop)
	return l
}

func (l *listener) next(t *testing.T) string {
	t.Helper()
	select {
	case data := <-l.got:
		return string(data)
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		return ""
	}
}

func reachesAllOfTheRoom(t *testing.T, bus hub.Bus) {
	a, b, other := listen(t, bus, "lobby"), listen(t, bus, "lobby"), listen(t, bus, "elsewhere")
	require.NoError(t, bus.Publish("lobby", []byte("one")))
	require.Equal(t, "one", a.next(t))
	require.Equal(t, "one", b.next(t))
	require.NoError(t, bus.Publish("elsewhere", []byte("two")))
	require.Equal(t, "two", other.next(t), "and not what went to another room")
}

func orderOfOnePublisher(t *testing.T, bus hub.Bus) {
	l := listen(t, bus, "lobby")
	for i := range 300 {
		require.NoError(t, bus.Publish("lobby", fmt.Append(nil, i)))
	}
	for i := range 300 {
		require.Equal(t, fmt.Sprint(i), l.next(t))
	}
}

func oneCallAtATime(t *testing.T, bus hub.Bus) {
	const publishers, each = 8, 40
	var inside, overlaps atomic.Int32
	all := make(chan struct{}, publishers*each)
	stop, err := bus.Subscribe("lobby", func([]byte) {
		if inside.Add(1) > 1 {
			overlaps.Add(1)
		}
		inside.Add(-1)
		all <- struct{}{}
	})
	require.NoError(t, err)
	defer stop()
	var wg sync.WaitGroup
	for range publishers {
		wg.Go(func() {
			for range each {
				if err := bus.Publish("lobby", []byte("x")); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for range publishers * each {
		select {
		case <-all:
		case <-time.After(patience):
			require.FailNow(t, "something is missing")
		}
	}
	require.Zero(t, overlaps.Load())
}

func stoppedIsLeftAlone(t *testing.T, bus hub.Bus) {
	l, sentry := listen(t, bus, "lobby"), listen(t, bus, "lobby")
	require.NoError(t, bus.Publish("lobby", []byte("one")))
	require.Equal(t, "one", l.next(t))
	require.Equal(t, "one", sentry.next(t))
	l.stop()
	l.stop()
	require.NoError(t, bus.Publish("lobby", []byte("two")))
	require.Equal(t, "two", sentry.next(t))
	require.Empty(t, l.got)
	again := listen(t, bus, "lobby")
	require.NoError(t, bus.Publish("lobby", []byte("three")))
	require.Equal(t, "three", again.next(t))
}

func nothingIsKept(t *testing.T, bus hub.Bus) {
	require.NoError(t, bus.Publish("lobby", []byte("before")))
	l := listen(t, bus, "lobby")
	require.NoError(t, bus.Publish("lobby", []byte("after")))
	require.Equal(t, "after", l.next(t))
}

func anyBytes(t *testing.T, bus hub.Bus) {
	l := listen(t, bus, "lobby")
	for _, data := range [][]byte{nil, {}, {0}, []byte("\r\nPING\r\n"), bytes.Repeat([]byte{0xff, '\r', '\n'}, 20_000)} {
		require.NoError(t, bus.Publish("lobby", data))
		require.Equal(t, string(data), l.next(t))
	}
}

func busNamesDoNotMix(t *testing.T, bus hub.Bus) {
	listeners := make([]*listener, len(names))
	for i, name := range names {
		listeners[i] = listen(t, bus, name)
	}
	for _, name := range names {
		require.NoError(t, bus.Publish(name, []byte(name)))
	}
	for i, name := range names {
		require.Equal(t, name, listeners[i].next(t))
		require.Empty(t, listeners[i].got, "%q", name)
	}
}

func busManyRooms(t *testing.T, bus hub.Bus) {
	const rooms = 1000
	listeners := make([]*listener, rooms)
	for i := range listeners {
		l := &listener{got: make(chan []byte, 1)}
		stop, err := bus.Subscribe(fmt.Sprint("room-", i), func(data []byte) { l.got <- data })
		require.NoError(t, err)
		defer stop()
		listeners[i] = l
	}
	for i := range listeners {
		require.NoError(t, bus.Publish(fmt.Sprint("room-", i), fmt.Append(nil, i)))
		require.Equal(t, fmt.Sprint(i), listeners[i].next(t))
	}
}
