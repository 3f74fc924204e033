package docs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// What instances tell one another of a document and do not keep: a byte that says what
// it is, the origin, and the data.
const (
	signalAwareness = 'a' // states, see appendStates
	signalStateless = 's'
	signalQuery     = 'q' // who has just opened it asks for the states of all
)

// signal sends something to the other instances, if there may be any.
func (l *liveDoc) signal(kind byte, data []byte) error {
	if l.docs.cfg.Bus == nil {
		return nil
	}
	msg := append(append([]byte{kind}, l.origin[:]...), data...)
	if err := l.docs.cfg.Bus.Publish(l.name, msg); err != nil {
		return room.Errorf(room.CodeUnavailable, "other instances could not be told: %v", err)
	}
	return nil
}

// hear takes a signal. What does not decode comes from something that is no hub, and is
// dropped.
func (l *liveDoc) hear(msg []byte) {
	head := 1 + len(l.origin)
	if len(msg) < head {
		l.docs.cfg.Fault(l.name, fmt.Errorf("a signal of %d bytes; %d or more are expected", len(msg), head))
		return
	}
	if bytes.Equal(msg[1:head], l.origin[:]) {
		return
	}
	data := bytes.Clone(msg[head:])
	switch msg[0] {
	case signalAwareness:
		user, states, err := l.decodeStates(data)
		if err != nil {
			l.docs.cfg.Fault(l.name, fmt.Errorf("a signal: %w", err))
			return
		}
		l.mu.Lock()
		if taken, _ := l.takeAwareness(nil, user, states, time.Now()); len(taken) > 0 {
			l.tellAwareness(taken)
		}
		l.mu.Unlock()
	case signalQuery:
		l.docs.life.Start(l.tellStates) // whoever calls may be waited for by what is told
		return
	case signalStateless:
		l.mu.Lock()
		l.tell(Message{Kind: MessageStateless, Data: data})
		l.mu.Unlock()
	}
	l.flush()
}

// appendStates puts a user and the states of their clients into a signal.
func appendStates(dst []byte, user string, states []yjs.AwarenessState) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(user))), user...)
	return append(dst, yjs.EncodeAwareness(states)...)
}

func (l *liveDoc) decodeStates(data []byte) (user string, states []yjs.AwarenessState, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return "", nil, errors.New("it ends within a user's id")
	}
	rest := data[n:]
	states, err = yjs.DecodeAwareness(rest[size:], l.docs.cfg.Limits.yjs())
	return string(rest[:size]), states, err
}

// tellStates answers a query with the states of those who are here.
func (l *liveDoc) tellStates() {
	byUser := make(map[string][]yjs.AwarenessState)
	l.mu.Lock()
	if l.aware.states != nil {
		for _, st := range l.aware.states.States() {
			if p, ok := l.aware.clients[st.Client]; ok && p.seat != nil {
				byUser[p.user] = append(byUser[p.user], st)
			}
		}
	}
	l.mu.Unlock()
	for user, states := range byUser {
		if err := l.signal(signalAwareness, appendStates(nil, user, states)); err != nil {
			l.docs.cfg.Fault(l.name, err)
			return
		}
	}
}

// ask has other instances tell who is there. Where that fails they tell within 15 s, as
// their editors renew what they say.
func (l *liveDoc) ask() {
	if err := l.signal(signalQuery, nil); err != nil {
		l.docs.cfg.Fault(l.name, err)
	}
}

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 36) }
