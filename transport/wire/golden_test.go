package wire

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
)

// golden is a case of testdata; its README says what the fields mean.
type golden struct {
	Name      string
	Direction string
	Frame     string
	Base64    []byte `json:"frame_base64"`
	ReadsAs   string `json:"reads_as"`
	Error     room.Code
	ID        uint64
	Malformed bool
}

func (g *golden) bytes() []byte {
	if g.Base64 != nil {
		return g.Base64
	}
	return []byte(g.Frame)
}

// canonical is what an encoder makes of the frame.
func (g *golden) canonical() string {
	if g.ReadsAs != "" {
		return g.ReadsAs
	}
	return g.Frame
}

func readGolden(t testing.TB, file string) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	var cases []golden
	require.NoError(t, json.Unmarshal(data, &cases))
	require.NotEmpty(t, cases)
	names := map[string]bool{}
	for _, c := range cases {
		require.False(t, names[c.Name], "%s: two cases are called %q", file, c.Name)
		names[c.Name] = true
	}
	return cases
}

func TestGoldenCommands(t *testing.T) {
	for _, c := range readGolden(t, "commands.json") {
		t.Run(c.Name, func(t *testing.T) {
			require.Equal(t, "command", c.Direction)
			command, err := DecodeCommand(c.bytes())
			require.NoError(t, err)
			frame, err := EncodeCommand(command)
			require.NoError(t, err)
			require.Equal(t, c.canonical(), string(frame))
		})
	}
}

func TestGoldenReplies(t *testing.T) {
	for _, c := range readGolden(t, "replies.json") {
		t.Run(c.Name, func(t *testing.T) {
			require.Equal(t, "reply", c.Direction)
			reply, err := DecodeReply(c.bytes())
			require.NoError(t, err)
			message, ok := reply.Body.(Message)
			require.True(t, ok, "%T", reply.Body)
			require.Equal(t, c.canonical(), string(Encode(reply.ID, message)))
		})
	}
}

func TestGoldenBadCommands(t *testing.T) {
	for _, c := range readGolden(t, "bad_commands.json") {
		t.Run(c.Name, func(t *testing.T) {
			command, err := DecodeCommand(c.bytes())
			require.Error(t, err)
			require.Equal(t, c.Error, room.AsError(err).Code, "%v", err)
			require.Equal(t, c.ID, command.ID, "%v", err)
			require.Equal(t, c.Malformed, Malformed(err), "%v", err)
			require.Nil(t, command.Body)
			require.Less(t, len(err.Error()), 400, "an error is short, whatever it is about")
		})
	}
}
