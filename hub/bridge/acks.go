package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// errNoAnswer: the stream gave no answer in time. It may have stored the message.
var errNoAnswer = errors.New("the stream gave no answer in time")

// pubAck is the server's answer to a message.
type pubAck struct {
	Stream    string    `json:"stream"`
	Seq       uint64    `json:"seq"`
	Duplicate bool      `json:"duplicate"`
	Error     *apiError `json:"error"`
}

// ackInbox receives the answers to everything that is published, on one
// subscription.
type ackInbox struct {
	nc     *nats.Conn
	prefix string // of the reply subjects, with its dot
	sub    *nats.Subscription

	mu   sync.Mutex // guards what follows
	next uint64
	open map[uint64]*answers // by the first number of each
}

// answers are those to some messages that were published together.
type answers struct {
	inbox *ackInbox
	id    uint64
	got   []chan answer
}

type answer struct {
	ack pubAck
	err error
}

func newAckInbox(nc *nats.Conn) (*ackInbox, error) {
	in := &ackInbox{nc: nc, prefix: nc.NewInbox() + ".", open: make(map[uint64]*answers)}
	var err error
	if in.sub, err = nc.Subscribe(in.prefix+"*.*", in.receive); err != nil {
		return nil, fmt.Errorf("subscribe to acks: %w", err)
	}
	if err := in.sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("subscribe to acks: %w", err)
	}
	return in, nil
}

// await makes room for n answers.
func (in *ackInbox) await(n int) *answers {
	a := &answers{inbox: in, got: make([]chan answer, n)}
	for i := range a.got {
		a.got[i] = make(chan answer, 1)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.next++
	a.id = in.next
	in.open[a.id] = a
	return a
}

// publish sends the message whose answer is the ith.
func (in *ackInbox) publish(a *answers, i int, msg *nats.Msg) error {
	msg.Reply = in.prefix + strconv.FormatUint(a.id, 36) + "." + strconv.Itoa(i)
	return in.nc.PublishMsg(msg)
}

// receive hands an answer to whoever waits for it. Late ones find nobody.
func (in *ackInbox) receive(msg *nats.Msg) {
	idText, placeText, ok := strings.Cut(strings.TrimPrefix(msg.Subject, in.prefix), ".")
	id, idErr := strconv.ParseUint(idText, 36, 64)
	place, placeErr := strconv.Atoi(placeText)
	if !ok || idErr != nil || placeErr != nil {
		return
	}
	in.mu.Lock()
	a := in.open[id]
	in.mu.Unlock()
	if a == nil || place < 0 || place >= len(a.got) {
		return
	}
	ack, err := decodeAck(msg)
	select {
	case a.got[place] <- answer{ack, err}:
	default: // a second answer to one message
	}
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

// wait gives the ith answer. After the last one is had, or failed, nothing is
// kept.
func (a *answers) wait(i int, timeout time.Duration) (pubAck, error) {
	defer func() {
		if i == len(a.got)-1 {
			a.drop()
		}
	}()
	select {
	case got := <-a.got[i]:
		return got.ack, got.err
	default:
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case got := <-a.got[i]:
		return got.ack, got.err
	case <-timer.C:
		return pubAck{}, errNoAnswer
	}
}

// drop takes no more answers.
func (a *answers) drop() {
	a.inbox.mu.Lock()
	defer a.inbox.mu.Unlock()
	delete(a.inbox.open, a.id)
}

func (in *ackInbox) close() { _ = in.sub.Unsubscribe() }
