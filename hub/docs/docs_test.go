package docs_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// world is a log with instances on it, under fake time.
type world struct {
	t     *testing.T
	log   *hub.Memory
	blobs *hub.MemoryBlobs
	bus   hub.Bus
	cfg   docs.Config
}

// inWorld runs a test under fake time. What it leaves running fails it.
func inWorld(t *testing.T, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, log: hub.NewMemory(), blobs: new(hub.MemoryBlobs), bus: hub.NewMemoryBus()}
		defer func() { require.NoError(t, w.log.Close(context.Background())) }()
		test(t, w)
	})
}

// instance starts one more instance, until the test ends.
func (w *world) instance() *docs.Docs {
	cfg := w.cfg
	if cfg.Log == nil {
		cfg.Log = w.log
	}
	cfg.Blobs, cfg.Bus = w.blobs, w.bus
	return docs.New(cfg)
}

var everybody = room.Caller{User: "root", Grants: room.Everything()}

func (w *world) text(d *docs.Docs, name string) string {
	update, _, err := d.Read(w.t.Context(), everybody, name)
	require.NoError(w.t, err)
	v, err := view.OpenUpdate(update, view.Limits{})
	require.NoError(w.t, err)
	return v.Text("t").Text()
}

func (w *world) connected(d *docs.Docs, user, name string, client uint64) *editor {
	e := newEditor(w.t, user, name, client)
	require.True(w.t, e.connect(w.t.Context(), d), "%v", e.refused)
	return e
}

func TestEditReachesTheOthersAndTheLog(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		here, there := w.instance(), w.instance()
		ada, bo, cy := w.connected(here, "ada", "r/doc", 1), w.connected(here, "bo", "r/doc", 2), w.connected(there, "cy", "r/doc", 3)
		ada.write("hello")
		synctest.Wait()
		for _, e := range []*editor{bo, cy} {
			require.Equal(t, ada.snapshot(), e.snapshot())
		}
		require.True(t, ada.isSaved())
		here.Close()
		there.Close()
		require.Len(t, ada.lost, 1)

		again := w.instance()
		defer again.Close()
		require.Equal(t, "hello", w.text(again, "r/doc"))
	})
}

// What gathers while a record is under way is one record.
func TestManyEditsAreFewRecords(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		for range 200 {
			ada.write("x")
		}
		synctest.Wait()
		require.True(t, ada.isSaved())
		page, err := w.log.Read(t.Context(), "doc", hub.Range{Limit: 1000})
		require.NoError(t, err)
		require.Less(t, len(page.Entries), 50)
		require.Equal(t, strings.Repeat("x", 200), w.text(d, "doc"))
	})
}

func TestCompaction(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.CompactEvery = 10
		d := w.instance()
		ada := w.connected(d, "ada", "doc", 1)
		for range 35 {
			ada.write("x")
			synctest.Wait()
		}
		require.NotZero(t, d.Stats().Compactions)
		page, err := w.log.Read(t.Context(), "doc", hub.Range{Limit: 1000})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Entries), 11)
		d.Close()
		d = w.instance()
		defer d.Close()
		require.Equal(t, strings.Repeat("x", 35), w.text(d, "doc"))
		_, info, err := d.Read(t.Context(), everybody, "doc")
		require.NoError(t, err)
		require.Equal(t, map[uint64]document.Author{1: {User: "ada"}}, info.Authors)
	})
}

// An update, and a snapshot, that are too large for a record of the log.
func TestLargeEdits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.CompactEvery = 3
		d, other := w.instance(), w.instance()
		ada, bo := w.connected(d, "ada", "doc", 1), w.connected(other, "bo", "doc", 2)
		for range 4 {
			ada.write(strings.Repeat("x", 700<<10))
			synctest.Wait()
			time.Sleep(time.Second) // fake: what was replaced is removed
		}
		require.True(t, ada.isSaved())
		require.Equal(t, ada.snapshot(), bo.snapshot())
		d.Close()
		other.Close()
		d = w.instance()
		defer d.Close()
		require.Len(t, w.text(d, "doc"), 4*700<<10)
	})
}

