package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

const (
	// sealMost bounds how many seals there are: the oldest go first, and what they told
	// of is then not verified. A bound in bytes would be taken from the account's space
	// at once.
	sealMost = 1 << 17
	// sealBlock is how many sequences a seal is of. The one at the end of a partition
	// is of fewer, and is replaced as they come.
	sealBlock = 1024

	// sealErased begins the subjects that tell up to where a name was erased.
	sealErased = "erased"

	sealVersion = 1
	// sealEntry is what a message takes in a seal beside the distance to the one
	// before.
	sealEntry = 8
)

// sealConfig is that of the stream of seals.
func (c *Config) sealConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.sealStream(),
		Description: "Hubbub: what doctor --deep holds the log of its " + c.Of.String() + " against",
		Subjects:    []string{c.sealPrefix() + "*.*", c.sealPrefix() + sealErased + ".*.*"},
		MaxMsgs:     sealMost, Discard: jetstream.DiscardOld,
		Storage: jetstream.FileStorage, Replicas: c.Replicas,
		AllowRollup: true, AllowDirect: true,
	}
}

// seal tells which messages a part of a partition has, and of each what it was like when
// it was new. The engine cannot tell a message that was lost from one that was deleted,
// and passes over what it cannot read: whoever has the seal can.
type seal struct {
	from, upTo uint64 // the sequences that it is of
	marks      []sealMark
}

// sealMark is what a seal has of a message. The subject is told apart from the rest, so
// that it can be told whose message is missing, and whether another one has replaced it.
type sealMark struct {
	seq     uint64
	subject uint32
	sum     uint32
}

// blockOf is the block that a sequence is in, and blockFrom the first of one.
func blockOf(seq uint64) uint64 { return (seq - 1) / sealBlock }

func blockFrom(block uint64) uint64 { return block*sealBlock + 1 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func subjectSum(subject string) uint32 { return crc32.Checksum([]byte(subject), castagnoli) }

// markOf makes a stored message's mark.
func markOf(m *archive.Message) sealMark {
	var id, rollup string
	for _, h := range m.Header {
		switch h.Name {
		case headerID:
			id = h.Value
		case headerRollup:
			rollup = h.Value
		}
	}
	return makeMark(m.Seq, m.Subject, id, rollup, m.Data)
}

// makeMark makes a mark of what a message is: its sequence, subject, id, whether it
// replaced others, and data.
func makeMark(seq uint64, subject, id, rollup string, data []byte) sealMark {
	var room [256]byte // for most of them, so that nothing is allocated
	b := binary.BigEndian.AppendUint64(room[:0], seq)
	b = append(b, subject...)
	mark := sealMark{seq: seq, subject: crc32.Checksum(b[8:], castagnoli)}
	b = append(append(append(append(append(b, 0), id...), 0), rollup...), 0)
	mark.sum = crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, data)
	return mark
}

// encode gives the seal as it is stored.
func (s *seal) encode() []byte {
	b := make([]byte, 0, 32+len(s.marks)*(sealEntry+1))
	b = append(b, sealVersion)
	b = binary.AppendUvarint(b, s.from)
	b = binary.AppendUvarint(b, s.upTo-s.from)
	b = binary.AppendUvarint(b, uint64(len(s.marks)))
	last := s.from
	for _, m := range s.marks {
		b = binary.AppendUvarint(b, m.seq-last)
		b = binary.BigEndian.AppendUint32(b, m.subject)
		b = binary.BigEndian.AppendUint32(b, m.sum)
		last = m.seq
	}
	return b
}

var errSeal = errors.New("is no seal that this program knows")

// decodeSeal is encode the other way.
func decodeSeal(b []byte) (*seal, error) {
	if len(b) == 0 || b[0] != sealVersion {
		return nil, errSeal
	}
	b = b[1:]
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errSeal
		}
		head[i], b = v, b[n:]
	}
	if head[0] == 0 || head[1] >= sealBlock || head[0]+head[1] < head[0] || head[2] > head[1]+1 {
		return nil, fmt.Errorf("a seal of %d messages from %d on: %w", head[2], head[0], errSeal)
	}
	s := &seal{from: head[0], upTo: head[0] + head[1], marks: make([]sealMark, 0, head[2])}
	last := s.from
	for range head[2] {
		d, n := binary.Uvarint(b)
		if n <= 0 || len(b) < n+sealEntry || d > s.upTo-last || d == 0 && len(s.marks) > 0 {
			return nil, errSeal
		}
		last += d
		b = b[n:]
		s.marks = append(s.marks, sealMark{last, binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])})
		b = b[sealEntry:]
	}
	if len(b) > 0 {
		return nil, errSeal
	}
	return s, nil
}

// find looks for a sequence.
func (s *seal) find(seq uint64) (sealMark, bool) {
	i, ok := slices.BinarySearchFunc(s.marks, seq, func(m sealMark, seq uint64) int {
		return int(int64(m.seq) - int64(seq))
	})
	if !ok {
		return sealMark{}, false
	}
	return s.marks[i], true
}
