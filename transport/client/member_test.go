package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func TestJoinBeginsWhereItIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		options []JoinOption
		want    wire.Join
	}{
		"with what is new":   {nil, wire.Join{Room: "a"}},
		"with the newest":    {[]JoinOption{Newest(20), WithPresence()}, wire.Join{Room: "a", History: new(20), Presence: true}},
		"at the beginning":   {[]JoinOption{Since(Position{})}, wire.Join{Room: "a", Since: &Position{}}},
		"behind a position":  {[]JoinOption{Since(Position{Epoch: "e", Seq: 4})}, wire.Join{Room: "a", Since: &Position{Epoch: "e", Seq: 4}}},
		"with nothing of it": {[]JoinOption{Newest(0)}, wire.Join{Room: "a", History: new(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				r := p.client(Options{}).Room("a")
				joined := joining(t, r, c.options...)
				id, cmd := take[*wire.Join](p.connect())
				require.Equal(t, &c.want, cmd)
				_ = id
				_ = joined
			})
		})
	}
}

// A long absence comes in parts, a disconnect in the middle of it and one later on
// change nothing: each event once, in order, and nothing is asked for twice.
func TestRoomsResumeExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		joined := joining(t, r, Since(Position{Epoch: "e", Seq: 2}))
		conn := p.connect()
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 5, Events: []wire.Item{event(3, "bo", "", "3"), event(5, "bo", "", "5")}})
		require.NoError(t, (<-joined).err)
		_, again := take[*wire.Join](conn)
		require.Equal(t, &Position{Epoch: "e", Seq: 5}, again.Since)
		conn.cut()

		conn = p.connect()
		id, again = take[*wire.Join](conn)
		require.Equal(t, &Position{Epoch: "e", Seq: 5}, again.Since)
		conn.push(pushed("a", event(8, "bo", "", "too early"))) // not a member yet
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 9, Live: true, Events: []wire.Item{event(6, "bo", "", "6"), event(9, "bo", "", "9")}})
		conn.push(pushed("a", event(9, "bo", "", "again")))
		conn.push(pushed("a", event(10, "bo", "", "10")))
		conn.push(pushed("b", event(77, "bo", "", "another room")))
		require.Equal(t, []uint64{3, 5, 6, 9, 10}, seqs(t, r, 5))
		conn.cut()

		conn = p.connect()
		id, again = take[*wire.Join](conn)
		require.Equal(t, &Position{Epoch: "e", Seq: 10}, again.Since)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 12, Live: true, Events: []wire.Item{event(10, "bo", "", "again")}})
		synctest.Wait()
		require.Equal(t, Position{Epoch: "e", Seq: 12}, r.Position())
		conn.push(pushed("a", event(13, "bo", "", "13")))
		e := next(t, r).(*Event)
		require.Equal(t, Position{Epoch: "e", Seq: 13}, e.Position)
		require.Equal(t, "13", e.Text)
		require.Equal(t, "a", e.Room)
	})
}

func TestEventsThatCannotBeReadKeepTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		joined := joining(t, r)
		conn := p.connect()
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		conn.raw(`{"type":"event","room":"a","seq":1,"event":{"v":0}}`)
		conn.raw(`{"type":"event","room":"a","seq":2,"event":{"v":9,"kind":"hologram","user":"u","at":1}}`)
		require.Equal(t, room.KindUnreadable, next(t, r).(*Event).Kind)
		require.Equal(t, room.Kind("hologram"), next(t, r).(*Event).Kind)
	})
}

