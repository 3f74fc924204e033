package bridge

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSealIsWhatItWas(t *testing.T) {
	for _, s := range []seal{
		{from: 1, upTo: 1},
		{from: 1025, upTo: 2048, marks: []sealMark{{1025, 1, 2}, {1500, 3, 4}, {2048, 5, 6}}},
		{from: 7, upTo: 9, marks: []sealMark{{8, 1 << 31, 1<<32 - 1}}},
	} {
		got, err := decodeSeal(s.encode())
		require.NoError(t, err)
		require.Equal(t, s.from, got.from)
		require.Equal(t, s.upTo, got.upTo)
		require.ElementsMatch(t, s.marks, got.marks)
		for _, m := range s.marks {
			found, ok := got.find(m.seq)
			require.True(t, ok)
			require.Equal(t, m, found)
		}
		_, ok := got.find(s.upTo + 1)
		require.False(t, ok)
	}
}

// TestMarkTellsTheParts: what is moved from one part of a message to another is another
// message.
func TestMarkTellsTheParts(t *testing.T) {
	seen := make(map[sealMark]bool)
	for _, m := range []sealMark{
		makeMark(1, "a", "b", "", []byte("c")), makeMark(1, "ab", "", "", []byte("c")), makeMark(1, "a", "", "b", []byte("c")),
		makeMark(1, "a", "", "", []byte("bc")), makeMark(1, "a", "b", "c", nil), makeMark(2, "a", "b", "", []byte("c")),
	} {
		require.False(t, seen[m])
		seen[m] = true
	}
	require.Equal(t, subjectSum("a"), makeMark(9, "a", "x", "", nil).subject)
}

// FuzzSeal: what is taken for a seal is in order and within its bounds, and is the same
// when it is stored again.
func FuzzSeal(f *testing.F) {
	f.Add((&seal{from: 1, upTo: 3, marks: []sealMark{{1, 2, 3}, {3, 4, 5}}}).encode())
	f.Add([]byte{sealVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0xff, 7, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decodeSeal(data)
		if err != nil {
			return
		}
		last := s.from - 1
		for _, m := range s.marks {
			if m.seq <= last || m.seq > s.upTo {
				t.Fatal("out of order", m.seq)
			}
			last = m.seq
		}
		again, err := decodeSeal(s.encode())
		if err != nil || !bytes.Equal(again.encode(), s.encode()) {
			t.Fatal("another seal", err)
		}
	})
}
