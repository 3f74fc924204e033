package bridge

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func TestEscapeKeepsNamesApart(t *testing.T) {
	for room, token := range map[string]string{
		"lobby": "lobby", "Lobby": "Lobby", "a.b": "a=2eb", "a=2eb": "a=3d2eb", "*": "=2a", ">": "=3e",
		"a b": "a=20b", "é": "=c3=a9", "e\u0301": "e=cc=81", "$SYS": "=24SYS", "-_": "-_", "=": "=3d",
	} {
		require.Equal(t, token, escape(room))
		back, err := unescape(token)
		require.NoError(t, err)
		require.Equal(t, room, back)
	}
}

func TestUnescapeTakesOnlyWhatEscapeGives(t *testing.T) {
	for _, token := range []string{"", "=", "=2", "a=", "a=2", "=2E", "=61", "=zz", "a.b", "*", ">", "a b", "é", "==3d", "=3d="} {
		_, err := unescape(token)
		require.ErrorContains(t, err, fmt.Sprintf("%q", token), "%q", token)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"lobby", "a.b/c:d@e+f~g=h", "日本語", "\x00\xff", "=2e", strings.Repeat("語", 42)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, room string) {
		if room == "" {
			return
		}
		token := escape(room)
		require.True(t, server.IsValidLiteralSubject("hubbub.log.1."+token), "%q", token)
		require.NotContains(t, token, ".")
		require.True(t, utf8.ValidString(token))
		back, err := unescape(token)
		require.NoError(t, err)
		require.Equal(t, room, back)
		require.Less(t, partitionOf(room, 16), 16)
	})
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"lobby", "=2e", "=2E", "=", "a=c3=a9", "=61"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		room, err := unescape(token)
		if err == nil {
			require.Equal(t, token, escape(room), "there is one token for a name")
		}
	})
}

// TestPartitionOfNeverChanges pins where rooms are: another answer would leave
// their messages behind.
func TestPartitionOfNeverChanges(t *testing.T) {
	got := make(map[string]int)
	for _, room := range []string{"lobby", "general", "team-1/general", "日本語", "a", "b", ""} {
		got[room] = partitionOf(room, 16)
	}
	require.Equal(t, map[string]int{"lobby": 5, "general": 13, "team-1/general": 7, "日本語": 2, "a": 0, "b": 9, "": 1}, got)
}

func TestPartitionsAreEven(t *testing.T) {
	for _, form := range []string{"room-%d", "%d", "team/%d/general", "dm:%d:%[1]d", "%04x"} {
		for _, parts := range []int{2, 16, 64} {
			const rooms = 20_000
			count := make([]int, parts)
			for i := range rooms {
				count[partitionOf(fmt.Sprintf(form, i), parts)]++
			}
			mean := rooms / parts
			for p, n := range count {
				require.InDelta(t, mean, n, float64(mean)/4, "%s: partition %d of %d", form, p, parts)
			}
		}
	}
}
