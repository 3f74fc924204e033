package thin

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cutAll gives all messages of a stream that comes in pieces of a size, each as
// "opcode:data", and the error that ends it.
func cutAll(stream []byte, fromClient bool, piece int) (all []string, err error) {
	f := Frames{FromClient: fromClient}
	var rest []byte
	for len(stream) > 0 {
		n := min(piece, len(stream))
		got := append(rest, stream[:n]...)
		stream = stream[n:]
		used := 0
		for {
			m, took, err := f.Next(got[used:])
			if err != nil {
				return all, err
			}
			if took == 0 {
				break
			}
			used += took
			if m.Op != OpPart {
				all = append(all, fmt.Sprintf("%d:%s", m.Op, m.Data))
			}
		}
		rest = bytes.Clone(got[used:])
	}
	return all, nil
}

func TestFramesOfEveryLengthInPiecesOfEverySize(t *testing.T) {
	small := []int{0, 1, 7, 8, 125, 126, 127, 300}
	for _, c := range []struct {
		piece   int
		lengths []int
	}{{1, small}, {2, small}, {3, small}, {7, small}, {4000, []int{65535, 65536, 1}}, {1 << 20, []int{65535, 65536, 1}}} {
		var server, client []byte
		var want []string
		for _, n := range c.lengths {
			data := []byte(strings.Repeat("z", n))
			server = AppendFrame(server, OpText, data)
			client = appendMasked(client, OpText, [4]byte{1, 2, 3, 4}, data)
			want = append(want, fmt.Sprintf("1:%s", data))
		}
		got, err := cutAll(server, false, c.piece)
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = cutAll(client, true, c.piece)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestFragmentsWithAPingBetween(t *testing.T) {
	stream := []byte{0x01, 2, 'a', 'b', 0x89, 1, '!', 0x00, 1, 'c', 0x80, 1, 'd', 0x81, 1, 'e'}
	for piece := 1; piece <= len(stream); piece++ {
		got, err := cutAll(stream, false, piece)
		require.NoError(t, err)
		require.Equal(t, []string{"9:!", "1:abcd", "1:e"}, got)
	}
}

func TestFramesRefuse(t *testing.T) {
	long := binary.BigEndian.AppendUint64([]byte{0x81, 127}, 1<<63)
	for name, stream := range map[string][]byte{
		"reserved bits":         {0xC1, 0},
		"unknown opcode":        {0x83, 0},
		"control frame in part": {0x09, 0},
		"longer than 125":       {0x89, 126, 0, 126},
		"masked":                {0x81, 0x80, 0, 0, 0, 0},
		"nothing to continue":   {0x80, 0},
		"inside a fragmented":   {0x01, 0, 0x81, 0},
		"9223372036854775808":   long,
	} {
		_, err := cutAll(stream, false, len(stream))
		require.ErrorContains(t, err, strings.TrimSuffix(name, " in part"), name)
	}
	_, err := cutAll([]byte{0x81, 0}, true, 2)
	require.ErrorContains(t, err, "not masked")
	part := AppendFrame(nil, OpText, make([]byte, MaxMessage/2+1))
	part[0] &^= 0x80
	next := bytes.Clone(part)
	next[0] = 0
	_, err = cutAll(append(part, next...), false, 1<<20)
	require.ErrorContains(t, err, "fragmented message is longer")
}

// What a reader makes of a stream does not depend on how it is cut, and it never
// reads beyond it.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x01, 2, 'a', 'b', 0x89, 1, '!', 0x80, 1, 'd'}, false, 1)
	f.Add(appendMasked(nil, OpBinary, [4]byte{9, 8, 7, 6}, []byte("hello, masked")), true, 3)
	f.Add(AppendFrame(AppendFrame(nil, OpText, make([]byte, 300)), OpClose, []byte{3, 232}), false, 7)
	f.Add(binary.BigEndian.AppendUint64([]byte{0x82, 127}, 1<<40), false, 4)
	f.Fuzz(func(t *testing.T, stream []byte, fromClient bool, piece int) {
		if piece < 1 || piece > len(stream) {
			return
		}
		whole, errWhole := cutAll(bytes.Clone(stream), fromClient, len(stream))
		pieces, errPieces := cutAll(bytes.Clone(stream), fromClient, piece)
		require.Equal(t, whole, pieces)
		require.Equal(t, errWhole, errPieces)
	})
}
