package bench

import (
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/thin"
)

// place is a room and its members.
type place struct {
	name      string
	members   []*member
	published uint64 // messages, each of which every member must get
}

// member is one client.
type member struct {
	// static after crowd.add
	crowd  *crowd
	place  *place
	index  int    // among all clients
	stream uint16 // its own, within the room
	buffer int    // bytes of receive buffer that it asks for; 0: the kernel's choice

	conn    *thin.Conn
	peer    dialect.Peer
	entered bool
	tries   int  // connections since it was last in its room
	untimed bool // what it gets late is not the server's doing

	outbox
	inbox
}

// outbox is what a member publishes.
type outbox struct {
	sent   uint32
	lastID uint64
	asked  time.Duration // when what it now waits for was due
}

// inbox is what a member has seen.
type inbox struct {
	next  []uint32 // by stream: the number that comes next
	got   uint64   // messages, each counted once
	order uint64   // a digest of the order in which they came
}

// Opened is thin.Handler's.
func (m *member) Opened(c *thin.Conn) {
	if m.crowd.dialect.Opened(&m.peer, c) {
		m.enter(nil)
	}
}

// Message is thin.Handler's: it may hold several.
func (m *member) Message(c *thin.Conn, data []byte) {
	if m.crowd.whole {
		m.hear(c, data)
		return
	}
	m.crowd.dialect.Each(data, func(part []byte) { m.hear(c, part) })
}

func (m *member) hear(c *thin.Conn, msg []byte) {
	heard, err := m.crowd.dialect.Hear(&m.peer, msg, c)
	if err != nil {
		m.crowd.fail(err)
		return
	}
	switch heard.Kind {
	case dialect.Delivery:
		m.deliver(msg)
	case dialect.Ack:
		m.crowd.acked++
		if m.crowd.onAck != nil {
			m.crowd.onAck(m)
		}
	case dialect.Entered:
		m.enter(msg)
	case dialect.Page:
		if m.crowd.onPage != nil {
			m.crowd.onPage(m, msg)
		}
	}
}

// enter notes that the member is in its room. msg holds what it had missed.
func (m *member) enter(msg []byte) {
	if m.entered {
		m.crowd.fail(fmt.Errorf("a client has entered %s twice", m.place.name))
		return
	}
	m.entered, m.tries = true, 0
	m.crowd.entered++
	if m.crowd.onEntered != nil {
		m.crowd.onEntered(m, msg)
	}
}

// deliver counts a message, and times it.
func (m *member) deliver(msg []byte) {
	c := m.crowd
	s, err := c.find.find(msg)
	if err != nil {
		c.fail(err)
		return
	}
	c.seen++
	if c.seen&verifyEvery == 0 {
		c.verify(m, msg, s)
	}
	if !m.count(s) {
		return
	}
	if c.timing && s.due >= c.timedFrom && !m.untimed {
		c.latency.Record(c.loop.Now() - s.due)
	}
	if c.onDelivery != nil {
		c.onDelivery(m, s)
	}
}

// count notes a message, and is false if the member has had it.
func (m *member) count(s stamp) bool {
	if int(s.stream) >= len(m.next) {
		if int(s.stream) >= len(m.place.members) {
			m.crowd.fail(fmt.Errorf("a member of %s was given a message of stream %d, which is not of that room", m.place.name, s.stream))
			return false
		}
		m.next = append(m.next, make([]uint32, int(s.stream)+1-len(m.next))...)
	}
	if s.number < m.next[s.stream] {
		m.crowd.repeated++
		return false
	}
	m.next[s.stream] = s.number + 1
	m.got++
	m.crowd.delivered++
	m.order = (m.order ^ (uint64(s.stream)<<32 | uint64(s.number))) * 0x9e3779b97f4a7c15
	return true
}

// Closed is thin.Handler's.
func (m *member) Closed(_ *thin.Conn, err error) {
	if m.crowd.onClosed != nil && m.crowd.onClosed(m, err) {
		return
	}
	what := "a client could not enter"
	if m.entered {
		what = "a client was cut off"
	}
	m.crowd.fail(fmt.Errorf("%s: %w", what, err))
}

// publish sends the next message, due at a time.
func (m *member) publish(due time.Duration) {
	c := m.crowd
	c.payload = stamp{m.stream, m.sent, due}.append(c.payload[:0], c.size)
	m.sent++
	m.lastID = max(m.lastID+1, dialect.FirstID)
	c.frame = c.dialect.AppendPublish(c.frame[:0], &m.peer, m.lastID, c.payload)
	m.conn.Send(c.frame)
	m.place.published++
	c.published++
	c.expected += uint64(len(m.place.members))
}
