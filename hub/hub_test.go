package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a hub over a memory log, under fake time.
type world struct {
	t   testing.TB
	log hub.Log
	hub *hub.Hub

	queueBytes, queueFrames int // of the peers that connect
}

// peer is a session, and what waits for it.
type peer struct {
	*hub.Session
	*hub.Queue
}

func newWorld(t testing.TB, log hub.Log, cfg hub.Config) *world {
	cfg.Log, cfg.Bus, cfg.Codec = log, hub.NewMemoryBus(), transport.Codec{}
	return &world{t: t, log: log, hub: hub.New(cfg), queueBytes: 1 << 20, queueFrames: 4096}
}

func (w *world) close() {
	w.hub.Close()
	require.NoError(w.t, w.log.Close(context.Background()))
}

// inWorld runs a test under fake time, on a fresh memory log.
func inWorld(t *testing.T, cfg hub.Config, test func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hub.NewMemory(), cfg)
		defer w.close()
		test(w)
	})
}

func caller(user string) room.Caller {
	return room.Caller{User: user, Name: "Name of " + user, Grants: room.Everything()}
}

func (w *world) connect(user string) peer {
	q := hub.NewQueue(w.queueBytes, w.queueFrames)
	s, err := w.hub.Connect(caller(user), q)
	require.NoError(w.t, err)
	return peer{s, q}
}

func (w *world) join(s peer, req hub.JoinRequest) hub.Joined {
	var joined hub.Joined
	require.NoError(w.t, s.Join(context.Background(), req, func(j hub.Joined) { joined = j }))
	return joined
}

func text(id, s string) room.Command { return room.Command{Kind: room.KindMessage, ID: id, Text: s} }

func (w *world) publish(user, name string, cmds ...room.Command) []hub.Outcome {
	answered := make(chan []hub.Outcome, 1)
	w.hub.Publish(context.Background(), caller(user), name, cmds, func(o []hub.Outcome) { answered <- o })
	return <-answered
}

func (w *world) post(user, name, s string) uint64 {
	o := w.publish(user, name, text("", s))[0]
	require.Nil(w.t, o.Err)
	return o.At.Seq
}

// frames gives what is queued for a session once everything has come to rest.
func (w *world) frames(s peer) []wire.Message {
	synctest.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	frames, err := s.Next(ctx, nil)
	if err != nil {
		require.ErrorIs(w.t, err, context.DeadlineExceeded)
	}
	var got []wire.Message
	for _, f := range frames {
		reply, err := wire.DecodeReply(f.Data)
		require.NoError(w.t, err)
		got = append(got, reply.Body.(wire.Message))
	}
	return got
}

