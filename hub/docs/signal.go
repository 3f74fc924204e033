package docs

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// What instances tell one another of a document and do not keep: a byte that says what
// it is, the origin, and the data.
const (
	signalAwareness = 'a'
	signalStateless = 's'
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
		states, err := yjs.DecodeAwareness(data, l.docs.cfg.Limits.yjs())
		if err != nil {
			l.docs.cfg.Fault(l.name, fmt.Errorf("a signal: %w", err))
			return
		}
		l.mu.Lock()
		if taken, _ := l.takeAwareness(nil, states, time.Now()); len(taken) > 0 {
			l.tellAwareness(taken)
		}
		l.mu.Unlock()
	case signalStateless:
		l.mu.Lock()
		l.tell(Message{Kind: MessageStateless, Data: data})
		l.mu.Unlock()
	}
	l.flush()
}

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 36) }
