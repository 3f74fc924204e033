package docs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

const (
	// maxHeld is how many entries are kept while the log is read; what comes beyond is
	// read as well.
	maxHeld = 1024
	// readAgain is how long a document waits to read the log that could not be read.
	readAgain = 500 * time.Millisecond
)

// catchUp reads from the log what the watch has not brought.
type catchUp struct {
	running bool
	again   bool        // something was missed while it ran
	held    []hub.Entry // came while it ran
}

// startCatchUp has the log read by a goroutine. mu is held.
func (l *liveDoc) startCatchUp() {
	if l.catchUp.running {
		l.catchUp.again = true
		return
	}
	l.catchUp.running = l.docs.life.Start(l.readOn)
}

// readOn reads what is missing, until nothing is.
func (l *liveDoc) readOn() {
	for l.broken() == nil && l.docs.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(l.docs.ctx, l.docs.cfg.OpenWait)
		err := l.readRest(ctx)
		cancel()
		if err == nil && l.endCatchUp() {
			break
		}
		if err != nil {
			l.docs.cfg.Fault(l.name, err)
			l.docs.pause(readAgain)
		}
	}
	l.flush()
	l.store() // a compaction may have waited for it
}

// endCatchUp takes what was held, and reports whether all is there.
func (l *liveDoc) endCatchUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.catchUp
	held := c.held
	c.held = nil
	for _, e := range held {
		switch {
		case e.Seq <= l.at.Seq:
		case c.again || e.Prev > l.at.Seq || !l.takeEntry(e):
			c.again = true
		}
	}
	if c.again {
		c.again = false
		return false
	}
	c.running = false
	return true
}

// open reads the document from the log.
func (l *liveDoc) open() {
	defer close(l.opened)
	d := l.docs
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.OpenWait)
	defer cancel()
	if err := l.subscribe(); err != nil {
		l.fail(d.cannot(err))
		return
	}
	select {
	case d.openings <- struct{}{}:
		defer func() { <-d.openings }()
	case <-ctx.Done():
		l.fail(d.cannot(ctx.Err()))
		return
	}
	for {
		err := l.readRest(ctx)
		if err == nil {
			err = l.checkWhole(ctx)
		}
		if err != nil {
			d.cfg.Fault(l.name, fmt.Errorf("open: %w", err))
			l.fail(d.cannot(err))
			return
		}
		if l.endCatchUp() {
			if err := l.unreadable(); err != nil {
				l.fail(d.cannot(err))
				return
			}
			l.mu.Lock()
			l.ready = true
			l.compactIfDue()
			l.mu.Unlock()
			l.store()
			return
		}
	}
}

// subscribe begins to hear of the document.
func (l *liveDoc) subscribe() error {
	stop, err := l.docs.cfg.Log.Watch(l.name, l)
	if err != nil {
		return err
	}
	l.hold(stop)
	if l.docs.cfg.Bus == nil {
		return nil
	}
	if stop, err = l.docs.cfg.Bus.Subscribe(l.name, l.hear); err != nil {
		return err
	}
	l.hold(stop)
	l.ask()
	return nil
}

func (l *liveDoc) hold(stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = append(l.stop, stop)
}

// readRest reads the log from where the document stands.
func (l *liveDoc) readRest(ctx context.Context) error {
	for {
		l.mu.Lock()
		at := l.at
		l.mu.Unlock()
		page, err := l.docs.cfg.Log.Read(ctx, l.name, hub.Range{After: at.Seq, Limit: hub.MaxPage})
		if err != nil {
			return err
		}
		if at.Epoch != "" && page.Epoch != at.Epoch {
			return l.renew(page.Epoch)
		}
		for _, e := range page.Entries {
			if err := l.readEntry(ctx, e); err != nil {
				return err
			}
		}
		l.mu.Lock()
		l.at.Epoch = page.Epoch
		l.mu.Unlock()
		if !page.More {
			return nil
		}
	}
}

// readEntry takes an entry that may be kept elsewhere.
func (l *liveDoc) readEntry(ctx context.Context, e hub.Entry) error {
	rec, blob, size, err := l.docs.record(ctx, e)
	if errors.Is(err, hub.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.setAside(e, err)
	} else {
		l.takeRecord(e.Seq, size, rec)
	}
	if blob != "" {
		l.blobs = append(l.blobs, blob)
	}
	l.at.Seq = max(l.at.Seq, e.Seq)
	l.hasMoved()
	return nil
}

// unreadable is why the document cannot be opened, or nil: the snapshot that stands for
// its past is broken, and what is behind that is not the document.
func (l *liveDoc) unreadable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.state.Unreadable; err != nil {
		return room.Errorf(room.CodeUnavailable, "the snapshot on which this document stands cannot be read: %v: its disk is damaged. Keep your copy; the operator has to restore a backup", err)
	}
	return nil
}

// renew begins the log anew: it has another epoch, and may have lost what was in it.
// All that is here goes into it again, as a snapshot.
func (l *liveDoc) renew(epoch string) error {
	l.mu.Lock()
	l.at = hub.Position{Epoch: epoch}
	l.acked, l.state.Base = 0, 0
	l.queue.compact = true
	l.catchUp.again = true
	l.mu.Unlock()
	l.docs.cfg.Fault(l.name, errors.New("the log was reset: what this instance has of the document is stored again"))
	return nil
}
