package wire

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

var everyCommand = []Body{
	&Connect{Token: "t", Name: "Ann \"A\"", Client: "test/1"},
	&Connect{},
	&Refresh{Token: "t"},
	&Join{Room: "a/b", Since: &Position{Epoch: "e1", Seq: 40}, History: new(0), Presence: true},
	&Join{Room: "a", Since: &Position{}},
	&Join{Room: "raum-ü"},
	&Leave{Room: "a"},
	&Publish{Room: "a", Event: room.Command{Kind: room.KindMessage, ID: "k1", Text: "h\u2028i\n\x7f", Data: json.RawMessage(`{"a":[1,null]}`), ReplyTo: 3}},
	&Publish{Room: "a", Event: room.Command{Kind: room.KindReact, Target: MaxID, Emoji: "👍"}},
	&Publish{Room: "a", Event: room.Command{Kind: room.KindCustom, Type: "move", Data: json.RawMessage(`null`)}},
	&Batch{Room: "a", Events: []room.Command{{Kind: room.KindMessage, Text: "1"}, {Kind: room.KindDelete, Target: 2}}},
	&History{Room: "a", Limit: DefaultHistory},
	&History{Room: "a", Anchor: AnchorBefore, Seq: 9, Limit: 1, Changes: true},
	&History{Room: "a", Anchor: AnchorAfter, Seq: 0, Limit: MaxHistory},
	&History{Room: "a", Anchor: AnchorAround, Seq: 9, Limit: 20},
	&Presence{Room: "a"},
	&Typing{Room: "a", Typing: true},
	&Typing{Room: "a"},
	&Broadcast{Room: "a", Data: json.RawMessage(`"x"`)},
	&Positions{Rooms: []string{"a", "b"}},
	&DocOpen{Doc: "a/notes", SV: []byte{0}},
	&DocOpen{Doc: "a"},
	&DocUpdate{Doc: "a/notes", Update: []byte{0, 0}},
	&DocUpdate{Doc: "a/notes", Update: []byte{1}, Offset: DocPiece, More: true},
	&DocAwareness{Doc: "a/notes", Update: []byte{0}},
	&DocClose{Doc: "a/notes"},
	&Ping{},
	&Pong{},
}

func TestCommandsComeBackAsSent(t *testing.T) {
	seen := map[string]bool{}
	for i, body := range everyCommand {
		sent := Command{ID: uint64(i), Body: body}
		frame, err := EncodeCommand(sent)
		require.NoError(t, err)
		got, err := DecodeCommand(frame)
		require.NoError(t, err, "%s", frame)
		require.Equal(t, sent, got, "%s", frame)
		seen[body.Type()] = true
	}
	for _, name := range CommandTypes {
		require.True(t, seen[name], "no case for %s", name)
	}
}

var stored = json.RawMessage(`{"v":1,"kind":"message","user":"ann","at":1,"text":"a \u003c b"}`)

var everyReply = []Message{
	&Connected{User: "u", Name: "Ü", Conn: "c", PingMS: 25000, ExpiresAt: 5, Token: "t", Server: "hubbub/1", Version: 1},
	&Refreshed{ExpiresAt: 7},
	&Refreshed{},
	&Joined{Room: "a", Epoch: "e", Seq: 9, Live: true, Events: []Item{{8, stored}, {9, stored}}, More: true, Members: []room.Member{{User: "u", Conns: 2}}, Count: 1},
	&Joined{Room: "a", Epoch: "e", Events: []Item{}, Reset: &Reset{ResetTrimmed}},
	&Left{Room: "a"},
	&Ack{Room: "a", Seq: 3, Epoch: "e", Duplicate: true},
	&Ack{Room: "a"},
	&Acks{Room: "a", Epoch: "e", Acks: []AckItem{{Seq: 1}, {Seq: 2, Duplicate: true}, {Error: &Error{room.CodeTooLarge, "m", 5}}}},
	&HistoryPage{Room: "a", Epoch: "e", Events: []Item{{1, stored}}, MoreBefore: true, Changes: []Item{{7, stored}}},
	&Members{Room: "a", Count: 1, Members: []room.Member{{User: "u", Name: "n", Conns: 1}}},
	&Members{Room: "a", Count: 1, Members: []room.Member{{User: "u", Name: "n", Conns: 1}}, Incomplete: true},
	&PositionsReply{Positions: map[string]Position{"a": {"e", 1}, "b": {"f", 2}}},
	&DocOpened{Doc: "a/n", Access: AccessWrite, Epoch: "e", Seq: 4, SV: []byte{0}, Diff: []byte{0, 0}, More: true, Awareness: []byte{0}},
	&DocOpened{Doc: "a/n", Access: AccessRead, SV: []byte{0}, Diff: []byte{0, 0}},
	&DocSaved{Doc: "a/n", Epoch: "e", Seq: 4},
	&DocClosed{Doc: "a/n"},
	&PongReply{},
	&Error{Code: room.CodeRateLimited, Message: "wait", RetryAfterMS: 10},
}

var everyPush = []Message{
	&EventPush{Room: "a", Item: Item{43, stored}},
	&PresencePush{Room: "a", Joined: []User{{"u", "n"}}, Left: []User{{"w", ""}}, Count: 1},
	&TypingPush{Room: "a", User: "u", Name: "n", Typing: true},
	&BroadcastPush{Room: "a", User: "u", Name: "n", Data: json.RawMessage(`[1]`)},
	&ResetPush{Room: "a", Epoch: "e", Seq: 1, Reason: ResetEpoch},
	&LeftPush{Room: "a", Code: room.CodeForbidden, Message: "m"},
	&DocDiffPush{Doc: "a/n", Diff: []byte{1}, More: true},
	&DocUpdatePush{Doc: "a/n", Update: []byte{0, 0}},
	&DocAwarenessPush{Doc: "a/n", Update: []byte{0}},
	&DocNotesPush{Doc: "a/n"},
	&DocAccessPush{Doc: "a/n", Access: AccessComment},
	&DocLostPush{Doc: "a/n", Code: room.CodeUnavailable, Message: "m", RetryAfterMS: 5},
	&PingPush{},
	&DisconnectPush{Code: CloseOverloaded, Reason: "overloaded", RetryAfterMS: 500},
}

func TestRepliesComeBackAsSent(t *testing.T) {
	for id, messages := range [][]Message{everyPush, everyReply} {
		for _, m := range messages {
			frame := Encode(uint64(id), m)
			got, err := DecodeReply(frame)
			require.NoError(t, err, "%s", frame)
			require.Equal(t, Reply{ID: uint64(id), Body: m}, got, "%s", frame)
		}
	}
}

func TestFramesSpliceStoredBytes(t *testing.T) {
	frame := string(AppendEvent([]byte("before"), "a", 43, stored))
	require.Equal(t, `before{"type":"event","room":"a","seq":43,"event":`+string(stored)+`}`, frame)
	require.Equal(t, frame[6:], string(Encode(0, EventPush{Room: "a", Item: Item{43, stored}})))
}
