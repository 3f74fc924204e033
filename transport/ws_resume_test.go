package transport

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func since(name string, epoch string, seq uint64) *wire.Join {
	return &wire.Join{Room: name, Since: &wire.Position{Epoch: epoch, Seq: seq}}
}

func TestJoinWithHistory(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	seqs := p.postAll("a", 10)
	for _, c := range []struct {
		history int
		want    []string
		more    bool
	}{{0, []string{}, true}, {1, numbered(10, 10), true}, {4, numbered(7, 10), true}, {10, numbered(1, 10), false}, {200, numbered(1, 10), false}} {
		j := ask[wire.Joined](p, newest("a", c.history))
		require.Equal(t, c.want, texts(t, j.Events), "history %d", c.history)
		require.Equal(t, c.more, j.More, "history %d", c.history)
		require.True(t, j.Live)
		require.Equal(t, seqs[10], j.Seq)
		require.Nil(t, j.Reset)
	}
	j := ask[wire.Joined](p, &wire.Join{Room: "a"})
	require.Empty(t, j.Events)
	require.True(t, j.More)
	empty := ask[wire.Joined](p, newest("new", 50))
	require.True(t, empty.Live)
	require.False(t, empty.More)
	require.Empty(t, empty.Events)
	require.Zero(t, empty.Seq)
	require.Equal(t, j.Epoch, empty.Epoch)
	denied(p, newest("a", 201), room.CodeBadRequest)
}

func TestResumeWithinReach(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	seqs := p.postAll("a", 40)
	epoch := ask[wire.Joined](e.guest(), &wire.Join{Room: "a"}).Epoch
	for _, seen := range []int{40, 39, 20, 1} {
		j := ask[wire.Joined](e.guest(), since("a", epoch, seqs[seen]))
		require.True(t, j.Live)
		require.Nil(t, j.Reset)
		require.Equal(t, numbered(seen+1, 40), texts(t, j.Events))
		require.Equal(t, seqs[40], j.Seq)
	}
	for _, begin := range []*wire.Join{since("a", "", 0), since("a", epoch, 0)} {
		j := ask[wire.Joined](e.guest(), begin)
		require.True(t, j.Live)
		require.False(t, j.More, "the beginning is the beginning")
		require.Equal(t, numbered(1, 40), texts(t, j.Events))
	}
	j := ask[wire.Joined](e.guest(), since("untouched", "", 0))
	require.True(t, j.Live)
	require.Empty(t, j.Events)
}

// TestResumeAfterThousands comes back to a room in which others go on publishing:
// part after part, and from the last one on live, with nothing missing or doubled.
func TestResumeAfterThousands(t *testing.T) {
	e := newEdge(t)
	writer := e.guest()
	const before, during = 4200, 1500
	seqs := writer.postAll("a", before)
	p := e.guest()
	epoch := ask[wire.Joined](e.guest(), &wire.Join{Room: "a"}).Epoch

	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		for _, s := range numbered(before+1, before+during) {
			writer.tell(publishing("a", room.Command{Text: s}))
		}
	})
	at, got, parts := seqs[17], []string{}, 0
	for live := false; !live; parts++ {
		j := ask[wire.Joined](p, since("a", epoch, at))
		require.Nil(t, j.Reset)
		require.LessOrEqual(t, len(j.Events), 2*hub.ResumePage, "no side buffers a long absence")
		require.Equal(t, epoch, j.Epoch)
		got = append(got, texts(t, j.Events)...)
		at, live = j.Seq, j.Live
		if !live {
			require.Equal(t, at, j.Events[len(j.Events)-1].Seq)
		}
	}
	require.Greater(t, parts, 5)
	for len(got) < before+during-17 {
		ev := push[wire.EventPush](p)
		require.Less(t, at, ev.Seq)
		at = ev.Seq
		got = append(got, eventOf(t, ev.Event).Text)
	}
	require.Equal(t, numbered(18, before+during), got)
	require.Empty(t, p.settled())
}

