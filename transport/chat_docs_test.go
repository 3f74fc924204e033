package transport

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const notes = "a/notes"

// written makes an update that appends a text to what a copy holds.
func written(t *testing.T, copied []byte, client uint64, text string) []byte {
	t.Helper()
	v, err := view.OpenUpdate(copied, view.Limits{})
	require.NoError(t, err)
	e, err := v.Edit(client)
	require.NoError(t, err)
	require.NoError(t, e.InsertText(v.Text("body"), 0, text, nil))
	return e.Update()
}

func body(t *testing.T, update []byte) string {
	t.Helper()
	v, err := view.OpenUpdate(update, view.Limits{})
	require.NoError(t, err)
	return v.Text("body").Text()
}

var emptyDoc = []byte{0, 0}

func refusal(p *peer, body wire.Body) *wire.Error {
	p.t.Helper()
	return ask[wire.Error](p, body)
}

func states(client uint64, clock uint64, state string) []byte {
	return yjs.EncodeAwareness([]yjs.AwarenessState{{Client: client, Clock: clock, State: []byte(state)}})
}

func TestDocumentsOnTheChatsConnection(t *testing.T) {
	e := newEdge(t)
	ann, bo := e.guest(), e.guest()
	opened := ask[wire.DocOpened](ann, &wire.DocOpen{Doc: notes})
	require.Equal(t, wire.DocOpened{Doc: notes, Access: wire.AccessWrite, Epoch: opened.Epoch, SV: []byte{0}, Diff: emptyDoc}, *opened)
	ask[wire.DocOpened](bo, &wire.DocOpen{Doc: notes})

	update := written(t, emptyDoc, 1, "hello")
	saved := ask[wire.DocSaved](ann, &wire.DocUpdate{Doc: notes, Update: update})
	require.Equal(t, notes, saved.Doc)
	require.NotZero(t, saved.Seq)
	require.Equal(t, &wire.DocUpdatePush{Doc: notes, Update: update}, push[wire.DocUpdatePush](bo))
	require.Empty(t, ann.settled(), "who wrote it is not told of it")

	late := ask[wire.DocOpened](e.guest(), &wire.DocOpen{Doc: notes})
	require.Equal(t, "hello", body(t, late.Diff))
	require.Equal(t, saved.Seq, late.Seq)
	again := ask[wire.DocOpened](bo, &wire.DocOpen{Doc: notes, SV: late.SV})
	require.Empty(t, body(t, again.Diff), "of what is known nothing comes again")

	ask[wire.DocClosed](bo, &wire.DocClose{Doc: notes})
	ask[wire.DocSaved](ann, &wire.DocUpdate{Doc: notes, Update: written(t, late.Diff, 2, "oh, ")})
	require.Empty(t, bo.settled())
	require.Equal(t, room.CodeNotJoined, refusal(bo, &wire.DocUpdate{Doc: notes, Update: update}).Code)
	require.Equal(t, room.CodeNotJoined, refusal(bo, &wire.DocClose{Doc: notes}).Code)
	require.Equal(t, room.CodeNotJoined, refusal(bo, &wire.DocAwareness{Doc: notes, Update: states(1, 1, "{}")}).Code)
	require.Equal(t, room.CodeBadRequest, refusal(ann, &wire.DocUpdate{Doc: notes, Update: []byte{9, 9}}).Code)
	require.Equal(t, room.CodeBadRequest, refusal(bo, &wire.DocOpen{Doc: notes, SV: []byte{9}}).Code)
}

func TestDocumentsAwareness(t *testing.T) {
	e := newEdge(t)
	ann, bo := e.guest(), e.guest()
	ask[wire.DocOpened](ann, &wire.DocOpen{Doc: notes})
	ask[wire.DocOpened](bo, &wire.DocOpen{Doc: notes})
	ann.tell(&wire.DocAwareness{Doc: notes, Update: states(1, 1, `{"name":"ann"}`)})
	require.Equal(t, states(1, 1, `{"name":"ann"}`), push[wire.DocAwarenessPush](bo).Update)
	late := ask[wire.DocOpened](e.guest(), &wire.DocOpen{Doc: notes})
	require.Equal(t, states(1, 1, `{"name":"ann"}`), late.Awareness)
	ann.bye()
	gone, err := yjs.DecodeAwareness(push[wire.DocAwarenessPush](bo).Update, yjs.Limits{})
	require.NoError(t, err)
	require.True(t, gone[0].Gone())
}

func TestLargeDocumentsComeInPieces(t *testing.T) {
	e := newEdge(t)
	ann, bo := e.guest(), e.guest()
	ask[wire.DocOpened](ann, &wire.DocOpen{Doc: notes})
	long := strings.Repeat("0123456789", 3*wire.DocPiece/10)
	update := written(t, emptyDoc, 1, long)
	at := 0
	for ; len(update)-at > wire.DocPiece; at += wire.DocPiece {
		ann.tell(&wire.DocUpdate{Doc: notes, Update: update[at : at+wire.DocPiece], Offset: at, More: true})
	}
	ask[wire.DocSaved](ann, &wire.DocUpdate{Doc: notes, Update: update[at:], Offset: at})

	opened := ask[wire.DocOpened](bo, &wire.DocOpen{Doc: notes})
	require.True(t, opened.More)
	diff := bytes.Clone(opened.Diff)
	for more := true; more; {
		piece := push[wire.DocDiffPush](bo)
		require.LessOrEqual(t, len(piece.Diff), wire.DocPiece)
		diff, more = append(diff, piece.Diff...), piece.More
	}
	require.Equal(t, long, body(t, diff))
}

