package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// lookAgain has the ends of the streams compared with what was acknowledged, soon.
func (l *Log) lookAgain() {
	select {
	case l.recheck <- struct{}{}:
	default:
	}
}

// keepMarks compares, at a slow pace and when something has happened, the ends of
// the streams with what was acknowledged, and stores where they stand if that has
// moved.
func (l *Log) keepMarks() {
	tick := time.NewTicker(l.cfg.MarkEvery)
	defer tick.Stop()
	var last []uint64
	for {
		select {
		case <-tick.C:
		case <-l.recheck:
		case <-l.ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(l.ctx, l.cfg.AckTimeout)
		err := l.compareEnds(ctx)
		marks := l.marks()
		if renewed := l.renewed.Swap(false); renewed || err == nil && !slices.Equal(last, marks) {
			werr := l.writeMarks(ctx)
			if werr == nil {
				last = marks
			} else if renewed {
				l.renewed.Store(true)
			}
			err = errors.Join(err, werr)
		} else {
			err = errors.Join(err, l.learn(ctx))
		}
		cancel()
		l.answered(err)
		if err != nil && l.ctx.Err() == nil {
			l.cfg.Fault(err)
		}
	}
}

// compareEnds examines each stream.
func (l *Log) compareEnds(ctx context.Context) (err error) {
	for _, p := range l.parts {
		mark := p.mark.Load()
		info, ierr := l.info(ctx, p)
		if ierr != nil {
			err = errors.Join(err, fmt.Errorf("compare with what was acknowledged: %w", ierr))
			continue
		}
		if !p.sure(info, mark) {
			time.AfterFunc(doubtWait, l.lookAgain)
			continue
		}
		p.examine(info.State, mark, false)
		p.seals.end.Store(info.State.LastSeq)
	}
	return err
}

// learn takes over what other instances have found out, also by one that stores
// nothing itself.
func (l *Log) learn(ctx context.Context) error {
	meta, err := l.find(ctx, l.cfg.metaStream())
	if err != nil {
		return fmt.Errorf("read where the log stands: %w", err)
	}
	rec, _, err := l.lastRecord(ctx, meta)
	if err != nil {
		return err
	}
	for i, p := range l.parts {
		if i < len(rec.Partitions) && rec.Partitions[i].Resets >= p.place().Resets {
			p.adopt(rec.Partitions[i])
		}
	}
	return nil
}

func (l *Log) marks() []uint64 {
	marks := make([]uint64, len(l.parts))
	for i, p := range l.parts {
		marks[i] = p.mark.Load()
	}
	return marks
}
