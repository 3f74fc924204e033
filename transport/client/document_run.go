package client

import (
	"time"

	"github.com/hubbub-im/hubbub/transport/wire"
)

// run opens the document on each link, and once more when the hub has closed it.
func (d *Doc) run() {
	for try := 0; ; try++ {
		l, err := d.client.waitLink(d.ctx)
		if err != nil {
			d.end(err)
			return
		}
		began := time.Now()
		d.open(l)
		select {
		case <-l.over:
			d.unplugged(l)
		case <-d.again:
		case <-d.ctx.Done():
			return
		}
		if time.Since(began) >= held {
			try = 0
		}
		if sleep(d.ctx, backoff(try, 0)) != nil {
			return
		}
	}
}

// open asks for what the copy lacks. The answer is taken by the link's reader, so that
// what comes behind it is too.
func (d *Doc) open(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return // it must not be opened behind Close
	}
	d.diff = nil
	l.send(&wire.DocOpen{Doc: d.name, SV: d.store.StateVector()}, func(reply any, err error) {
		switch r := reply.(type) {
		case *wire.DocOpened:
			d.piece(l, r.Diff, r.More)
		case *wire.Error:
			d.lose(answered(d.op("open"), r))
		}
	})
}

// push takes a frame about the document; a nil document takes anything and does nothing.
func (d *Doc) push(l *link, frame any) {
	if d == nil {
		return
	}
	var err error
	switch p := frame.(type) {
	case *wire.DocDiffPush:
		d.piece(l, p.Diff, p.More)
	case *wire.DocUpdatePush:
		err = d.take(p.Update)
	case *wire.DocLostPush:
		err = answered(d.op("open"), &wire.Error{Code: p.Code, Message: p.Message, RetryAfterMS: p.RetryAfterMS})
	}
	if err != nil {
		d.lose(err)
	}
}

// piece takes a piece of what the copy lacks. With the last one the copies have met.
func (d *Doc) piece(l *link, piece []byte, more bool) {
	d.mu.Lock()
	d.diff = append(d.diff, piece...)
	diff := d.diff
	if !more {
		d.diff = nil
	}
	d.mu.Unlock()
	if more {
		return
	}
	if err := d.take(diff); err != nil {
		d.lose(err)
		return
	}
	d.become(l, nil)
}

// lose notes that the hub has closed the document: until it is opened again, or for good.
func (d *Doc) lose(err error) {
	if _, again := retryable(err); !again {
		d.end(err)
		return
	}
	d.become(nil, nil)
	select {
	case d.again <- struct{}{}:
	default:
	}
}

// unplugged notes that a link has ended.
func (d *Doc) unplugged(l *link) {
	d.mu.Lock()
	same := d.link == l
	d.mu.Unlock()
	if same {
		d.become(nil, nil)
	}
}

// end ends the document. Only the first reason counts.
func (d *Doc) end(err error) {
	d.become(nil, err)
	d.cancel()
}

func (d *Doc) become(l *link, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
	d.link = l
	close(d.opened)
	d.opened = make(chan struct{})
}
