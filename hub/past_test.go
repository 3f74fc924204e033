package hub

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNothingIsAllocatedForThePast: what is kept in mind of a round and of an ack goes
// into memory that is there.
func TestNothingIsAllocatedForThePast(t *testing.T) {
	p, now := newPast(time.Now()), time.Now()
	r := &Round{room: "lobby", span: span{epoch: "e", first: 1, last: 2}}
	acks := []Ack{{Position: Position{Epoch: "e", Seq: 1}}, {Err: ErrBusy}}
	require.Zero(t, testing.AllocsPerRun(2*pastRounds, func() {
		p.brought(r, now, time.Millisecond, 3)
		p.acked("lobby", acks)
	}))
	require.Len(t, p.rounds.items, pastRounds)
	require.Len(t, p.acks.items, pastAcks)
}

// TestLatelyKeepsTheNewest, and knows since when it has all of them.
func TestLatelyKeepsTheNewest(t *testing.T) {
	l := newLately[int64](3, time.UnixMilli(5))
	all := func() (got []int64) {
		l.each(func(at int64, what *int64) bool {
			require.Equal(t, at, *what)
			got = append(got, at)
			return true
		})
		return got
	}
	require.Empty(t, all())
	for at := int64(10); at < 18; at++ {
		l.add(at, at)
		var want []int64
		for i := max(10, at-2); i <= at; i++ {
			want = append(want, i)
		}
		require.Equal(t, want, all())
		require.Equal(t, map[bool]int64{false: 5, true: at - 3}[at > 12], l.since)
	}
	l.each(func(at int64, _ *int64) bool {
		require.EqualValues(t, 15, at, "it ends when it is told to")
		return false
	})
}
