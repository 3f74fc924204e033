package transport

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// goldenFrame is a case of wire/testdata; the README there says what the fields
// mean.
type goldenFrame struct {
	Name      string
	Frame     string
	Base64    []byte `json:"frame_base64"`
	Error     room.Code
	ID        uint64
	Malformed bool
}

func goldenFrames(t *testing.T, file string) []goldenFrame {
	t.Helper()
	data, err := os.ReadFile("wire/testdata/" + file)
	require.NoError(t, err)
	var cases []goldenFrame
	require.NoError(t, json.Unmarshal(data, &cases))
	require.NotEmpty(t, cases)
	return cases
}

func (g *goldenFrame) bytes() []byte {
	if g.Base64 != nil {
		return g.Base64
	}
	return []byte(g.Frame)
}

// TestGoldenCommandsAreServed sends every good command to a live hub: each is
// understood, whatever its answer, and the connection goes on.
func TestGoldenCommandsAreServed(t *testing.T) {
	e := newEdge(t)
	for _, g := range goldenFrames(t, "commands.json") {
		t.Run(g.Name, func(t *testing.T) {
			cmd, err := wire.DecodeCommand(g.bytes())
			require.NoError(t, err)
			p := e.with(t).guest()
			p.lastID = wire.MaxID - 2 // beside the ids of the frames
			p.write(text(string(g.bytes())))
			if _, pong := cmd.Body.(*wire.Pong); cmd.ID != 0 && !pong {
				r := p.reply(cmd.ID)
				if said, ok := r.Body.(*wire.Error); ok {
					require.NotContains(t, []room.Code{room.CodeInternal, room.CodeUnknownCommand, room.CodeUnavailable}, said.Code, said.Message)
				}
			}
			ask[wire.PongReply](p, &wire.Ping{})
			p.bye()
		})
	}
}

// TestGoldenBadCommandsAreRefused sends every bad command to a live hub: the error
// is the one that is written there, under its id, and the connection goes on
// unless the frame is one that the RFC does not forgive.
func TestGoldenBadCommandsAreRefused(t *testing.T) {
	e := newEdge(t)
	for _, g := range goldenFrames(t, "bad_commands.json") {
		t.Run(g.Name, func(t *testing.T) {
			p := e.with(t).guest()
			p.lastID = wire.MaxID - 2
			p.write(frame(fin|opText, g.bytes()))
			if g.ID != 0 || g.Malformed {
				r := p.next()
				require.Equal(t, g.ID, r.ID)
				said, ok := r.Body.(*wire.Error)
				require.True(t, ok, "%T", r.Body)
				require.Equal(t, g.Error, said.Code, said.Message)
				require.NotEmpty(t, said.Message)
			}
			if g.Base64 != nil {
				p.cut(wire.CloseBadProtocol)
				return
			}
			ask[wire.PongReply](p, &wire.Ping{})
			p.bye()
		})
	}
}
