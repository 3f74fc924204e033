package yjs

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func storeOf(t *testing.T, updates ...[]byte) *Store {
	t.Helper()
	s := New()
	for _, u := range updates {
		_, err := s.Apply(u)
		require.NoError(t, err)
	}
	return s
}

// Only what Yjs would read as the same is joined.
func TestJoin(t *testing.T) {
	const client = 1
	head := inText(RefString)
	for _, c := range []struct {
		name    string
		updates [][]byte
		structs int
	}{
		{"typed on", [][]byte{one(head, 1, "a"), raw(1, 1, client, 1, byte(0x80|4), client, 0, 1, "b", 0)}, 1},
		{"behind another", [][]byte{one(head, 2, "ab"), raw(1, 1, client, 2, byte(0x80|4), client, 0, 1, "c", 0)}, 2},
		{"before another", [][]byte{one(head, 1, "a"), raw(1, 1, client, 1, byte(0x40|4), client, 0, 1, "b", 0)}, 2},
		{"with a right origin only here", [][]byte{one(head, 1, "a"), raw(1, 1, 2, 0, byte(0x80|4), client, 0, 1, "x", 0), raw(1, 1, client, 1, byte(0x80|0x40|4), client, 0, 2, 0, 1, "b", 0)}, 2},
		{"with a right origin only there", [][]byte{
			one(head, 1, "a"), raw(1, 1, client, 1, byte(0x40|4), client, 0, 1, "b", 0),
			raw(1, 1, client, 2, byte(0x80|4), client, 1, 1, "c", 0),
		}, 3},
		{"with one right origin", [][]byte{
			one(head, 1, "a"), raw(1, 1, client, 1, byte(0x40|4), client, 0, 1, "b", 0),
			raw(1, 1, client, 2, byte(0x80|0x40|4), client, 1, client, 0, 1, "c", 0),
		}, 2},
		{"of another kind", [][]byte{one(head, 1, "a"), raw(1, 1, client, 1, byte(0x80|8), client, 0, 1, "~", 0)}, 2},
		{"values", [][]byte{one(inText(RefAny), 1, "~"), raw(1, 1, client, 1, byte(0x80|8), client, 0, 2, "xy", 0)}, 1},
		{"values of a key", [][]byte{one(0x20|8, 1, 1, "t", 1, "k", 1, "~"), raw(1, 1, client, 1, byte(0x80|0x20|8), client, 0, 1, "x", 0)}, 2},
		{"gone", [][]byte{one(0, 3), raw(1, 1, client, 3, 0, 4, 0)}, 1},
		{"embeds", [][]byte{one(inText(RefEmbed), 2, "{}"), raw(1, 1, client, 1, byte(0x80|5), client, 0, 2, "{}", 0)}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := storeOf(t, c.updates...)
			u := must(DecodeV1(must(s.Diff(nil)), Limits{}))
			mine := slices.DeleteFunc(u.Structs, func(s Struct) bool { return s.ID.Client != client })
			require.Len(t, mine, c.structs)
			require.Equal(t, open(t, c.updates...).Document, open(t, must(s.Diff(nil))).Document)
		})
	}
}

// A run grows over the sizes at which its length takes another byte.
func TestLongRuns(t *testing.T) {
	s := storeOf(t, one(inText(RefString), 1, "0"))
	want := "0"
	for i := 1; i < 20_000; i++ {
		letter := string(rune('0' + i%10))
		_, err := s.Apply(raw(1, 1, 1, i, byte(0x80|4), 1, i-1, 1, letter, 0))
		require.NoError(t, err)
		want += letter
	}
	require.Equal(t, one(inText(RefString), len(want), want), s.Snapshot())
}

// A peer is sent what it lacks and no more, also from within a run and a surrogate pair.
func TestDiffBeginsWhereThePeerIs(t *testing.T) {
	s := storeOf(t, one(inText(RefString), 7, "a😀bc"), raw(0, 1, 1, 1, 4, 1))
	for clock, want := range map[int][]byte{
		1: raw(1, 1, 1, 1, byte(0x80|4), 1, 0, 6, "😀bc", 1, 1, 1, 4, 1),
		2: raw(1, 1, 1, 2, byte(0x80|4), 1, 1, 5, replacement+"bc", 1, 1, 1, 4, 1),
		3: raw(1, 1, 1, 3, byte(0x80|4), 1, 2, 2, "bc", 1, 1, 1, 4, 1),
		5: raw(0, 1, 1, 1, 4, 1),
		9: raw(0, 1, 1, 1, 4, 1),
	} {
		require.Equal(t, want, must(s.Diff(raw(1, 1, clock))), "from %d", clock)
	}
}