func TestReaderMayNotWrite(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("hello")
		ada.erase(1)
		synctest.Wait()
		eve := newEditor(t, "eve", "doc", 2)
		eve.who.Grants = room.Grants{"doc": {room.VerbDocRead}}
		require.True(t, eve.connect(t.Context(), d))
		synctest.Wait()
		require.Empty(t, eve.refused, "what she sends back is nothing new")
		require.Equal(t, ada.snapshot(), eve.snapshot())
		eve.write("mine")
		synctest.Wait()
		require.Len(t, eve.refused, 1)
		require.Equal(t, room.CodeForbidden, eve.refused[0].Code)
		require.Equal(t, "hllo", w.text(d, "doc"))

		eve.who.Grants = room.Grants{"doc": {room.VerbDocWrite}}
		require.Equal(t, document.MayWrite, eve.seat.Regrant(eve.who))
		eve.leave()
		require.True(t, eve.connect(t.Context(), d), "and what was refused comes with her")
		synctest.Wait()
		require.Len(t, w.text(d, "doc"), len("hllomine"))

		mallory := newEditor(t, "mallory", "doc", 4)
		mallory.who.Grants = room.Grants{"doc": {room.VerbJoin, room.VerbPublish}}
		require.False(t, mallory.connect(t.Context(), d))
		require.Equal(t, room.CodeForbidden, mallory.refused[0].Code)
	})
}

// What does not decode, or is too much, is refused before it is logged or told.
func TestBadUpdates(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.Limits = docs.Limits{Update: 1 << 10, Document: 4 << 10}
		d := w.instance()
		defer d.Close()
		ada, bo := w.connected(d, "ada", "doc", 1), w.connected(d, "bo", "doc", 2)
		for _, u := range [][]byte{{}, {1}, {0xff, 0xff, 0xff, 0xff, 0x0f}, {1, 1, 1, 0, 4, 1, 1, 't', 200, 'a', 0}} {
			ada.send(ada.seat, u, 0)
		}
		ada.send(ada.seat, make([]byte, 2<<10), 0)
		for i := range 10 {
			bo.write(strings.Repeat("y", 900))
			synctest.Wait()
			_ = i
		}
		require.Len(t, ada.refused, 5)
		require.Equal(t, room.CodeTooLarge, ada.refused[4].Code)
		require.NotEmpty(t, bo.refused)
		require.Equal(t, room.CodeTooLarge, bo.refused[0].Code)
		require.Positive(t, len(w.text(d, "doc")))
	})
}

func TestBrokenRecordDoesNotCloseTheDocument(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var faults []string
		w.cfg.Fault = func(doc string, err error) { faults = append(faults, err.Error()) }
		w.cfg.CompactEvery = 3
		d := w.instance()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("hello")
		synctest.Wait()
		d.Close()
		done := make(chan struct{})
		require.NoError(t, w.log.Append("doc", []hub.Record{{Data: []byte("what is this?")}}, func([]hub.Ack) { close(done) }))
		<-done
		d = w.instance()
		defer d.Close()
		require.Equal(t, "hello", w.text(d, "doc"))
		require.Len(t, faults, 1)
		require.Contains(t, faults[0], "set aside")
		require.Equal(t, uint64(1), d.Stats().Broken)

		require.True(t, ada.connect(t.Context(), d))
		ada.write(" you")
		synctest.Wait()
		require.NotZero(t, d.Stats().Compactions)
		kept, err := w.blobs.Get(t.Context(), "broken/doc/2")
		require.NoError(t, err, "it is kept for somebody to look at")
		require.Equal(t, "what is this?", string(kept))
	})
}

func TestLineage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d, other := w.instance(), w.instance()
		defer d.Close()
		defer other.Close()
		seed := newEditor(t, "seed", "r/doc", 77)
		seed.write("template")
		_, err := d.Create(t.Context(), everybody, "r/doc", seed.snapshot())
		require.NoError(t, err)
		_, err = other.Create(t.Context(), everybody, "r/doc", seed.snapshot())
		require.Equal(t, room.CodeConflict, room.AsError(err).Code, "a document is seeded once")

		ada := w.connected(other, "ada", "r/doc", 1)
		ada.write("mine")
		synctest.Wait()
		require.NoError(t, d.Delete(t.Context(), everybody, "r/doc"))
		synctest.Wait()
		require.Len(t, ada.lost, 1)
		require.Equal(t, room.CodeNotFound, ada.lost[0].Code)
		require.False(t, ada.connect(t.Context(), other), "it is gone")
		_, _, err = d.Read(t.Context(), everybody, "r/doc")
		require.Equal(t, room.CodeNotFound, room.AsError(err).Code)
		page, err := w.log.Read(t.Context(), "r/doc", hub.Range{Limit: 1000})
		require.NoError(t, err)
		require.Len(t, page.Entries, 1, "nothing but that it was deleted")

		_, err = d.Create(t.Context(), everybody, "r/doc", nil)
		require.NoError(t, err)
		seat, err := other.Open(t.Context(), ada.who, "r/doc", &link{editor: ada})
		require.NoError(t, err)
		_, err = seat.Diff(ada.store.StateVector())
		require.Equal(t, room.CodeConflict, room.AsError(err).Code, "her copy is of the one before")
		ada.send(seat, ada.snapshot(), 0)
		synctest.Wait()
		require.Equal(t, room.CodeConflict, ada.refused[len(ada.refused)-1].Code)
		seat.Close()
		require.Empty(t, w.text(d, "r/doc"))
		names, err := d.List(t.Context(), everybody, "r")
		require.NoError(t, err)
		require.Equal(t, []string{"r/doc"}, names)
	})
}

