package transport

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func TestTextIsReadInAnyPieces(t *testing.T) {
	for _, s := range []string{"", "x", "κόσμε 👩‍👩‍👧 \U0010ffff", strings.Repeat("ab€", 40_000), strings.Repeat("👋", 5000)} {
		for _, in := range []io.Reader{strings.NewReader(s), iotest.OneByteReader(strings.NewReader(s)), iotest.DataErrReader(strings.NewReader(s))} {
			got, err := readText(websocket.MessageText, &message{from: in})
			require.NoError(t, err)
			require.Equal(t, s, string(got))
		}
	}
	for name, s := range badText {
		for _, padding := range []int{0, 509, 510, 511, 512, 5000} {
			said := strings.Repeat("x", padding) + s
			for _, in := range []io.Reader{strings.NewReader(said), iotest.OneByteReader(strings.NewReader(said + "rest"))} {
				_, err := readText(websocket.MessageText, &message{from: in})
				require.ErrorIs(t, err, errLetters, "%s behind %d", name, padding)
			}
		}
	}
	_, err := readText(websocket.MessageText, &message{from: io.MultiReader(strings.NewReader("good"), iotest.ErrReader(io.ErrClosedPipe))})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = readText(websocket.MessageBinary, &message{from: iotest.ErrReader(errors.New("is not read"))})
	require.ErrorIs(t, err, errBinary)
}

// What is not UTF-8 is found before the rest of the message has come.
func TestTextFailsFast(t *testing.T) {
	said := &counted{r: io.MultiReader(strings.NewReader(`{"x":"`+"\xff"), strings.NewReader(strings.Repeat("x", 200_000)))}
	_, err := readText(websocket.MessageText, &message{from: said})
	require.ErrorIs(t, err, errLetters)
	require.LessOrEqual(t, said.n, 7, "the first fragment, or as much as is read of a large one")
	said = &counted{r: strings.NewReader("\xc3\x28" + strings.Repeat("x", 200_000))}
	_, err = readText(websocket.MessageText, &message{from: said})
	require.ErrorIs(t, err, errLetters)
	require.LessOrEqual(t, said.n, readPiece)
}

func TestBinaryIsReadInAnyPieces(t *testing.T) {
	const most = 100_000
	for _, n := range []int{0, 1, 511, 512, 513, 4096, most} {
		s := strings.Repeat("\xff\x00\x80", n)[:n]
		for _, in := range []io.Reader{strings.NewReader(s), iotest.OneByteReader(strings.NewReader(s)), iotest.DataErrReader(strings.NewReader(s))} {
			got, err := readBinary(websocket.MessageBinary, &message{from: in}, most)
			require.NoError(t, err)
			require.Equal(t, s, string(got))
		}
	}
	said := &counted{r: strings.NewReader(strings.Repeat("x", 10*most))}
	_, err := readBinary(websocket.MessageBinary, &message{from: said}, most)
	require.ErrorIs(t, err, largeError(most))
	require.LessOrEqual(t, said.n, most+readPiece, "it fails at once")
	_, err = readBinary(websocket.MessageBinary, &message{from: io.MultiReader(strings.NewReader("good"), iotest.ErrReader(io.ErrClosedPipe))}, most)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = readBinary(websocket.MessageText, &message{from: iotest.ErrReader(errors.New("is not read"))}, most)
	require.ErrorIs(t, err, errText)
}

type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func FuzzText(f *testing.F) {
	for _, s := range badText {
		f.Add([]byte(s), uint8(1))
	}
	f.Add([]byte("κόσμε"), uint8(3))
	f.Fuzz(func(t *testing.T, said []byte, piece uint8) {
		got, err := readText(websocket.MessageText, &message{from: &inPieces{bytes.NewReader(said), int(piece)%9 + 1}})
		require.Equal(t, utf8.Valid(said), err == nil)
		if err == nil {
			require.True(t, bytes.Equal(said, got))
		}
	})
}

// inPieces gives at most so many bytes at once.
type inPieces struct {
	r    io.Reader
	most int
}

func (c *inPieces) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.most)]) }
