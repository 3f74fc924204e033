package client

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// oriented answers the question where the room stands, which comes before the
// first publish.
func oriented(conn *peerConn, at Position) {
	conn.t.Helper()
	id, _ := take[*wire.Positions](conn)
	conn.reply(id, wire.PositionsReply{Positions: map[string]wire.Position{"a": at}})
}

var base = Position{Epoch: "e", Seq: 7}

func TestSendGivesTheAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		sent := sendingText(t, r, "hi")
		oriented(conn, base)
		id, cmd := take[*wire.Publish](conn)
		require.Equal(t, "hi", cmd.Event.Text)
		require.NotEmpty(t, cmd.Event.ID)
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
		require.Equal(t, outcome[Ack]{Ack{Position: Position{Epoch: "e", Seq: 9}}, nil}, <-sent)

		sent = later(func() (Ack, error) {
			return r.Send(t.Context(), Draft{Kind: room.KindReact, Target: 9, Emoji: "👍", ID: "mine"})
		})
		id, cmd = take[*wire.Publish](conn) // the position is known now
		require.Equal(t, "mine", cmd.Event.ID)
		conn.reply(id, wire.Error{Code: room.CodeNotFound, Message: "there is no message 9"})
		require.ErrorIs(t, (<-sent).err, ErrNotFound)
	})
}

func TestDraftsAreCheckedBeforeTheyTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		long := make([]byte, room.MaxText+1)
		for want, d := range map[error]Draft{
			ErrBadRequest: Text(" "), ErrTooLarge: Text(string(long)),
		} {
			_, err := c.Room("a").Send(t.Context(), d)
			require.ErrorIs(t, err, want)
		}
		_, err := c.Room("no such name").Send(t.Context(), Text("x"))
		require.ErrorIs(t, err, ErrBadRequest)
		for _, d := range []Draft{Data([]byte(`[1]`)), Reply(3, "x"), Edit(3, "x"), Delete(3), React(3, "👍"), Unreact(3, "👍"), Custom("t", nil)} {
			require.NoError(t, CheckDraft("a", d))
		}
	})
}

// What gathers while one command is under way is the next command, in order.
func TestWhatWaitsGoesInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		var receipts []*Receipt
		for i := range 1202 {
			receipt, err := r.Post(t.Context(), Text(strconv.Itoa(i)))
			require.NoError(t, err)
			receipts = append(receipts, receipt)
			if i == 0 {
				synctest.Wait()
			}
		}
		oriented(conn, base)
		id, first := take[*wire.Publish](conn)
		require.Equal(t, "0", first.Event.Text)
		require.True(t, nothingAsked(conn), "the next command waits for the ack of the one before")
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 10})
		text := 1
		for _, size := range []int{500, 500, 201} {
			id, batch := take[*wire.Batch](conn)
			require.Len(t, batch.Events, size)
			acks := wire.Acks{Room: "a", Epoch: "e"}
			for _, e := range batch.Events {
				require.Equal(t, strconv.Itoa(text), e.Text)
				acks.Acks = append(acks.Acks, wire.AckItem{Seq: uint64(10 + text)})
				text++
			}
			conn.reply(id, acks)
		}
		for i, receipt := range receipts {
			ack, err := receipt.Result()
			require.NoError(t, err)
			require.Equal(t, uint64(10+i), ack.Seq)
		}
	})
}

func TestBatchesStayBelowTheBoundOfAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{OutboxBytes: 16 << 20}).Room("a")
		text := make([]byte, room.MaxText)
		for i := range text {
			text[i] = '\x01' // takes six bytes in a frame
		}
		for range 20 {
			_, err := r.Post(t.Context(), Text(string(text)))
			require.NoError(t, err)
		}
		conn := p.connect()
		oriented(conn, base)
		conn.ws.SetReadLimit(wire.MaxFrame)
		for got := 0; got < 20; {
			cmd := conn.command()
			switch body := cmd.Body.(type) {
			case *wire.Publish:
				got++
				conn.reply(cmd.ID, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
			case *wire.Batch:
				got += len(body.Events)
				conn.reply(cmd.ID, wire.Acks{Room: "a", Epoch: "e", Acks: make([]wire.AckItem, len(body.Events))})
			}
		}
	})
}

func TestEachEventOfABatchIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		var receipts []*Receipt
		for _, text := range []string{"alone", "one", "two", "three", "four"} {
			receipt, err := r.Post(t.Context(), Text(text))
			require.NoError(t, err)
			receipts = append(receipts, receipt)
			synctest.Wait() // the first one is taken, the others gather
		}
		receipts = receipts[1:]
		conn := p.connect()
		oriented(conn, base)
		id, _ := take[*wire.Publish](conn)
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 7})
		id, batch := take[*wire.Batch](conn)
		conn.reply(id, wire.Acks{Room: "a", Epoch: "e", Acks: []wire.AckItem{
			{Seq: 8},
			{Error: &wire.Error{Code: room.CodeForbidden, Message: "no"}},
			{Error: &wire.Error{Code: room.CodeUnavailable, Message: "later", RetryAfterMS: 1000}},
			{Seq: 9, Duplicate: true},
		}})
		id, again := take[*wire.Publish](conn)
		require.Equal(t, batch.Events[2], again.Event, "what may be stored later is sent again under its id")
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 10})
		ack, err := receipts[0].Result()
		require.NoError(t, err)
		require.Equal(t, uint64(8), ack.Seq)
		_, err = receipts[1].Result()
		require.ErrorIs(t, err, ErrForbidden)
		ack, err = receipts[2].Result()
		require.NoError(t, err)
		require.Equal(t, uint64(10), ack.Seq)
		ack, err = receipts[3].Result()
		require.NoError(t, err)
		require.True(t, ack.Duplicate)
	})
}

