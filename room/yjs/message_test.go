package yjs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// y-protocols answers our messages, and we understand its own.
func TestSyncAgainstYProtocols(t *testing.T) {
	hello := one(inText(RefString), 5, "hello")
	s := New()
	_, err := s.Apply(hello)
	require.NoError(t, err)
	// The frame of y-websocket is the message of y-protocols behind a type.
	inner := func(m Message) b64 { return m.Encode()[1:] }
	type answer struct {
		state
		Type          SyncType
		Answer, Step1 b64
	}
	got := ask[answer](t, "sync", args{"updates": wire([][]byte{hello}), "message": inner(Message{Sync: SyncStep1, Data: []byte{0}})})
	require.Equal(t, SyncStep1, got.Type)
	step2, err := DecodeMessage(append([]byte{byte(MessageSync)}, got.Answer...), Limits{})
	require.NoError(t, err)
	require.Equal(t, Message{Type: MessageSync, Sync: SyncStep2, Data: must(s.Diff(nil))}, step2)
	step1, err := DecodeMessage(append([]byte{byte(MessageSync)}, got.Step1...), Limits{})
	require.NoError(t, err)
	require.Equal(t, Message{Type: MessageSync, Sync: SyncStep1, Data: s.StateVector()}, step1)
	for _, kind := range []SyncType{SyncStep2, SyncUpdate} {
		got := ask[answer](t, "sync", args{"updates": []b64{}, "message": inner(Message{Sync: kind, Data: hello})})
		require.Equal(t, kind, got.Type)
		require.Equal(t, b64(hello), got.State)
	}
}