func TestVersions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.cfg.Versions = docs.VersionPolicy{Every: 5 * time.Minute, Most: 2}
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("one")
		synctest.Wait()
		v, err := d.MakeVersion(t.Context(), ada.who, "doc", "first")
		require.NoError(t, err)
		require.Equal(t, []string{"ada"}, v.Users)
		ada.write(" two")
		time.Sleep(6 * time.Minute)
		bo := w.connected(d, "bo", "doc", 2)
		bo.write(" three")
		time.Sleep(6 * time.Minute)
		ada.write(" four") // somebody else than before
		synctest.Wait()
		versions, err := d.Versions(t.Context(), ada.who, "doc")
		require.NoError(t, err)
		var users [][]string
		for _, v := range versions {
			users = append(users, v.Users)
		}
		require.Equal(t, [][]string{{"ada"}, {"ada"}, {"bo"}}, users)
		_, update, err := d.Version(t.Context(), ada.who, "doc", v.ID)
		require.NoError(t, err)
		old, err := view.OpenUpdate(update, view.Limits{})
		require.NoError(t, err)
		require.Equal(t, "one", old.Text("t").Text())

		for range 3 {
			ada.write("!")
			time.Sleep(6 * time.Minute)
		}
		versions, err = d.Versions(t.Context(), ada.who, "doc")
		require.NoError(t, err)
		require.Len(t, versions, 3, "the one with a name, and two")
		require.Equal(t, "first", versions[0].Name)
		require.NoError(t, d.DropVersion(t.Context(), ada.who, "doc", v.ID))
		_, _, err = d.Version(t.Context(), ada.who, "doc", v.ID)
		require.Equal(t, room.CodeNotFound, room.AsError(err).Code)
	})
}

func TestServerSideEdit(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("hello")
		synctest.Wait()
		done, err := d.Edit(t.Context(), room.Caller{User: "bot", Grants: room.Everything()}, "doc", func(v *view.Doc, e *view.Edit) error {
			return e.InsertText(v.Text("t"), 5, " world", nil)
		})
		require.NoError(t, err)
		require.True(t, done.Changed)
		synctest.Wait()
		require.Equal(t, "hello world", w.text(d, "doc"))
		require.Equal(t, w.text(d, "doc"), func() string {
			v, err := view.OpenUpdate(ada.snapshot(), view.Limits{})
			require.NoError(t, err)
			return v.Text("t").Text()
		}())
	})
}

func TestAwareness(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		here, there := w.instance(), w.instance()
		defer here.Close()
		defer there.Close()
		ada, bo, cy := w.connected(here, "ada", "doc", 1), w.connected(here, "bo", "doc", 2), w.connected(there, "cy", "doc", 3)
		say := func(e *editor, client, clock uint64, state string) {
			require.NoError(t, e.seat.Awareness(yjs.EncodeAwareness([]yjs.AwarenessState{{Client: client, Clock: clock, State: []byte(state)}})))
			synctest.Wait()
		}
		say(ada, 1, 1, `{"a":1}`)
		for _, e := range []*editor{ada, bo, cy} {
			require.Equal(t, []yjs.AwarenessState{{Client: 1, Clock: 1, State: []byte(`{"a":1}`)}}, e.aware, "the sender too")
		}
		say(bo, 1, 9, `{"evil":1}`)
		say(cy, 1, 9, `null`)
		require.Len(t, bo.aware, 1, "what is said of others is passed over")
		require.NotNil(t, cy.seat.States())

		ada.leave()
		synctest.Wait()
		for _, e := range []*editor{bo, cy} {
			require.True(t, e.aware[len(e.aware)-1].Gone())
			require.Nil(t, e.seat.States())
		}
		say(bo, 2, 1, `{}`)
		for range 4 {
			time.Sleep(10 * time.Second)
			say(cy, 3, uint64(time.Now().Unix()), `{}`)
		}
		require.True(t, ada.aware[0].Client == 1)
		states, err := yjs.DecodeAwareness(cy.seat.States(), yjs.Limits{})
		require.NoError(t, err)
		require.Len(t, states, 1, "bo has fallen silent")
	})
}