func TestResumeThatCannotBe(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	seqs := p.postAll("a", 70)
	epoch := ask[wire.Joined](p, &wire.Join{Room: "a"}).Epoch
	three := 3
	for name, c := range map[string]struct {
		join   *wire.Join
		reason wire.ResetReason
		want   []string
	}{
		"another epoch":               {since("a", "another", seqs[60]), wire.ResetEpoch, numbered(21, 70)},
		"another epoch, its start":    {since("a", "another", 0), wire.ResetEpoch, numbered(21, 70)},
		"a sequence without an epoch": {since("a", "", seqs[60]), wire.ResetEpoch, numbered(21, 70)},
		"another epoch, with history": {&wire.Join{Room: "a", Since: &wire.Position{Epoch: "x", Seq: 1}, History: &three}, wire.ResetEpoch, numbered(68, 70)},
		"ahead":                       {since("a", epoch, seqs[70]+1), wire.ResetAhead, numbered(21, 70)},
		"far ahead":                   {since("a", epoch, wire.MaxID), wire.ResetAhead, numbered(21, 70)},
	} {
		t.Run(name, func(t *testing.T) {
			q := e.with(t).guest()
			j := ask[wire.Joined](q, c.join)
			require.NotNil(t, j.Reset)
			require.Equal(t, c.reason, j.Reset.Reason)
			require.True(t, j.Live)
			require.Equal(t, epoch, j.Epoch)
			require.Equal(t, seqs[70], j.Seq)
			require.Equal(t, c.want, texts(t, j.Events))
			require.True(t, j.More)
		})
	}
}

func TestResumeBehindTheTrim(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) {
		c.Log = hub.NewMemoryWith(hub.MemoryOptions{Keep: 60})
		c.hub.Ring = 8
	})
	seqs := e.guest().postAll("a", 100)
	epoch := ask[wire.Joined](e.guest(), &wire.Join{Room: "a"}).Epoch

	j := ask[wire.Joined](e.guest(), since("a", epoch, seqs[39]))
	require.NotNil(t, j.Reset)
	require.Equal(t, wire.ResetTrimmed, j.Reset.Reason)
	require.Equal(t, numbered(51, 100), texts(t, j.Events))
	require.True(t, j.More)

	j = ask[wire.Joined](e.guest(), since("a", epoch, seqs[40]))
	require.Nil(t, j.Reset, "what was seen up to the trim is all there")
	require.Equal(t, numbered(41, 100), texts(t, j.Events))

	j = ask[wire.Joined](e.guest(), since("a", "", 0))
	require.Nil(t, j.Reset, "who asks for all gets what there is,")
	require.Equal(t, numbered(41, 100), texts(t, j.Events))
	require.True(t, j.More, "and is told that there was more")
}

func TestResetWhileMember(t *testing.T) {
	log := hub.NewMemory()
	e := newEdge(t, func(c *edgeConfig) { c.Log = log })
	p := e.guest()
	p.postAll("a", 5)
	j := ask[wire.Joined](p, &wire.Join{Room: "a"})
	log.Reset() // as when an operator starts over with an empty folder
	reset := push[wire.ResetPush](p)
	require.Equal(t, "a", reset.Room)
	require.Equal(t, wire.ResetEpoch, reset.Reason)
	require.NotEqual(t, j.Epoch, reset.Epoch)
	again := ask[wire.Joined](p, newest("a", 50))
	require.Equal(t, reset.Epoch, again.Epoch)
	require.True(t, again.Live)
	require.Empty(t, again.Events)
	p.post("a", "anew")
	require.Equal(t, "anew", eventOf(t, push[wire.EventPush](p).Event).Text)
}

// TestJoinedComesFirst joins while somebody publishes without a pause: the reply
// comes before everything that is newer, and together they have no hole.
func TestJoinedComesFirst(t *testing.T) {
	e := newEdge(t)
	writer := e.guest()
	stop := make(chan struct{})
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(stop)
	writing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				writer.post("a", numbered(n, n)[0]) // each waits for its ack: the log takes them one by one
			}
		}
	})
	for range 40 {
		p := e.guest()
		id := p.start(newest("a", 3))
		r := p.next()
		require.Equal(t, id, r.ID, "the first frame about the room is %+v", r.Body)
		j := r.Body.(*wire.Joined)
		last := j.Seq
		for range 5 {
			ev := p.next().Body.(*wire.EventPush)
			require.Equal(t, last+1, ev.Seq, "this log counts without holes")
			last = ev.Seq
		}
		p.bye()
	}
}