// interrupted publishes a message and loses the connection before the ack.
func interrupted(t *testing.T, opts Options) (*peer, *Room, *wire.Publish, <-chan outcome[Ack]) {
	p := newPeer(t)
	r := p.client(opts).Room("a")
	conn := p.connect()
	sent := sendingText(t, r, "hi")
	oriented(conn, base)
	_, cmd := take[*wire.Publish](conn)
	conn.cut()
	return p, r, cmd, sent
}

func askedBack(conn *peerConn, after uint64) uint64 {
	conn.t.Helper()
	id, cmd := take[*wire.History](conn)
	require.Equal(conn.t, &wire.History{Room: "a", Anchor: wire.AnchorAfter, Seq: after, Limit: wire.MaxHistory}, cmd)
	return id
}

func TestWhatWasStoredIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, cmd, sent := interrupted(t, Options{})
		conn := p.connect()
		id := askedBack(conn, 6)
		conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", MoreBefore: true, MoreAfter: true, Events: []wire.Item{
			event(7, "bo", "x", "x"), event(8, "bo", cmd.Event.ID, "another's message under the same id"),
		}})
		id = askedBack(conn, 8)
		conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", MoreBefore: true, Events: []wire.Item{event(12, "ann", cmd.Event.ID, "hi")}})
		require.Equal(t, outcome[Ack]{Ack{Position{Epoch: "e", Seq: 12}, true}, nil}, <-sent)
		require.True(t, nothingAsked(conn))
	})
}

func TestWhatWasNotStoredIsSentAgain(t *testing.T) {
	for _, away := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p, _, cmd, sent := interrupted(t, Options{})
			p.refusing(unavailableUntil(time.Now().Add(away)))
			conn := p.connect()
			id := askedBack(conn, 6)
			conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", MoreBefore: true, Events: []wire.Item{event(7, "bo", "x", "x"), event(8, "bo", "y", "y")}})
			id, again := take[*wire.Publish](conn)
			require.Equal(t, cmd, again, "under the same id")
			conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
			require.Equal(t, uint64(9), (<-sent).value.Seq)
		})
	}
}

func TestOrderHoldsThroughADisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, r, _, first := interrupted(t, Options{})
		second := sendingText(t, r, "second")
		synctest.Wait()
		conn := p.connect()
		id := askedBack(conn, 6)
		conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", MoreBefore: true, Events: []wire.Item{event(7, "bo", "x", "x")}})
		id, again := take[*wire.Publish](conn)
		require.Equal(t, "hi", again.Event.Text)
		require.True(t, nothingAsked(conn))
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9, Duplicate: true})
		require.True(t, (<-first).value.Duplicate, "already there is success")
		id, again = take[*wire.Publish](conn)
		require.Equal(t, "second", again.Event.Text)
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 10})
		require.NoError(t, (<-second).err)
	})
}

func TestWhereItCannotBeKnownThatIsSaid(t *testing.T) {
	trimmed := wire.HistoryPage{Room: "a", Epoch: "e", Events: []wire.Item{event(900, "bo", "x", "x")}}
	reset := wire.HistoryPage{Room: "a", Epoch: "f", Events: []wire.Item{event(7, "bo", "x", "x")}}
	forbidden := wire.Error{Code: room.CodeForbidden, Message: "no"}
	for name, c := range map[string]struct {
		away   time.Duration
		answer wire.Message
		resent bool
	}{
		"trimmed, and long ago":                {time.Hour, trimmed, false},
		"trimmed, and the hub knows the id":    {0, trimmed, true},
		"the log was reset":                    {0, reset, false},
		"not readable, and long ago":           {time.Hour, forbidden, false},
		"not readable, the hub knows the id":   {0, forbidden, true},
		"nothing is left of the room":          {time.Hour, wire.HistoryPage{Room: "a", Epoch: "e", Events: []wire.Item{}}, false},
		"nothing is left, and the id is known": {0, wire.HistoryPage{Room: "a", Epoch: "e", Events: []wire.Item{}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, _, sent := interrupted(t, Options{})
				p.refusing(unavailableUntil(time.Now().Add(c.away)))
				conn := p.connect()
				conn.reply(askedBack(conn, 6), c.answer)
				if !c.resent {
					require.ErrorIs(t, (<-sent).err, ErrUnknownOutcome)
					require.True(t, nothingAsked(conn), "never a second copy")
					return
				}
				id, _ := take[*wire.Publish](conn)
				conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
				require.NoError(t, (<-sent).err)
			})
		})
	}
}

