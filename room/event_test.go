package room

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventsOfAnyVersionDecode(t *testing.T) {
	for _, stored := range []string{
		`{"v":1,"kind":"message","user":"ann","at":1}`,
		`{"v":2,"kind":"hologram","user":"ann","at":1,"depth":[[{}]],"who":null}`,
		`{"v":1,"kind":"message","user":"ann","at":1,"data":null}`,
	} {
		_, err := DecodeEvent([]byte(stored))
		require.NoError(t, err, stored)
	}
	for _, stored := range []string{
		``, `null`, `7`, `[]`, `{}`, `{"v":1}`, `{"kind":"message"}`, `{"v":0,"kind":"message"}`, `{"v":-1,"kind":"message"}`, `{"v":"1","kind":"message"}`,
		`{"v":1,"kind":7}`, `{"v":1,"kind":"message","target":-1}`, `{"v":1,"kind":"message"} x`, `{"v":1,"kind":"mess`,
	} {
		_, err := DecodeEvent([]byte(stored))
		require.Error(t, err, stored)
	}
}

func TestUnreadableIsReadable(t *testing.T) {
	b, err := Unreadable().Encode()
	require.NoError(t, err)
	e, err := DecodeEvent(b)
	require.NoError(t, err)
	require.Equal(t, KindUnreadable, e.Kind)
	require.False(t, e.Changes())
}

// What decodes encodes, and the stored form is a fixed point: it can be read and
// written for ever without changing.
func FuzzDecodeEvent(f *testing.F) {
	for _, c := range readFoldCases(f) {
		for _, item := range c.Events {
			f.Add([]byte(item.Event))
		}
	}
	f.Add([]byte(`{"v":1,"kind":"message","user":"a\ud800","at":-1,"text":"<&>\u2028","data":{"a":[1e9,"<"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEvent(data)
		if err != nil {
			return
		}
		once, err := e.Encode()
		require.NoError(t, err)
		again, err := DecodeEvent(once)
		require.NoError(t, err, "%s", once)
		twice, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		var compacted json.RawMessage
		require.NoError(t, json.Unmarshal(once, &compacted))

		var timeline Timeline // total, whatever the event
		timeline.Apply(1, &Event{Version: 1, Kind: KindMessage, User: e.User})
		timeline.Apply(2, e)
		timeline.Apply(3, again)
		var state State
		state.Apply(1, e)
		state.Apply(2, again)
	})
}

// Accept gives an error that can be told, or an event that can be stored.
func FuzzAccept(f *testing.F) {
	f.Add("lobby", "message", "k", "hi", []byte(`{"a":1}`), uint64(0), uint64(0), "", "")
	f.Add("lobby", "react", "", "", []byte(nil), uint64(0), uint64(3), "👍", "")
	f.Add("a b", "custom", "", "", []byte(`[[[[`), uint64(3), uint64(0), "", "t")
	f.Fuzz(func(t *testing.T, name, kind, id, text string, data []byte, replyTo, target uint64, emoji, typ string) {
		c := Command{Kind: Kind(kind), ID: id, Text: text, Data: data, ReplyTo: replyTo, Target: target, Emoji: emoji, Type: typ}
		e, err := Accept(ann, name, c, at("ann", false), now)
		if err != nil {
			require.NotEqual(t, CodeInternal, AsError(err).Code, "%v", err)
			return
		}
		stored, err := e.Encode()
		require.NoError(t, err)
		back, err := DecodeEvent(stored)
		require.NoError(t, err)
		require.Equal(t, e.Text, back.Text)
		require.Equal(t, e.ID, back.ID)
		if len(e.Data) > 0 {
			require.JSONEq(t, string(e.Data), string(back.Data))
		}
	})
}