// events gives the sequences of the event pushes among what is queued.
func (w *world) events(s peer) []uint64 {
	var seqs []uint64
	for _, m := range w.frames(s) {
		if e, ok := m.(*wire.EventPush); ok {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

func seqs(items []hub.Item) []uint64 {
	var out []uint64
	for _, it := range items {
		out = append(out, it.Seq)
	}
	return out
}

func TestMessageReachesEveryMemberInOrder(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		a, b := w.connect("ann"), w.connect("bob")
		w.join(a, hub.JoinRequest{Room: "lobby"})
		w.join(b, hub.JoinRequest{Room: "lobby"})
		var want []uint64
		for i := range 5 {
			want = append(want, w.post("ann", "lobby", fmt.Sprint("message ", i)))
		}
		w.post("ann", "elsewhere", "not for them")
		require.Equal(t, want, w.events(a), "the sender gets its own by the same way")
		require.Equal(t, want, w.events(b))
	})
}

func TestJoinGivesTheNewestThenGoesLive(t *testing.T) {
	inWorld(t, hub.Config{Ring: 4}, func(w *world) {
		var posted []uint64
		for i := range 10 {
			posted = append(posted, w.post("ann", "lobby", fmt.Sprint(i)))
		}
		s := w.connect("bob")
		for _, n := range []int{0, 1, 4, 7, 10, 50} {
			joined := w.join(s, hub.JoinRequest{Room: "lobby", History: n})
			require.True(t, joined.Live)
			have := min(n, 10)
			require.Equal(t, posted[10-have:], append([]uint64{}, seqs(joined.Events)...), "history %d", n)
			require.Equal(t, n < 10, joined.More, "history %d", n)
			require.Equal(t, posted[9], joined.At.Seq)
		}
		next := w.post("ann", "lobby", "live")
		require.Equal(t, []uint64{next}, w.events(s))
	})
}

func TestResumeGivesExactlyTheRest(t *testing.T) {
	inWorld(t, hub.Config{Ring: 4}, func(w *world) {
		var posted []uint64
		for i := range 2*hub.ResumePage + 100 {
			posted = append(posted, w.post("ann", "lobby", fmt.Sprint(i)))
		}
		epoch := w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"}).At.Epoch
		for _, missed := range []int{0, 1, 4, 5, 300, hub.ResumePage, hub.ResumePage + 1, len(posted)} {
			s := w.connect("bob")
			since := hub.Position{}
			if missed < len(posted) {
				since = hub.Position{Epoch: epoch, Seq: posted[len(posted)-missed-1]}
			}
			var got []uint64
			for live := false; !live; {
				joined := w.join(s, hub.JoinRequest{Room: "lobby", Since: &since})
				require.Empty(t, joined.Reset)
				got = append(got, seqs(joined.Events)...)
				live = joined.Live
				since = joined.At
			}
			require.Equal(t, posted[len(posted)-missed:], append([]uint64{}, got...), "missed %d", missed)
			s.Close(hub.ReasonGone)
		}
	})
}

func TestResumeThatCannotBeExactIsAnnounced(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		last := w.post("ann", "lobby", "one")
		epoch := w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"}).At.Epoch
		for _, c := range []struct {
			since hub.Position
			want  hub.ResetReason
		}{
			{hub.Position{Epoch: "another", Seq: last}, hub.ResetEpoch},
			{hub.Position{Epoch: "", Seq: last}, hub.ResetEpoch},
			{hub.Position{Epoch: "another"}, hub.ResetEpoch},
			{hub.Position{Epoch: epoch, Seq: last + 10}, hub.ResetAhead},
			{hub.Position{Epoch: epoch, Seq: last}, ""},
			{hub.Position{}, ""},
		} {
			joined := w.join(w.connect("bob"), hub.JoinRequest{Room: "lobby", Since: &c.since})
			require.Equal(t, c.want, joined.Reset, "%+v", c.since)
			require.True(t, joined.Live)
			if c.want != "" {
				require.Equal(t, []uint64{last}, seqs(joined.Events), "the newest come with a reset")
			}
		}
	})
}

func TestRepeatOfAnIDIsOneEvent(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		first := w.publish("ann", "lobby", text("k", "hi"))[0]
		again := w.publish("ann", "lobby", text("k", "hi"))[0]
		require.True(t, again.Duplicate)
		require.Equal(t, first.At, again.At)
		other := w.publish("bob", "lobby", text("k", "mine"))[0]
		require.False(t, other.Duplicate, "another user's id is another id")
		elsewhere := w.publish("ann", "den", text("k", "hi"))[0]
		require.False(t, elsewhere.Duplicate, "and so is another room's")
		require.EqualValues(t, 3, w.hub.Stats().Published)
	})
}

func TestOnlyTheAuthorEditsAndDeletes(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		seq := w.post("ann", "lobby", "mine")
		edit := room.Command{Kind: room.KindEdit, Target: seq, Text: "still mine"}
		judge := func(user string, cmd room.Command) room.Code {
			if o := w.publish(user, "lobby", cmd)[0]; o.Err != nil {
				return o.Err.Code
			}
			return ""
		}
		for _, live := range []bool{false, true} {
			if live {
				w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"})
			}
			require.Equal(t, room.CodeForbidden, judge("bob", edit), "live %v", live)
			require.Equal(t, room.Code(""), judge("ann", edit), "live %v", live)
			require.Equal(t, room.CodeNotFound, judge("ann", room.Command{Kind: room.KindEdit, Target: seq + 1000, Text: "x"}), "live %v", live)
			require.Equal(t, room.Code(""), judge("bob", room.Command{Kind: room.KindReact, Target: seq, Emoji: "👍"}), "live %v", live)
		}
		require.Equal(t, room.Code(""), judge("ann", room.Command{Kind: room.KindDelete, Target: seq}))
		require.Equal(t, room.CodeConflict, judge("ann", edit), "a deleted message stays deleted")
	})
}