// States, clocks and goodbyes lead to what they lead to in y-protocols.
func TestAwarenessAgainstYProtocols(t *testing.T) {
	state := func(client, clock uint64, text string) AwarenessState {
		return AwarenessState{Client: client, Clock: clock, State: []byte(text)}
	}
	for name, steps := range map[string][]AwarenessState{
		"newer wins":              {state(1, 1, `{"a":1}`), state(1, 2, `{"a":2}`), state(1, 1, `{"a":3}`)},
		"the same clock does not": {state(1, 1, `{"a":1}`), state(1, 1, `{"a":2}`)},
		"gone at the same clock":  {state(1, 1, `{"a":1}`), state(2, 1, `{}`), state(1, 1, "null")},
		"gone before":             {state(1, 5, `{"a":1}`), state(1, 4, "null")},
		"back again":              {state(1, 1, `{"a":1}`), state(1, 2, "null"), state(1, 3, `{"a":2}`)},
		"of 53 bits":              {state(1<<53-1, 1<<40, `{"ü":"😀"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			a := NewAwareness(Limits{})
			var updates []b64
			for _, s := range steps {
				update := EncodeAwareness([]AwarenessState{s})
				updates = append(updates, update)
				states, err := DecodeAwareness(update, Limits{})
				require.NoError(t, err)
				_, err = a.Apply(states)
				require.NoError(t, err)
			}
			want := ask[struct{ Update b64 }](t, "awareness", args{"updates": updates}).Update
			require.Equal(t, []byte(want), EncodeAwareness(a.States()))
		})
	}
}

func TestAwarenessRemove(t *testing.T) {
	a := NewAwareness(Limits{MaxStates: 2})
	states := []AwarenessState{{1, 4, []byte("{}")}, {2, 1, []byte("{}")}}
	news, err := a.Apply(states)
	require.NoError(t, err)
	require.Equal(t, states, news)
	_, err = a.Apply([]AwarenessState{{3, 1, []byte("{}")}})
	require.ErrorContains(t, err, "3 clients")
	require.Equal(t, []AwarenessState{{1, 4, []byte("null")}}, a.Remove(1, 9))
	require.Empty(t, a.Remove(1))
	require.Equal(t, 1, a.Len())
	_, err = a.Apply([]AwarenessState{{3, 1, []byte("{}")}}) // there is room again
	require.NoError(t, err)
	require.Equal(t, 2, a.Len())
}

func TestHostileMessages(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                     nil,
		"a type that there is not":    raw(4),
		"a sync type there is not":    raw(0, 3, 0),
		"an update beyond the end":    raw(0, 2, huge),
		"an auth type there is not":   raw(2, 1, 0),
		"a reason that is not UTF-8":  raw(2, 0, 1, "\xff"),
		"awareness beyond the end":    raw(1, 200, "x"),
		"a sync message without type": raw(0),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeMessage(data, Limits{})
			requireTold(t, data, err)
		})
	}
	for name, data := range map[string][]byte{
		"more states than bytes":      raw(million),
		"more states than the limit":  raw(10_001, strings.Repeat("\x01\x01\x04null", 10_001)),
		"a state that is too large":   raw(1, 1, 1, 65_539, `"`+strings.Repeat("a", 65_537)+`"`),
		"a state that is not JSON":    raw(1, 1, 1, 4, "nope"),
		"a client beyond 53 bits":     raw(1, uint64(1<<53), 1, 4, "null"),
		"bytes behind the last state": raw(1, 1, 1, 4, "null", 0),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			cost := allocated(func() { _, err = DecodeAwareness(data, Limits{}) })
			requireTold(t, data, err)
			require.Less(t, cost, 8<<10)
		})
	}
}

// The frames of Hocuspocus, byte for byte as its provider 4.8 and server 4.7 have them.
func TestHocuspocusFrames(t *testing.T) {
	name := "\x05notes"
	update := Message{Type: MessageSync, Sync: SyncUpdate, Data: []byte{0, 0}}
	for _, c := range []struct {
		name  string
		bytes string
		frame HocuspocusFrame
	}{
		{"update", name + "\x00\x02\x02\x00\x00", HocuspocusFrame{Document: "notes", Message: update}},
		{"session", "\x08notes\x00s1\x00\x02\x02\x00\x00", HocuspocusFrame{Document: "notes", Session: "s1", Message: update}},
		{"sync reply", name + "\x04\x00\x01\x00", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageSyncReply, Data: []byte{0}}}},
		{"awareness", name + "\x01\x01\x00", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAwareness, Data: []byte{0}}}},
		{"token", name + "\x02\x00\x03abc\x054.8.0", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAuth, Data: []byte("abc"), Version: []byte("4.8.0")}}},
		{"token of an old client", name + "\x02\x00\x03abc", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAuth, Data: []byte("abc")}}},
		{"asked for a token", name + "\x02\x00", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAuth}}},
		{"denied", name + "\x02\x01\x02no", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAuth, Auth: AuthDenied, Data: []byte("no")}}},
		{"granted", name + "\x02\x02\x08readonly", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageAuth, Auth: AuthGranted, Data: []byte("readonly")}}},
		{"query", name + "\x03", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageQueryAwareness}}},
		{"stateless", name + "\x05\x02hi", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageStateless, Data: []byte("hi")}}},
		{"broadcast", name + "\x06\x02hi", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageBroadcastStateless, Data: []byte("hi")}}},
		{"close", name + "\x07", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageClose}}},
		{"close with a reason", name + "\x07\x03bye", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageClose, Data: []byte("bye")}}},
		{"saved", name + "\x08\x01", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageSyncStatus, Saved: true}}},
		{"not saved", name + "\x08\x00", HocuspocusFrame{Document: "notes", Message: Message{Type: MessageSyncStatus}}},
		{"ping", "\x09", HocuspocusFrame{Message: Message{Type: MessagePing}}},
		{"pong", "\x0a", HocuspocusFrame{Message: Message{Type: MessagePong}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DecodeHocuspocus([]byte(c.bytes), Limits{})
			require.NoError(t, err)
			require.Equal(t, c.frame, got)
			require.Equal(t, c.bytes, string(c.frame.Encode()))
		})
	}
	for _, bad := range []string{"", "\x05note", "\x01\xff\x00\x02\x00", name, name + "\x0b", name + "\x02\x03"} {
		_, err := DecodeHocuspocus([]byte(bad), Limits{})
		requireTold(t, []byte(bad), err)
	}
}

// Values are written as lib0 writes them, and become the JSON that JavaScript makes.
func TestAnyAgainstLib0(t *testing.T) {
	for _, text := range []string{
		`0`, `-0`, `1`, `-1`, `63`, `64`, `-64`, `8191`, `8192`, `2147483647`, `2147483648`, `-2147483647`, `-2147483648`,
		`4294967296`, `9007199254740991`, `9007199254740993`, `1e21`, `1e20`, `123456789012345680000`, `1e-6`, `1e-7`, `1.5`, `0.1`,
		`3.4028234663852886e38`, `1.7976931348623157e308`, `5e-324`, `1e400`, `-1e400`, `true`, `false`, `null`, `""`, `"\u0000\b\f\n\r\t\"\\/\u007f\u2028"`,
		`"😀\ud83d"`, `[]`, `[1,[2,{"a":[]}]]`, `{}`, `{"b":1,"a":2,"10":3,"9":4,"01":5,"4294967294":6,"4294967295":7,"-1":8,"b":9}`,
	} {
		want := ask[struct {
			Bytes b64
			Text  string
		}](t, "any", args{"text": text})
		require.Equal(t, []byte(want.Bytes), appendAny(nil, []byte(text)), text)
		got, err := JSON(want.Bytes, Limits{})
		require.NoError(t, err)
		require.Equal(t, want.Text, string(got), text)
	}
}
