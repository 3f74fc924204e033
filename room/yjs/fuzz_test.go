package yjs

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// fuzzLimits keep what one input can cost far below what a fuzzer notices.
var fuzzLimits = Limits{MaxStructs: 10_000, MaxDeletes: 10_000, MaxPending: 1 << 16}

// An update of version 1 decodes to what encodes to the same again, or to an error that
// says where it went wrong.
func FuzzDecodeV1(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := DecodeV1(data, fuzzLimits)
		if err != nil {
			requireTold(t, data, err)
			return
		}
		u.Structs = disjoint(u.Structs)
		once := u.EncodeV1()
		again, err := DecodeV1(once, fuzzLimits)
		require.NoError(t, err)
		require.Equal(t, once, again.EncodeV1())
		v2, err := DecodeV2(again.EncodeV2(), fuzzLimits)
		require.NoError(t, err)
		require.Len(t, v2.Structs, len(again.Structs))
		for i := range again.Structs {
			require.Equal(t, again.Structs[i].ID, v2.Structs[i].ID)
			require.Equal(t, again.Structs[i].Len, v2.Structs[i].Len)
		}
	})
}

// requireTold asks that an error be an *Error with a place within the data.
func requireTold(t *testing.T, data []byte, err error) {
	t.Helper()
	var told *Error
	require.ErrorAs(t, err, &told)
	require.NotEmpty(t, told.Reason)
	require.LessOrEqual(t, told.Offset, len(data))
	require.GreaterOrEqual(t, told.Offset, 0)
}

// An update of version 2 means the same in version 1, and survives being written again.
func FuzzDecodeV2(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := DecodeV2(data, fuzzLimits)
		if err != nil {
			requireTold(t, data, err)
			return
		}
		v1, err := ConvertV2ToV1(data, Limits{MaxStructs: 10_000, MaxDeletes: 10_000, MaxBytes: 1 << 20})
		if err != nil {
			requireTold(t, data, err)
			return
		}
		other, err := DecodeV1(v1, fuzzLimits)
		require.NoError(t, err)
		requireSame(t, u, other)
		u.Structs = disjoint(u.Structs)
		once := u.EncodeV2()
		again, err := DecodeV2(once, fuzzLimits)
		require.NoError(t, err)
		require.Equal(t, once, again.EncodeV2())
	})
}

// requireSame compares structs by their bytes, which do not tell nil from empty.
func requireSame(t *testing.T, a, b *Update) {
	t.Helper()
	require.Len(t, b.Structs, len(a.Structs))
	for i := range a.Structs {
		require.Equal(t, a.Structs[i].ID, b.Structs[i].ID)
		require.Equal(t, appendStruct(nil, &a.Structs[i]), appendStruct(nil, &b.Structs[i]))
	}
	require.Equal(t, appendDeletes(nil, a.Deletes), appendDeletes(nil, b.Deletes))
}

// A store takes two updates, or is as it was; and what it hands out makes the same
// store.
func FuzzApply(f *testing.F) {
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := NewLimited(fuzzLimits)
		for _, data := range [][]byte{first, second, first} {
			before := must(s.Diff(nil))
			change, err := s.Apply(bytes.Clone(data))
			if err != nil {
				requireTold(t, data, err)
				require.Equal(t, before, must(s.Diff(nil)))
				continue
			}
			require.Equal(t, change.Any(), !bytes.Equal(before, must(s.Diff(nil))))
		}
		requireCopies(t, s)
	})
}

func requireCopies(t *testing.T, s *Store) {
	t.Helper()
	wide := Limits{MaxPending: 1 << 22}
	for _, state := range [][]byte{must(s.Diff(nil)), s.Snapshot(), must(Merge(wide, must(s.Diff(nil)), s.Snapshot()))} {
		other := NewLimited(wide)
		_, err := other.Apply(state)
		require.NoError(t, err)
		require.Equal(t, s.StateVector(), other.StateVector())
		change, err := s.Apply(must(other.Diff(s.StateVector())))
		require.NoError(t, err)
		require.Zero(t, change.Inserted)
		change, err = s.Apply(other.Snapshot())
		require.NoError(t, err)
		require.Zero(t, change.Inserted)
	}
}

// Messages of every protocol come back as they were, or are refused.
func FuzzMessages(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := DecodeMessage(data, Limits{}); err == nil {
			again, err := DecodeMessage(m.Encode(), Limits{})
			require.NoError(t, err)
			require.Equal(t, m.Encode(), again.Encode())
		} else {
			requireTold(t, data, err)
		}
		if m, err := DecodeHocuspocus(data, Limits{}); err == nil {
			again, err := DecodeHocuspocus(m.Encode(), Limits{})
			require.NoError(t, err)
			require.Equal(t, m.Encode(), again.Encode())
		} else {
			requireTold(t, data, err)
		}
		if sv, err := DecodeStateVector(data, Limits{}); err == nil {
			again, err := DecodeStateVector(sv.Encode(), Limits{})
			require.NoError(t, err)
			require.Equal(t, sv, again)
		} else {
			requireTold(t, data, err)
		}
		fuzzAwareness(t, data)
	})
}

func fuzzAwareness(t *testing.T, data []byte) {
	states, err := DecodeAwareness(data, Limits{})
	if err != nil {
		requireTold(t, data, err)
		return
	}
	again, err := DecodeAwareness(EncodeAwareness(states), Limits{})
	require.NoError(t, err)
	require.Equal(t, EncodeAwareness(states), EncodeAwareness(again))
	a := NewAwareness(Limits{})
	_, err = a.Apply(states)
	require.NoError(t, err)
	require.Len(t, a.States(), a.Len())
	news, err := a.Apply(states)
	require.NoError(t, err)
	require.Empty(t, news)
}