// A change is new structs, or deletes that were not known; an answer to a state vector
// has all deletes, and changes nothing.
func TestChange(t *testing.T) {
	s := New()
	for _, c := range []struct {
		name   string
		update []byte
		want   Change
	}{
		{"text", one(inText(RefString), 5, "hello"), Change{Inserted: 5}},
		{"the same text", one(inText(RefString), 5, "hello"), Change{}},
		{"part of it and more", raw(1, 1, 1, 3, byte(0x80|4), 1, 2, 4, "lo !", 0), Change{Inserted: 2}},
		{"a delete", raw(0, 1, 1, 1, 1, 2), Change{Deleted: 2}},
		{"a delete that covers it", raw(0, 1, 1, 1, 0, 4), Change{Deleted: 2}},
		{"deletes that are known", raw(0, 1, 1, 2, 0, 1, 2, 2), Change{}},
		{"a delete of what is to come", raw(0, 1, 2, 1, 0, 3), Change{Deleted: 3}},
		{"which comes deleted", raw(1, 1, 2, 0, inText(RefDeleted), 4, 0), Change{Inserted: 4}},
		{"and is deleted again", raw(0, 1, 2, 1, 0, 4), Change{}},
		{"what is gone", raw(1, 1, 3, 0, 0, 4, 0), Change{Inserted: 4}},
		{"and is deleted once more", raw(0, 1, 3, 1, 1, 3), Change{}},
		{"text that waits", raw(1, 1, 4, 1, byte(0x80|4), 4, 0, 1, "b", 0), Change{Inserted: 1, Pending: true}},
		{"the same that waits", raw(1, 1, 4, 1, byte(0x80|4), 4, 0, 1, "b", 0), Change{Pending: true}},
		{"what it waits for", raw(1, 1, 4, 0, inText(RefString), 1, "a", 0), Change{Inserted: 1}},
	} {
		got, err := s.Apply(c.update)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.name)
		require.Equal(t, c.want != Change{} && c.name != "the same that waits", got.Any(), c.name)
	}
}

// What stood in a deleted type is gone from a snapshot, as it is in Yjs: also what
// somebody inserted there who did not know, and what stands beside it.
func TestSnapshotDropsWhatADeletedTypeHeld(t *testing.T) {
	s := storeOf(t,
		one(inText(RefType), 2),                          // client 1: a text within "t"
		raw(1, 1, 2, 0, 4, 0, 1, 0, 5, "hello", 0),       // client 2 types into it
		raw(1, 1, 2, 5, byte(0x40|4), 2, 0, 1, "x", 0),   // and before that
		raw(1, 1, 3, 0, byte(0x80|4), 2, 1, 3, "abc", 0), // client 3 in the middle
		raw(1, 1, 3, 3, byte(0x80|4), 3, 2, 2, "de", 0),  // and on
		raw(1, 1, 4, 0, inText(RefString), 4, "kept", 0), // client 4 elsewhere
		raw(0, 2, 1, 1, 0, 1, 2, 1, 0, 6),                // client 1 deletes the text
		raw(1, 1, 5, 0, byte(0x80|7), 3, 4, 0, 0),        // client 5 puts an array there
		raw(1, 1, 6, 0, 8, 0, 5, 0, 1, "~", 0),           // and client 6 a value into that
	)
	snapshot := s.Snapshot()
	want := raw(6,
		1, 6, 0, 0, 1,
		1, 5, 0, 0, 1,
		1, 4, 0, inText(RefString), 4, "kept",
		1, 3, 0, 0, 5,
		1, 2, 0, 0, 6,
		1, 1, 0, inText(RefDeleted), 1,
		5, 6, 1, 0, 1, 5, 1, 0, 1, 3, 1, 0, 5, 2, 1, 0, 6, 1, 1, 0, 1)
	require.Equal(t, want, snapshot)
	yjs := open(t, must(s.Diff(nil)))
	require.Equal(t, []byte(yjs.State), snapshot)
}

// The set of ranges is the set of its numbers, and tells exactly what is new.
func TestRangeSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		const size = 4000
		var rs rangeSet
		var model [size]bool
		for range 1500 {
			from := random.Uint64N(size - 40)
			to := from + 1 + random.Uint64N(1+random.Uint64N(40))
			rs.add(from, to, func(s span) {
				require.Less(t, s.clock, s.end)
				for i := s.clock; i < s.end; i++ {
					require.True(t, i >= from && i < to && !model[i], "%d is not new", i)
					model[i] = true
				}
			})
			for i := from; i < to; i++ {
				require.True(t, model[i], "%d was not told", i)
			}
		}
		for i := range uint64(size) {
			in, until := rs.at(i)
			require.Equal(t, model[i], in)
			require.Greater(t, until, i)
			for j := i; j < min(until, size); j++ {
				require.Equal(t, in, model[j])
			}
		}
		n, last := 0, uint64(0)
		for s := range rs.spans {
			require.True(t, n == 0 || s.clock > last, "%v touches the one before", s)
			last = s.end
			n++
		}
		require.Equal(t, rs.count(), n)
	}
}
