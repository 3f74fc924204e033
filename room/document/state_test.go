package document_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

func edits(user string, updates ...[]byte) *document.Record {
	return &document.Record{Kind: document.KindEdits, Edits: document.Edits{
		At: time.UnixMilli(5), Authors: []document.Authored{{User: user, Updates: updates}},
	}}
}

// A snapshot in the place of all records comes to the same state.
func TestSnapshotIsTheState(t *testing.T) {
	s, root := document.New(yjs.Limits{}), "t"
	for i, rec := range []*document.Record{
		edits("ada", typed(1, 0, "abc")), edits("bo", typed(2, 0, "x"), typed(1, 3, "d")),
		{Kind: document.KindNote, Note: document.Note{Version: &document.Version{ID: "v1", Blob: "b1"}}},
		{Kind: document.KindNote, Note: document.Note{Comment: &document.Comment{ID: "c1", User: "bo", Start: view.Position{Root: &root}}}},
		edits("cy", typed(3, 0, "z")),
	} {
		s.Apply(uint64(i+1), 10, rec)
	}
	require.Equal(t, document.Tail{Records: 5, Bytes: 50}, s.Since)
	require.Equal(t, map[uint64]document.Author{1: {User: "ada"}, 2: {User: "bo"}, 3: {User: "cy"}}, s.Authors)
	require.Equal(t, []string{"cy"}, s.Recent, "since the version")

	entry := (&document.Record{Kind: document.KindSnapshot, Snapshot: s.Snapshot()}).Encode()
	rec, err := document.Decode(entry)
	require.NoError(t, err)
	again := document.New(yjs.Limits{})
	again.Apply(6, len(entry), rec)
	require.Zero(t, again.Since)
	require.Equal(t, s.Snapshot(), again.Snapshot())
}

// A record that cannot be taken in is set aside, and the document opens.
func TestBrokenRecordIsSetAside(t *testing.T) {
	s := document.New(yjs.Limits{})
	s.Apply(1, 10, edits("ada", typed(1, 0, "abc")))
	fresh := s.Apply(2, 10, edits("eve", []byte{9, 9, 9}, typed(2, 0, "x")))
	require.Len(t, fresh.Updates, 1, "what stood beside it is there")
	require.Len(t, s.Broken, 1)
	require.Equal(t, uint64(2), s.Broken[0].Seq)
	require.Error(t, s.Broken[0].Why)
}

// Copies of a document that was deleted stay out of the next one.
func TestDeletedDocumentDoesNotComeBack(t *testing.T) {
	s := document.New(yjs.Limits{})
	s.Apply(1, 10, edits("ada", typed(1, 0, "abc")))
	s.Apply(2, 10, &document.Record{Kind: document.KindDeleted, Deleted: s.End("ada", time.UnixMilli(9))})
	require.NotNil(t, s.Gone)
	require.False(t, s.Made)
	require.Empty(t, s.Apply(3, 10, edits("bo", typed(2, 0, "late"))).Updates, "written before its editor knew")

	s.Apply(4, 10, &document.Record{Kind: document.KindNote, Note: document.Note{Created: &document.Created{User: "ada", Update: typed(4, 0, "new")}}})
	require.Nil(t, s.Gone)
	require.True(t, s.Made)
	require.Equal(t, 2, s.Generation)
	require.True(t, s.Stray(yjs.StateVector{1: 3}))
	require.False(t, s.Stray(yjs.StateVector{4: 3, 5: 1}))

	s.Apply(5, 10, &document.Record{Kind: document.KindDeleted, Deleted: s.End("ada", time.UnixMilli(9))})
	require.True(t, s.Stray(yjs.StateVector{1: 3}), "also after the next one has ended")
	require.True(t, s.Stray(yjs.StateVector{4: 3}))
}

func TestAccess(t *testing.T) {
	for doc, want := range map[string]document.Access{
		"team-a/notes": document.MayWrite, "team-a": document.MayWrite, "open": document.MayRead, "open/x": document.MayRead,
		"said/x": document.MayComment, "one/doc": document.MayWrite, "one/other": document.NoAccess, "one": document.NoAccess, "none": document.NoAccess,
	} {
		grants := room.Grants{
			"team-*": {room.VerbAny}, "open": {room.VerbDocRead}, "said": {room.VerbDocComment}, "one/doc": {room.VerbDocWrite},
			"none": {room.VerbJoin, room.VerbPublish, room.VerbHistory},
		}
		require.Equal(t, want, document.AccessOf(grants, doc), doc)
	}
	require.ErrorContains(t, document.MayRead.Require(document.MayWrite), `"doc:write"`)
}

// A snapshot may have more in it than any editor may bring at once.
func TestSnapshotBeyondTheLimitsOfAnUpdate(t *testing.T) {
	limits := yjs.Limits{MaxStructs: 3, MaxBytes: 40}
	s := document.New(limits)
	for client := range byte(50) {
		require.NoError(t, yjs.Check(typed(client+1, 0, "abc"), limits))
		s.Apply(uint64(client), 10, edits("ada", typed(client+1, 0, "abc")))
	}
	snap := s.Snapshot()
	require.Error(t, yjs.Check(snap.Update, limits))
	again := document.New(limits)
	again.Apply(1, 10, &document.Record{Kind: document.KindSnapshot, Snapshot: snap})
	require.NoError(t, again.Unreadable)
	require.Equal(t, snap, again.Snapshot())
}
