package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// comeBack resumes part by part until the session is live, and gives all that came.
func (w *world) comeBack(since hub.Position) []uint64 {
	s := w.connect("bob")
	var got []uint64
	for live := false; !live; {
		joined := w.join(s, hub.JoinRequest{Room: "lobby", Since: &since})
		require.Empty(w.t, joined.Reset)
		require.NotEmpty(w.t, joined.At)
		got = append(got, seqs(joined.Events)...)
		since, live = joined.At, joined.Live
	}
	return got
}

// storm lets many come back at once.
func (w *world) storm(n int, since func(int) hub.Position) [][]uint64 {
	got := make([][]uint64, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { got[i] = w.comeBack(since(i)) })
	}
	all.Wait()
	return got
}

func TestManyWhoComeBackReadTheLogOnce(t *testing.T) {
	inWorld(t, hub.Config{Ring: 8}, func(w *world) {
		var posted []uint64
		for i := range 2*hub.ResumePage + 200 {
			posted = append(posted, w.post("ann", "lobby", fmt.Sprint(i)))
		}
		epoch := w.join(w.connect("ann"), hub.JoinRequest{Room: "lobby"}).At.Epoch
		reads := func() uint64 { return w.hub.Stats().LogReads }

		before := reads()
		for _, got := range w.storm(1000, func(int) hub.Position { return hub.Position{Epoch: epoch, Seq: posted[0]} }) {
			require.Equal(t, posted[1:], got)
		}
		require.EqualValues(t, 3, reads()-before, "each part of what was missed is read once, for all")

		before = reads()
		r := rand.New(rand.NewPCG(1, 2))
		at := make([]int, 1000)
		for i := range at {
			at[i] = r.IntN(len(posted))
		}
		for i, got := range w.storm(len(at), func(i int) hub.Position { return hub.Position{Epoch: epoch, Seq: posted[at[i]]} }) {
			require.Equal(t, len(posted)-at[i]-1, len(got))
			require.Equal(t, posted[at[i]+1:], append([]uint64{}, got...))
		}
		require.Zero(t, reads()-before, "they find what the others have brought")

		time.Sleep(time.Minute) // of fake time
		synctest.Wait()
		w.comeBack(hub.Position{Epoch: epoch, Seq: posted[0]})
		require.EqualValues(t, 3, reads()-before, "what nobody wants is not kept")
	})
}

func TestTheBacklogOfAnEpochEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := hub.NewMemory()
		w := newWorld(t, log, hub.Config{Ring: 8})
		defer w.close()
		for range 100 {
			w.post("ann", "lobby", "old")
		}
		ann := w.connect("ann")
		old := w.join(ann, hub.JoinRequest{Room: "lobby"}).At
		w.comeBack(hub.Position{Epoch: old.Epoch, Seq: 1})
		log.Reset()
		synctest.Wait()
		for range 100 {
			w.post("ann", "lobby", "new")
		}
		time.Sleep(time.Minute) // of fake time, for the room to see it
		joined := w.join(w.connect("bob"), hub.JoinRequest{Room: "lobby", Since: &hub.Position{Epoch: old.Epoch, Seq: 1}})
		require.Equal(t, hub.ResetEpoch, joined.Reset)
		require.NotEqual(t, old.Epoch, joined.At.Epoch)
	})
}

// slowReads is a log whose reads are slow until they are let go.
type slowReads struct {
	hub.Log
	free chan struct{}
}

func (l *slowReads) Read(ctx context.Context, name string, rg hub.Range) (hub.Page, error) {
	<-l.free
	return l.Log.Read(ctx, name, rg)
}

func TestWhoWaitsTooLongForHistoryIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowReads{Log: hub.NewMemory(), free: make(chan struct{})}
		w := newWorld(t, slow, hub.Config{Ring: 8, HistoryReads: 1})
		defer w.close()
		for range 50 {
			w.post("ann", "lobby", "x")
		}
		ask := func() error {
			_, err := w.hub.History(context.Background(), caller("ann"), hub.HistoryRequest{Room: "lobby", Limit: 20})
			return err
		}
		first := make(chan error)
		go func() { first <- ask() }()
		synctest.Wait()
		err := ask()
		require.ErrorContains(t, err, "too many")
		require.Positive(t, room.AsError(err).RetryAfter)
		close(slow.free)
		require.NoError(t, <-first)
		require.NoError(t, ask())
	})
}
