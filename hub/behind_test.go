package hub_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// lateLog is a log whose watchers hear nothing new for a while: the rooms stand
// behind what the log holds and has acknowledged.
type lateLog struct {
	hub.Log
	mu   sync.Mutex
	late bool
	held []func()
}

func (l *lateLog) Watch(room string, w hub.Watcher) (func(), error) {
	return l.Log.Watch(room, &lateWatcher{w, l})
}

// catchUp brings what was held back.
func (l *lateLog) catchUp() {
	l.mu.Lock()
	held := l.held
	l.late, l.held = false, nil
	l.mu.Unlock()
	for _, bring := range held {
		bring()
	}
}

type lateWatcher struct {
	hub.Watcher
	log *lateLog
}

func (w *lateWatcher) Entry(e hub.Entry) {
	w.log.mu.Lock()
	if w.log.late {
		w.log.held = append(w.log.held, func() { w.Watcher.Entry(e); w.Watcher.Flush() })
		w.log.mu.Unlock()
		return
	}
	w.log.mu.Unlock()
	w.Watcher.Entry(e)
}

// behind runs a test in a live room with a small ring, which has seen the first 20
// of 25 events.
func behind(t *testing.T, test func(w *world, log *lateLog, seqs []uint64)) {
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{Log: hub.NewMemory()}
		w := newWorld(t, log, hub.Config{Ring: 4})
		defer w.close()
		w.join(w.connect("ann"), hub.JoinRequest{Room: "lobby"})
		var seqs []uint64
		for i := range 25 {
			if i == 20 {
				synctest.Wait()
				log.mu.Lock()
				log.late = true
				log.mu.Unlock()
			}
			seqs = append(seqs, w.post("ann", "lobby", "x"))
		}
		test(w, log, seqs)
	})
}

func TestResumeIntoARoomThatIsBehindTheLogHasNoOverlap(t *testing.T) {
	behind(t, func(w *world, log *lateLog, all []uint64) {
		bob := w.connect("bob")
		var got []uint64
		at := hub.Position{}
		for live := false; !live; {
			j := w.join(bob, hub.JoinRequest{Room: "lobby", Since: &at})
			require.Empty(t, j.Reset)
			got = append(got, seqs(j.Events)...)
			if len(j.Events) > 0 {
				require.Equal(t, j.Events[len(j.Events)-1].Seq, j.At.Seq, "the reply says where its events lead")
			}
			at, live = j.At, j.Live
		}
		log.catchUp()
		got = append(got, w.events(bob)...)
		require.Equal(t, all, got)
	})
}

func TestHistoryBesideWhatTheRoomHasNotSeen(t *testing.T) {
	behind(t, func(w *world, _ *lateLog, all []uint64) {
		page, err := w.hub.History(context.Background(), caller("bob"), hub.HistoryRequest{Room: "lobby", Before: all[23], Limit: 3})
		require.NoError(t, err)
		require.Equal(t, all[20:23], seqs(page.Events))
		page, err = w.hub.History(context.Background(), caller("bob"), hub.HistoryRequest{Room: "lobby", After: all[21], Limit: 10})
		require.NoError(t, err)
		require.Equal(t, all[22:], seqs(page.Events))
	})
}

func TestWhoHasAnAckFindsTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{Log: hub.NewMemory()}
		w := newWorld(t, log, hub.Config{})
		defer w.close()
		s := w.connect("ann")
		w.join(s, hub.JoinRequest{Room: "lobby"})
		first := w.post("ann", "lobby", "first")
		synctest.Wait()
		log.mu.Lock()
		log.late = true
		log.mu.Unlock()
		second := w.post("ann", "lobby", "second")
		for _, req := range []hub.HistoryRequest{{Room: "lobby", Limit: 5}, {Room: "lobby", Limit: 5, FromStart: true}, {Room: "lobby", Limit: 5, Around: first}} {
			page, err := w.hub.History(context.Background(), caller("ann"), req)
			require.NoError(t, err)
			require.Equal(t, []uint64{first, second}, seqs(page.Events), "%+v", req)
		}
		log.catchUp()
		require.Equal(t, []uint64{first, second}, w.events(s))
	})
}

func TestADeleteThatTheRoomHasNotSeenCounts(t *testing.T) {
	behind(t, func(w *world, _ *lateLog, all []uint64) {
		react := func(seq uint64) *room.Error {
			return w.publish("bob", "lobby", room.Command{Kind: room.KindReact, Target: seq, Emoji: "👍"})[0].Err
		}
		for _, i := range []int{19, 22} { // seen by the room, and not
			require.Nil(t, react(all[i]))
			require.Nil(t, w.publish("ann", "lobby", room.Command{Kind: room.KindDelete, Target: all[i]})[0].Err)
			require.NotNil(t, react(all[i]))
			require.Equal(t, room.CodeConflict, react(all[i]).Code)
		}
		require.Nil(t, react(all[18]))
	})
}
