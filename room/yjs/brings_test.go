package yjs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Brings says beforehand what Apply says afterwards.
func TestBringsAgreesWithApply(t *testing.T) {
	source, twin := New(), New()
	for _, u := range [][]byte{
		{1, 1, 1, 0, 4, 1, 1, 't', 3, 'a', 'b', 'c', 0}, // client 1 inserts abc
		{0, 1, 1, 1, 1, 1},                  // deletes b
		{1, 1, 1, 3, 0x84, 1, 2, 1, 'd', 0}, // and appends d
	} {
		fresh, err := twin.Brings(u)
		require.NoError(t, err)
		require.True(t, fresh)
		change, err := twin.Apply(u)
		require.NoError(t, err)
		require.True(t, change.Any())
		fresh, err = twin.Brings(u)
		require.NoError(t, err)
		require.False(t, fresh, "for a second time")
		_, err = source.Apply(u)
		require.NoError(t, err)
	}
	diff, err := source.Diff(source.StateVector())
	require.NoError(t, err)
	fresh, err := twin.Brings(diff)
	require.NoError(t, err)
	require.False(t, fresh, "a diff has the whole delete set, all of which is known")
	_, err = twin.Brings([]byte{1, 1, 1})
	require.Error(t, err)
}
