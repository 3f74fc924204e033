package docs_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

func (e *editor) text() string {
	v, err := view.OpenUpdate(e.snapshot(), view.Limits{})
	require.NoError(e.t, err)
	return v.Text("t").Text()
}

// A version comes back as an edit, for all who have the document open, and somebody who
// writes at the same time, on another instance, loses nothing.
func TestRestore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d, other := w.instance(), w.instance()
		defer d.Close()
		defer other.Close()
		ada := w.connected(d, "ada", "r/doc", 1)
		ada.write("hello")
		synctest.Wait()
		v, err := d.MakeVersion(t.Context(), ada.who, "r/doc", "first")
		require.NoError(t, err)
		ada.erase(0)
		ada.write(" world")
		synctest.Wait()
		bo := w.connected(other, "bo", "r/doc", 2)
		synctest.Wait()
		require.Equal(t, "ello world", bo.text())
		bo.leave()
		bo.write("+bo") // while she is away
		done, err := d.Restore(t.Context(), ada.who, "r/doc", v.ID)
		require.NoError(t, err)
		require.True(t, done.Changed)
		require.True(t, bo.connect(t.Context(), other))
		synctest.Wait()
		for _, text := range []string{ada.text(), bo.text(), w.text(d, "r/doc")} {
			require.Equal(t, w.text(other, "r/doc"), text)
			require.Contains(t, text, "+bo")
			require.Equal(t, "hello", strings.Replace(text, "+bo", "", 1))
		}

		versions, err := d.Versions(t.Context(), ada.who, "r/doc")
		require.NoError(t, err)
		require.Len(t, versions, 2, "what was there before is kept")
		_, err = d.Restore(t.Context(), ada.who, "r/doc", versions[1].ID)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, "ello world", strings.Replace(w.text(d, "r/doc"), "+bo", "", 1))

		reader := room.Caller{User: "eve", Grants: room.Grants{"r/doc": {room.VerbDocRead}}}
		_, err = d.Restore(t.Context(), reader, "r/doc", v.ID)
		require.Equal(t, room.CodeForbidden, room.AsError(err).Code)
		_, err = d.Restore(t.Context(), ada.who, "r/doc", "none")
		require.Equal(t, room.CodeNotFound, room.AsError(err).Code)
	})
}

func TestRestoreOfWhatIsThere(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("hello")
		synctest.Wait()
		v, err := d.MakeVersion(t.Context(), ada.who, "doc", "first")
		require.NoError(t, err)
		done, err := d.Restore(t.Context(), ada.who, "doc", v.ID)
		require.NoError(t, err)
		require.False(t, done.Changed)
		versions, err := d.Versions(t.Context(), ada.who, "doc")
		require.NoError(t, err)
		require.Len(t, versions, 1, "and no version is made of it")
	})
}

func place(p docs.Placed) []uint64 { return []uint64{p.Place.Start, p.Place.End} }

// Comments stay with what they are about, whoever edits around it.
func TestComments(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d, other := w.instance(), w.instance()
		defer d.Close()
		defer other.Close()
		ada := w.connected(d, "ada", "r/doc", 1)
		ada.write("one two three")
		synctest.Wait()
		eve := room.Caller{User: "eve", Grants: room.Grants{"r/doc": {room.VerbDocComment}}}
		v, err := view.OpenUpdate(ada.snapshot(), view.Limits{})
		require.NoError(t, err)
		start, err := v.Text("t").Position(4, 0)
		require.NoError(t, err)
		end, err := v.Text("t").Position(7, -1)
		require.NoError(t, err)
		c, err := d.AddComment(t.Context(), eve, "r/doc", document.Comment{
			ID: "c1", Seq: 7, Root: "t", Start: start, End: &end, Quote: strings.Repeat("ä", document.MaxQuote),
		})
		require.NoError(t, err)
		require.Equal(t, "eve", c.User)
		require.Equal(t, strings.Repeat("ä", document.MaxQuote/2), c.Quote)
		synctest.Wait()
		require.NotZero(t, ada.notes, "those who have it open are told")

		_, err = other.Edit(t.Context(), everybody, "r/doc", func(v *view.Doc, e *view.Edit) error {
			require.NoError(t, e.InsertText(v.Text("t"), 0, "before ", nil))
			return e.InsertText(v.Text("t"), v.Text("t").Len(), " behind", nil)
		})
		require.NoError(t, err)
		synctest.Wait()
		list, err := other.Comments(t.Context(), eve, "r/doc")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, []uint64{11, 14}, place(list[0]))

		mallory := room.Caller{User: "mallory", Grants: room.Everything()}
		_, err = d.AddComment(t.Context(), mallory, "r/doc", document.Comment{ID: "c1", Seq: 8, Start: start})
		require.Equal(t, room.CodeConflict, room.AsError(err).Code)
		err = d.WithdrawComment(t.Context(), mallory, "r/doc", "c1", false)
		require.Equal(t, room.CodeForbidden, room.AsError(err).Code)
		c, err = d.ResolveComment(t.Context(), mallory, "r/doc", "c1", true)
		require.NoError(t, err)
		require.Equal(t, "mallory", c.Resolved.User)
		c, err = d.ResolveComment(t.Context(), eve, "r/doc", "c1", false)
		require.NoError(t, err)
		require.Nil(t, c.Resolved)
		require.NoError(t, d.WithdrawComment(t.Context(), eve, "r/doc", "c1", false))
		list, err = d.Comments(t.Context(), eve, "r/doc")
		require.NoError(t, err)
		require.Empty(t, list)
		_, err = d.ResolveComment(t.Context(), eve, "r/doc", "c1", true)
		require.Equal(t, room.CodeNotFound, room.AsError(err).Code)
	})
}
