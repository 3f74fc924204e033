package hub_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// taker is an outlet whose peer takes everything at once. It tells when it has had a
// number of frames.
type taker struct {
	left *atomic.Int64
	done chan struct{}
}

func (o taker) Deliver(r *hub.Round, from int) bool {
	_ = r.Bytes(from)
	if o.left.Add(int64(from-r.Len())) == 0 {
		o.done <- struct{}{}
	}
	return true
}

func (o taker) Lag() hub.Lag { return hub.Lag{} }

func (o taker) End(hub.Reason) {}

// takers is a hub with a room full of such peers.
type takers struct {
	*world
	members int
	left    atomic.Int64
	done    chan struct{}
	cmds    []room.Command
}

func newTakers(t testing.TB, members, batch int) *takers {
	w := newWorld(t, hub.NewMemoryWith(hub.MemoryOptions{Keep: 100}), hub.Config{})
	t.Cleanup(w.close)
	b := &takers{world: w, members: members, done: make(chan struct{}, 1)}
	for i := range members {
		s, err := w.hub.Connect(caller(fmt.Sprint("member-", i)), taker{&b.left, b.done})
		require.NoError(t, err)
		require.NoError(t, s.Join(context.Background(), hub.JoinRequest{Room: "lobby"}, func(hub.Joined) {}))
	}
	for range batch {
		b.cmds = append(b.cmds, text("", strings.Repeat("x", 128)))
	}
	return b
}

// publish publishes the batch and waits until every member has it.
func (b *takers) publish() {
	b.left.Store(int64(len(b.cmds) * b.members))
	b.hub.Publish(context.Background(), caller("ann"), "lobby", b.cmds, func([]hub.Outcome) {})
	<-b.done
}

// TestNothingIsAllocatedForADelivery: what a message costs in allocations does not
// depend on how many it goes to.
func TestNothingIsAllocatedForADelivery(t *testing.T) {
	const few, many = 10, 1010
	cost := func(members int) float64 {
		b := newTakers(t, members, 1)
		b.publish()
		return testing.AllocsPerRun(200, b.publish)
	}
	each := (cost(many) - cost(few)) / (many - few)
	require.Less(t, each, 0.01, "allocations for each delivery")
}

func BenchmarkRound(b *testing.B) {
	for _, members := range []int{1, 10, inlineBench, 1000} {
		for _, batch := range []int{1, 50} {
			b.Run(fmt.Sprintf("members=%d/batch=%d", members, batch), func(b *testing.B) {
				room := newTakers(b, members, batch)
				b.ReportAllocs()
				for b.Loop() {
					room.publish()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members*batch), "ns/delivery")
			})
		}
	}
}

// inlineBench is a room of the size up to which rooms are flushed inline.
const inlineBench = 64

func BenchmarkQueue(b *testing.B) {
	w := newWorld(b, hub.NewMemoryWith(hub.MemoryOptions{Keep: 100}), hub.Config{})
	b.Cleanup(w.close)
	p := w.connect("ann")
	w.join(p, hub.JoinRequest{Room: "lobby"})
	var frames []hub.Frame
	var once sync.Once
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, w.hub.Broadcast(caller("bob"), "lobby", []byte(`1`)))
		var err error
		frames, err = p.Next(context.Background(), frames)
		once.Do(func() { require.NoError(b, err) })
	}
}
