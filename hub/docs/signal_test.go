package docs_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// cursors decodes what a seat knows of who is there, by client.
func cursors(t *testing.T, e *editor) map[uint64]string {
	t.Helper()
	all := make(map[uint64]string)
	if update := e.seat.States(); update != nil {
		states, err := yjs.DecodeAwareness(update, yjs.Limits{})
		require.NoError(t, err)
		for _, s := range states {
			all[s.Client] = string(s.State)
		}
	}
	return all
}

func points(t *testing.T, e *editor, client, clock uint64, state string) {
	t.Helper()
	require.NoError(t, e.seat.Awareness(yjs.EncodeAwareness([]yjs.AwarenessState{{Client: client, Clock: clock, State: []byte(state)}})))
	synctest.Wait()
}

// TestWhoComesLaterSeesTheCursorsOfOtherInstances opens a document on an instance where
// it was not open: the others are asked.
func TestWhoComesLaterSeesTheCursorsOfOtherInstances(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		here, there := w.instance(), w.instance()
		defer here.Close()
		defer there.Close()
		ada, bo := w.connected(here, "ada", "doc", 1), w.connected(here, "bo", "doc", 2)
		points(t, ada, 1, 1, `{"at":1}`)
		points(t, bo, 2, 1, `{"at":2}`)
		cy := w.connected(there, "cy", "doc", 3)
		synctest.Wait()
		require.Equal(t, map[uint64]string{1: `{"at":1}`, 2: `{"at":2}`}, cursors(t, cy))
		points(t, cy, 1, 7, `{"evil":1}`)
		require.Equal(t, `{"at":1}`, cursors(t, cy)[1], "what is said of others is passed over")
	})
}

// TestACursorMovesToAnotherInstance has an editor come back on another instance under
// the same client id, while the one before still holds the old connection.
func TestACursorMovesToAnotherInstance(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		here, there := w.instance(), w.instance()
		defer here.Close()
		defer there.Close()
		ada, bo := w.connected(here, "ada", "doc", 1), w.connected(here, "bo", "doc", 2)
		points(t, ada, 1, 1, `{"at":1}`)
		again := w.connected(there, "ada", "doc", 9)
		synctest.Wait()
		points(t, again, 1, 2, `{"at":2}`)
		require.Equal(t, `{"at":2}`, cursors(t, again)[1])
		require.Equal(t, `{"at":2}`, cursors(t, bo)[1])
		ada.leave() // late, and about a state that is not its own any more
		synctest.Wait()
		require.Equal(t, `{"at":2}`, cursors(t, bo)[1])
		require.Equal(t, `{"at":2}`, cursors(t, again)[1])
		again.leave()
		time.Sleep(time.Second)
		require.Empty(t, cursors(t, bo))
	})
}
