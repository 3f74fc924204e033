package hub_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

func (w *world) trace(req hub.TraceRequest) hub.Trace {
	w.t.Helper()
	req.Room = "lobby"
	tr, err := w.hub.Trace(context.Background(), req)
	require.NoError(w.t, err)
	return tr
}

// untraced holds that an event is not found, and what is said of that.
func (w *world) untraced(req hub.TraceRequest, says string) {
	w.t.Helper()
	req.Room = "lobby"
	_, err := w.hub.Trace(context.Background(), req)
	require.Error(w.t, err)
	require.Equal(w.t, room.CodeNotFound, room.AsError(err).Code)
	require.Contains(w.t, err.Error(), says)
}

// partOf gives what an instance knows.
func partOf(t testing.TB, tr hub.Trace, instance string) hub.TracePart {
	t.Helper()
	for _, p := range tr.Instances {
		if p.Instance == instance {
			return p
		}
	}
	require.Fail(t, "nothing of "+instance, "%+v", tr)
	return hub.TracePart{}
}

// TestTraceGathersWhatEachInstanceKnows has a member on each of two instances, and one
// who takes nothing.
func TestTraceGathersWhatEachInstanceKnows(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a, b := c.hubs[0], c.hubs[1]
		ann, bob := a.connect("ann"), b.connect("bob")
		a.join(ann, hub.JoinRequest{Room: "lobby"})
		b.join(bob, hub.JoinRequest{Room: "lobby"})
		b.queueFrames = 2
		slow := b.connect("slow")
		b.join(slow, hub.JoinRequest{Room: "lobby"})
		say := func(id string) (at int64) {
			time.Sleep(time.Second)
			at = time.Now().UnixMilli()
			require.Nil(t, a.publish("ann", "lobby", text(id, "said"))[0].Err)
			a.frames(ann)
			b.frames(bob)
			return at
		}
		first, second, third := say("m-1"), say("m-2"), say("m-3")
		time.Sleep(time.Second)

		tr := b.trace(hub.TraceRequest{ID: "m-1"})
		require.Equal(t, []any{"lobby", room.KindMessage, "m-1", "ann", first, first}, []any{tr.Room, tr.Kind, tr.ID, tr.User, tr.Accepted, tr.Stored})
		require.False(t, tr.Incomplete)
		require.Empty(t, tr.Silent)
		require.Len(t, tr.Instances, 2)
		require.Equal(t, "hub-1", tr.Instances[0].Instance, "the one that answers")
		here, there := tr.Instances[0], tr.Instances[1]
		require.Nil(t, here.Acked)
		require.Equal(t, &hub.TraceAck{At: first}, there.Acked)
		require.Equal(t, &hub.TraceRound{At: first, Members: 2}, here.Round)
		require.Equal(t, &hub.TraceRound{At: first, Members: 1}, there.Round)
		require.Empty(t, there.Cuts)

		tr = a.trace(hub.TraceRequest{ID: "m-2"})
		require.Equal(t, &hub.TraceRound{At: second, Members: 2, Waiting: 1}, partOf(t, tr, "hub-1").Round, "behind m-1")

		tr = a.trace(hub.TraceRequest{ID: "m-3"})
		here = partOf(t, tr, "hub-1")
		require.Equal(t, &hub.TraceRound{At: third, Members: 1}, here.Round, "one is too slow for it")
		require.Len(t, here.Cuts, 1)
		cut := here.Cuts[0]
		require.Positive(t, cut.Bytes)
		require.Equal(t, hub.TraceCut{At: third, User: "slow", Connection: slow.ID(), Why: hub.ExcessFrames, Bytes: cut.Bytes}, cut)

		require.Nil(t, b.publish("bob", "elsewhere", text("m-1", "said"))[0].Err)
		other, err := b.hub.Trace(context.Background(), hub.TraceRequest{Room: "elsewhere", ID: "m-1"})
		require.NoError(t, err)
		require.Equal(t, "bob", other.User, "ids are of a room")
		require.Empty(t, partOf(t, other, "hub-1").Cuts, "and so are members")

		repeat := b.publish("ann", "lobby", text("m-3", "said"))[0]
		require.True(t, repeat.Duplicate)
		tr = a.trace(hub.TraceRequest{Seq: repeat.At.Seq})
		require.True(t, partOf(t, tr, "hub-1").Acked.Duplicate)
		require.Equal(t, &hub.TraceAck{At: third}, partOf(t, tr, "hub-0").Acked)

		time.Sleep(time.Minute)
		say("m-4")
		require.Empty(t, partOf(t, a.trace(hub.TraceRequest{ID: "m-4"}), "hub-1").Cuts, "that was long before")
	})
}

// TestTraceSaysWhatIsNotKnown: what an instance cannot know, and which one was not heard.
func TestTraceSaysWhatIsNotKnown(t *testing.T) {
	inCluster(t, 2, func(c *cluster) {
		a := c.hubs[0]
		ann := a.connect("ann")
		a.join(ann, hub.JoinRequest{Room: "lobby"})
		early := a.post("ann", "lobby", "as they start")
		a.frames(ann)
		tr := a.trace(hub.TraceRequest{Seq: early})
		require.Equal(t, hub.DeliveryBrought, partOf(t, tr, "hub-0").Delivery)
		require.Equal(t, hub.DeliveryUnknown, partOf(t, tr, "hub-1").Delivery, "it may be from before it was started")
		require.Nil(t, partOf(t, tr, "hub-1").Round)

		time.Sleep(time.Minute)
		late := a.post("ann", "lobby", "later")
		a.frames(ann)
		tr = a.trace(hub.TraceRequest{Seq: late})
		require.Equal(t, hub.DeliveryNone, partOf(t, tr, "hub-1").Delivery, "it has nobody in the room")

		c.net.set(func() { c.net.cut["hub-1"] = true })
		tr = a.trace(hub.TraceRequest{Seq: late})
		require.Equal(t, []string{"hub-1"}, tr.Silent)
		require.True(t, tr.Incomplete)
		require.Len(t, tr.Instances, 1)
		c.net.set(func() { c.net.cut["hub-1"] = false })
	})
}

