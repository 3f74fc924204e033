package room_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func TestDocumentNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"a": {"a", ""}, "a/b": {"a", "b"}, "a/b/c": {"a/b", "c"}, "..": {"..", ""}, "ü/ö": {"ü", "ö"},
	} {
		of, title := room.DocRoom(name)
		require.Equal(t, want, [2]string{of, title}, name)
		require.NoError(t, room.CheckDocName(name), name)
	}
	for _, name := range []string{"", "/", "/a", "a/", "a//", "a b", "a\x00", "a*", "\xff", strings.Repeat("x", 129), strings.Repeat("x", 10<<10)} {
		err := room.CheckDocName(name)
		require.ErrorContains(t, err, "document", name)
	}
}
