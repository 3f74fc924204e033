package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub/bridge/archive"
)

// sealing is where a partition stands with its seals.
type sealing struct {
	end  atomic.Uint64 // where the stream ended when it was looked at last
	cut  atomic.Uint64 // from where on seals tell of what was lost, and is made anew; 0: none do
	upTo uint64        // what is sealed; owned by keepSeals, and by Close after it

	mu       sync.Mutex                      // guards what follows
	gathered map[uint64]*[sealBlock]sealMark // by block: what this instance has stored
}

// sealGathered is how many blocks of marks a partition keeps until they are sealed.
const sealGathered = 64

// gather keeps the mark of what this instance has stored. Where one instance stores all,
// nothing need be read to seal it.
func (s *sealing) gather(m sealMark) {
	block := blockOf(m.seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	marks := s.gathered[block]
	if marks == nil {
		if len(s.gathered) >= sealGathered {
			return // they are read when their turn comes
		}
		if s.gathered == nil {
			s.gathered = make(map[uint64]*[sealBlock]sealMark)
		}
		marks = new([sealBlock]sealMark)
		s.gathered[block] = marks
	}
	marks[m.seq-blockFrom(block)] = m
}

// gatheredOf gives what was gathered of a part of a block, if it is all of it.
func (s *sealing) gatheredOf(from, upTo uint64) []sealMark {
	s.mu.Lock()
	defer s.mu.Unlock()
	block := blockOf(from)
	marks := s.gathered[block]
	if marks == nil {
		return nil
	}
	part := marks[from-blockFrom(block) : upTo-blockFrom(block)+1]
	if slices.ContainsFunc(part, func(m sealMark) bool { return m.seq == 0 }) {
		return nil
	}
	return slices.Clone(part)
}

// sealed lets go of what was gathered of blocks that are sealed to their end.
func (s *sealing) sealed(upTo uint64) {
	s.upTo = upTo
	s.mu.Lock()
	defer s.mu.Unlock()
	for block := range s.gathered {
		if blockFrom(block+1) <= upTo+1 {
			delete(s.gathered, block)
		}
	}
}

// lost takes in that the partition has a new epoch, and ended at last when it began.
func (s *sealing) lost(last uint64) {
	s.mu.Lock()
	s.gathered = nil
	s.mu.Unlock()
	for was := s.cut.Load(); was == 0 || last+1 < was; was = s.cut.Load() {
		if s.cut.CompareAndSwap(was, last+1) {
			return
		}
	}
}

// keepSeals seals, at a slow pace, what was stored since. Each instance looks, and one
// of them writes: they would all write the same.
func (l *Log) keepSeals() {
	tick := time.NewTicker(l.cfg.MarkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		if err := l.sealAll(l.ctx, l.cfg.MarkEvery/2); err != nil && l.ctx.Err() == nil {
			l.cfg.Fault(err)
		}
	}
}

// sealAll seals each partition up to where it was seen to end. One that was sealed so
// recently was by another instance, which is left to go on.
func (l *Log) sealAll(ctx context.Context, recent time.Duration) (err error) {
	for _, p := range l.parts {
		if cut := p.seals.cut.Load(); cut > 0 {
			if serr := p.unseal(ctx, cut); serr != nil {
				err = errors.Join(err, fmt.Errorf("stream %s: take back its seals: %w", p.stream, serr))
				continue
			}
			p.seals.cut.CompareAndSwap(cut, 0)
		}
		end := max(p.seals.end.Load(), p.mark.Load())
		if end <= p.seals.upTo || ctx.Err() != nil {
			continue
		}
		if serr := p.seal(ctx, end, recent); serr != nil {
			err = errors.Join(err, fmt.Errorf("stream %s: seal it: %w", p.stream, serr))
		}
	}
	return err
}

// lastSeal is the newest seal of a partition; its sequence is that of the stream of
// seals.
type lastSeal struct {
	*seal
	at  time.Time
	seq uint64
}

// seal seals what was stored up to end, or leaves it to another instance that is at it.
func (p *partition) seal(ctx context.Context, end uint64, recent time.Duration) error {
	last, err := p.lastSeal(ctx)
	if err != nil {
		return err
	}
	from := uint64(1)
	if last != nil {
		p.seals.sealed(last.upTo)
		from = last.upTo + 1
		if end < from+sealBlock && time.Since(last.at) < recent {
			return nil
		}
	}
	if from == 1 {
		info, err := p.log.info(ctx, p)
		if err != nil {
			return err
		}
		from = max(from, info.State.FirstSeq)
	}
	for from <= end {
		next := &seal{from: from, upTo: min(blockFrom(blockOf(from)+1)-1, end)}
		var expect uint64
		if last != nil && blockOf(last.upTo) == blockOf(from) {
			next.from, next.marks, expect = last.from, last.marks, last.seq
		}
		if over, err := p.sealOne(ctx, next, from, expect); over || err != nil {
			return err
		}
		from = next.upTo + 1
	}
	return nil
}

// sealOne adds to a seal what is not yet in it, and stores it; over says that another
// instance was first.
func (p *partition) sealOne(ctx context.Context, s *seal, from, expect uint64) (over bool, err error) {
	if marks := p.seals.gatheredOf(from, s.upTo); marks != nil {
		s.marks = append(s.marks, marks...)
	} else if err := scan(ctx, p.log.old, scanned{stream: p.stream, from: from, to: s.upTo}, func(m *archive.Message) error {
		s.marks = append(s.marks, markOf(m))
		return nil
	}); err != nil {
		return false, err
	}
	err = p.storeSeal(ctx, s, expect)
	if overtaken(err) {
		return true, nil
	}
	if err == nil {
		p.seals.sealed(s.upTo)
	}
	return false, err
}

// storeSeal stores a seal in the place of the one that its stream has at expect.
func (p *partition) storeSeal(ctx context.Context, s *seal, expect uint64) error {
	l := p.log
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AckTimeout)
	defer cancel()
	_, err := l.js.PublishMsg(ctx, &nats.Msg{
		Subject: l.cfg.sealSubject(p.n, blockOf(s.upTo)), Data: s.encode(),
		Header: nats.Header{headerRollup: {"sub"}, headerExpected: {strconv.FormatUint(expect, 10)}},
	})
	return err
}

