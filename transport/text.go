package transport

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// textPiece is how much of a message is read before it is looked at, in bytes.
const textPiece = 4 << 10

const (
	errBinary  = frameError("is binary; send text")
	errLetters = frameError("is not valid UTF-8; send JSON in UTF-8")
)

// readText reads a message, which must be text in UTF-8: the library leaves that to
// us, and RFC 6455 does not forgive it (section 8.1). It fails at once where it is
// not: after the fragment in which that is, or the piece of a large frame, so that
// nobody has more kept for them than they have said in letters.
func readText(kind websocket.MessageType, r io.Reader) ([]byte, error) {
	if kind != websocket.MessageText {
		return nil, errBinary
	}
	buf, whole := make([]byte, 0, 512), 0
	for {
		n, err := r.Read(buf[len(buf):min(cap(buf), len(buf)+textPiece)])
		buf = buf[:len(buf)+n]
		begun := unended(buf[whole:])
		switch end := len(buf) - begun; {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case !utf8.Valid(buf[whole:end]), err != nil && begun > 0:
			return nil, errLetters
		case err != nil:
			return buf, nil
		default:
			whole = end
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// unended is the length of what at the end of p may be the beginning of a letter.
func unended(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if tail := p[len(p)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
