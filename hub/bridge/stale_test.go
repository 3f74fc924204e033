package bridge

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// openAlone opens a log on an engine of its own.
func openAlone(t *testing.T) *Log {
	t.Helper()
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	l, err := Open(t.Context(), Config{Connect: engine.Connect, Health: engine.Health, Partitions: 1, Ack: AckMemory})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, l.Close(ctx))
		require.NoError(t, engine.Shutdown())
	})
	return l
}

// TestStalePageIsReadAgain gives a reading what a replica that is behind would: as
// often as it is asked, then the leader has to say what is missing.
func TestStalePageIsReadAgain(t *testing.T) {
	l := openAlone(t)
	l.known = newKnown()
	records := make([]hub.Record, 30)
	for i := range records {
		records[i].Data = fmt.Append(nil, i)
	}
	answered := make(chan []hub.Ack, 1)
	require.NoError(t, l.Append("lobby", records, func(acks []hub.Ack) { answered <- acks }))
	last := (<-answered)[29].Seq

	for _, c := range []struct {
		name       string
		newest     bool
		limit      int
		behind     int // entries that the replica has not
		staleReads int // reads that it answers before it has caught up
	}{
		{"it catches up", false, 100, 5, 1},
		{"it never does", false, 100, 5, 1000},
		{"it has nothing", false, 100, 30, 1000},
		{"the page is full before", false, 27, 5, 1000},
		{"the newest, and it catches up", true, 10, 5, 1},
		{"the newest, and it never does", true, 10, 5, 1000},
		{"the newest, all of them missing", true, 10, 30, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReading(l, l.parts[0], "lobby", hub.Range{Limit: c.limit, Newest: c.newest})
			truth := r.oldestPage
			if c.newest {
				truth = r.newestPage
			}
			reads := 0
			behind := func(ctx context.Context) (hub.Page, error) {
				page, err := truth(ctx)
				if reads++; reads <= c.staleReads {
					n := 0
					for n < len(page.Entries) && page.Entries[n].Seq <= last-uint64(c.behind) {
						n++
					}
					page.Entries, page.More = page.Entries[:n], page.More && c.newest
				}
				return page, err
			}
			page, err := behind(t.Context())
			require.NoError(t, err)
			require.True(t, r.stale(page))
			page, err = r.fresher(t.Context(), behind, page)
			require.NoError(t, err)
			want, err := truth(t.Context())
			require.NoError(t, err)
			require.Equal(t, texts(want), texts(page))
			require.Equal(t, want.More, page.More)
		})
	}
}

func texts(page hub.Page) (all []string) {
	for _, e := range page.Entries {
		all = append(all, string(e.Data))
	}
	return all
}

func TestPageThatNeedNotReachTheEndIsNotStale(t *testing.T) {
	l := openAlone(t)
	l.known = newKnown()
	subject := l.cfg.logSubject(0, "lobby")
	l.known.note(subject, 50)
	for _, c := range []struct {
		name  string
		r     hub.Range
		page  hub.Page
		stale bool
	}{
		{"it ends below the bound", hub.Range{Before: 40, Limit: 9}, hub.Page{}, false},
		{"it is full", hub.Range{Limit: 1}, hub.Page{Entries: []hub.Entry{{Seq: 3}}, More: true}, false},
		{"it begins behind the end", hub.Range{After: 50, Limit: 9}, hub.Page{}, false},
		{"it lacks the end", hub.Range{Limit: 9}, hub.Page{Entries: []hub.Entry{{Seq: 49}}}, true},
		{"it is empty", hub.Range{Limit: 9}, hub.Page{}, true},
		{"it has the end", hub.Range{Limit: 9}, hub.Page{Entries: []hub.Entry{{Seq: 50}}}, false},
		{"the newest are older", hub.Range{Limit: 1, Newest: true}, hub.Page{Entries: []hub.Entry{{Seq: 49}}, More: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.stale, newReading(l, l.parts[0], "lobby", c.r).stale(c.page))
		})
	}
	l.known.forget()
	require.Zero(t, l.known.tail(subject))
}

func TestKnownIsBounded(t *testing.T) {
	k := newKnown()
	for i := range 5 * knownRooms {
		k.note(fmt.Sprint("room-", i), uint64(i))
		k.note("busy", uint64(i))
	}
	require.Equal(t, uint64(5*knownRooms-1), k.tail("busy"))
	require.LessOrEqual(t, len(k.young)+len(k.old), 2*knownRooms+2)
	require.Zero(t, k.tail("room-1"), "what was long ago is forgotten")
	k.note("busy", 3)
	require.Equal(t, uint64(5*knownRooms-1), k.tail("busy"), "it never goes back")
}
