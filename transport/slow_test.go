package transport

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// backlogs gives how much waits for each connection of the server for which
// something does.
func (e *edge) backlogs() (sizes []int) {
	e.srv.conns.mu.Lock()
	defer e.srv.conns.mu.Unlock()
	for r := range e.srv.conns.live {
		c := r.(*conn)
		c.out.mu.Lock()
		if c.out.lag != nil && c.out.state == sendOpen {
			sizes = append(sizes, c.out.lag.size())
		}
		c.out.mu.Unlock()
	}
	return sizes
}

// tightEdge is a hub whose connections hold little that their peer has not read.
func tightEdge(t *testing.T, change ...func(*edgeConfig)) *edge {
	return newEdge(t, append(change, func(c *edgeConfig) {
		c.listen = func(l net.Listener) net.Listener { return tight{l} }
	})...)
}

// idler makes a client that is in a room and does not read.
func (e *edge) idler(name string) *peer {
	p := e.guest()
	ask[wire.Joined](p, &wire.Join{Room: name})
	return p
}

// stuff posts to a room until much waits for one of its members, and gives how many
// events that took.
func (e *edge) stuff(writer *peer, name string) (n int) {
	e.t.Helper()
	body := strings.Repeat("x", 12<<10)
	for most := 0; most < 400<<10; n++ { // more than the kernel has still room for
		writer.post(name, fmt.Sprint(n, " ", body))
		require.Less(e.t, n, 1000)
		most = slices.Max(append(e.backlogs(), 0))
	}
	return n
}

// TestControlFramesWaitForTheirTurn: a peer with a backlog is answered its pings, in
// their order, and never within another frame.
func TestControlFramesWaitForTheirTurn(t *testing.T) {
	e := tightEdge(t)
	stalled, writer := e.idler("a"), e.guest()
	n := e.stuff(writer, "a")
	for _, s := range []string{"one", "two", "three"} {
		stalled.write(frame(fin|opPing, []byte(s)))
	}
	stalled.start(&wire.Ping{}) // a command, whose reply comes behind all of it
	writer.post("a", "last")
	events, pongs, replied := 0, "", false
	for events <= n || !replied {
		h, err := stalled.read()
		require.NoError(t, err)
		if h.op == opPong {
			pongs += string(h.payload) + "."
			continue
		}
		r, err := wire.DecodeReply(h.payload)
		require.NoError(t, err)
		switch body := r.Body.(type) {
		case *wire.EventPush:
			if events < n {
				require.True(t, strings.HasPrefix(eventOf(t, body.Event).Text, fmt.Sprint(events, " ")))
			}
			events++
		case *wire.PongReply:
			require.Equal(t, "one.two.three.", pongs)
			replied = true
		}
	}
	require.Eventually(t, func() bool { return len(e.backlogs()) == 0 }, patience, time.Millisecond)
	require.Zero(t, e.hub.Stats().Slow)
	stalled.bye()
}

// TestEphemeralIsConflatedForAPeerThatLags: of what is not kept a peer that lags gets
// the latest of each sender, and of what is kept, and of who comes and goes, all.
func TestEphemeralIsConflatedForAPeerThatLags(t *testing.T) {
	const each = 200
	e := tightEdge(t, func(c *edgeConfig) { c.hub.PresenceDelay = time.Millisecond })
	stalled, writer := e.idler("a"), e.guest()
	ask[wire.Joined](stalled, &wire.Join{Room: "a", Presence: true})
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	watcher := e.guest()
	ask[wire.Joined](watcher, &wire.Join{Room: "a", Presence: true})
	n := e.stuff(writer, "a")
	watcher.settled() // and so does not lag
	for i := range each {
		for _, p := range []*peer{ann, bob} {
			ask[wire.Ack](p, &wire.Broadcast{Room: "a", Data: json.RawMessage(fmt.Sprint(i))})
		}
	}
	ask[wire.Joined](ann, &wire.Join{Room: "a"})
	came := func(p *wire.PresencePush) bool {
		for _, u := range p.Joined {
			if u.User == "ann" {
				return true
			}
		}
		return false
	}
	for !came(push[wire.PresencePush](watcher)) {
	}
	ask[wire.Ack](ann, &wire.Typing{Room: "a", Typing: true})
	ask[wire.Ack](ann, &wire.Typing{Room: "a", Typing: false})
	writer.post("a", "last")

	broadcasts, last, events, present := 0, map[string]string{}, 0, false
	typing := []bool{}
	for len(last) < 2 || last["ann"] != fmt.Sprint(each-1) || last["bob"] != fmt.Sprint(each-1) || events <= n || !present || len(typing) == 0 {
		switch body := stalled.next().Body.(type) {
		case *wire.EventPush:
			events++
		case *wire.BroadcastPush:
			broadcasts++
			last[body.User] = string(body.Data)
		case *wire.PresencePush:
			present = present || came(body)
		case *wire.TypingPush:
			typing = append(typing, body.Typing)
		}
	}
	require.Less(t, broadcasts, each, "of %d", 2*each)
	require.Equal(t, []bool{false}, typing)
	got := 0 // who does not lag has all
	for got < 2*each {
		push[wire.BroadcastPush](watcher)
		got++
	}
}

