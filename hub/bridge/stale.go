package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

const (
	// staleTries is how often a page that ends before what this instance has seen
	// is read again before the leader is asked.
	staleTries = 3
	staleWait  = 20 * time.Millisecond
)

// stale reports whether a page that should reach the end of the room ends before
// an entry that is known: it was read from a replica that is behind.
func (r *reading) stale(page hub.Page) bool {
	if !r.open || page.More && !r.newest {
		return false
	}
	seen := r.log.known.tail(r.subject)
	if seen < r.from {
		return false
	}
	return len(page.Entries) == 0 || page.Entries[len(page.Entries)-1].Seq < seen
}

// fresher reads a stale page again, and from the leader in the end. What even the
// leader does not have is gone.
func (r *reading) fresher(ctx context.Context, read func(context.Context) (hub.Page, error), page hub.Page) (hub.Page, error) {
	for range staleTries {
		r.log.stats.stale.Add(1)
		select {
		case <-time.After(staleWait):
		case <-ctx.Done():
			return hub.Page{}, unavailable(ctx.Err())
		}
		again, err := read(ctx)
		if err != nil || !r.stale(again) {
			return again, err
		}
		page = again
	}
	newer, err := r.fromLeader(ctx, page)
	if err != nil {
		return hub.Page{}, err
	}
	page.Entries = append(page.Entries, newer...)
	if r.stale(page) {
		r.log.lookAgain() // the end of the log may have been lost
		if _, err := r.log.current(ctx, r.part, r.subject, 0); err != nil {
			return hub.Page{}, err
		}
	}
	if r.newest {
		return cutOldest(page, r.limit), nil
	}
	page.More = len(page.Entries) >= r.limit // there may be
	return page, nil
}

// leaderMost bounds how much the leader is asked for, one by one. A replica that is
// farther behind is of no use.
const leaderMost = 2 * hub.MaxPage

// fromLeader asks the leader for what follows a page.
func (r *reading) fromLeader(ctx context.Context, page hub.Page) (newer []hub.Entry, err error) {
	from := r.from
	if n := len(page.Entries); n > 0 {
		from = page.Entries[n-1].Seq + 1
	}
	for bytes := size(page.Entries); ; {
		// A page of the oldest ends where it is full, one of the newest at the end.
		if !r.newest && (len(page.Entries)+len(newer) >= r.limit || bytes > hub.MaxPageBytes) {
			return newer, nil
		}
		e, err := r.log.leaderNext(ctx, r.part, r.subject, from)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return newer, nil
		}
		if err != nil {
			return nil, err
		}
		if newer = append(newer, e.Entry); len(newer) > leaderMost {
			return nil, unavailable(fmt.Errorf("stream %s: the replica that answered is far behind", r.part.stream))
		}
		bytes += len(e.Data)
		from = e.Seq + 1
	}
}

// kept is a message as the leader has stored it.
type kept struct {
	hub.Entry
	header nats.Header
}

// leaderNext asks the leader for the first entry of a subject at seq or after it.
func (l *Log) leaderNext(ctx context.Context, p *partition, subject string, seq uint64) (kept, error) {
	return l.leader(ctx, p, directGet{Seq: seq, NextFor: subject})
}

func (l *Log) leader(ctx context.Context, p *partition, req directGet) (kept, error) {
	return leaderGet(ctx, l.old, p.stream, req)
}

// leaderGet asks a stream's leader for one message.
func leaderGet(ctx context.Context, nc *nats.Conn, stream string, get directGet) (kept, error) {
	req, err := json.Marshal(get)
	if err != nil {
		return kept{}, fmt.Errorf("encode the request: %w", err)
	}
	msg, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, req)
	if err != nil {
		return kept{}, unavailable(err)
	}
	return decodeStored(msg.Data)
}

// decodeStored reads the leader's answer.
func decodeStored(data []byte) (kept, error) {
	var answer struct {
		Error   *apiError `json:"error"`
		Message *struct {
			Seq    uint64 `json:"seq"`
			Header []byte `json:"hdrs"`
			Data   []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return kept{}, unavailable(fmt.Errorf("the leader's answer: %w", err))
	}
	switch {
	case answer.Error != nil && answer.Error.Code == 404:
		return kept{}, jetstream.ErrMsgNotFound
	case answer.Error != nil:
		return kept{}, unavailable(answer.Error)
	case answer.Message == nil || answer.Message.Seq == 0:
		return kept{}, unavailable(errors.New("the leader's answer holds no message"))
	}
	k := kept{Entry: hub.Entry{Seq: answer.Message.Seq, Data: answer.Message.Data}}
	if len(answer.Message.Header) == 0 {
		return k, nil
	}
	var err error
	if k.header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil {
		return kept{}, unavailable(fmt.Errorf("the leader's answer: %w", err))
	}
	return k, nil
}