func TestLeaveAndJoinAgain(t *testing.T) {
	e := newEdge(t)
	p, writer := e.guest(), e.guest()
	denied(p, &wire.Leave{Room: "a"}, room.CodeNotJoined)
	j := ask[wire.Joined](p, &wire.Join{Room: "a"})
	require.Equal(t, "a", ask[wire.Left](p, &wire.Leave{Room: "a"}).Room)
	writer.post("a", "m1")
	require.Empty(t, p.settled(), "who left hears nothing")
	denied(p, &wire.Leave{Room: "a"}, room.CodeNotJoined)
	j = ask[wire.Joined](p, since("a", j.Epoch, j.Seq))
	require.Equal(t, numbered(1, 1), texts(t, j.Events))
	writer.post("a", "m2")
	require.Equal(t, "m2", eventOf(t, push[wire.EventPush](p).Event).Text)
	ask[wire.Joined](p, &wire.Join{Room: "a"}) // to join twice is to join once
	writer.post("a", "m3")
	push[wire.EventPush](p)
	require.Empty(t, p.settled())
}

func TestHistoryPages(t *testing.T) {
	for _, live := range []bool{false, true} {
		e := newEdge(t, func(c *edgeConfig) { c.hub.Ring = 8 })
		p := e.guest()
		s := p.postAll("a", 30)
		if live {
			ask[wire.Joined](p, &wire.Join{Room: "a"})
		}
		for _, c := range []struct {
			anchor        wire.Anchor
			seq           uint64
			limit         int
			want          []string
			before, after bool
		}{
			{wire.AnchorNewest, 0, 5, numbered(26, 30), true, false},
			{wire.AnchorNewest, 0, 0, numbered(1, 30), false, false},
			{wire.AnchorNewest, 0, 30, numbered(1, 30), false, false},
			{wire.AnchorBefore, s[30], 4, numbered(26, 29), true, true},
			{wire.AnchorBefore, s[11], 5, numbered(6, 10), true, true},
			{wire.AnchorBefore, s[3], 5, numbered(1, 2), false, true},
			{wire.AnchorBefore, s[1], 5, []string{}, false, true},
			{wire.AnchorAfter, 0, 3, numbered(1, 3), false, true},
			{wire.AnchorAfter, s[2], 3, numbered(3, 5), true, true},
			{wire.AnchorAfter, s[28], 5, numbered(29, 30), true, false},
			{wire.AnchorAfter, s[30], 5, []string{}, true, false},
			{wire.AnchorAround, s[15], 5, numbered(13, 17), true, true},
			{wire.AnchorAround, s[1], 5, numbered(1, 5), false, true},
			{wire.AnchorAround, s[30], 5, numbered(28, 30), true, false},
		} {
			page := ask[wire.HistoryPage](p, &wire.History{Room: "a", Anchor: c.anchor, Seq: c.seq, Limit: c.limit})
			require.Equal(t, c.want, texts(t, page.Events), "live %v, %q %d", live, c.anchor, c.seq)
			require.Equal(t, []bool{c.before, c.after}, []bool{page.MoreBefore, page.MoreAfter}, "live %v, %q %d, limit %d", live, c.anchor, c.seq, c.limit)
			require.Empty(t, page.Changes)
		}
		empty := ask[wire.HistoryPage](p, &wire.History{Room: "nothing", Limit: 5})
		require.Empty(t, empty.Events)
		require.False(t, empty.MoreBefore || empty.MoreAfter)
	}
}

func TestHistoryWithChanges(t *testing.T) {
	for _, live := range []bool{false, true} {
		e := newEdge(t, func(c *edgeConfig) { c.hub.Ring = 4 })
		p := e.guest()
		s := p.postAll("a", 20)
		if live {
			ask[wire.Joined](p, &wire.Join{Room: "a"})
		}
		edit := p.publish("a", room.Command{Kind: room.KindEdit, Target: s[3], Text: "edited"})
		p.publish("a", room.Command{Kind: room.KindReact, Target: s[19], Emoji: "👍"})
		react := p.publish("a", room.Command{Kind: room.KindReact, Target: s[2], Emoji: "👍"})
		p.postAll("a", 10)
		remove := p.publish("a", room.Command{Kind: room.KindDelete, Target: s[3]})
		for range 2 { // the second time out of the index
			page := ask[wire.HistoryPage](p, &wire.History{Room: "a", Anchor: wire.AnchorAfter, Limit: 5, Changes: true})
			require.Equal(t, numbered(1, 5), texts(t, page.Events))
			var seqs []uint64
			for _, it := range page.Changes {
				seqs = append(seqs, it.Seq)
			}
			require.Equal(t, []uint64{edit, react, remove}, seqs, "live %v", live)
		}
		newestPage := ask[wire.HistoryPage](p, &wire.History{Room: "a", Limit: 50, Changes: true})
		require.Empty(t, newestPage.Changes, "a page that reaches the end holds its changes")
	}
}
