package docs

import (
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// awareness is where the cursors of a document are. A client's state belongs to the
// seat that brought it, or to another instance.
type awareness struct {
	states  *yjs.Awareness // nil: there never was one
	clients map[uint64]presence
}

// presence is what is known of a client that has a state.
type presence struct {
	seat  *Seat // nil: it is with another instance
	user  string
	heard time.Time
}

// Awareness takes what the peer says of its clients. What it says of clients that came
// with somebody else's connection is passed over: editors repeat what they hear of
// others. All peers are told, the sender too, who takes it for a sign of life.
func (s *Seat) Awareness(update []byte) error {
	l := s.doc
	states, err := yjs.DecodeAwareness(update, l.docs.cfg.Limits.yjs())
	if err != nil {
		e := badUpdate(err)
		return &room.Error{Code: e.Code, Message: "awareness " + e.Message}
	}
	l.mu.Lock()
	taken, err := l.takeAwareness(s, s.Caller().User, states, time.Now())
	if len(taken) > 0 {
		l.tellAwareness(taken)
	}
	l.mu.Unlock()
	if err != nil {
		return room.Errorf(room.CodeLimitReached, "awareness: %v", err)
	}
	if len(taken) == 0 {
		return nil
	}
	l.flush()
	l.shareAwareness(appendStates(nil, s.Caller().User, taken))
	return nil
}

// shareAwareness tells other instances. If they cannot be told now, it is no reason to
// send a peer away: what it says of itself, it says again.
func (l *liveDoc) shareAwareness(data []byte) {
	if err := l.signal(signalAwareness, data); err != nil {
		l.docs.cfg.Fault(l.name, err)
	}
}

// takeAwareness takes the states that are news, and that s may bring for a user; without
// s they come from another instance. mu is held.
func (l *liveDoc) takeAwareness(s *Seat, user string, states []yjs.AwarenessState, now time.Time) ([]yjs.AwarenessState, error) {
	a := &l.aware
	if a.states == nil {
		a.states, a.clients = yjs.NewAwareness(l.docs.cfg.Limits.yjs()), make(map[uint64]presence)
	}
	own := states[:0]
	for _, st := range states {
		if a.mayBring(st.Client, s, user) {
			own = append(own, st)
		}
	}
	taken, err := a.states.Apply(own)
	for _, st := range taken {
		if st.Gone() {
			delete(a.clients, st.Client)
		} else {
			a.clients[st.Client] = presence{s, user, now}
		}
	}
	return taken, err
}

// mayBring reports whether a client's state may come from a seat, or, without one, from
// another instance: it is new, it was there before, or the same user has come back on
// another connection.
func (a *awareness) mayBring(client uint64, s *Seat, user string) bool {
	p, known := a.clients[client]
	return !known || p.seat == s || p.user == user
}

// tellAwareness tells the peers of states. Each is a message of its own, so that a peer
// who lags is given the newest of each client. mu is held.
func (l *liveDoc) tellAwareness(states []yjs.AwarenessState) {
	for i := range states {
		l.tell(Message{
			Kind: MessageAwareness, Data: yjs.EncodeAwareness(states[i : i+1]),
			key: "awareness " + l.name + " " + string(appendUint(nil, states[i].Client)),
		})
	}
}

// States gives what all clients say of themselves, or nil if there are none.
func (s *Seat) States() []byte {
	l := s.doc
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.aware.states == nil || l.aware.states.Len() == 0 {
		return nil
	}
	return yjs.EncodeAwareness(l.aware.states.States())
}

// leaveAwareness takes back the states that came with a seat. mu is held.
func (l *liveDoc) leaveAwareness(s *Seat) {
	l.removeClients(func(p presence) bool { return p.seat == s })
}

// removeClients takes states back, tells the peers, and gives what to tell other
// instances. mu is held.
func (l *liveDoc) removeClients(which func(presence) bool) {
	var gone []uint64
	for client, p := range l.aware.clients {
		if which(p) {
			gone = append(gone, client)
			delete(l.aware.clients, client)
		}
	}
	if len(gone) == 0 {
		return
	}
	states := l.aware.states.Remove(gone...)
	l.tellAwareness(states)
	if l.docs.cfg.Bus != nil {
		data := appendStates(nil, "", states) // whose they were, all know
		l.docs.life.Start(func() { l.shareAwareness(data) })
	}
}

// silence takes back states that were not renewed. Editors renew theirs every 15 s.
func (l *liveDoc) silence(now time.Time) {
	l.mu.Lock()
	l.removeClients(func(p presence) bool { return now.Sub(p.heard) > l.docs.cfg.SilentAfter })
	l.mu.Unlock()
	l.flush()
}

// Stateless sends a text of the application's to all who have the document open.
func (s *Seat) Stateless(text []byte) error {
	if err := s.Access().Require(document.MayWrite); err != nil {
		return err
	}
	l := s.doc
	l.mu.Lock()
	l.tell(Message{Kind: MessageStateless, Data: text, from: s})
	l.mu.Unlock()
	l.flush()
	return l.signal(signalStateless, text)
}
