package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
)

func appendOf(records int) *pending {
	return &pending{messages: make([]message, records), bytes: records * 100}
}

// sizes pushes appends of some numbers of records, takes them in groups, and gives
// the numbers of each group.
func sizes(t *testing.T, batchFrom, window int, appends ...int) (groups [][]int, batches []bool) {
	q := newQueue(10_000, 1<<30)
	for _, n := range appends {
		require.NoError(t, q.push(appendOf(n)))
	}
	for {
		taken, batch := q.take(batchFrom, window)
		if len(taken) == 0 {
			require.Zero(t, q.waiting())
			return groups, batches
		}
		var group []int
		for _, a := range taken {
			group = append(group, len(a.messages))
		}
		groups, batches = append(groups, group), append(batches, batch)
	}
}

func TestQueueGroups(t *testing.T) {
	for _, c := range []struct {
		name              string
		batchFrom, window int
		appends           []int
		groups            [][]int
		batches           []bool
	}{
		{"few go singly", 5, 2, []int{1, 1, 1}, [][]int{{1, 1}, {1}}, []bool{false, false}},
		{"many go together", 5, 2, []int{1, 1, 1, 1, 1}, [][]int{{1, 1, 1, 1, 1}}, []bool{true}},
		{"records of one append are always a batch", 5, 2, []int{1, 2, 1}, [][]int{{1}, {2}, {1}}, []bool{false, true, false}},
		{"neighbours of that kind join it", 9, 2, []int{2, 2, 1}, [][]int{{2, 2}, {1}}, []bool{true, false}},
		{"many of all kinds go together", 5, 2, []int{1, 3, 1}, [][]int{{1, 3, 1}}, []bool{true}},
		{"a batch has its bound", 5, 2, []int{300, 150, 51}, [][]int{{300, 150}, {51}}, []bool{true, true}},
		{"an append is never torn", 5, 2, []int{700, 1}, [][]int{{700}, {1}}, []bool{true, false}},
		{"without batches a group is as wide as the window", 0, 3, []int{1, 1, 1, 1}, [][]int{{1, 1, 1}, {1}}, []bool{false, false}},
		{"but for records of one append", 0, 3, []int{1, 4, 1}, [][]int{{1}, {4}, {1}}, []bool{false, true, false}},
		{"nothing is an append too", 5, 2, []int{0, 1}, [][]int{{0, 1}}, []bool{false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			groups, batches := sizes(t, c.batchFrom, c.window, c.appends...)
			require.Equal(t, c.groups, groups)
			require.Equal(t, c.batches, batches)
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(4, 1000)
	require.NoError(t, q.push(appendOf(9)), "alone, an append is never too large")
	require.ErrorIs(t, q.push(appendOf(1)), hub.ErrBusy)
	_, _ = q.take(0, 1)
	require.NoError(t, q.push(appendOf(3)))
	require.ErrorIs(t, q.push(&pending{messages: make([]message, 1), bytes: 701}), hub.ErrBusy)
	require.NoError(t, q.push(appendOf(1)))
	require.False(t, q.over())
	q.close()
	require.ErrorIs(t, q.push(appendOf(1)), hub.ErrClosed)
	require.False(t, q.over(), "what waits is still to be stored")
	_, _ = q.take(1, 1)
	require.True(t, q.over())
}
