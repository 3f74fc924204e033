package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
	"github.com/hubbub-im/hubbub/transport/client"
)

// notes opens a document on a hub, with the Go SDK.
func (h *hubProcess) notes(t testing.TB, user, name string) *client.Doc {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: h.url(), Token: h.token(user)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	d, err := c.OpenDoc(ctx, name)
	require.NoError(t, err)
	return d
}

func textOf(t testing.TB, d *client.Doc) string {
	t.Helper()
	v, err := view.OpenUpdate(d.Snapshot(), view.Limits{})
	require.NoError(t, err)
	return v.Text("body").Text()
}

// write puts a text before what a document holds, and waits until it is saved.
func write(t testing.TB, d *client.Doc, text string) {
	t.Helper()
	v, err := view.OpenUpdate(d.Snapshot(), view.Limits{})
	require.NoError(t, err)
	e, err := v.Edit(rand.Uint64N(1 << 32))
	require.NoError(t, err)
	require.NoError(t, e.InsertText(v.Text("body"), 0, text, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, d.Apply(ctx, e.Update()))
}

// pointer is an editor of y-websocket.
func (h *hubProcess) pointer(t testing.TB, user, doc string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+h.addr+"/yjs/"+doc+"?token="+url.QueryEscape(h.token(user)), &websocket.DialOptions{HTTPHeader: http.Header{}})
	require.NoError(t, err)
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// awaitState reads until a client says so of itself.
func awaitState(t testing.TB, ws *websocket.Conn, id uint64, state string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, data, err := ws.Read(ctx)
		require.NoError(t, err, "nobody said %s", state)
		m, err := yjs.DecodeMessage(data, yjs.Limits{})
		if err != nil || m.Type != yjs.MessageAwareness {
			continue
		}
		states, err := yjs.DecodeAwareness(m.Data, yjs.Limits{})
		require.NoError(t, err)
		for _, s := range states {
			if s.Client == id && string(s.State) == state {
				return
			}
		}
	}
}

// TestDocumentsOnManyHubs edits one document on two hubs at once, and looks for cursors
// on the one that come from the other.
func TestDocumentsOnManyHubs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	servers := newNATS(t, 3, "")
	hubs := overNATS(t, 2, servers, "--partitions=1")
	docs := []*client.Doc{hubs[0].notes(t, "ann", "lobby/plan"), hubs[1].notes(t, "bo", "lobby/plan")}
	var wg sync.WaitGroup
	for i, d := range docs {
		wg.Go(func() {
			for k := range 50 {
				write(t, d, fmt.Sprintf("<%d-%d>", i, k))
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		text := textOf(t, docs[0])
		return text == textOf(t, docs[1]) && strings.Count(text, "<") == 100
	}, time.Minute, 20*time.Millisecond)

	ann := hubs[0].pointer(t, "ann", "lobby/plan")
	say := func(clock uint64, state string) {
		m := yjs.Message{Type: yjs.MessageAwareness, Data: yjs.EncodeAwareness([]yjs.AwarenessState{{Client: 7, Clock: clock, State: []byte(state)}})}
		require.NoError(t, ann.Write(t.Context(), websocket.MessageBinary, m.Encode()))
	}
	bo := hubs[1].pointer(t, "bo", "lobby/plan")
	say(1, `{"at":1}`)
	awaitState(t, bo, 7, `{"at":1}`)
	require.NoError(t, ann.Close(websocket.StatusNormalClosure, ""))
	awaitState(t, bo, 7, "null")
}
