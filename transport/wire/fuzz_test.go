package wire

import (
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

func seed(f *testing.F, files ...string) {
	for _, file := range files {
		for _, c := range readGolden(f, file) {
			if len(c.bytes()) < 4096 {
				f.Add(c.bytes())
			}
		}
	}
}

// A frame decodes to a command that encodes to a frame that decodes to the same
// command, or to an error that can be told; and what the walker of scan.go saw is
// what encoding/json sees.
func FuzzDecodeCommand(f *testing.F) {
	seed(f, "commands.json", "bad_commands.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		command, err := DecodeCommand(data)
		if err != nil {
			require.NotEqual(t, room.CodeInternal, room.AsError(err).Code)
			require.True(t, utf8.ValidString(err.Error()))
			require.LessOrEqual(t, command.ID, uint64(MaxID))
			return
		}
		var head struct {
			ID   uint64 `json:"id"`
			Type string `json:"type"`
		}
		var whole map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &whole))
		if raw := whole["id"]; raw != nil {
			require.NoError(t, json.Unmarshal(raw, &head.ID))
		}
		require.NoError(t, json.Unmarshal(whole["type"], &head.Type))
		require.Equal(t, head.ID, command.ID)
		require.Equal(t, head.Type, command.Body.Type())
		frame, err := EncodeCommand(command)
		require.NoError(t, err)
		again, err := DecodeCommand(frame)
		require.NoError(t, err, "%s", frame)
		require.Equal(t, command, again)
	})
}

// A client survives whatever a hub sends.
func FuzzDecodeReply(f *testing.F) {
	seed(f, "replies.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		reply, err := DecodeReply(data)
		if err != nil {
			return
		}
		if _, unknown := reply.Body.(*Unknown); unknown {
			return
		}
		frame := Encode(reply.ID, reply.Body.(Message))
		if !json.Valid(frame) {
			t.Fatalf("%s is encoded as %s", data, frame)
		}
		_, err = DecodeReply(frame)
		require.NoError(t, err, "%s is encoded as %s", data, frame)
	})
}

// A position comes back as it was given, or is refused.
func FuzzResumePosition(f *testing.F) {
	f.Add(`{"epoch":"e1","seq":40}`)
	f.Add(`{"epoch":"","seq":0}`)
	f.Add(`{"epoch":"e1","seq":-1}`)
	f.Add(`{"seq":9007199254740993}`)
	f.Fuzz(func(t *testing.T, since string) {
		command, err := DecodeCommand(fmt.Appendf(nil, `{"type":"join","id":1,"room":"a","since":%s}`, since))
		if err != nil {
			return
		}
		join, ok := command.Body.(*Join)
		if !ok || join.Since == nil {
			return // since closed the object and changed the frame
		}
		require.LessOrEqual(t, join.Since.Seq, uint64(MaxID))
		frame, err := EncodeCommand(command)
		require.NoError(t, err)
		again, err := DecodeCommand(frame)
		require.NoError(t, err)
		require.Equal(t, join, again.Body)
	})
}