func TestWithoutAnyPositionOnlyTheWindowHelps(t *testing.T) {
	for _, away := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t)
			r := p.client(Options{}).Room("a")
			conn := p.connect()
			sent := sendingText(t, r, "hi")
			id, _ := take[*wire.Positions](conn)
			conn.reply(id, wire.PositionsReply{Positions: map[string]wire.Position{}})
			_, _ = take[*wire.Publish](conn)
			conn.cut()
			p.refusing(unavailableUntil(time.Now().Add(away)))
			conn = p.connect()
			if away > 0 {
				require.ErrorIs(t, (<-sent).err, ErrUnknownOutcome)
				return
			}
			id, _ = take[*wire.Positions](conn)
			conn.reply(id, wire.PositionsReply{Positions: map[string]wire.Position{}})
			id, _ = take[*wire.Publish](conn)
			conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
			require.NoError(t, (<-sent).err)
		})
	}
}

func TestAMessageThatIsSeenNeedsNoAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		joined := joining(t, r)
		id, _ := take[*wire.Join](conn)
		conn.reply(id, wire.Joined{Room: "a", Epoch: "e", Seq: 7, Live: true, Events: []wire.Item{}})
		require.NoError(t, (<-joined).err)
		sent := sendingText(t, r, "hi")
		oriented(conn, base)
		id, cmd := take[*wire.Publish](conn)
		conn.push(pushed("a", event(8, "bo", cmd.Event.ID, "another's")))
		conn.push(pushed("a", event(9, "ann", cmd.Event.ID, "hi")))
		require.Equal(t, uint64(9), (<-sent).value.Seq)
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
		require.Equal(t, []uint64{8, 9}, seqs(t, r, 2))
	})
}

func TestUnavailableIsTriedAgainForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		sent := sendingText(t, r, "hi")
		oriented(conn, base)
		id, cmd := take[*wire.Publish](conn)
		for range 3 {
			conn.reply(id, wire.Error{Code: room.CodeUnavailable, Message: "the disk is full", RetryAfterMS: 25_000})
			var again *wire.Publish
			id, again = take[*wire.Publish](conn)
			require.Equal(t, cmd, again)
		}
		conn.reply(id, wire.Error{Code: room.CodeUnavailable, Message: "the disk is full", RetryAfterMS: 25_000})
		id = askedBack(conn, 6) // by now the hub may have forgotten the id
		conn.reply(id, wire.HistoryPage{Room: "a", Epoch: "e", MoreBefore: true, Events: []wire.Item{event(7, "bo", "x", "x")}})
		id, _ = take[*wire.Publish](conn)
		conn.reply(id, wire.Ack{Room: "a", Epoch: "e", Seq: 9})
		require.NoError(t, (<-sent).err)
	})
}

func TestWhatIsNotSentYetCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Send(ctx, Text("never"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, ErrUnknownOutcome)
		conn := p.connect()
		require.True(t, conn.silent(10*time.Second))
	})
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		r := p.client(Options{}).Room("a")
		conn := p.connect()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sent := later(func() (Ack, error) { return r.Send(ctx, Text("hi")) })
		oriented(conn, base)
		_, _ = take[*wire.Publish](conn)
		require.ErrorIs(t, (<-sent).err, ErrUnknownOutcome)
	})
}

func TestTheOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{OutboxEvents: 3})
		for i := range 3 {
			_, err := c.Room(strconv.Itoa(i)).Post(t.Context(), Text("x"))
			require.NoError(t, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Room("a").Post(ctx, Text("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		waiting := later(func() (*Receipt, error) { return c.Room("a").Post(t.Context(), Text("x")) })
		conn := p.connect()
		id, asked := take[*wire.Positions](conn)
		conn.reply(id, wire.PositionsReply{Positions: map[string]wire.Position{asked.Rooms[0]: base}})
		for {
			cmd := conn.command()
			if _, publish := cmd.Body.(*wire.Publish); publish {
				conn.reply(cmd.ID, wire.Ack{Room: "0", Epoch: "e", Seq: 9})
				break
			}
			conn.reply(cmd.ID, wire.PositionsReply{})
		}
		require.NoError(t, (<-waiting).err)
	})
	b := newBudget(10, 100)
	require.NoError(t, b.take(t.Context(), 99))
	require.NoError(t, b.take(t.Context(), 1000), "one that is larger than what is left still fits")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, b.take(over, 1))
}

func TestCloseAnswersWhatIsInTheOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c := p.client(Options{})
		conn := p.connect()
		sent := sendingText(t, c.Room("a"), "sent")
		oriented(conn, base)
		_, _ = take[*wire.Publish](conn)
		waiting := sendingText(t, c.Room("a"), "waiting")
		synctest.Wait()
		closed := later(func() (struct{}, error) { c.Close(); return struct{}{}, nil })
		require.False(t, conn.silent(time.Minute))
		<-closed
		err := (<-sent).err
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.ErrorIs(t, err, ErrClosed)
		err = (<-waiting).err
		require.ErrorIs(t, err, ErrClosed)
		require.NotErrorIs(t, err, ErrUnknownOutcome)
	})
}