func TestNothingChangesADeletedMessage(t *testing.T) {
	for _, c := range []struct {
		name  string
		live  bool
		later int // events between the message and its delete, and after that
	}{
		{"nobody is in the room", false, 0},
		{"nobody is in the room, and much has come since", false, 2 * hub.MaxPage},
		{"the room is live", true, 0},
		{"the room is live, and has forgotten the message", true, 2 * room.Window},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, hub.Config{}, func(w *world) {
				if c.live {
					w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"})
				}
				var many []room.Command
				for range c.later {
					many = append(many, text("", "x"))
				}
				talk := func() {
					for part := range slices.Chunk(many, hub.MaxBatch) {
						w.publish("bob", "lobby", part...)
					}
				}
				kept, seq := w.post("ann", "lobby", "kept"), w.post("ann", "lobby", "mine")
				talk()
				require.Nil(t, w.publish("ann", "lobby", room.Command{Kind: room.KindDelete, Target: seq})[0].Err)
				for range 2 {
					for _, o := range w.publish("ann", "lobby",
						room.Command{Kind: room.KindEdit, Target: seq, Text: "back"},
						room.Command{Kind: room.KindReact, Target: seq, Emoji: "👍"}) {
						require.NotNil(t, o.Err)
						require.Equal(t, room.CodeConflict, o.Err.Code)
					}
					require.Nil(t, w.publish("ann", "lobby", room.Command{Kind: room.KindEdit, Target: kept, Text: "x"})[0].Err)
					talk()
				}
			})
		})
	}
}

func TestHistoryPagesMeetWithoutHoleOrOverlap(t *testing.T) {
	inWorld(t, hub.Config{Ring: 8}, func(w *world) {
		var posted []uint64
		for i := range 57 {
			posted = append(posted, w.post("ann", "lobby", fmt.Sprint(i)))
			w.post("ann", "noise", "x")
		}
		for _, live := range []bool{false, true} {
			if live {
				w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"})
			}
			var back, forth []uint64
			req := hub.HistoryRequest{Room: "lobby", Limit: 10}
			for more := true; more; {
				page, err := w.hub.History(context.Background(), caller("bob"), req)
				require.NoError(t, err)
				back = append(append([]uint64{}, seqs(page.Events)...), back...)
				more, req.Before = page.MoreBefore, page.Events[0].Seq
			}
			require.Equal(t, posted, back, "live %v", live)
			req = hub.HistoryRequest{Room: "lobby", Limit: 10, FromStart: true}
			for more := true; more; {
				page, err := w.hub.History(context.Background(), caller("bob"), req)
				require.NoError(t, err)
				forth = append(forth, seqs(page.Events)...)
				more, req.After = page.MoreAfter, forth[len(forth)-1]
			}
			require.Equal(t, posted, forth, "live %v", live)
			page, err := w.hub.History(context.Background(), caller("bob"), hub.HistoryRequest{Room: "lobby", Around: posted[20], Limit: 5})
			require.NoError(t, err)
			require.Equal(t, posted[18:23], seqs(page.Events))
			require.True(t, page.MoreBefore && page.MoreAfter)
		}
	})
}

