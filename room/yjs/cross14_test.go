package yjs

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Yjs 14 makes of a document, the store holds and hands out as well.
func TestStoreAgainstYjs14(t *testing.T) {
	n := max(*documents/4, 5)
	for seed := *firstSeed; seed < *firstSeed+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := askOf[scenario](t, yjs14, "scenario", args{"seed": seed, "edits": *edits})
			requireCodec(t, s.State, s.StateV2)
			store := New()
			updates := s.v1()
			for _, i := range rand.New(rand.NewPCG(uint64(seed), 14)).Perm(len(updates)) {
				requireCodec(t, s.Updates[i].V1, s.Updates[i].V2)
				_, err := store.Apply(updates[i])
				require.NoError(t, err)
			}
			require.Equal(t, []byte(s.Vector), store.StateVector())
			for _, state := range [][]byte{must(store.Diff(nil)), store.Snapshot(), must(Merge(Limits{}, updates...))} {
				got := askOf[state14](t, yjs14, "open", args{"updates": []b64{state}})
				require.Equal(t, s.Document, got.Document)
				require.Equal(t, s.Vector, got.Vector)
			}
		})
	}
}

type state14 struct {
	Document string
	Vector   b64
}

// requireCodec asks that what Yjs has written be read and written again to the byte.
func requireCodec(t *testing.T, v1, v2 []byte) {
	t.Helper()
	u1, err := DecodeV1(v1, Limits{})
	require.NoError(t, err)
	require.Equal(t, v1, u1.EncodeV1())
	u2, err := DecodeV2(v2, Limits{})
	require.NoError(t, err)
	require.Equal(t, v2, u2.EncodeV2())
}

// A state with a gap in it, as Yjs 14 writes one, is kept with its gap, and is whole
// once the missing part comes.
func TestStateWithAGap(t *testing.T) {
	text := func(client, clock int, s string) []byte {
		return raw(1, 1, client, clock, byte(0x80|4), client, clock-1, len(s), s, 0)
	}
	first := raw(1, 1, 7, 0, inText(RefString), 1, "a", 0)
	gap := raw(1, 3, 7, 0, inText(RefString), 1, "a", int(RefSkip), 2, byte(0x80|4), 7, 2, 1, "d", 0)
	s := New()
	change, err := s.Apply(gap)
	require.NoError(t, err)
	require.Equal(t, Change{Inserted: 2, Pending: true}, change)
	require.Equal(t, raw(1, 7, 1), s.StateVector())
	require.Equal(t, gap, must(s.Diff(nil)))
	require.Equal(t, gap, s.Snapshot())
	require.Equal(t, gap, must(Merge(Limits{}, first, text(7, 3, "d"))))
	require.Equal(t, raw(1, 1, 7, 3, byte(0x80|4), 7, 2, 1, "d", 0), must(s.Diff(raw(1, 7, 1))))
	change, err = s.Apply(text(7, 1, "bc"))
	require.NoError(t, err)
	require.Equal(t, Change{Inserted: 2}, change)
	require.Equal(t, raw(1, 1, 7, 0, inText(RefString), 4, "abcd", 0), must(s.Diff(nil)))
}
