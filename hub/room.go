package hub

import (
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// maxPending bounds the entries that wait while a room is opened or repaired.
// What does not fit is read from the log afterwards.
const maxPending = 4096

// liveRoom is a room with members on this instance. What happens in it gathers,
// encoded once, under mu, and is brought to the members without it; nothing in here
// waits for a peer or for the log while mu is held.
type liveRoom struct {
	// static after construction
	hub    *Hub
	name   string
	opened chan struct{} // closed when opening has ended
	stop   func()        // ends the subscriptions; set before opened is closed
	err    error         // why opening failed; set before opened is closed
	began  time.Time     // when the room was opened

	plan plan // its place in the hub's agenda; guarded by that

	mu      sync.Mutex // guards what follows
	at      Position   // the last event that was delivered
	acked   uint64     // the highest sequence that a publisher here was told of
	state   room.State
	ring    ring
	changes changeIndex
	members audience
	roster  room.Roster
	flow    flow
	catchUp catchUp
	backlog backlog
}

// catchUp is what a room needs while its order is not whole.
type catchUp struct {
	running bool    // a goroutine is at it; entries go to pending
	pending []Entry // what arrived since it began, at most maxPending
	again   bool    // look at the log once more before ending
	shut    bool    // the room is being let go of
}

func newLiveRoom(h *Hub, name string) *liveRoom {
	r := &liveRoom{
		hub: h, name: name, opened: make(chan struct{}), began: time.Now(),
		ring:    ring{cap: h.cfg.Ring},
		members: audience{empty: time.Now()},
		catchUp: catchUp{running: true}, // until open has read the newest page
	}
	r.roster.Open(h.others.gens.Add(1))
	return r
}

// Entry takes the next entry from the log; see Watcher.
func (r *liveRoom) Entry(e Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.catchUp.running:
		r.hold(e)
	case e.Seq <= r.at.Seq:
		// Seen before.
	case e.Prev > r.at.Seq:
		r.hold(e)
		r.startCatchUp()
	default:
		r.deliver(e)
	}
}

// Suspect looks at the log, because entries may have been missed; see Watcher.
func (r *liveRoom) Suspect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.startCatchUp()
}

// wasAcked notes what a publisher is about to be told: until it has come to the
// room, pages of history are read from the log, so that whoever has an ack finds
// the message.
func (r *liveRoom) wasAcked(at Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.Epoch == r.at.Epoch || r.at.Epoch == "" {
		r.acked = max(r.acked, at.Seq)
	}
}

// current reports whether the ring holds all that was acked here. mu is held.
func (r *liveRoom) current() bool { return r.at.Seq >= r.acked }

func (r *liveRoom) hold(e Entry) {
	if len(r.catchUp.pending) >= maxPending {
		r.catchUp.again = true
		return
	}
	r.catchUp.pending = append(r.catchUp.pending, e)
}

// deliver makes e part of the room and tells every member. mu is held.
func (r *liveRoom) deliver(e Entry) {
	ev, err := room.DecodeEvent(e.Data)
	it := Item{Seq: e.Seq, Event: e.Data}
	if err != nil {
		ev, it.Event = standIn()
		r.hub.cfg.Fault(r.name, err)
	}
	r.at.Seq = e.Seq
	r.state.Apply(e.Seq, ev)
	r.ring.push(it)
	r.changes.add(it, ev)
	r.tell(EventPush{Room: r.name, Item: it}, r.at, "")
}

// standIn is what takes the place of a record that does not decode.
func standIn() (*room.Event, []byte) {
	ev := room.Unreadable()
	data, err := ev.Encode()
	if err != nil {
		panic(err) // a constant that does not encode is a fault of the program
	}
	return ev, data
}

// attach makes s a member, who has had all that came before and will have all that
// comes after: the answer to the join is to be sent before mu is let go. mu is held.
func (r *liveRoom) attach(s *Session, presence bool) error {
	if r.catchUp.shut {
		return errRoomShut
	}
	m, again, err := s.enter(r)
	if err != nil {
		return err
	}
	if again {
		r.bringUpTo(m)
	} else {
		r.members.add(m)
	}
	r.members.watch(m, presence)
	caller := s.Caller()
	r.shareRoster()
	r.roster.Join(caller.User, caller.Name, s.id)
	r.tellRoster()
	return nil
}

// leave takes a member out. Its user is gone with the last session.
func (r *liveRoom) leave(m *member) {
	r.mu.Lock()
	r.members.remove(m)
	until := r.shareRoster()
	r.roster.LeaveBy(m.session.Caller().User, m.session.id, until)
	r.tellRoster()
	r.mu.Unlock()
	m.depart()
}

func (r *liveRoom) info() RoomInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RoomInfo{
		Room: r.name, Users: r.roster.Count(), Sessions: r.members.size(), At: r.at,
		Shares: r.roster.Shares(r.hub.others.id),
	}
}

// shut ends the room's subscriptions. It is no longer in the registry.
func (r *liveRoom) shut() {
	<-r.opened
	r.hub.others.agenda.drop(r)
	r.mu.Lock()
	r.catchUp.shut = true
	r.dropParts(len(r.backlog.parts))
	r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
}