func TestHistoryCarriesLaterChanges(t *testing.T) {
	inWorld(t, hub.Config{Ring: 4}, func(w *world) {
		old := w.post("ann", "lobby", "old")
		other := w.post("ann", "lobby", "other")
		for range 20 {
			w.post("bob", "lobby", "between")
		}
		edit := w.publish("ann", "lobby", room.Command{Kind: room.KindEdit, Target: old, Text: "new"})[0].At.Seq
		w.publish("ann", "lobby", room.Command{Kind: room.KindEdit, Target: other, Text: "not on the page"})
		req := hub.HistoryRequest{Room: "lobby", FromStart: true, Limit: 1, Changes: true}
		want := []uint64{edit}
		for _, live := range []bool{false, true, true} {
			if live {
				w.join(w.connect("x"), hub.JoinRequest{Room: "lobby"})
			}
			page, err := w.hub.History(context.Background(), caller("bob"), req)
			require.NoError(t, err)
			require.Equal(t, []uint64{old}, seqs(page.Events))
			require.Equal(t, want, seqs(page.Changes), "live %v", live)
			more := w.publish("bob", "lobby", room.Command{Kind: room.KindReact, Target: old, Emoji: "🎉"})[0].At.Seq
			want = append(want, more)
			synctest.Wait()
		}
	})
}

func TestGrantsAreCheckedOnEveryVerb(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		nobody := room.Caller{User: "eve", Grants: room.Grants{"other": {room.VerbAny}}}
		s, err := w.hub.Connect(nobody, hub.NewQueue(1, 1))
		require.NoError(t, err)
		forbidden := func(err error) {
			t.Helper()
			require.Error(t, err)
			require.Equal(t, room.CodeForbidden, room.AsError(err).Code)
		}
		ctx := context.Background()
		forbidden(s.Join(ctx, hub.JoinRequest{Room: "lobby"}, func(hub.Joined) { t.Error("joined") }))
		forbidden(s.Typing("lobby", true))
		forbidden(w.hub.Broadcast(nobody, "lobby", json.RawMessage(`1`)))
		_, err = w.hub.History(ctx, nobody, hub.HistoryRequest{Room: "lobby", Limit: 1})
		forbidden(err)
		for _, cmd := range []room.Command{text("", "x"), {Kind: room.KindReact, Target: 1, Emoji: "x"}, {Kind: room.KindDelete, Target: 1}} {
			w.hub.Publish(ctx, nobody, "lobby", []room.Command{cmd}, func(o []hub.Outcome) {
				require.NotNil(t, o[0].Err)
				forbidden(o[0].Err)
			})
		}
	})
}

func TestPresenceIsOneJoinAndOneLeave(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		watcher := w.connect("watcher")
		w.join(watcher, hub.JoinRequest{Room: "lobby", Presence: true})
		time.Sleep(time.Second)
		w.frames(watcher)
		a1, a2 := w.connect("ann"), w.connect("ann")
		w.join(a1, hub.JoinRequest{Room: "lobby"})
		w.join(a2, hub.JoinRequest{Room: "lobby"})
		time.Sleep(time.Second)
		a1.Close(hub.ReasonGone)
		time.Sleep(time.Second)
		a3 := w.connect("ann")
		a2.Close(hub.ReasonGone)
		w.join(a3, hub.JoinRequest{Room: "lobby"}) // back before anybody was told
		time.Sleep(time.Second)
		members, count := w.hub.Presence("lobby", 10)
		require.Equal(t, 2, count)
		require.Equal(t, "ann", members[0].User)
		a3.Close(hub.ReasonGone)
		time.Sleep(time.Second)
		var joined, left []string
		for _, m := range w.frames(watcher) {
			if p, ok := m.(*wire.PresencePush); ok {
				for _, u := range p.Joined {
					joined = append(joined, u.User)
				}
				for _, u := range p.Left {
					left = append(left, u.User)
				}
			}
		}
		require.Equal(t, []string{"ann"}, joined)
		require.Equal(t, []string{"ann"}, left)
	})
}

func TestSlowPeerIsCutAndOthersAreNot(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		w.queueFrames = 10
		slow, good := w.connect("slow"), w.connect("good")
		w.join(slow, hub.JoinRequest{Room: "lobby"})
		w.join(good, hub.JoinRequest{Room: "lobby"})
		var want, got []uint64
		for i := range 30 {
			want = append(want, w.post("ann", "lobby", fmt.Sprint(i)))
			got = append(got, w.events(good)...)
		}
		require.Equal(t, want, got)
		_, err := slow.Next(context.Background(), nil)
		require.ErrorIs(t, err, hub.ReasonSlow)
		require.EqualValues(t, 1, w.hub.Stats().Slow)
	})
}