func TestDocumentsAreLetGo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		d := w.instance()
		defer d.Close()
		ada := w.connected(d, "ada", "doc", 1)
		ada.write("x")
		synctest.Wait()
		ada.leave()
		require.Equal(t, 1, d.Stats().Documents)
		time.Sleep(10 * time.Second)
		require.Zero(t, d.Stats().Documents)
	})
}

func TestChangesAreAnnounced(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		var all []docs.Changed
		w.cfg.Announce = func(c docs.Changed) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c)
		}
		told := func() []docs.Changed {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		d := w.instance()
		defer d.Close()
		ada, bo := w.connected(d, "ada", "doc", 1), w.connected(d, "bo", "doc", 2)
		for range 10 {
			ada.write("x")
			bo.write("y")
		}
		for range 40 { // they go on, and that is still one
			time.Sleep(time.Second)
			ada.write("x")
			require.Empty(t, told())
		}
		time.Sleep(5 * time.Second)
		first := told()
		require.Len(t, first, 1)
		require.Equal(t, "doc", first[0].Doc)
		require.Equal(t, []string{"ada", "bo"}, first[0].Users)
		require.NotZero(t, first[0].At.Seq)
		for range 70 {
			ada.write("x")
			time.Sleep(time.Second)
		}
		require.Len(t, told(), 2, "who goes on for long is told of meanwhile")
	})
}

// storage that is down is told, and loses nothing.
func TestStorageDown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		down := &faltering{DocLog: w.log}
		w.cfg.Log = down
		d := w.instance()
		defer d.Close()
		ada, bo := w.connected(d, "ada", "doc", 1), w.connected(d, "bo", "doc", 2)
		ada.write("kept")
		synctest.Wait()
		down.fails.Store(true)
		ada.write(" and this")
		synctest.Wait()
		require.Equal(t, " and this", string(bo.snapshot()[len(bo.snapshot())-10:][:9]), "told at once")
		require.False(t, ada.isSaved())
		require.Len(t, ada.lost, 1)
		require.True(t, ada.lost[0].Code.Retryable())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.False(t, newEditor(t, "cy", "doc", 3).connect(ctx, d), "no empty document while it cannot be read")
		down.fails.Store(false)
		require.True(t, ada.connect(t.Context(), d))
		synctest.Wait()
		require.True(t, ada.isSaved())
		require.Equal(t, "kept and this", w.text(d, "doc"))
	})
}

// A snapshot that does not read is no empty document.
func TestBrokenSnapshotIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		broken := (&document.Record{Kind: document.KindSnapshot, Snapshot: document.Snapshot{Update: []byte{9, 9}}}).Encode()
		_, err := w.log.Swap(t.Context(), "doc", 0, broken, true)
		require.NoError(t, err)
		missing := (&document.Record{Kind: document.KindElsewhere, Elsewhere: document.Elsewhere{Blob: "gone", Kind: document.KindSnapshot}}).Encode()
		_, err = w.log.Swap(t.Context(), "other", 0, missing, true)
		require.NoError(t, err)
		d := w.instance()
		defer d.Close()
		for _, name := range []string{"doc", "other"} {
			ada := newEditor(t, "ada", name, 1)
			require.False(t, ada.connect(t.Context(), d))
			require.Equal(t, room.CodeUnavailable, ada.refused[0].Code)
			require.Contains(t, ada.refused[0].Message, "snapshot")
		}
		good := document.New(yjs.Limits{}).Snapshot()
		at, err := w.log.Tail(t.Context(), "doc")
		require.NoError(t, err)
		_, err = w.log.Swap(t.Context(), "doc", at.Seq, (&document.Record{Kind: document.KindSnapshot, Snapshot: good}).Encode(), false)
		require.NoError(t, err)
		w.connected(d, "ada", "doc", 1) // it was restored
	})
}