func TestGapsComeBeforeTheHole(t *testing.T) {
	for _, reason := range []GapReason{GapEpoch, GapTrimmed, GapAhead} {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t)
			r := p.client(Options{}).Room("a")
			joined := joining(t, r, Since(Position{Epoch: "e", Seq: 40}))
			conn := p.connect()
			id, _ := take[*wire.Join](conn)
			conn.reply(id, wire.Joined{Room: "a", Epoch: "f", Seq: 7, Live: true, Reset: &wire.Reset{Reason: wire.ResetReason(reason)}, Events: []wire.Item{event(6, "bo", "", "6"), event(7, "bo", "", "7")}})
			require.NoError(t, (<-joined).err)
			require.Equal(t, &Gap{Reason: reason, Since: Position{Epoch: "e", Seq: 40}, At: Position{Epoch: "f", Seq: 7}}, next(t, r))
			require.Equal(t, []uint64{6, 7}, seqs(t, r, 2))
			conn.cut()
			_, again := take[*wire.Join](p.connect())
			require.Equal(t, &Position{Epoch: "f", Seq: 7}, again.Since, "the new epoch is what counts")
		})
	}
}

func TestAResetOfTheLogIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		joined := joining(t, r)
		conn := p.connect()
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 40, Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		conn.push(wire.ResetPush{Room: "a", Epoch: "f", Seq: 3, Reason: wire.ResetEpoch})
		conn.push(pushed("a", event(4, "bo", "", "not yet")))
		id, again := take[*wire.Join](conn)
		require.Equal(t, &wire.Join{Room: "a", History: new(50)}, again, "joined anew, with history, on the same connection")
		conn.reply(id, wire.Joined{Room: "a", Epoch: "f", Seq: 4, Live: true, Events: []wire.Item{event(3, "bo", "", "3"), event(4, "bo", "", "4")}})
		require.Equal(t, &Gap{Reason: GapEpoch, Since: Position{Epoch: "e", Seq: 40}, At: Position{Epoch: "f", Seq: 3}}, next(t, r))
		require.Equal(t, []uint64{3, 4}, seqs(t, r, 2))
	})
}

// Who may not read history is told what it may have missed, and stays in the room.
func TestWithoutTheGrantForHistoryTheGapIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		joined := joining(t, r)
		conn := p.connect()
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 40, Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		conn.cut()
		conn = p.connect()
		id, _ = take[*wire.Join](conn)
		conn.reply(id, wire.Error{Code: room.CodeForbidden, Message: "history"})
		id, again := take[*wire.Join](conn)
		require.Equal(t, &wire.Join{Room: "a"}, again)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 44, Live: true, Events: []wire.Item{}})
		require.Equal(t, &Gap{Reason: GapForbidden, Since: Position{Epoch: "e", Seq: 40}, At: Position{Epoch: "e", Seq: 44}}, next(t, r))
		conn.push(pushed("a", event(45, "bo", "", "45")))
		require.Equal(t, []uint64{45}, seqs(t, r, 1))
		conn.cut()
		conn = p.connect()
		id, _ = take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 45, Live: true, Events: []wire.Item{}})
		conn.push(pushed("a", event(46, "bo", "", "46")))
		require.Equal(t, []uint64{46}, seqs(t, r, 1), "where nothing can have been missed there is no gap")
	})
}

func TestJoinTellsWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		joined := joining(t, r, Since(Position{}))
		conn := p.connect()
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Error{Code: room.CodeForbidden, Message: "no"})
		require.ErrorIs(t, (<-joined).err, ErrForbidden)
		_, err := r.Next(t.Context())
		require.ErrorIs(t, err, ErrNotMember)

		joined = joining(t, r) // what failed can be tried again
		id, _ = take[*wire.Join](conn)
		start := time.Now()
		conn.reply(id, wire.Error{Code: room.CodeUnavailable, Message: "the disk is full", RetryAfterMS: 30_000})
		id, _ = take[*wire.Join](conn)
		require.GreaterOrEqual(t, time.Since(start), 30*time.Second, "what may work later is tried later")
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		require.ErrorIs(t, r.Join(t.Context()), ErrConflict)
		conn.push(wire.LeftPush{Room: "a", Code: room.CodeForbidden, Message: "no longer granted"})
		_, err = r.Next(t.Context())
		require.ErrorIs(t, err, ErrForbidden)
	})
}

func TestJoinEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		joined := later(func() (struct{}, error) { return struct{}{}, r.Join(ctx) })
		_, _ = take[*wire.Join](conn)
		left := later(func() (*wire.Leave, error) { _, cmd := take[*wire.Leave](conn); return cmd, nil })
		require.ErrorIs(t, (<-joined).err, context.DeadlineExceeded)
		require.Equal(t, "a", (<-left).value.Room, "the join may have gone through")
	})
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		require.ErrorIs(t, r.Leave(t.Context()), ErrNotMember)
		joined := joining(t, r)
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		reading := later(func() (Incoming, error) { return r.Next(t.Context()) })
		left := later(func() (struct{}, error) { return struct{}{}, r.Leave(t.Context()) })
		id, _ = take[*wire.Leave](conn)
		conn.push(pushed("a", event(1, "bo", "", "late")))
		conn.reply(id, wire.Left{Room: "a"})
		require.NoError(t, (<-left).err)
		require.ErrorIs(t, (<-reading).err, ErrNotMember)
		conn.cut()
		require.True(t, p.connect().silent(time.Minute/4), "a room that was left is not joined again")
	})
}

// A room that is not read holds no more than its bound, and catches up by itself:
// nothing is missed, and other rooms go on.
func TestASlowReaderFallsBehindAndCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{RoomEvents: 4})
		slow, fast := c.Room("slow"), c.Room("fast")
		conn := p.connect()
		for _, r := range []*Room{slow, fast} {
			joined := joining(t, r)
			id, _ := take[*wire.Join](conn)
			conn.reply(id, wire.Joined{Room: r.Name(), Epoch: "e", Live: true, Events: []wire.Item{}})
			require.NoError(t, (<-joined).err)
		}
		for seq := uint64(1); seq <= 100; seq++ {
			conn.push(pushed("slow", event(seq, "bo", "", "x")))
		}
		conn.push(pushed("fast", event(1, "bo", "", "x")))
		require.Equal(t, []uint64{1}, seqs(t, fast, 1))
		synctest.Wait()
		require.LessOrEqual(t, len(slow.membership().queue), 4)
		require.True(t, nothingAsked(conn), "while the queue is full, nothing is asked for")

		require.Equal(t, []uint64{1, 2}, seqs(t, slow, 2))
		id, cmd := take[*wire.Join](conn)
		require.Equal(t, &Position{Epoch: "e", Seq: 4}, cmd.Since)
		conn.reply(id, wire.Joined{Room: "slow", Epoch: "e", Seq: 7, Events: []wire.Item{event(5, "bo", "", "x"), event(6, "bo", "", "x"), event(7, "bo", "", "x")}})
		synctest.Wait()
		require.True(t, nothingAsked(conn))
		require.Equal(t, []uint64{3, 4, 5}, seqs(t, slow, 3))
		id, cmd = take[*wire.Join](conn)
		require.Equal(t, &Position{Epoch: "e", Seq: 7}, cmd.Since)
		conn.reply(id, wire.Joined{Room: "slow", Epoch: "e", Seq: 8, Live: true, Events: []wire.Item{event(8, "bo", "", "x")}})
		conn.push(pushed("slow", event(9, "bo", "", "x")))
		require.Equal(t, []uint64{6, 7, 8, 9}, seqs(t, slow, 4))
	})
}

// nothingAsked waits a moment without letting the connection end, as a read with a
// deadline would.
func nothingAsked(conn *peerConn) bool {
	read := later(func() (wire.Command, error) {
		_, data, err := conn.ws.Read(context.Background())
		if err != nil {
			return wire.Command{}, err
		}
		return wire.DecodeCommand(data)
	})
	select {
	case got := <-read:
		conn.t.Logf("%+v", got)
		return false
	case <-time.After(time.Second):
	}
	conn.push(wire.PingPush{})
	_, pong := (<-read).value.Body.(*wire.Pong)
	return pong
}

func TestPresenceTypingAndBroadcasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{RoomEvents: 4}).Room("a")
		conn := p.connect()
		joined := joining(t, r, WithPresence())
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Live: true, Events: []wire.Item{}, Members: []room.Member{{User: "ann", Conns: 1}}})
		require.NoError(t, (<-joined).err)
		conn.push(wire.PresencePush{Room: "a", Joined: []wire.User{{User: "bo"}}, Count: 2})
		conn.push(wire.TypingPush{Room: "a", User: "bo", Typing: true})
		conn.push(wire.BroadcastPush{Room: "a", User: "bo", Data: []byte(`{"x":1}`)})
		require.Equal(t, &Members{List: []room.Member{{User: "ann", Conns: 1}}}, next(t, r))
		require.Equal(t, &Presence{Joined: []wire.User{{User: "bo"}}, Count: 2}, next(t, r))
		require.Equal(t, &Typing{User: "bo", Typing: true}, next(t, r))
		require.JSONEq(t, `{"x":1}`, string(next(t, r).(*Broadcast).Data))

		for range 4 {
			conn.push(wire.TypingPush{Room: "a", User: "bo"})
		}
		conn.push(wire.TypingPush{Room: "a", User: "dropped"})
		synctest.Wait()
		require.True(t, nothingAsked(conn), "typing that does not fit is dropped")
		conn.push(wire.PresencePush{Room: "a", Left: []wire.User{{User: "bo"}}, Count: 1})
		synctest.Wait()
		for range 4 {
			require.Equal(t, &Typing{User: "bo"}, next(t, r))
		}
		id, _ = take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Live: true, Events: []wire.Item{}, Members: []room.Member{{User: "ann", Conns: 1}}})
		require.Equal(t, &Members{List: []room.Member{{User: "ann", Conns: 1}}}, next(t, r), "presence that does not fit comes anew, whole")
	})
}

func TestReadsWaitForAConnectionAndTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		require.ErrorIs(t, r.SetTyping(t.Context(), true), ErrNotConnected)
		page := later(func() (*HistoryPage, error) { return r.History(t.Context(), Before(40), Limit(2), WithChanges()) })
		conn := p.connect()
		_, cmd := take[*wire.History](conn)
		require.Equal(t, &wire.History{Room: "a", Anchor: wire.AnchorBefore, Seq: 40, Limit: 2, Changes: true}, cmd)
		conn.cut()
		conn = p.connect()
		id, _ := take[*wire.History](conn)
		conn.reply(id, wire.Error{Code: room.CodeRateLimited, Message: "slowly", RetryAfterMS: 500})
		id, _ = take[*wire.History](conn)
		conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", Events: []wire.Item{event(38, "bo", "", "x")}, MoreBefore: true, Changes: []wire.Item{event(41, "bo", "", "y")}})
		got := <-page
		require.NoError(t, got.err)
		require.Equal(t, uint64(38), got.value.Events[0].Seq)
		require.Equal(t, uint64(41), got.value.Changes[0].Seq)
		require.True(t, got.value.MoreBefore)

		members := later(func() (int, error) { _, n, err := r.Present(t.Context()); return n, err })
		id, _ = take[*wire.Presence](conn)
		conn.reply(id, wire.Members{Room: "a", Count: 7, Members: []room.Member{}})
		require.Equal(t, 7, (<-members).value)
		members = later(func() (int, error) { _, n, err := r.Present(t.Context()); return n, err })
		id, _ = take[*wire.Presence](conn)
		conn.reply(id, wire.PongReply{})
		require.ErrorIs(t, (<-members).err, ErrInternal)

		typing := later(func() (struct{}, error) { return struct{}{}, r.SetTyping(t.Context(), true) })
		id, _ = take[*wire.Typing](conn)
		conn.reply(id, wire.Error{Code: room.CodeNotJoined, Message: "join first"})
		require.ErrorIs(t, (<-typing).err, ErrNotJoined)
	})
}
