package transport

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// denied sends a command that must be refused with a code, and gives what was said.
func denied(p *peer, body wire.Body, code room.Code) *wire.Error {
	p.t.Helper()
	e := ask[wire.Error](p, body)
	require.Equal(p.t, code, e.Code, "%s: %s", body.Type(), e.Message)
	return e
}

// post publishes a message and gives its sequence.
func (p *peer) post(name, text string) uint64 {
	p.t.Helper()
	return p.publish(name, room.Command{Text: text})
}

// publish publishes an event that must be taken.
func (p *peer) publish(name string, cmd room.Command) uint64 {
	p.t.Helper()
	return ask[wire.Ack](p, publishing(name, cmd)).Seq
}

func publishing(name string, cmd room.Command) *wire.Publish {
	if cmd.Kind == "" {
		cmd.Kind = room.KindMessage
	}
	return &wire.Publish{Room: name, Event: cmd}
}

// newest joins a room for its newest events.
func newest(name string, n int) *wire.Join { return &wire.Join{Room: name, History: &n} }

func eventOf(t testing.TB, raw json.RawMessage) *room.Event {
	t.Helper()
	ev, err := room.DecodeEvent(raw)
	require.NoError(t, err)
	return ev
}

// texts gives what the events of a page say.
func texts(t testing.TB, items []wire.Item) []string {
	t.Helper()
	said := []string{}
	for i, it := range items {
		require.True(t, i == 0 || items[i-1].Seq < it.Seq, "pages ascend")
		said = append(said, eventOf(t, it.Event).Text)
	}
	return said
}

func numbered(from, to int) []string {
	list := []string{}
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprintf("m%d", i))
	}
	return list
}

// postAll posts m1 to mn, and gives their sequences behind a zero, so that the
// first stands at 1.
func (p *peer) postAll(name string, n int) []uint64 {
	p.t.Helper()
	seqs := []uint64{0}
	for from := 1; from <= n; from += wire.MaxBatch {
		batch := &wire.Batch{Room: name}
		for _, s := range numbered(from, min(n, from+wire.MaxBatch-1)) {
			batch.Events = append(batch.Events, room.Command{Kind: room.KindMessage, Text: s})
		}
		for _, ack := range ask[wire.Acks](p, batch).Acks {
			require.Nil(p.t, ack.Error)
			seqs = append(seqs, ack.Seq)
		}
	}
	return seqs
}

func TestConnected(t *testing.T) {
	e := newEdge(t)
	p := e.dial()
	first := ask[wire.Connected](p, &wire.Connect{Name: "Ann"})
	require.Regexp(t, "^guest-", first.User)
	require.Equal(t, "Ann", first.Name)
	require.NotEmpty(t, first.Token)
	require.Equal(t, int64(25_000), first.PingMS)
	require.Equal(t, "hubbub test", first.Server)
	require.Equal(t, 1, first.Version)
	require.WithinDuration(t, time.Now().Add(time.Hour), time.UnixMilli(first.ExpiresAt), time.Minute)
	p.bye()

	again := ask[wire.Connected](e.dial(), &wire.Connect{Token: first.Token})
	require.Equal(t, first.User, again.User, "a guest comes back as the same")
	require.Equal(t, "Ann", again.Name)
	require.NotEqual(t, first.Conn, again.Conn)
	renamed := ask[wire.Connected](e.dial(), &wire.Connect{Token: first.Token, Name: "Bea"})
	require.Equal(t, first.User, renamed.User)
	require.Equal(t, "Bea", renamed.Name)

	known := ask[wire.Connected](e.dial(), &wire.Connect{Token: e.token("u1", room.Everything()), Name: "not mine"})
	require.Equal(t, "u1", known.User)
	require.Equal(t, "Name of u1", known.Name, "who has a token has the name from it")
	require.Empty(t, known.Token)
}

func TestConnectOnce(t *testing.T) {
	p := newEdge(t).guest()
	said := denied(p, &wire.Connect{}, room.CodeBadRequest)
	require.Contains(t, said.Message, "refresh")
	p.post("a", "and goes on")
	p.bye()
}

