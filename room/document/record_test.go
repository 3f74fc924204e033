package document_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// typed is an update in which a client inserts a text at a clock, behind what it has
// inserted before.
func typed(client, clock byte, text string) []byte {
	u := []byte{1, 1, client, clock}
	if clock == 0 {
		u = append(u, 4, 1, 1, 't')
	} else {
		u = append(u, 0x84, client, clock-1)
	}
	return append(append(append(u, byte(len(text))), text...), 0)
}

func samples() []*document.Record {
	at := time.UnixMilli(1_700_000_000_123)
	return []*document.Record{
		{Kind: document.KindEdits, Origin: document.Origin{1, 2}, Edits: document.Edits{At: at, Authors: []document.Authored{
			{User: "ada", Name: "Ada", Updates: [][]byte{typed(1, 0, "ab"), typed(1, 2, "c")}},
			{User: "bo", Updates: [][]byte{typed(2, 0, "x")}},
		}}},
		{Kind: document.KindSnapshot, Snapshot: document.Snapshot{
			Meta:   document.Meta{Generation: 2, Made: true, Authors: map[uint64]document.Author{1: {User: "ada"}}},
			Update: typed(1, 0, "abc"),
		}},
		{Kind: document.KindNote, Note: document.Note{Version: &document.Version{ID: "v", Name: "first", At: at.UTC(), Blob: "b"}}},
		{Kind: document.KindNote, Note: document.Note{Created: &document.Created{User: "ada", At: at.UTC(), Update: typed(1, 0, "abc")}}},
		{Kind: document.KindDeleted, Deleted: document.Deleted{Generation: 1, User: "ada", At: at.UTC(), Former: yjs.StateVector{1: 3}.Encode()}},
		{Kind: document.KindElsewhere, Elsewhere: document.Elsewhere{Blob: "x", Size: 7, Kind: document.KindSnapshot}},
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	for _, rec := range samples() {
		got, err := document.Decode(rec.Encode())
		require.NoError(t, err)
		require.Equal(t, rec, got)
	}
}

func TestRecordsThatNobodyHasWritten(t *testing.T) {
	for name, entry := range map[string][]byte{
		"nothing at all":       {},
		"no kind":              make([]byte, 9),
		"a newer one":          append([]byte{77}, make([]byte, 8)...),
		"edits cut off":        samples()[0].Encode()[:20],
		"no JSON":              append([]byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 2}, "{]"...),
		"something behind it":  append(samples()[2].Encode(), 1),
		"a count of a billion": {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 3},
	} {
		_, err := document.Decode(entry)
		require.Error(t, err, name)
	}
}

func FuzzRecord(f *testing.F) {
	for _, rec := range samples() {
		f.Add(rec.Encode())
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		rec, err := document.Decode(entry)
		if err != nil {
			return
		}
		again, err := document.Decode(rec.Encode())
		require.NoError(t, err)
		require.Equal(t, rec.Encode(), again.Encode())
		state := document.New(yjs.Limits{MaxBytes: 1 << 20})
		state.Apply(1, len(entry), rec) // whatever it says, it is taken or set aside
		snap := state.Snapshot()
		require.NotNil(t, snap.Update)
	})
}
