package transport

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// readPiece is how much of a message is read before it is looked at, in bytes.
const readPiece = 4 << 10

const (
	errBinary  = frameError("is binary; send text")
	errText    = frameError("is text; send binary")
	errLetters = frameError("is not valid UTF-8; send JSON in UTF-8")
)

// readText reads a message, which must be text in UTF-8: the library leaves that to
// us, and RFC 6455 does not forgive it (section 8.1). It fails at once where it is
// not: after the fragment in which that is, or the piece of a large frame, so that
// nobody has more kept for them than they have said in letters.
func readText(kind websocket.MessageType, r *message) ([]byte, error) {
	if kind != websocket.MessageText {
		return nil, errBinary
	}
	buf, whole := make([]byte, 0, 512), 0
	for {
		n, err := r.Read(buf[len(buf):min(cap(buf), len(buf)+readPiece)])
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

// largeError is a message of more bytes than that.
type largeError int

func (e largeError) Error() string {
	return fmt.Sprintf("frame: is larger than %d bytes; send less at once", int(e))
}

// readBinary reads a message, which must be binary and of at most so many bytes. It
// fails at once where there are more, and keeps no more than has come.
func readBinary(kind websocket.MessageType, r *message, most int) ([]byte, error) {
	if kind != websocket.MessageBinary {
		return nil, errText
	}
	buf := make([]byte, 0, 512)
	for {
		n, err := r.Read(buf[len(buf):min(cap(buf), len(buf)+readPiece)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > most:
			return nil, largeError(most)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
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