func TestPublishAndSee(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	require.True(t, ask[wire.Joined](ann, &wire.Join{Room: "a"}).Live)
	joined := ask[wire.Joined](bob, &wire.Join{Room: "a"})
	ack := ask[wire.Ack](ann, publishing("a", room.Command{ID: "k", Text: "hi", Data: json.RawMessage(`{"b": [1, 2]}`)}))
	require.Equal(t, "a", ack.Room)
	require.Equal(t, joined.Epoch, ack.Epoch)
	require.False(t, ack.Duplicate)
	for _, p := range []*peer{ann, bob} {
		got := push[wire.EventPush](p)
		require.Equal(t, ack.Seq, got.Seq)
		ev := eventOf(t, got.Event)
		require.Equal(t, []any{"ann", "Name of ann", "k", "hi", `{"b":[1,2]}`}, []any{ev.User, ev.Name, ev.ID, ev.Text, string(ev.Data)})
		require.WithinDuration(t, time.Now(), ev.Time(), time.Minute)
	}
	ann.bye()
	bob.bye()
}

// TestMembersGetTheSameBytes: an event's frame says nothing about who receives it.
func TestMembersGetTheSameBytes(t *testing.T) {
	e := newEdge(t)
	members := []*peer{e.guest(), e.guest(), e.as(e.token("u", room.Everything()))}
	for _, p := range members {
		ask[wire.Joined](p, &wire.Join{Room: "a"})
	}
	e.guest().post("a", "héllo <b>&\u2028")
	var frames []string
	for _, p := range members {
		h, err := p.read()
		require.NoError(t, err)
		frames = append(frames, string(h.payload))
	}
	require.Contains(t, frames[0], `"type":"event"`)
	require.Equal(t, frames[0], frames[1])
	require.Equal(t, frames[0], frames[2])
}

func TestPublishTwice(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	cmd := room.Command{ID: "same", Text: "once"}
	first := ask[wire.Ack](ann, publishing("a", cmd))
	second := ask[wire.Ack](ann, publishing("a", cmd))
	require.False(t, first.Duplicate)
	require.True(t, second.Duplicate)
	require.Equal(t, first.Seq, second.Seq)
	again := e.as(e.token("ann", room.Everything()))
	require.True(t, ask[wire.Ack](again, publishing("a", cmd)).Duplicate, "the id is the user's, not the connection's")

	require.False(t, ask[wire.Ack](bob, publishing("a", cmd)).Duplicate, "another user's id is another id")
	require.False(t, ask[wire.Ack](ann, publishing("b", cmd)).Duplicate, "and so is it in another room")
	cmd.ID = ""
	require.Less(t, ann.publish("a", cmd), ann.publish("a", cmd), "without an id a repeat is a second event")
	require.Len(t, ask[wire.HistoryPage](ann, &wire.History{Room: "a"}).Events, 4)
}

func TestPublishInOrder(t *testing.T) {
	e := newEdge(t)
	p, reader := e.guest(), e.guest()
	ask[wire.Joined](reader, &wire.Join{Room: "a"})
	var ids []uint64
	for _, s := range numbered(1, 300) {
		ids = append(ids, p.start(publishing("a", room.Command{Text: s})))
	}
	last := uint64(0)
	for i, id := range ids {
		ack, ok := p.reply(id).Body.(*wire.Ack)
		require.True(t, ok)
		require.Less(t, last, ack.Seq, "event %d", i)
		last = ack.Seq
	}
	for _, want := range numbered(1, 300) {
		require.Equal(t, want, eventOf(t, push[wire.EventPush](reader).Event).Text)
	}
}

