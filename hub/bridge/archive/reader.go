package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Reader reads an archive. What it has given is right as far as form goes; that the
// archive is whole is known when Next has come to its end.
type Reader struct {
	release func()
	in      *bufio.Reader
	sum     hash.Hash
	past    string // the sum before the end that was read last
	body    []byte

	head     Head
	streams  map[Stream]uint64 // where each ends that had a section
	section  *Section          // the one that is open
	last     uint64            // sequence in it
	count    uint64            // messages in it
	messages uint64
	done     bool
}

// NewReader begins to read. Close it.
func NewReader(r io.Reader) (*Reader, error) {
	var begin [len(magic)]byte
	if _, err := io.ReadFull(r, begin[:]); err != nil {
		return nil, invalid("it has no beginning: %v", err)
	}
	if got := string(begin[:]); got != magic {
		if strings.HasPrefix(got, magic[:6]) && got[7] == '\n' {
			return nil, fmt.Errorf("the archive has version %d, and this program reads %d: it was written by a newer one", got[6], magic[6])
		}
		return nil, errors.New("this is no archive of a hub; give a file that hubbub export or hubbub backup has made")
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	a, err := newReader(z)
	if err != nil {
		z.Close()
		return nil, err
	}
	a.release = z.Close
	return a, nil
}

// newReader begins to read the records.
func newReader(records io.Reader) (*Reader, error) {
	a := &Reader{in: bufio.NewReaderSize(records, 64<<10), sum: sha256.New(), streams: make(map[Stream]uint64)}
	return a, a.readHead()
}

// Close lets go of the decoder.
func (a *Reader) Close() { a.release() }

// Head tells what the archive is of.
func (a *Reader) Head() Head { return a.head }

func (a *Reader) readHead() error {
	kind, body, err := a.record()
	if err != nil {
		return err
	}
	if kind != kindHead {
		return invalid("it begins with a record of kind %q", kind)
	}
	if err := json.Unmarshal(body, &a.head); err != nil {
		return invalid("its head: %v", err)
	}
	if len(a.head.Logs) > maxLogsOfArchive {
		return invalid("it names %d logs", len(a.head.Logs))
	}
	for _, l := range a.head.Logs {
		if n := len(l.Partitions); n < 1 || n > maxPartitions || l.DedupMS < 0 || l.Of != Rooms && l.Of != Documents {
			return invalid("it names a log of %q with %d partitions", l.Of, n)
		}
	}
	return nil
}

// Ended is what Next gives where a section ends: how many messages it had.
type Ended uint64

// Next gives what comes next: a Section, a *Message, Ended, or io.EOF where the archive
// ends and is whole. A message's data is good until the next call.
func (a *Reader) Next() (any, error) {
	if a.done {
		return nil, io.EOF
	}
	kind, body, err := a.record()
	if err != nil {
		return nil, err
	}
	switch {
	case kind == kindSection && a.section == nil:
		return a.begin(body)
	case kind == kindMessage && a.section != nil:
		return a.message(body)
	case kind == kindEnd && a.section != nil:
		a.streams[a.section.Stream()] = a.section.To
		a.section = nil
		a.messages += a.count
		return Ended(a.count), a.compare(body, a.count)
	case kind == kindLast && a.section == nil:
		if err := a.compare(body, a.messages); err != nil {
			return nil, err
		}
		a.done = true
		if _, err := a.in.ReadByte(); err == nil {
			return nil, invalid("something follows its end")
		} else if !errors.Is(err, io.EOF) {
			return nil, invalid("behind its end: %v", err)
		}
		return nil, io.EOF
	}
	return nil, invalid("a record of kind %q has no place here", kind)
}

// begin reads the beginning of a section, and holds it to those before.
func (a *Reader) begin(body []byte) (any, error) {
	s := new(Section)
	if err := json.Unmarshal(body, s); err != nil {
		return nil, invalid("a section: %v", err)
	}
	if !a.known(s) {
		return nil, invalid("a section is of %s, which its head does not name", s.Stream())
	}
	ended, had := a.streams[s.Stream()]
	if had && !s.Again && s.From != ended+1 || s.To == 1<<64-1 {
		return nil, invalid("%s goes on at %d, and ended at %d", s.Stream(), s.From, ended)
	}
	a.section, a.count, a.last = s, 0, 0
	return *s, nil
}

func (a *Reader) known(s *Section) bool {
	switch s.Of {
	case Blobs, RoomSeals, DocumentSeals:
		return s.Partition == 0
	}
	for _, l := range a.head.Logs {
		if l.Of == s.Of {
			return s.Partition >= 0 && s.Partition < len(l.Partitions)
		}
	}
	return false
}

func (a *Reader) message(body []byte) (any, error) {
	m, err := parseMessage(body)
	if err != nil {
		return nil, err
	}
	if m.Seq < a.section.From || m.Seq > a.section.To || m.Seq <= a.last {
		return nil, invalid("message %d of %s is out of its place", m.Seq, a.section.Stream())
	}
	a.last = m.Seq
	a.count++
	return m, nil
}

// compare holds what was read to what was written.
func (a *Reader) compare(body []byte, messages uint64) error {
	var e end
	if err := json.Unmarshal(body, &e); err != nil {
		return invalid("an end: %v", err)
	}
	if e.Sum != a.past || e.Messages != messages {
		return invalid("%d messages with the sum %.8s were written, %d with %.8s are read", e.Messages, e.Sum, messages, a.past)
	}
	return nil
}

// record reads one record. body is good until the next call.
func (a *Reader) record() (kind byte, body []byte, err error) {
	if kind, err = a.in.ReadByte(); err != nil {
		return 0, nil, invalid("it ends without an end: %v", err)
	}
	n, err := binary.ReadUvarint(a.in)
	if err != nil {
		return 0, nil, invalid("the length of a record: %v", err)
	}
	most := uint64(maxJSON)
	if kind == kindMessage {
		most = maxMessage
	}
	if n > most {
		return 0, nil, invalid("a record of %d bytes; at most %d can be", n, most)
	}
	if uint64(cap(a.body)) < n {
		a.body = make([]byte, n)
	}
	a.body = a.body[:n]
	if _, err := io.ReadFull(a.in, a.body); err != nil {
		return 0, nil, invalid("a record ends early: %v", err)
	}
	if kind == kindEnd || kind == kindLast {
		a.past = hex.EncodeToString(a.sum.Sum(nil))
	}
	_, _ = a.sum.Write(binary.AppendUvarint([]byte{kind}, n))
	_, _ = a.sum.Write(a.body)
	return kind, a.body, nil
}
