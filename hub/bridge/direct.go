package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

const directAPI = "$JS.API.DIRECT.GET."

// directGet is a request for stored messages (JetStream's direct get, ADR-31).
type directGet struct {
	Seq       uint64   `json:"seq,omitempty"`
	NextFor   string   `json:"next_by_subj,omitempty"`
	LastFor   string   `json:"last_by_subj,omitempty"`
	MultiLast []string `json:"multi_last,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
}

// directAnswer is what came back: entries, and how many of the same kind follow
// the last one.
type directAnswer struct {
	entries  []hub.Entry
	subjects []string // of the entries
	rows     []*nats.Msg
	pending  uint64
	last     uint64 // the sequence that each message must name as the one before it
}

// errBroken: an answer cannot be what the server sent in one piece.
var errBroken = errors.New("an answer of the stream does not hold together")

// errLost: the connection on which an answer was to come has been made anew since.
var errLost = errors.New("the answer was lost with the connection")

// lossCheck is how often who waits for an answer looks whether it can still come.
const lossCheck = 500 * time.Millisecond

// getMany asks for a row of messages. The row is whole, or it is an error. It asks again
// if the answer cannot come any more.
func getMany(ctx context.Context, nc *nats.Conn, stream string, req directGet) (a directAnswer, err error) {
	data, err := json.Marshal(req)
	if err != nil {
		return directAnswer{}, fmt.Errorf("encode the request: %w", err)
	}
	for {
		if a, err = tryMany(ctx, nc, stream, req, data); !errors.Is(err, errLost) || ctx.Err() != nil {
			return a, err
		}
	}
}

func tryMany(ctx context.Context, nc *nats.Conn, stream string, req directGet, data []byte) (directAnswer, error) {
	// The room for all that can come: what a subscription has without it takes half a
	// megabyte for each request.
	rows := make(chan *nats.Msg, max(req.Batch, len(req.MultiLast), 1)+1)
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, rows)
	if err != nil {
		return directAnswer{}, unavailable(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	sent := sentOn(nc)
	if err := nc.PublishRequest(directAPI+stream, inbox, data); err != nil {
		return directAnswer{}, unavailable(err)
	}
	look := time.NewTicker(lossCheck)
	defer look.Stop()
	var a directAnswer
	for {
		var msg *nats.Msg
		select {
		case msg = <-rows:
		case <-look.C:
			if nc.Stats().Reconnects > sent {
				return directAnswer{}, unavailable(errLost)
			}
			continue
		case <-ctx.Done():
			return directAnswer{}, unavailable(ctx.Err())
		}
		end, err := a.take(msg)
		if err != nil {
			return directAnswer{}, unavailable(fmt.Errorf("stream %s: %w", stream, err))
		}
		if end {
			return a, nil
		}
	}
}

// sentOn gives how often a connection will have been made anew by when it sends what it
// is given now: while there is none, that waits for the next one.
func sentOn(nc *nats.Conn) uint64 {
	if before := nc.Stats().Reconnects; nc.IsConnected() {
		return before
	}
	return nc.Stats().Reconnects + 1
}

// getOne asks for one message. ok is false if there is none.
func getOne(ctx context.Context, nc *nats.Conn, stream string, req directGet) (e hub.Entry, ok bool, err error) {
	msg, err := getMessage(ctx, nc, stream, req)
	if msg == nil || err != nil {
		return hub.Entry{}, false, err
	}
	seq, err := header(msg, "Nats-Sequence")
	if err != nil {
		return hub.Entry{}, false, unavailable(err)
	}
	return hub.Entry{Seq: seq, Data: msg.Data}, true, nil
}

// getMessage asks for one message. It is nil if there is none.
func getMessage(ctx context.Context, nc *nats.Conn, stream string, req directGet) (*nats.Msg, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	msg, err := nc.RequestWithContext(ctx, directAPI+stream, data)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, unavailable(fmt.Errorf("stream %s: does not answer at present", stream))
	}
	if err != nil {
		return nil, unavailable(err)
	}
	switch empty, err := status(msg); {
	case err != nil:
		return nil, unavailable(fmt.Errorf("stream %s: %w", stream, err))
	case empty:
		return nil, nil
	}
	return msg, nil
}

// status reads whether a message says that there is nothing, or that something
// went wrong, instead of being a stored one.
func status(msg *nats.Msg) (empty bool, err error) {
	switch code := msg.Header.Get("Status"); code {
	case "":
		return false, nil
	case "404":
		return true, nil
	case "503":
		return false, errors.New("does not answer at present")
	default:
		return false, fmt.Errorf("answered %s %s", code, msg.Header.Get("Description"))
	}
}

// take reads one message of an answer, and reports whether it was the last.
func (a *directAnswer) take(msg *nats.Msg) (end bool, err error) {
	if msg.Header.Get("Status") == "204" {
		return true, a.finish(msg)
	}
	empty, err := status(msg)
	if err != nil {
		return false, err
	}
	if empty {
		if len(a.entries) > 0 {
			return false, fmt.Errorf("%w: nothing was found after %d", errBroken, a.last)
		}
		return true, nil
	}
	seq, err := header(msg, "Nats-Sequence")
	if err != nil {
		return false, err
	}
	before, err := header(msg, "Nats-Last-Sequence")
	if err != nil {
		return false, err
	}
	if seq <= a.last || before != a.last {
		return false, fmt.Errorf("%w: %d comes after %d, and names %d", errBroken, seq, a.last, before)
	}
	a.last = seq
	a.entries = append(a.entries, hub.Entry{Seq: seq, Data: msg.Data})
	a.subjects = append(a.subjects, msg.Header.Get("Nats-Subject"))
	a.rows = append(a.rows, msg)
	return false, nil
}

// finish reads the message that ends a row.
func (a *directAnswer) finish(msg *nats.Msg) (err error) {
	if a.pending, err = header(msg, "Nats-Num-Pending"); err != nil {
		return err
	}
	last, err := header(msg, "Nats-Last-Sequence")
	if err != nil {
		return err
	}
	if last != a.last {
		return fmt.Errorf("%w: it ends with %d, and %d was the last to come", errBroken, last, a.last)
	}
	return nil
}