func TestPiecesThatDoNotFit(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.docs.Limits.Update = 100 })
	p := e.guest()
	ask[wire.DocOpened](p, &wire.DocOpen{Doc: notes})
	ask[wire.DocOpened](p, &wire.DocOpen{Doc: "a/other"})
	update := written(t, emptyDoc, 1, "hello")
	half := len(update) / 2
	first := func() { p.tell(&wire.DocUpdate{Doc: notes, Update: update[:half], More: true}) }
	for name, cmd := range map[string]*wire.DocUpdate{
		"a hole":           {Doc: notes, Update: update[half+1:], Offset: half + 1},
		"another document": {Doc: "a/other", Update: update[half:], Offset: half},
		"twice":            {Doc: notes, Update: update[1:], Offset: 1},
	} {
		first()
		require.Equal(t, room.CodeUnavailable, refusal(p, cmd).Code, name)
		require.Equal(t, room.CodeUnavailable, refusal(p, &wire.DocUpdate{Doc: notes, Update: update[half:], Offset: half}).Code, "%s: what was gathered is gone", name)
	}
	first()
	require.Equal(t, room.CodeTooLarge, refusal(p, &wire.DocUpdate{Doc: notes, Update: blankBytes(100), Offset: half, More: true}).Code)
	first()
	ask[wire.PongReply](p, &wire.Ping{}) // other commands may stand between
	ask[wire.DocSaved](p, &wire.DocUpdate{Doc: notes, Update: update[half:], Offset: half})
}

func blankBytes(n int) []byte { return make([]byte, n) }

func TestDocumentsByGrants(t *testing.T) {
	e := newEdge(t)
	grants := func(verbs ...room.Verb) room.Grants { return room.Grants{"a": verbs} }
	writer := e.as(e.token("ann", grants(room.VerbDocWrite)))
	reader := e.as(e.token("bo", grants(room.VerbDocRead)))
	ask[wire.DocOpened](writer, &wire.DocOpen{Doc: notes})
	update := written(t, emptyDoc, 1, "hello")
	ask[wire.DocSaved](writer, &wire.DocUpdate{Doc: notes, Update: update})

	require.Equal(t, room.CodeForbidden, refusal(e.as(e.token("eve", grants(room.VerbJoin))), &wire.DocOpen{Doc: notes}).Code)
	opened := ask[wire.DocOpened](reader, &wire.DocOpen{Doc: notes})
	require.Equal(t, wire.AccessRead, opened.Access)
	ask[wire.DocSaved](reader, &wire.DocUpdate{Doc: notes, Update: update})
	news := written(t, update, 2, "no")
	require.Equal(t, room.CodeForbidden, refusal(reader, &wire.DocUpdate{Doc: notes, Update: news}).Code)

	ask[wire.Refreshed](reader, &wire.Refresh{Token: e.token("bo", grants(room.VerbDocWrite))})
	require.Equal(t, wire.AccessWrite, push[wire.DocAccessPush](reader).Access)
	ask[wire.DocSaved](reader, &wire.DocUpdate{Doc: notes, Update: news})
	ask[wire.Refreshed](reader, &wire.Refresh{Token: e.token("bo", grants(room.VerbDocComment))})
	require.Equal(t, wire.AccessComment, push[wire.DocAccessPush](reader).Access)
	ask[wire.Refreshed](reader, &wire.Refresh{Token: e.token("bo", grants(room.VerbJoin))})
	require.Equal(t, room.CodeForbidden, push[wire.DocLostPush](reader).Code)
	require.Equal(t, room.CodeNotJoined, refusal(reader, &wire.DocClose{Doc: notes}).Code)
}

func TestDocumentsAreBounded(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	for i := range wire.MaxDocs {
		ask[wire.DocOpened](p, &wire.DocOpen{Doc: "a/" + strings.Repeat("x", 1+i%100) + strings.Repeat("y", i/100)})
	}
	require.Equal(t, room.CodeLimitReached, refusal(p, &wire.DocOpen{Doc: notes}).Code)
	ask[wire.DocClosed](p, &wire.DocClose{Doc: "a/x"})
	ask[wire.DocOpened](p, &wire.DocOpen{Doc: notes})
}

func TestDocumentsThatAreLost(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	ask[wire.DocOpened](p, &wire.DocOpen{Doc: notes})
	e.docs.Close()
	lost := push[wire.DocLostPush](p)
	require.Equal(t, notes, lost.Doc)
	require.True(t, lost.Code.Retryable())
	require.Equal(t, room.CodeUnavailable, refusal(p, &wire.DocOpen{Doc: notes}).Code)
	ask[wire.PongReply](p, &wire.Ping{})
}
