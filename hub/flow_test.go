package hub_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// gate is an outlet that can hold up whoever brings a round, and counts them.
type gate struct {
	*hub.Queue

	mu     sync.Mutex
	shut   chan struct{} // rounds wait for its close; nil: they do not
	rounds []int         // how many frames each had for this outlet
}

func (g *gate) Deliver(r *hub.Round, from int) bool {
	g.mu.Lock()
	g.rounds = append(g.rounds, r.Len()-from)
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
	return g.Queue.Deliver(r, from)
}

// close makes rounds wait until open is called.
func (g *gate) close() (open func()) {
	shut := make(chan struct{})
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	return func() {
		g.mu.Lock()
		g.shut = nil
		g.mu.Unlock()
		close(shut)
	}
}

// gated connects a member of a room behind a gate.
func (w *world) gated(name string) (peer, *gate) {
	g := &gate{Queue: hub.NewQueue(w.queueBytes, w.queueFrames)}
	s, err := w.hub.Connect(caller("gated"), g)
	require.NoError(w.t, err)
	p := peer{s, g.Queue}
	w.join(p, hub.JoinRequest{Room: name})
	return p, g
}

// crowd joins so many members to a room that it is flushed by a goroutine of its own.
func (w *world) crowd(name string) []peer {
	peers := make([]peer, 100)
	for i := range peers {
		peers[i] = w.connect(fmt.Sprint("member-", i))
		w.join(peers[i], hub.JoinRequest{Room: name})
	}
	return peers
}

func TestWhatTheLogBringsInOneGoIsOneRound(t *testing.T) {
	for _, crowded := range []bool{false, true} {
		inWorld(t, hub.Config{}, func(w *world) {
			p, g := w.gated("lobby")
			if crowded {
				w.crowd("lobby")
			}
			var cmds []room.Command
			for i := range 30 {
				cmds = append(cmds, text("", fmt.Sprint(i)))
			}
			w.publish("ann", "lobby", cmds...)
			require.Len(t, w.events(p), 30)
			require.Equal(t, []int{30}, g.rounds, "crowded: %v", crowded)
		})
	}
}

// TestJoinInTheMiddleOfARound: who joins while a round is on its way to the others
// does not wait for its end, and has what the reply covers, and then the rest, once.
func TestJoinInTheMiddleOfARound(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		first, g := w.gated("lobby")
		members := w.crowd("lobby") // who come behind the gate
		open := g.close()
		m1 := w.post("ann", "lobby", "on its way")
		synctest.Wait()
		m2 := w.post("ann", "lobby", "gathered")
		synctest.Wait()
		late := w.connect("late")
		joined := w.join(late, hub.JoinRequest{Room: "lobby", History: 10})
		require.Equal(t, []uint64{m1, m2}, seqs(joined.Events))
		m3 := w.post("ann", "lobby", "gathered after the join")
		synctest.Wait()

		again := members[0] // has not been reached, and asks for the room once more
		var before []hub.Frame
		require.NoError(t, again.Join(context.Background(), hub.JoinRequest{Room: "lobby"}, func(j hub.Joined) {
			require.Equal(t, m3, j.At.Seq)
			var err error
			before, err = again.Next(canceled(), nil)
			require.NoError(t, err)
		}))
		require.Len(t, before, 3, "all that the reply covers has come before it")
		gone := members[1]
		require.True(t, gone.Leave("lobby"))
		open()
		require.Equal(t, []uint64{m1, m2, m3}, w.events(first))
		require.Equal(t, []uint64{m3}, w.events(late))
		require.Empty(t, w.events(again), "and nothing of it behind it")
		require.Empty(t, w.events(gone))
		for _, m := range members[2:] {
			require.Equal(t, []uint64{m1, m2, m3}, w.events(m))
		}
		m4 := w.post("ann", "lobby", "to all of them")
		for _, m := range append(members[2:], first, late, again) {
			require.Equal(t, []uint64{m4}, w.events(m))
		}
		require.Empty(t, w.events(gone))
	})
}

// TestALargeRoomRestsAfterARound: what comes within half the time that the round
// before it took is one more round, and who comes later does not wait.
func TestALargeRoomRestsAfterARound(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		p, g := w.gated("lobby")
		w.crowd("lobby")
		for range 2 {
			g.rounds = nil
			open := g.close()
			w.post("ann", "lobby", "a round that takes 4 ms")
			synctest.Wait()
			time.Sleep(4 * time.Millisecond)
			open()
			synctest.Wait()
			w.post("ann", "lobby", "at once behind it")
			time.Sleep(time.Millisecond)
			w.post("ann", "lobby", "a little later")
			require.Len(t, w.events(p), 1, "the room rests")
			time.Sleep(time.Millisecond)
			require.Len(t, w.events(p), 2)
			require.Equal(t, []int{1, 2}, g.rounds)
			w.post("ann", "lobby", "after a round that took no time")
			require.Len(t, w.events(p), 1)
		}
	})
}

// TestPresenceGoesToThoseWhoAskedForIt, also when it is in a flush with other frames.
func TestPresenceGoesToThoseWhoAskedForIt(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		_, g := w.gated("lobby")
		members := w.crowd("lobby")
		watcher := w.connect("watcher")
		w.join(watcher, hub.JoinRequest{Room: "lobby", Presence: true})
		open := g.close()
		w.post("ann", "lobby", "holds the flush up")
		synctest.Wait()
		w.post("ann", "lobby", "goes along")
		w.join(w.connect("new"), hub.JoinRequest{Room: "lobby"})
		w.frames(watcher)
		time.Sleep(time.Second)
		open()
		time.Sleep(5 * time.Millisecond) // the room rests after so long a round
		kinds := func(p peer) (events, presence int) {
			for _, m := range w.frames(p) {
				switch m.(type) {
				case *wire.EventPush:
					events++
				case *wire.PresencePush:
					presence++
				}
			}
			return events, presence
		}
		events, presence := kinds(watcher)
		require.Equal(t, 2, events)
		require.Equal(t, 1, presence)
		events, presence = kinds(members[5])
		require.Equal(t, 2, events)
		require.Zero(t, presence)
	})
}

// TestMembersComeAndGoUnderLoad: joins and leaves fall between flushes and into them,
// and everybody who stays has everything from their join on, in order and once.
func TestMembersComeAndGoUnderLoad(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		const rounds = 20
		members := w.crowd("lobby")
		var coming sync.WaitGroup
		posted := make(chan struct{})
		go func() {
			defer close(posted)
			for i := range 600 {
				w.post("ann", "lobby", fmt.Sprint(i))
			}
		}()
		at := make([]uint64, len(members))
		for i, m := range members {
			coming.Go(func() {
				for n := range rounds {
					m.Leave("lobby")
					if n%3 == i%3 {
						m.Leave("lobby") // once more does no harm
					}
					_, _ = m.Next(canceled(), nil) // from before
					at[i] = w.join(m, hub.JoinRequest{Room: "lobby"}).At.Seq
				}
			})
		}
		coming.Wait()
		<-posted
		last := w.post("ann", "lobby", "last")
		for i, m := range members {
			got := w.events(m)
			require.NotEmpty(t, got)
			require.Equal(t, last, got[len(got)-1])
			for n, seq := range got {
				require.Equal(t, at[i]+1+uint64(n), seq, "the only room of this log has every number")
			}
		}
		for _, info := range w.hub.Rooms() {
			require.Equal(t, len(members), info.Sessions)
		}
	})
}

// canceled is a context that is over: what does not wait can be had with it.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
