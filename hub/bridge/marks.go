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
		}
		cancel()
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
		p.examine(info.State, mark, false)
		p.seals.end.Store(info.State.LastSeq)
	}
	return err
}

func (l *Log) marks() []uint64 {
	marks := make([]uint64, len(l.parts))
	for i, p := range l.parts {
		marks[i] = p.mark.Load()
	}
	return marks
}
