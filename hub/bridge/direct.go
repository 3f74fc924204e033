package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

// directGet is a request for stored messages (JetStream's direct get, ADR-31).
type directGet struct {
	Seq       uint64   `json:"seq,omitempty"`
	NextFor   string   `json:"next_by_subj,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
	MultiLast []string `json:"multi_last,omitempty"`
}

// directAnswer is what came back: entries, and how many of the same kind follow
// the last one.
type directAnswer struct {
	entries  []hub.Entry
	subjects []string // of the entries
	pending  uint64
}

// get asks a partition's stream, on the connection for history.
func (l *Log) get(ctx context.Context, p *partition, req directGet) (directAnswer, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return directAnswer{}, fmt.Errorf("encode the request: %w", err)
	}
	inbox := l.old.NewInbox()
	sub, err := l.old.SubscribeSync(inbox)
	if err != nil {
		return directAnswer{}, unavailable(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return directAnswer{}, unavailable(err)
	}
	if err := l.old.PublishRequest("$JS.API.DIRECT.GET."+p.stream, inbox, data); err != nil {
		return directAnswer{}, unavailable(err)
	}
	return collect(ctx, sub)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", hub.ErrUnavailable, err) }

// collect takes the answers to a batch up to its end.
func collect(ctx context.Context, sub *nats.Subscription) (directAnswer, error) {
	var a directAnswer
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return a, unavailable(fmt.Errorf("history: %w", err))
		}
		end, err := a.take(msg)
		if err != nil {
			return directAnswer{}, unavailable(err)
		}
		if end {
			return a, nil
		}
	}
}

// take reads one message of an answer, and reports whether it was the last.
func (a *directAnswer) take(msg *nats.Msg) (end bool, err error) {
	switch status := msg.Header.Get("Status"); status {
	case "":
	case "204": // the end of the batch
		a.pending, err = header(msg, "Nats-Num-Pending")
		return true, err
	case "404": // there is nothing
		return true, nil
	case "503":
		return true, errors.New("history: no stream answers at present")
	default:
		return true, fmt.Errorf("history: the stream answered %s %s", status, msg.Header.Get("Description"))
	}
	seq, err := header(msg, "Nats-Sequence")
	if err != nil {
		return true, err
	}
	a.entries = append(a.entries, hub.Entry{Seq: seq, Data: msg.Data})
	a.subjects = append(a.subjects, msg.Header.Get("Nats-Subject"))
	return false, nil
}
