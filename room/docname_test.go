package room

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocRoom(t *testing.T) {
	for name, want := range map[string][2]string{
		"":              {"", ""},
		"team":          {"team", ""},
		"team/plan":     {"team", "plan"},
		"team/sub/plan": {"team/sub", "plan"},
		"team/":         {"team", ""},
		"/plan":         {"", "plan"},
		"/":             {"", ""},
		"//":            {"/", ""},
		"a.b:c/d@e":     {"a.b:c", "d@e"},
		"日本/語":          {"日本", "語"},
	} {
		r, title := DocRoom(name)
		require.Equal(t, want, [2]string{r, title}, "%q", name)
	}
}
