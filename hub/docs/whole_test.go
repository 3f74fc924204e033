package docs_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// damagedDocs is a log on whose disk some entries are damaged: reads pass over them.
type damagedDocs struct {
	*hub.Memory
	damaged []uint64
}

func (d *damagedDocs) Read(ctx context.Context, doc string, r hub.Range) (hub.Page, error) {
	page, err := d.Memory.Read(ctx, doc, r)
	page.Entries = slices.DeleteFunc(page.Entries, func(e hub.Entry) bool { return slices.Contains(d.damaged, e.Seq) })
	return page, err
}

// written gives a log on which ada has saved so many edits, and her with her copy.
func (w *world) written(edits ...string) (*damagedDocs, *editor) {
	log := &damagedDocs{Memory: w.log}
	w.cfg.Log = log
	d := w.instance()
	defer d.Close()
	ada := w.connected(d, "ada", "doc", 1)
	for _, text := range edits {
		ada.write(text)
		synctest.Wait()
	}
	require.EqualValues(w.t, ada.clock, ada.saved)
	return log, ada
}

// TestDamagedEditIsAlarmed loses one record of several, in the middle and at the end:
// the document opens with the rest, and who has a copy brings what is lacking.
func TestDamagedEditIsAlarmed(t *testing.T) {
	for _, seq := range []uint64{2, 3} {
		inWorld(t, func(t *testing.T, w *world) {
			log, ada := w.written("one ", "two ", "three ")
			log.damaged = []uint64{seq}
			var faults []string
			w.cfg.Fault = func(_ string, err error) { faults = append(faults, err.Error()) }
			d := w.instance()
			defer d.Close()
			require.NotContains(t, w.text(d, "doc"), "three")
			require.Len(t, faults, 1)
			require.Contains(t, faults[0], "1 of 3 records cannot be read")
			require.EqualValues(t, 1, d.Stats().Broken)
			require.True(t, ada.connect(t.Context(), d))
			synctest.Wait()
			require.Equal(t, "one two three ", w.text(d, "doc"), "healed by a copy")
		})
	}
}

// TestDamagedBaseIsRefused loses all that there is, or the snapshot: what is left is not
// taken for the document.
func TestDamagedBaseIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		log, ada := w.written("all there is")
		log.damaged = []uint64{1}
		w.refuses(ada)
		log.damaged = nil
		d := w.instance()
		defer d.Close()
		require.Equal(t, "all there is", w.text(d, "doc"), "restored, it opens")
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.CompactEvery = 3
		log, ada := w.written("one ", "two ", "three ", "four ")
		page, err := w.log.Read(t.Context(), "doc", hub.Range{Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Entries, 2, "a snapshot and an edit")
		log.damaged = []uint64{page.Entries[0].Seq}
		w.refuses(ada)
	})
}

func (w *world) refuses(e *editor) {
	d := w.instance()
	defer d.Close()
	require.False(w.t, e.connect(w.t.Context(), d))
	why := e.refused[len(e.refused)-1]
	require.Equal(w.t, room.CodeUnavailable, why.Code)
	require.Contains(w.t, why.Message, "its disk is damaged")
}

// TestDamagedSnapshotBlobIsRefused loses the blob of a snapshot that is too large for
// the log.
func TestDamagedSnapshotBlobIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.CompactEvery = 2
		_, ada := w.written(string(make([]byte, hub.MaxRecord)), "more")
		page, err := w.log.Read(t.Context(), "doc", hub.Range{Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Entries, 1, "a snapshot")
		w.blobs = new(hub.MemoryBlobs)
		w.refuses(ada)
	})
}
