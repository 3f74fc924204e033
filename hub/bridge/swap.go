package bridge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	headerID       = "Nats-Msg-Id"
	headerExpected = "Nats-Expected-Last-Subject-Sequence"
	headerRollup   = "Nats-Rollup"
)

// errOfRooms: the log is opened as one of rooms.
var errOfRooms = errors.New("this log is of rooms, whose past stays: open one of documents")

// swap is one Swap under way.
type swap struct {
	part    *partition
	subject string
	last    uint64
	msg     *nats.Msg
	id      string
	doubt   bool // a try was not answered: it may have been stored
}

// Swap stores an entry if the document's last one is as given; see hub.DocLog. It
// goes past the partition's queue, since it depends on no append.
func (l *Log) Swap(ctx context.Context, doc string, last uint64, data []byte, replace bool) (hub.Position, error) {
	switch {
	case l.cfg.Of != Documents:
		return hub.Position{}, errOfRooms
	case len(data) > hub.MaxRecord:
		return hub.Position{}, fmt.Errorf("%w: %d bytes, at most %d", hub.ErrTooLarge, len(data), hub.MaxRecord)
	case !l.enter():
		return hub.Position{}, hub.ErrClosed
	}
	defer l.writers.Done()
	ctx, cancel := context.WithTimeout(ctx, l.cfg.GiveUp)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	s := newSwap(l, doc, last, data, replace)
	seq, err := s.run(ctx)
	if err != nil {
		return hub.Position{}, err
	}
	return hub.Position{Epoch: s.part.epoch(), Seq: seq}, nil
}

// enter has Close wait for what is done here, until the writers' Done is called.
func (l *Log) enter() bool {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed.Load() {
		return false
	}
	l.writers.Add(1)
	return true
}

func newSwap(l *Log, doc string, last uint64, data []byte, replace bool) *swap {
	s := &swap{part: l.partition(doc), last: last, id: messageID(doc, "")}
	s.subject = l.cfg.logSubject(s.part.n, doc)
	s.msg = &nats.Msg{Subject: s.subject, Data: data, Header: nats.Header{
		headerID:       []string{s.id},
		headerExpected: []string{strconv.FormatUint(last, 10)},
	}}
	if replace {
		s.msg.Header[headerRollup] = []string{"sub"}
	}
	return s
}

// run tries until there is an answer, or no time is left. It is stored once at the
// most: a repeat finds another last entry.
func (s *swap) run(ctx context.Context) (seq uint64, err error) {
	l := s.part.log
	for wait := backoffFirst; ; wait = min(2*wait, backoffLast) {
		if err = l.hold(); err == nil {
			var over bool
			if seq, over, err = s.once(ctx); over {
				return seq, err
			}
			if l.stats.retries.Add(1); errCode(err) != codeInProcess && ctx.Err() == nil {
				s.part.failed(err)
				l.checkHealth()
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, s.late(ctx, err)
		}
	}
}

// late is the answer to a swap that has no time left, because of why.
func (s *swap) late(ctx context.Context, why error) error {
	if s.part.log.ctx.Err() != nil {
		return errGoingDown
	}
	return s.part.unavailable(errors.Join(ctx.Err(), why))
}

// once tries once; over says that seq or err is the answer.
func (s *swap) once(ctx context.Context) (seq uint64, over bool, err error) {
	floor := s.part.mark.Load()
	ack, err := s.try(ctx)
	switch code := errCode(err); {
	case err == nil:
		s.stored(ack, floor)
		return ack.Seq, true, nil
	case code == codeMsgTooLarge:
		return 0, true, fmt.Errorf("%w: %w", hub.ErrTooLarge, err)
	case code == int(jetstream.JSErrCodeStreamWrongLastSequence) || code == codeWrongSequence:
		switch {
		case s.doubt:
			return s.settle(ctx)
		case s.ahead(ctx):
			return 0, false, err
		}
		return 0, true, s.stale()
	case code == 0 || code == codeInProcess:
		s.doubt = true
	}
	return 0, false, err
}

// ahead reports whether the stream's leader has not come to the entry that is named,
// which is known to stand: it has just been elected, and compares with what it had before.
func (s *swap) ahead(ctx context.Context) bool {
	if s.last > s.part.mark.Load() {
		return false
	}
	info, err := s.part.log.info(ctx, s.part)
	return err == nil && info.State.LastSeq < s.last
}

func (s *swap) stale() error {
	return fmt.Errorf("%w: its last entry is not at %d", hub.ErrStale, s.last)
}

// try publishes, and waits for the stream's answer.
func (s *swap) try(ctx context.Context) (pubAck, error) {
	l := s.part.log
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AckTimeout)
	defer cancel()
	answer, err := l.pub.RequestMsgWithContext(ctx, s.msg)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return pubAck{}, errNoAnswer
	case err != nil:
		return pubAck{}, err
	}
	return decodeAck(answer)
}

// stored takes in that the stream has it, as for an append.
func (s *swap) stored(ack pubAck, floor uint64) {
	p := s.part
	if p.failure.Swap(nil) != nil {
		p.log.checkHealth()
	}
	if !ack.Duplicate {
		p.log.stats.appends.Add(1)
		if ack.Seq <= floor {
			p.fellBack(ack.Seq, floor)
		}
		p.seals.gather(makeMark(ack.Seq, s.subject, s.id, s.msg.Header.Get(headerRollup), s.msg.Data))
	}
	p.log.known.note(s.subject, ack.Seq)
	p.acked(ack.Seq)
}

// settle finds out whether a swap that is stale now was stored by a try that was not
// answered: one server compares what is expected before it looks for the id, a cluster
// the other way round. If it was, it is the entry after the last one that it named, unless
// another swap has replaced it since: that cannot be told from one that came first,
// but for what it named itself.
func (s *swap) settle(ctx context.Context) (seq uint64, over bool, err error) {
	next, err := s.part.log.leaderNext(ctx, s.part, s.subject, s.last+1)
	switch named := next.header.Get(headerExpected); {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, true, s.stale()
	case err != nil:
		return 0, false, err
	case next.header.Get(headerID) == s.id:
		s.stored(pubAck{Seq: next.Seq, Duplicate: true}, 0)
		return next.Seq, true, nil
	case next.header.Get(headerRollup) == "" || named == strconv.FormatUint(s.last, 10):
		return 0, true, s.stale()
	default:
		return 0, true, fmt.Errorf("%w: a try of the swap was not answered, and the document was replaced meanwhile: read it again", hub.ErrUnavailable)
	}
}
