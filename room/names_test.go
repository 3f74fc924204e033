package room

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"a", "lobby", "team-a", "a.b:c/d@e+f~g=h_i", "Büro", "Bu\u0308ro", "議事録", "٣", "½", "..", "/", strings.Repeat("x", MaxName), strings.Repeat("ü", MaxName/2),
	} {
		require.NoError(t, CheckName(name), "%q", name)
	}
	for _, name := range []string{
		"", " ", "a b", "a\x00", "a\n", "a*", "*", ">", "a>b", "a,b", "a;b", "#a", "a?b", "a%20", `a\b`, `a"b`, "<b>", "👍", "a\u200bb", "a\u202eb", "\ufeffa", "a\xff", "\xed\xa0\x80", "\ufffd",
		strings.Repeat("x", MaxName+1), strings.Repeat("ü", MaxName/2+1),
	} {
		err := CheckName(name)
		require.Error(t, err, "%q", name)
		require.Equal(t, CodeBadRequest, AsError(err).Code)
		require.Contains(t, err.Error(), "room: ")
	}
}

func TestGrantsAllow(t *testing.T) {
	g := Grants{"team-*": {VerbJoin, VerbPublish}, "team-a": {VerbHistory}, "lobby": {VerbAny}, "Büro*": {VerbJoin}}
	for _, c := range []struct {
		room string
		verb Verb
		want bool
	}{
		{"team-a", VerbJoin, true},
		{"team-a", VerbPublish, true},
		{"team-a", VerbHistory, true}, // the verbs of both patterns add up
		{"team-a", VerbReact, false},
		{"team-b", VerbHistory, false},
		{"team-a/b", VerbJoin, true},
		{"team", VerbJoin, false},
		{"team-", VerbJoin, false},
		{"xteam-a", VerbJoin, false},
		{"Team-a", VerbJoin, false},
		{"lobby", VerbBroadcast, true},
		{"lobby", "later", true},
		{"lobby2", VerbJoin, false},
		{"lobb", VerbJoin, false},
		{"Büro7", VerbJoin, true},
		{"Büro", VerbJoin, false},
	} {
		require.Equal(t, c.want, g.Allow(c.room, c.verb), "%s in %s", c.verb, c.room)
	}
	require.True(t, Everything().Allow("anything", VerbTyping))
	require.False(t, Grants(nil).Allow("lobby", VerbJoin))
	require.False(t, Grants{"a*b": {VerbAny}}.Allow("axb", VerbJoin), "a * inside a pattern is no wildcard")
}

func TestGrantsCheck(t *testing.T) {
	many := Grants{}
	for i := range MaxPatterns {
		many[strings.Repeat("x", i+1)] = []Verb{VerbJoin}
	}
	for _, g := range []Grants{nil, {}, Everything(), many, {"a": nil}, {strings.Repeat("x", MaxName) + "*": Verbs}} {
		require.NoError(t, g.Check(), "%v", g)
	}
	many["one-more"] = []Verb{VerbJoin}
	for want, g := range map[string]Grants{
		"patterns; at most": many, "pattern": {"": {VerbJoin}}, "at most one *": {"a**": {VerbJoin}}, "with at most one": {"a*b": {VerbJoin}},
		"room's name": {"a b": {VerbJoin}}, "bytes long": {strings.Repeat("x", MaxPattern+1): {VerbJoin}}, "unknown verb": {"a": {"fly"}}, "unknown verb \"\"": {"a": {""}},
		"130 bytes": {strings.Repeat("x", MaxPattern) + "*": {VerbJoin}},
	} {
		err := g.Check()
		require.ErrorContains(t, err, want)
	}
}

func TestCodesSayWhetherToRetry(t *testing.T) {
	for _, code := range Codes {
		want := code == CodeRateLimited || code == CodeUnavailable || code == CodeInternal
		require.Equal(t, want, code.Retryable(), code)
	}
}