func TestBatch(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	other := bob.post("a", "bob's")
	ask[wire.Joined](bob, &wire.Join{Room: "a"})
	before := ann.publish("a", room.Command{ID: "known", Text: "known"})
	push[wire.EventPush](bob)

	acks := ask[wire.Acks](ann, &wire.Batch{Room: "a", Events: []room.Command{
		{Kind: room.KindMessage, Text: "one"},
		{Kind: room.KindMessage},
		{Kind: room.KindMessage, ID: "known", Text: "known"},
		{Kind: room.KindEdit, Target: other, Text: "not mine"},
		{Kind: room.KindReact, Target: other, Emoji: "👍"},
		{Kind: room.KindEdit, Target: 1 << 40, Text: "nothing there"},
		{Kind: "reverse"},
		{Kind: room.KindMessage, Text: "two"},
	}})
	codes := []room.Code{}
	seqs := []uint64{}
	for _, a := range acks.Acks {
		if a.Error != nil {
			require.NotEmpty(t, a.Error.Message)
			codes = append(codes, a.Error.Code)
			continue
		}
		codes, seqs = append(codes, ""), append(seqs, a.Seq)
	}
	require.Equal(t, []room.Code{"", room.CodeBadRequest, "", room.CodeForbidden, "", room.CodeNotFound, room.CodeBadRequest, ""}, codes)
	require.True(t, acks.Acks[2].Duplicate)
	require.Equal(t, before, seqs[1], "a repeat is answered with the first")
	var seen []uint64
	for range 3 {
		seen = append(seen, push[wire.EventPush](bob).Seq)
	}
	require.Equal(t, []uint64{seqs[0], seqs[2], seqs[3]}, seen, "what was taken, in its order, and nothing else")
	require.Empty(t, bob.settled())

	full := &wire.Batch{Room: "a"}
	for range wire.MaxBatch {
		full.Events = append(full.Events, room.Command{Kind: room.KindMessage, Text: "x"})
	}
	require.Len(t, ask[wire.Acks](ann, full).Acks, wire.MaxBatch)
	full.Events = append(full.Events, full.Events[0])
	denied(ann, full, room.CodeBadRequest)
	denied(ann, &wire.Batch{Room: "a"}, room.CodeBadRequest)
}

// TestChangesOfMessages goes through who may change what, and in which state.
func TestChangesOfMessages(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	m := ann.post("a", "first")
	custom := ann.publish("a", room.Command{Kind: room.KindCustom, Type: "game.move", Data: json.RawMessage(`[1]`)})
	edit := func(seq uint64) *wire.Publish {
		return publishing("a", room.Command{Kind: room.KindEdit, Target: seq, Text: "new"})
	}
	remove := func(seq uint64) *wire.Publish {
		return publishing("a", room.Command{Kind: room.KindDelete, Target: seq})
	}
	react := func(kind room.Kind, seq uint64) *wire.Publish {
		return publishing("a", room.Command{Kind: kind, Target: seq, Emoji: "🎉"})
	}
	ask[wire.Ack](ann, edit(m))
	ask[wire.Ack](bob, react(room.KindReact, m))
	ask[wire.Ack](bob, react(room.KindReact, m))
	ask[wire.Ack](bob, react(room.KindUnreact, m))
	ask[wire.Ack](bob, publishing("a", room.Command{Text: "answer", ReplyTo: m}))

	require.Contains(t, denied(bob, edit(m), room.CodeForbidden).Message, "author")
	denied(bob, remove(m), room.CodeForbidden)
	denied(ann, edit(m+1<<40), room.CodeNotFound)
	denied(ann, edit(custom), room.CodeNotFound)
	denied(bob, publishing("a", room.Command{Text: "answer", ReplyTo: custom}), room.CodeNotFound)
	denied(ann, publishing("b", room.Command{Kind: room.KindEdit, Target: m, Text: "in another room"}), room.CodeNotFound)
	denied(ann, publishing("a", room.Command{Kind: room.KindEdit, Text: "of nothing"}), room.CodeBadRequest)
	denied(ann, publishing("a", room.Command{Kind: room.KindReact, Target: m, Emoji: "a b"}), room.CodeBadRequest)
	denied(ann, publishing("a", room.Command{Text: "stray", Emoji: "👍"}), room.CodeBadRequest)

	ask[wire.Ack](ann, remove(m))
	ask[wire.Ack](ann, remove(m)) // to delete what is deleted does no harm
}

