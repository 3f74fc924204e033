package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// Damage is a part of a log that is not what it was.
type Damage struct {
	Of        string // what the archive's words call it: rooms, documents, blobs
	Partition int
	From, To  uint64 // sequences
	Messages  int
	What      string
	Names     []string // of rooms or documents, as far as they can be told
}

// String gives the damage as a line of text.
func (d Damage) String() string {
	s := fmt.Sprintf("partition %d of %s, sequences %d to %d: %d %s", d.Partition, d.Of, d.From, d.To, d.Messages, d.What)
	if len(d.Names) > 0 {
		s += ", of " + strings.Join(d.Names, ", ")
	}
	return s
}

// DeepReport is what reading everything has shown.
type DeepReport struct {
	Messages uint64 // that are what they were
	Meant    uint64 // that are gone, and were replaced or trimmed
	Unsealed uint64 // that nothing is known of to hold them against
	Blobs    uint64
	Damage   []Damage
	Notes    []string // what could not be verified
}

// Deep reads all that a store holds and holds each message against its seal. It may be
// in use.
func Deep(ctx context.Context, s Store) (*DeepReport, error) {
	o, err := s.open("hubbub-doctor")
	if err != nil {
		return nil, err
	}
	defer o.nc.Close()
	logs, err := o.logs(ctx)
	if err != nil {
		return nil, err
	}
	r := new(DeepReport)
	for _, f := range logs {
		for p := range f.streams {
			d := &deep{opened: o, found: f, n: p, report: r, names: make(map[uint32]string), replaced: make(map[uint32]uint64), erased: make(map[uint32]uint64)}
			if err := d.run(ctx); err != nil {
				return nil, err
			}
		}
		if f.cfg.Of == Documents {
			if err := o.deepBlobs(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// deep is the reading of one partition.
type deep struct {
	*opened
	found
	n      int
	report *DeepReport

	names    map[uint32]string // by the sum of their subject
	replaced map[uint32]uint64 // below what the past of a document was replaced
	erased   map[uint32]uint64 // up to where something was erased
	odd      []oddity
	upTo     uint64 // what seals were seen for
}

// oddity is a message that is not as its seal has it.
type oddity struct {
	seq     uint64
	subject uint32
	what    string
}

const (
	isMissing = "messages are gone, or cannot be read"
	isChanged = "messages are not what was stored"
	isNew     = "messages are there that were not"
)

// run goes through seals and messages side by side, both being in order, and then
// through what is not sealed.
func (d *deep) run(ctx context.Context) error {
	info, err := d.state(ctx, d.cfg.sealStream())
	if err != nil {
		return err
	}
	if info != nil {
		seals := scanned{stream: d.cfg.sealStream(), from: 1, to: info.State.LastSeq, filter: d.cfg.sealPrefix() + strconv.Itoa(d.n) + ".*"}
		if err := scan(ctx, d.nc, seals, func(m *archive.Message) error { return d.sealed(ctx, m) }); err != nil {
			return err
		}
	}
	return d.unsealed(ctx)
}

// sealed holds a block of messages against its seal.
func (d *deep) sealed(ctx context.Context, m *archive.Message) error {
	s, err := decodeSeal(m.Data)
	if err != nil {
		d.note("the seal in message %d of %s: %v", m.Seq, d.cfg.sealStream(), err)
		return nil
	}
	if err := d.gap(ctx, s.from-1); err != nil {
		return err
	}
	d.upTo = max(d.upTo, s.upTo)
	seen := make(map[uint64]bool, len(s.marks))
	if err := scan(ctx, d.nc, scanned{stream: d.streams[d.n], from: s.from, to: s.upTo}, func(m *archive.Message) error {
		is := d.meet(m)
		seen[m.Seq] = true
		switch was, ok := s.find(m.Seq); {
		case !ok:
			d.odd = append(d.odd, oddity{m.Seq, is.subject, isNew})
		case was != is:
			d.odd = append(d.odd, oddity{m.Seq, was.subject, isChanged})
		default:
			d.report.Messages++
		}
		return nil
	}); err != nil {
		return err
	}
	for _, was := range s.marks {
		if !seen[was.seq] {
			d.odd = append(d.odd, oddity{was.seq, was.subject, isMissing})
		}
	}
	return nil
}

// meet takes in what a message tells about others.
func (d *deep) meet(m *archive.Message) sealMark {
	is := markOf(m)
	if _, known := d.names[is.subject]; !known {
		d.names[is.subject] = d.cfg.name(d.n, m.Subject)
	}
	for _, h := range m.Header {
		if h.Name == headerRollup {
			d.replaced[is.subject] = m.Seq
		}
	}
	return is
}

// gap reads what lies between the last seal and upTo, of which there is none.
func (d *deep) gap(ctx context.Context, upTo uint64) error {
	from := d.upTo + 1
	if upTo < from {
		return nil
	}
	d.upTo = upTo
	n := uint64(0)
	err := scan(ctx, d.nc, scanned{stream: d.streams[d.n], from: from, to: upTo}, func(m *archive.Message) error {
		d.meet(m)
		n++
		return nil
	})
	if d.report.Unsealed += n; n > 0 {
		d.note("partition %d of %s, sequences %d to %d: no seal tells what they were", d.n, d.log, from, upTo)
	}
	return err
}

// unsealed reads what follows the last seal, which may replace what came before, and
// then tells what is wrong.
func (d *deep) unsealed(ctx context.Context) error {
	info, err := d.state(ctx, d.streams[d.n])
	if err != nil {
		return err
	}
	if info == nil {
		return fmt.Errorf("stream %s is gone, and belongs to this log", d.streams[d.n])
	}
	if err := scan(ctx, d.nc, scanned{stream: d.streams[d.n], from: d.upTo + 1, to: info.State.LastSeq}, func(m *archive.Message) error {
		d.meet(m)
		d.report.Unsealed++
		return nil
	}); err != nil {
		return err
	}
	if len(d.odd) > 0 {
		if err := errors.Join(d.ask(ctx), d.readErased(ctx)); err != nil {
			return err
		}
	}
	d.judge()
	return nil
}

// ask asks the index for names: a room may have nothing left that can be read.
func (d *deep) ask(ctx context.Context) error {
	s, err := d.js.Stream(ctx, d.streams[d.n])
	if err != nil {
		return fmt.Errorf("stream %s: %w", d.streams[d.n], err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return fmt.Errorf("stream %s: %w", d.streams[d.n], err)
	}
	for subject := range info.State.Subjects {
		d.names[subjectSum(subject)] = d.cfg.name(d.n, subject)
	}
	return nil
}

// readErased reads up to where what was erased.
func (d *deep) readErased(ctx context.Context) error {
	info, err := d.state(ctx, d.cfg.sealStream())
	if err != nil || info == nil {
		return err
	}
	notes := scanned{stream: d.cfg.sealStream(), from: 1, to: info.State.LastSeq, filter: d.cfg.erasedFilter(d.n)}
	return scan(ctx, d.nc, notes, func(m *archive.Message) error {
		sum, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 16, 32)
		if err != nil {
			return fmt.Errorf("stream %s: message %d: %w", d.cfg.sealStream(), m.Seq, err)
		}
		upTo, err := strconv.ParseUint(string(m.Data), 10, 64)
		if err != nil {
			return fmt.Errorf("stream %s: message %d: %w", d.cfg.sealStream(), m.Seq, err)
		}
		d.erased[uint32(sum)] = max(d.erased[uint32(sum)], upTo)
		return nil
	})
}

// judge leaves out what was meant to go, and tells of the rest in rows.
func (d *deep) judge() {
	trimmed := d.rec.Partitions[d.n].First
	d.odd = slices.DeleteFunc(d.odd, func(o oddity) bool {
		meant := o.what == isMissing && (o.seq < d.replaced[o.subject] || o.seq <= d.erased[o.subject] || d.cfg.Of == Rooms && o.seq < trimmed)
		if meant {
			d.report.Meant++
		}
		return meant
	})
	slices.SortFunc(d.odd, func(a, b oddity) int { return int(a.seq) - int(b.seq) })
	for i := 0; i < len(d.odd); {
		j := i + 1
		for j < len(d.odd) && d.odd[j].what == d.odd[i].what && d.odd[j].seq <= d.odd[j-1].seq+damageReach {
			j++
		}
		d.tell(d.odd[i:j])
		i = j
	}
}

const (
	// damageReach is how far apart messages of one row may be: what lies between
	// them may belong to documents that have gone on.
	damageReach = 16
	// damageNames is how many names a row tells.
	damageNames = 5
)

func (d *deep) tell(row []oddity) {
	dmg := Damage{Of: d.log, Partition: d.n, From: row[0].seq, To: row[len(row)-1].seq, Messages: len(row), What: row[0].what}
	for _, o := range row {
		name, known := d.names[o.subject]
		if !known {
			name = fmt.Sprintf("one whose name is lost (%08x)", o.subject)
		}
		if !slices.Contains(dmg.Names, name) {
			dmg.Names = append(dmg.Names, name)
		}
	}
	if n := len(dmg.Names); n > damageNames {
		dmg.Names = append(dmg.Names[:damageNames], fmt.Sprintf("and %d more", n-damageNames))
	}
	d.report.Damage = append(d.report.Damage, dmg)
}

func (d *deep) note(format string, args ...any) {
	d.report.Notes = append(d.report.Notes, fmt.Sprintf(format, args...))
}

// name is what a subject is of, for people.
func (c *Config) name(p int, subject string) string {
	tokens := strings.TrimPrefix(subject, c.logPrefix(p))
	name, err := "", error(nil)
	if c.Of == Documents {
		name, err = document(tokens)
	} else {
		name, err = unescape(tokens)
	}
	if err != nil {
		return subject
	}
	return name
}
