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

// TestNamesInSubjects pins the subjects: others would leave what is stored behind.
func TestNamesInSubjects(t *testing.T) {
	rooms, docs := &Config{Prefix: "hubbub"}, &Config{Prefix: "hubbub", Of: Documents}
	require.Equal(t, "hubbub.log.3.a=2fb", rooms.logSubject(3, "a/b"))
	require.Equal(t, "hubbub.live.3.a=2fb", rooms.liveSubject(3, "a/b"))
	require.Equal(t, "hubbub.log.3.*", rooms.logFilter(3))
	require.Equal(t, "hubbub.live.3.{{wildcard(1)}}", rooms.liveDestination(3))
	require.Equal(t, "hubbub.doc.3.*.*", docs.logFilter(3))
	require.Equal(t, "hubbub.livedoc.3.{{wildcard(1)}}.{{wildcard(2)}}", docs.liveDestination(3))
	for name, tokens := range map[string]string{
		"a": "a.=", "a/b": "a.b", "a/b/c": "a=2fb.c", "a.b/c": "a=2eb.c", "=": "=3d.=", "a/=": "a.=3d",
		"/": "==.==", "a/": "a.==", "/a": "==.a", "": "==.=", "é/*": "=c3=a9.=2a",
	} {
		require.Equal(t, "hubbub.doc.3."+tokens, docs.logSubject(3, name), "%q", name)
		require.Equal(t, "hubbub.livedoc.3."+tokens, docs.liveSubject(3, name), "%q", name)
	}
	for _, c := range []*Config{rooms, docs} {
		require.Equal(t, c.logSubject(3, "a/b"), c.loggedAs(c.liveSubject(3, "a/b")))
	}
	require.Equal(t, []string{"HUBBUB_LOG_03", "HUBBUB_META", "hubbub.meta.record"}, []string{rooms.stream(3), rooms.metaStream(), rooms.metaSubject()})
	require.Equal(t, []string{"HUBBUB_DOC_03", "HUBBUB_DOCMETA", "hubbub.docmeta.record"}, []string{docs.stream(3), docs.metaStream(), docs.metaSubject()})
	for _, tokens := range []string{"a", "a.", ".a", "a.b.c", "a.=2", "=.a"} {
		_, err := document(tokens)
		require.Error(t, err, "%q", tokens)
	}
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{"a", "a/b", "/", "a//b", "=/==", "\x00/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tokens := Documents.tokens(name)
		require.True(t, server.IsValidLiteralSubject("hubbub.doc.1."+tokens), "%q", tokens)
		require.Equal(t, 1, strings.Count(tokens, "."))
		back, err := document(tokens)
		require.NoError(t, err)
		require.Equal(t, name, back)
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