// TestChangesOfMessagesWhileLive is the same for a room with members, where the
// facts come from the room's state and not from the log.
func TestChangesOfMessagesWhileLive(t *testing.T) {
	e := newEdge(t)
	ann, bob := e.as(e.token("ann", room.Everything())), e.as(e.token("bob", room.Everything()))
	ask[wire.Joined](ann, &wire.Join{Room: "a"})
	m := ann.post("a", "first")
	push[wire.EventPush](ann)
	ask[wire.Ack](ann, publishing("a", room.Command{Kind: room.KindDelete, Target: m}))
	push[wire.EventPush](ann)
	denied(ann, publishing("a", room.Command{Kind: room.KindEdit, Target: m, Text: "x"}), room.CodeConflict)
	denied(bob, publishing("a", room.Command{Kind: room.KindReact, Target: m, Emoji: "👍"}), room.CodeConflict)
}

// TestGrants goes through every verb with a token that has all of the others, in a
// room that exists and in one that does not: the answers are the same bytes.
func TestGrants(t *testing.T) {
	e := newEdge(t)
	seq := e.guest().post("there", "hi")
	for _, c := range []struct {
		without room.Verb
		body    func(name string) wire.Body
	}{
		{room.VerbJoin, func(name string) wire.Body { return &wire.Join{Room: name} }},
		{room.VerbHistory, func(name string) wire.Body { return newest(name, 5) }},
		{room.VerbHistory, func(name string) wire.Body { return &wire.Join{Room: name, Since: &wire.Position{}} }},
		{room.VerbHistory, func(name string) wire.Body { return &wire.History{Room: name} }},
		{room.VerbPresence, func(name string) wire.Body { return &wire.Join{Room: name, Presence: true} }},
		{room.VerbPresence, func(name string) wire.Body { return &wire.Presence{Room: name} }},
		{room.VerbPublish, func(name string) wire.Body { return publishing(name, room.Command{Text: "x"}) }},
		{room.VerbPublish, func(name string) wire.Body { return publishing(name, room.Command{Kind: room.KindCustom, Type: "x"}) }},
		{room.VerbPublish, func(name string) wire.Body {
			return publishing(name, room.Command{Kind: room.KindEdit, Target: seq, Text: "x"})
		}},
		{room.VerbReact, func(name string) wire.Body {
			return publishing(name, room.Command{Kind: room.KindReact, Target: seq, Emoji: "x"})
		}},
		{room.VerbTyping, func(name string) wire.Body { return &wire.Typing{Room: name, Typing: true} }},
		{room.VerbBroadcast, func(name string) wire.Body { return &wire.Broadcast{Room: name, Data: json.RawMessage(`1`)} }},
	} {
		others := []room.Verb{}
		for _, v := range room.Verbs {
			if v != c.without && v != room.VerbAny {
				others = append(others, v)
			}
		}
		p := e.as(e.token("u", room.Grants{"there": others, "nowhere": others, "b-*": {room.VerbAny}}))
		there, nowhere := denied(p, c.body("there"), room.CodeForbidden), denied(p, c.body("nowhere"), room.CodeForbidden)
		require.Equal(t, *there, *nowhere)
		require.Contains(t, there.Message, string(c.without))
		denied(p, c.body("elsewhere"), room.CodeForbidden)
		denied(p, c.body("b"), room.CodeForbidden)
		denied(p, c.body("b-"), room.CodeForbidden)
		p.bye()
	}
}

func TestCommandsWithoutID(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	for _, s := range []string{
		`{"type":"ping"}`, `{"type":"join","room":"a"}`, `{"type":"publish","room":"a","event":{"text":"quiet"}}`,
		`{"type":"join","room":"no spaces"}`, `{"type":"nothing"}`, `{"type":"edit"}`, `{"type":"leave","room":"b"}`,
	} {
		p.write(text(s))
	}
	require.Equal(t, "quiet", eventOf(t, push[wire.EventPush](p).Event).Text)
	for _, r := range p.settled() {
		require.IsType(t, &wire.Joined{}, r.Body, "nothing is answered but a join, whose answer is also the news")
	}
}