func TestShrunkGrantsEndMembership(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		s := w.connect("ann")
		w.join(s, hub.JoinRequest{Room: "lobby"})
		w.join(s, hub.JoinRequest{Room: "den"})
		require.Error(t, s.Renew(caller("bob")), "a token does not change who one is")
		require.NoError(t, s.Renew(room.Caller{User: "ann", Grants: room.Grants{"den": {room.VerbAny}}}))
		frames := w.frames(s)
		require.Len(t, frames, 1)
		require.Equal(t, "lobby", frames[0].(*wire.LeftPush).Room)
		w.post("bob", "lobby", "not for ann")
		seq := w.post("bob", "den", "for ann")
		require.Equal(t, []uint64{seq}, w.events(s))
	})
}

func TestEmptyRoomIsLetGo(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		s := w.connect("ann")
		w.join(s, hub.JoinRequest{Room: "lobby"})
		seq := w.post("bob", "lobby", "x")
		s.Leave("lobby")
		time.Sleep(time.Minute)
		require.Zero(t, w.hub.LiveRooms())
		joined := w.join(s, hub.JoinRequest{Room: "lobby", History: 1})
		require.Equal(t, []uint64{seq}, seqs(joined.Events))
	})
}

func TestLargeAnswersComeInParts(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		big := room.Command{Kind: room.KindCustom, Type: "big", Data: json.RawMessage(`"` + strings.Repeat("x", 30<<10) + `"`)}
		var posted []uint64
		for range 60 {
			posted = append(posted, w.publish("ann", "lobby", big)[0].At.Seq)
		}
		s := w.connect("bob")
		w.join(s, hub.JoinRequest{Room: "other"})
		var got []uint64
		for since, live := (hub.Position{}), false; !live; {
			j := w.join(s, hub.JoinRequest{Room: "lobby", Since: &since})
			size := 0
			for _, it := range j.Events {
				size += len(it.Event)
			}
			require.LessOrEqual(t, size, hub.MaxReplyBytes)
			got = append(got, seqs(j.Events)...)
			since, live = j.At, j.Live
		}
		require.Equal(t, posted, got)
	})
}

func TestALargeRoomIsToldByItsNumber(t *testing.T) {
	inWorld(t, hub.Config{NamedMax: 100}, func(w *world) {
		watcher := w.connect("watcher")
		w.join(watcher, hub.JoinRequest{Room: "lobby", Presence: true})
		var crowd []peer
		for i := range 300 {
			crowd = append(crowd, w.connect(fmt.Sprint("user-", i)))
			w.join(crowd[i], hub.JoinRequest{Room: "lobby"})
		}
		time.Sleep(5 * time.Second)
		named := 0
		var last *wire.PresencePush
		for _, m := range w.frames(watcher) {
			last = m.(*wire.PresencePush)
			named = max(named, len(last.Joined), len(last.Members))
		}
		require.LessOrEqual(t, named, 100)
		require.True(t, last.Partial)
		require.Equal(t, 301, last.Count)
		joined := w.join(w.connect("late"), hub.JoinRequest{Room: "lobby", Presence: true})
		require.Len(t, joined.Members, room.Sample)
		require.Equal(t, 302, joined.Count)

		for _, s := range crowd[:250] {
			s.Close(hub.ReasonGone)
		}
		time.Sleep(5 * time.Second)
		frames := w.frames(watcher)
		last = frames[len(frames)-1].(*wire.PresencePush)
		require.False(t, last.Partial)
		require.Len(t, last.Members, 52, "and from here on by name again")
		require.LessOrEqual(t, len(frames), 10, "what many do is one push")
		crowd[299].Close(hub.ReasonGone)
		time.Sleep(time.Second)
		require.Equal(t, []wire.User{{User: "user-299", Name: "Name of user-299"}}, w.frames(watcher)[0].(*wire.PresencePush).Left)
	})
}
