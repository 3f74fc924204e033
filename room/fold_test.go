package room

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foldCase is a case of testdata/fold; the README there says what it means.
type foldCase struct {
	Name   string
	Events []struct {
		Seq   uint64
		Event json.RawMessage
	}
	Messages json.RawMessage
}

func readFoldCases(t testing.TB) []foldCase {
	t.Helper()
	files, err := filepath.Glob("testdata/fold/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []foldCase
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var cases []foldCase
		require.NoError(t, json.Unmarshal(data, &cases), file)
		require.NotEmpty(t, cases, file)
		all = append(all, cases...)
	}
	return all
}

func TestTimelineFoldsAsTheGoldenFilesSay(t *testing.T) {
	for _, c := range readFoldCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			var timeline Timeline
			var state State
			for _, item := range c.Events {
				e, err := DecodeEvent(item.Event)
				require.NoError(t, err)
				timeline.Apply(item.Seq, e)
				state.Apply(item.Seq, e)
			}
			got, err := json.Marshal(append([]*Message{}, timeline.Messages()...))
			require.NoError(t, err)
			require.JSONEq(t, string(c.Messages), string(got))
			for _, m := range timeline.Messages() {
				require.Same(t, m, timeline.Message(m.Seq))
				f, known := state.Target(m.Seq)
				require.True(t, known)
				if !strings.Contains(c.Name, "again") {
					require.Equal(t, Target{Kind: KindMessage, User: m.Event.User, Deleted: m.Deleted}, f)
				}
			}
		})
	}
}

func TestTimelineLeavesTheEventsThatItIsGivenAlone(t *testing.T) {
	posted := &Event{Version: 1, Kind: KindMessage, User: "ann", Text: "one"}
	var timeline Timeline
	timeline.Apply(1, posted)
	timeline.Apply(2, &Event{Version: 1, Kind: KindEdit, User: "ann", Text: "two", Target: 1})
	require.Equal(t, "one", posted.Text)
	require.Equal(t, "two", timeline.Message(1).Event.Text)
	require.Nil(t, timeline.Message(2))
}
