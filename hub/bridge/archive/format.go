package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	magic = "HUBBUB\x01\n"

	kindHead    = 'H'
	kindSection = 'S'
	kindMessage = 'M'
	kindEnd     = 'E'
	kindLast    = 'Z'

	maxJSON    = 64 << 10
	maxMessage = 4 << 20
	maxSubject = 1024
	maxHeaders = 64
	maxHeader  = 4096
	maxWindow  = 8 << 20
)

// The streams of an archive, by what they are of.
const (
	Rooms            = "rooms"
	Documents        = "documents"
	Blobs            = "blobs"
	RoomSeals        = "seals of rooms"
	DocumentSeals    = "seals of documents"
	maxPartitions    = 1024 // no log has more, and a reader need not take more
	maxLogsOfArchive = 8
)

// Head tells what the archive is of.
type Head struct {
	Made  time.Time `json:"made"`
	By    string    `json:"by"`    // the program
	Moved bool      `json:"moved"` // the log ended where the archive does
	Logs  []Log     `json:"logs"`
}

// Log tells of one log as a whole.
type Log struct {
	Of         string      `json:"of"` // Rooms or Documents
	DedupMS    int64       `json:"dedup_ms"`
	Partitions []Partition `json:"partitions"`
}

// Partition is what clients hold of a partition beside their sequences.
type Partition struct {
	Epoch  string `json:"epoch"`
	Resets int    `json:"resets,omitempty"`
}

// Section begins what is left of a stream's sequences From to To.
type Section struct {
	Of        string `json:"of"`
	Partition int    `json:"partition"`
	From      uint64 `json:"from"`
	To        uint64 `json:"to"`
	Again     bool   `json:"again,omitempty"` // what came before of this stream is void
}

// Stream names the stream that the section is of.
func (s Section) Stream() Stream { return Stream{s.Of, s.Partition} }

// Stream names a stream within an archive.
type Stream struct {
	Of        string
	Partition int
}

// String gives the stream as text for people.
func (s Stream) String() string { return fmt.Sprintf("partition %d of %s", s.Partition, s.Of) }

// Header is one header of a message.
type Header struct{ Name, Value string }

// Message is one stored message.
type Message struct {
	Seq     uint64
	Time    time.Time
	Subject string // what follows the stream's own beginning
	Header  []Header
	Data    []byte
}

// end is the body of E and Z.
type end struct {
	Messages uint64 `json:"messages"`
	Sum      string `json:"sum"`
}

// ErrInvalid is what every fault of an archive wraps.
var ErrInvalid = errors.New("the archive is damaged, or was cut short")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// appendMessage adds the body of a message.
func appendMessage(b []byte, m *Message) ([]byte, error) {
	if len(m.Subject) > maxSubject || len(m.Header) > maxHeaders {
		return nil, fmt.Errorf("message %d: a subject of %d bytes and %d headers; an archive takes %d and %d", m.Seq, len(m.Subject), len(m.Header), maxSubject, maxHeaders)
	}
	b = binary.AppendUvarint(b, m.Seq)
	b = binary.AppendVarint(b, m.Time.UnixNano())
	b = appendText(b, m.Subject)
	b = binary.AppendUvarint(b, uint64(len(m.Header)))
	for _, h := range m.Header {
		if len(h.Name) > maxHeader || len(h.Value) > maxHeader {
			return nil, fmt.Errorf("message %d: the header %.40q is longer than %d bytes", m.Seq, h.Name, maxHeader)
		}
		b = appendText(appendText(b, h.Name), h.Value)
	}
	b = append(b, m.Data...)
	if len(b) > maxMessage {
		return nil, fmt.Errorf("message %d: is of %d bytes, and an archive takes %d", m.Seq, len(b), maxMessage)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parser reads the parts of a body; after a fault all it gives is empty.
type parser struct {
	rest  []byte
	fault error
}

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail("a number does not end, or is too large")
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) varint() int64 {
	v, n := binary.Varint(p.rest)
	if n <= 0 {
		p.fail("a number does not end, or is too large")
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) text(most int) string {
	n := p.uvarint()
	if n > uint64(most) || n > uint64(len(p.rest)) {
		p.fail("a text is longer than what is left, or than is allowed")
		return ""
	}
	s := string(p.rest[:n])
	p.rest = p.rest[n:]
	return s
}

func (p *parser) fail(why string) {
	if p.fault == nil {
		p.fault = invalid("%s", why)
	}
	p.rest = nil
}

// parseMessage reads the body of a message. Data stays within body.
func parseMessage(body []byte) (*Message, error) {
	p := parser{rest: body}
	m := &Message{Seq: p.uvarint(), Time: time.Unix(0, p.varint()).UTC(), Subject: p.text(maxSubject)}
	n := p.uvarint()
	if n > maxHeaders {
		p.fail("a message has too many headers")
	}
	for i := uint64(0); i < n && p.fault == nil; i++ {
		m.Header = append(m.Header, Header{p.text(maxHeader), p.text(maxHeader)})
	}
	m.Data = p.rest
	if p.fault == nil && m.Seq == 0 {
		p.fail("a message has the sequence 0")
	}
	return m, p.fault
}
