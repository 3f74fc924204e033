package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Writer writes an archive. After an error it is of no more use. Whoever does not
// come to Close has written none.
type Writer struct {
	z    *zstd.Encoder
	sum  hash.Hash
	body []byte // of the message under way
	head []byte

	section, messages uint64 // messages so far
	open              bool   // a section is
}

// NewWriter begins an archive.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	if _, err := io.WriteString(w, magic); err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	a := &Writer{z: z, sum: sha256.New()}
	return a, a.json(kindHead, h)
}

// Begin begins a section.
func (a *Writer) Begin(s Section) error {
	if a.open {
		return errors.New("the section before is not ended")
	}
	a.open, a.section = true, 0
	return a.json(kindSection, s)
}

// Message adds a message to the section.
func (a *Writer) Message(m *Message) (err error) {
	if a.body, err = appendMessage(a.body[:0], m); err != nil {
		return err
	}
	a.section++
	return a.record(kindMessage, a.body)
}

// End ends the section.
func (a *Writer) End() error {
	a.messages += a.section
	a.open = false
	return a.json(kindEnd, end{a.section, a.digest()})
}

// Close ends the archive. It leaves what is below open.
func (a *Writer) Close() error {
	if err := a.json(kindLast, end{a.messages, a.digest()}); err != nil {
		return err
	}
	return a.z.Close()
}

// Abort lets go of an archive that will not be whole.
func (a *Writer) Abort() { _ = a.z.Close() }

func (a *Writer) digest() string { return hex.EncodeToString(a.sum.Sum(nil)) }

func (a *Writer) json(kind byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if len(body) > maxJSON {
		return fmt.Errorf("a record of %d bytes; an archive takes %d", len(body), maxJSON)
	}
	return a.record(kind, body)
}

func (a *Writer) record(kind byte, body []byte) error {
	a.head = binary.AppendUvarint(append(a.head[:0], kind), uint64(len(body)))
	for _, part := range [][]byte{a.head, body} {
		_, _ = a.sum.Write(part)
		if _, err := a.z.Write(part); err != nil {
			return err
		}
	}
	return nil
}