// TestTraceOfWhatIsOnItsWay: as long as a round is being brought, nobody claims to know
// who has it.
func TestTraceOfWhatIsOnItsWay(t *testing.T) {
	inWorld(t, hub.Config{Name: "a name"}, func(w *world) {
		_, g := w.gated("lobby")
		members := w.crowd("lobby")
		open := g.close()
		flying := w.post("ann", "lobby", "on its way")
		synctest.Wait()
		gathered := w.post("ann", "lobby", "gathered")
		synctest.Wait()
		for _, seq := range []uint64{flying, gathered} {
			part := w.trace(hub.TraceRequest{Seq: seq}).Instances[0]
			require.Equal(t, hub.DeliveryPending, part.Delivery)
			require.Nil(t, part.Round)
			require.Equal(t, "a name", part.Name)
		}
		w.join(members[3], hub.JoinRequest{Room: "lobby"}) // once more, and is given both at once
		open()
		synctest.Wait()
		for _, seq := range []uint64{flying, gathered} {
			require.Equal(t, 101, w.trace(hub.TraceRequest{Seq: seq}).Instances[0].Round.Members)
		}
	})
}

// TestTraceOfWhatHasYetToCome: nor does a room that stands behind the log.
func TestTraceOfWhatHasYetToCome(t *testing.T) {
	behind(t, func(w *world, log *lateLog, seqs []uint64) {
		require.Equal(t, hub.DeliveryBrought, w.trace(hub.TraceRequest{Seq: seqs[19]}).Instances[0].Delivery)
		require.Equal(t, hub.DeliveryPending, w.trace(hub.TraceRequest{Seq: seqs[20]}).Instances[0].Delivery)
		log.catchUp()
		synctest.Wait()
		require.Equal(t, hub.DeliveryBrought, w.trace(hub.TraceRequest{Seq: seqs[20]}).Instances[0].Delivery)
	})
}

func TestTraceFindsTheEvent(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		first := w.publish("ann", "lobby", text("same", "1"))[0].At.Seq
		second := w.publish("bob", "lobby", text("same", "2"))[0].At.Seq
		w.post("ann", "lobby", `in its text: "same"`)
		quoted := w.publish("ann", "lobby", text(`<"&ü`, "3"))[0].At.Seq
		require.Equal(t, second, w.trace(hub.TraceRequest{ID: "same"}).Seq, "the newest")
		require.Equal(t, first, w.trace(hub.TraceRequest{ID: "same", User: "ann"}).Seq)
		require.Equal(t, quoted, w.trace(hub.TraceRequest{ID: `<"&ü`}).Seq)
		require.Equal(t, "same", w.trace(hub.TraceRequest{Seq: first}).ID)
		w.untraced(hub.TraceRequest{ID: "other"}, "there is no event with this id in this room, which has 4")
		w.untraced(hub.TraceRequest{ID: "same", User: "eve"}, "of this user")
		w.untraced(hub.TraceRequest{ID: "sam"}, "no event")
		w.untraced(hub.TraceRequest{Seq: quoted + 1}, fmt.Sprintf("no event %d in this room", quoted+1))
		_, err := w.hub.Trace(context.Background(), hub.TraceRequest{Room: "", ID: "same"})
		require.Equal(t, room.CodeBadRequest, room.AsError(err).Code)

		cmds := make([]room.Command, hub.MaxBatch)
		for i := range cmds {
			cmds[i] = text("", "more")
		}
		for range hub.MaxTraced / hub.MaxBatch {
			w.publish("ann", "lobby", cmds...)
		}
		w.untraced(hub.TraceRequest{ID: "same"}, "among the newest 10000 of this room; name an older one by its sequence")
		require.Equal(t, first, w.trace(hub.TraceRequest{Seq: first}).Seq)
		w.log.(*hub.Memory).Trim("lobby", quoted)
		w.untraced(hub.TraceRequest{Seq: first}, "may have been trimmed")
	})
}

// TestThePastIsBounded: what is older than what an instance remembers is not known, and
// is not taken for something that did not happen.
func TestThePastIsBounded(t *testing.T) {
	inWorld(t, hub.Config{}, func(w *world) {
		p := w.connect("ann")
		w.join(p, hub.JoinRequest{Room: "lobby"})
		time.Sleep(time.Minute)
		first := w.post("ann", "lobby", "first")
		w.events(p)
		began := w.trace(hub.TraceRequest{Seq: first}).Instances[0].Since.Rounds
		for range 4096 {
			w.post("ann", "lobby", "more")
			w.events(p)
		}
		part := w.trace(hub.TraceRequest{Seq: first}).Instances[0]
		require.Equal(t, hub.DeliveryUnknown, part.Delivery)
		require.Nil(t, part.Acked)
		require.Greater(t, part.Since.Rounds, began)
		require.Greater(t, part.Since.Acks, began)
		require.Equal(t, began, part.Since.Cuts)
		last := w.post("ann", "lobby", "last")
		w.events(p)
		part = w.trace(hub.TraceRequest{Seq: last}).Instances[0]
		require.Equal(t, hub.DeliveryBrought, part.Delivery)
		require.NotNil(t, part.Acked)
	})
}