// TestPeerIsCutWhenWhatWaitsIsOld, however little it is.
func TestPeerIsCutWhenWhatWaitsIsOld(t *testing.T) {
	const age = 300 * time.Millisecond
	e := tightEdge(t, func(c *edgeConfig) { c.Limits.QueueAge, c.Limits.QueueBytes = age, 64<<20 })
	stalled, writer := e.idler("a"), e.guest()
	begun, n := time.Now(), 0
	for ; e.hub.Stats().Slow == 0; n++ {
		writer.post("a", fmt.Sprint(n, " ", strings.Repeat("x", 12<<10)))
		require.Less(t, time.Since(begun), patience)
	}
	require.Eventually(t, func() bool { return e.hub.Stats().Sessions == 1 }, patience, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(begun), age)
	require.EqualValues(t, 1, e.hub.Stats().Slow)
	frames := stalled.cut(wire.CloseSlow)
	require.LessOrEqual(t, len(frames), n)
	for i, f := range frames {
		r, err := wire.DecodeReply([]byte(f))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(eventOf(t, r.Body.(*wire.EventPush).Event).Text, fmt.Sprint(i, " ")))
	}
}

// TestWhoAsksFasterThanTheyReadWaits, and is not cut: large answers are no sign of a
// slow peer.
func TestWhoAsksFasterThanTheyReadWaits(t *testing.T) {
	e := tightEdge(t, func(c *edgeConfig) { c.Limits.QueueBytes = 64 << 10 })
	writer := e.guest()
	for i := range 20 {
		writer.post("a", fmt.Sprint(i, " ", strings.Repeat("x", 12<<10)))
	}
	asker := e.idler("b")
	const asks = 30
	ids := make([]uint64, asks)
	var asking sync.WaitGroup
	asking.Go(func() {
		for i := range ids {
			ids[i] = asker.start(&wire.History{Room: "a", Limit: 6})
		}
	})
	require.Eventually(t, func() bool { return len(e.backlogs()) == 1 && e.backlogs()[0] > 32<<10 }, patience, time.Millisecond)
	asking.Wait()
	writer.post("b", "beside the answers") // is no reason either
	for _, size := range e.backlogs() {
		require.Less(t, size, 400<<10, "what waits is bounded")
	}
	for _, id := range ids {
		require.Len(t, asker.reply(id).Body.(*wire.HistoryPage).Events, 6)
	}
	push[wire.EventPush](asker)
	require.Zero(t, e.hub.Stats().Slow)
	asker.bye()
}

// TestStalledAmongMany: in a room that is flushed by its own goroutine the stalled are
// cut, and the others have everything in order.
func TestStalledAmongMany(t *testing.T) {
	const good, bad, n = 70, 5, 100
	e := tightEdge(t, func(c *edgeConfig) { c.Limits.QueueBytes = 64 << 10 })
	var reading sync.WaitGroup
	failed := make(chan string, good)
	for range good {
		p := e.guest()
		ask[wire.Joined](p, &wire.Join{Room: "a"})
		reading.Go(func() {
			for i := range n {
				h, err := p.read()
				if err != nil || !strings.Contains(string(h.payload), fmt.Sprintf(`"%d `, i)) {
					failed <- fmt.Sprintf("%d: %v %.100s", i, err, h.payload)
					return
				}
			}
		})
	}
	for range bad {
		e.idler("a")
	}
	writer, pace := e.guest(), e.idler("a")
	for i := range n {
		writer.post("a", fmt.Sprint(i, " ", strings.Repeat("x", 8<<10)))
		push[wire.EventPush](pace)
	}
	reading.Wait()
	close(failed)
	for f := range failed {
		require.Fail(t, "a good member missed something", f)
	}
	require.EqualValues(t, bad, e.hub.Stats().Slow)
	require.Eventually(t, func() bool { return e.hub.Stats().Sessions == good+2 }, patience, time.Millisecond)
}
