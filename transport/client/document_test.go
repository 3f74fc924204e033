package client

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs/view"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func openDoc(t *testing.T, c *Client) *Doc {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	d, err := c.OpenDoc(ctx, "room/notes")
	require.NoError(t, err)
	return d
}

func docText(t *testing.T, d *Doc) string {
	t.Helper()
	v, err := view.OpenUpdate(d.Snapshot(), view.Limits{})
	require.NoError(t, err)
	return v.Text("body").Text()
}

// prepend gives the update that puts a text before what a document holds.
func prepend(t *testing.T, d *Doc, text string) []byte {
	t.Helper()
	v, err := view.OpenUpdate(d.Snapshot(), view.Limits{})
	require.NoError(t, err)
	e, err := v.Edit(rand.Uint64N(1 << 32))
	require.NoError(t, err)
	require.NoError(t, e.InsertText(v.Text("body"), 0, text, nil))
	return e.Update()
}

func reads(t *testing.T, d *Doc, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	for {
		changed := d.Changed()
		if docText(t, d) == want {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.Equal(t, want, docText(t, d))
			return
		}
	}
}

func TestDocumentsOfBots(t *testing.T) {
	h := newRealHub(t)
	ann, bo := h.client(h.addr), h.client(h.addr)
	a, b := openDoc(t, ann), openDoc(t, bo)
	require.Equal(t, "room/notes", a.Name())
	_, err := ann.OpenDoc(t.Context(), "room/notes")
	require.ErrorIs(t, err, ErrConflict)

	require.NoError(t, a.Apply(t.Context(), prepend(t, a, "two")))
	reads(t, a, "two")
	reads(t, b, "two")
	long := strings.Repeat("long ", 100_000)
	require.NoError(t, b.Apply(t.Context(), prepend(t, b, long)))
	reads(t, a, long+"two")
	require.ErrorIs(t, a.Apply(t.Context(), []byte{9, 9, 9}), ErrBadRequest)

	h.kill()
	edit := later(func() (struct{}, error) { return struct{}{}, a.Apply(t.Context(), prepend(t, a, "one ")) })
	h.start()
	require.NoError(t, (<-edit).err)
	reads(t, b, "one "+long+"two")

	b.Close()
	require.ErrorIs(t, b.Apply(t.Context(), []byte{0, 0}), ErrClosed)
	reads(t, openDoc(t, bo), "one "+long+"two")
}

func TestDocumentsThatTheHubCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		conn := p.connect()
		opening := later(func() (*Doc, error) { return c.OpenDoc(t.Context(), "room/notes") })
		id, open := take[*wire.DocOpen](conn)
		require.Equal(t, "room/notes", open.Doc)
		conn.reply(id, wire.DocOpened{Doc: open.Doc, Access: wire.AccessWrite, SV: []byte{0}, Diff: []byte{0}, More: true})
		conn.push(wire.DocDiffPush{Doc: open.Doc, Diff: []byte{0}})
		opened := <-opening
		require.NoError(t, opened.err)

		conn.push(wire.DocLostPush{Doc: open.Doc, Code: room.CodeUnavailable, Message: "later"})
		id, _ = take[*wire.DocOpen](conn)
		conn.reply(id, wire.DocOpened{Doc: open.Doc, Access: wire.AccessWrite, SV: []byte{0}, Diff: []byte{0, 0}})
		conn.push(wire.DocLostPush{Doc: open.Doc, Code: room.CodeForbidden, Message: "never"})
		synctest.Wait()
		_, err := opened.value.wait(t.Context())
		require.ErrorIs(t, err, ErrForbidden)
	})
}