// lastSeal asks for the newest seal of the partition.
func (p *partition) lastSeal(ctx context.Context) (*lastSeal, error) {
	return p.log.sealAt(ctx, p.log.cfg.sealPrefix()+strconv.Itoa(p.n)+".*")
}

// unseal takes back what seals tell of from a sequence on. The end of the partition was
// lost, which was told, and its sequences are of other messages now.
func (p *partition) unseal(ctx context.Context, cut uint64) error {
	l := p.log
	last, err := p.lastSeal(ctx)
	if err != nil || last == nil || last.upTo < cut {
		return err
	}
	p.seals.upTo = cut - 1
	s, err := l.seals(ctx)
	if err != nil {
		return err
	}
	at := blockOf(cut)
	for block := blockOf(last.upTo); block > at; block-- {
		if err := s.Purge(ctx, jetstream.WithPurgeSubject(l.cfg.sealSubject(p.n, block))); err != nil {
			return err
		}
	}
	part, err := l.sealAt(ctx, l.cfg.sealSubject(p.n, at))
	if err != nil || part == nil || part.upTo < cut {
		return err
	}
	if part.from >= cut {
		return s.Purge(ctx, jetstream.WithPurgeSubject(l.cfg.sealSubject(p.n, at)))
	}
	part.upTo = cut - 1
	part.marks = slices.DeleteFunc(part.marks, func(m sealMark) bool { return m.seq >= cut })
	return p.storeSeal(ctx, part.seal, part.seq)
}

// sealAt asks for the newest seal under a subject; nil: there is none.
func (l *Log) sealAt(ctx context.Context, subject string) (*lastSeal, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AckTimeout)
	defer cancel()
	s, err := l.seals(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	last, err := decodeSeal(msg.Data)
	if err != nil {
		return nil, fmt.Errorf("message %d of stream %s: %w", msg.Sequence, l.cfg.sealStream(), err)
	}
	return &lastSeal{last, msg.Time, msg.Sequence}, nil
}

// seals finds the stream of seals. Where there is none, as in a log of before there were
// any, it makes one.
func (l *Log) seals(ctx context.Context) (jetstream.Stream, error) {
	s, err := l.js.Stream(ctx, l.cfg.sealStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l.js.CreateStream(ctx, l.cfg.sealConfig())
	}
	return s, err
}

// tellErased notes that what a subject has up to a sequence was erased, and not lost.
func (l *Log) tellErased(ctx context.Context, p *partition, subject string, upTo uint64) error {
	if _, err := l.seals(ctx); err != nil {
		return err
	}
	_, err := l.js.PublishMsg(ctx, &nats.Msg{
		Subject: l.cfg.erasedSubject(p.n, subject), Data: strconv.AppendUint(nil, upTo, 10),
		Header: nats.Header{headerRollup: {"sub"}},
	})
	return err
}
