package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// errNoAnswer: the stream gave no answer in time. It may have stored the message.
var errNoAnswer = errors.New("the stream gave no answer in time")

// errAway: what would have answered is gone, and something is there that may.
var errAway = errors.New("the server that was asked is gone")

// pubAck is the server's answer to a message.
type pubAck struct {
	Stream    string    `json:"stream"`
	Seq       uint64    `json:"seq"`
	Duplicate bool      `json:"duplicate"`
	Error     *apiError `json:"error"`
}

// apiError is an error that the server gave.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// The server's error codes that matter here (errors.json of nats-server).
const (
	codeBatchDuplicate = 10201 // a message of the batch was stored before
	// codeBatchIncomplete: the server does not have all of the batch: it went down
	// meanwhile, or had no space to stage it.
	codeBatchIncomplete = 10176
	codeMsgTooLarge     = 10054
	codeInProcess       = 10158 // the first message of that id is not stored yet: ask again
)

func errCode(err error) int {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.ErrCode
	}
	return 0
}

// replies brings one writer the answers to what it publishes, on a subscription of
// its own. All of it is the writer's alone, but for giveUp.
type replies struct {
	away chan struct{} // holds a token when answers are not to be waited for

	nc     *nats.Conn
	prefix string // of the reply subjects, with its dot
	sub    *nats.Subscription
	got    chan *nats.Msg
	round  uint64 // what is asked now; answers to earlier rounds are dropped
	tag    string // prefix and round, with a dot
}

func newReplies(nc *nats.Conn) (*replies, error) {
	// Answers of rounds that were given up may still come, beside those that are
	// waited for.
	r := &replies{nc: nc, prefix: nc.NewInbox() + ".", got: make(chan *nats.Msg, 4*maxGroup), away: make(chan struct{}, 1)}
	var err error
	if r.sub, err = nc.ChanSubscribe(r.prefix+"*.*", r.got); err != nil {
		return nil, fmt.Errorf("subscribe to acks: %w", err)
	}
	return r, nil
}

// begin starts a round.
func (r *replies) begin() {
	select {
	case <-r.away: // it was about an earlier one
	default:
	}
	r.round++
	r.tag = r.prefix + strconv.FormatUint(r.round, 36) + "."
}

// giveUp has the round end whose answers are waited for. Any goroutine may call it.
func (r *replies) giveUp() {
	select {
	case r.away <- struct{}{}:
	default:
	}
}

// publish sends the round's ith message.
func (r *replies) publish(i int, msg *nats.Msg) error {
	msg.Reply = r.tag + strconv.Itoa(i)
	return r.nc.PublishMsg(msg)
}

// collect gives each answer of the round to take, until n have come. It fails when
// ctx ends, the time is over, or giveUp is called.
func (r *replies) collect(ctx context.Context, n int, timeout time.Duration, take func(i int, ack pubAck, err error)) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for seen := make([]bool, n); n > 0; {
		select {
		case msg := <-r.got:
			i, ok := r.place(msg.Subject)
			if !ok || i >= len(seen) || seen[i] {
				continue // of an earlier round, or a second one
			}
			seen[i] = true
			ack, err := decodeAck(msg)
			take(i, ack, err)
			n--
		case <-r.away:
			return errAway
		case <-timer.C:
			return errNoAnswer
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// place reads the number of an answer out of its subject.
func (r *replies) place(subject string) (int, bool) {
	text, ok := strings.CutPrefix(subject, r.tag)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(text)
	return i, err == nil && i >= 0
}

// decodeAck reads an answer of the server.
func decodeAck(msg *nats.Msg) (pubAck, error) {
	if len(msg.Data) == 0 {
		if msg.Header.Get("Status") == "503" {
			return pubAck{}, errors.New("no stream takes this subject at present")
		}
		return pubAck{}, errors.New("the stream's answer is empty")
	}
	var ack pubAck
	if err := json.Unmarshal(msg.Data, &ack); err != nil {
		return pubAck{}, fmt.Errorf("the stream's answer: %w", err)
	}
	switch {
	case ack.Error != nil:
		return pubAck{}, ack.Error
	case ack.Seq == 0:
		return pubAck{}, errors.New("the stream's answer has no sequence")
	}
	return ack, nil
}
