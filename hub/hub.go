package hub

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/hubbub-im/hubbub/hub/internal/life"
	"github.com/hubbub-im/hubbub/room"
)

// Config is what a Hub is built from. Log, Bus and Codec are required; a zero in
// any other field means its default.
type Config struct {
	Log   Log
	Bus   Bus
	Codec Codec

	Ring          int           // newest events that a live room keeps at hand; 256
	RoomsPerConn  int           // rooms that one session may be in; 500
	Linger        time.Duration // how long a large room lets frames gather before it brings them; 0
	TailCheck     time.Duration // how often each live room is compared with the log; 5 s
	PresenceDelay time.Duration // how long joins and leaves are gathered; 200 ms
	NamedMax      int           // users up to whom observers of a room are told who comes and goes; 1,000
	EmptyLinger   time.Duration // how long a room without members is kept; 10 s
	HistoryReads  int           // history pages that may be read at once; 8
	HistoryWait   time.Duration // how long a page may wait for its turn to be read; 4 s
	// Instance is this instance's id, which no other one may have; a random one.
	Instance string
	// Name is what its operators call this instance; traces show it beside the id.
	Name string
	// LeaveGrace is how long a user who has left stays in a room, while there are
	// other instances: one who is moved to another, or whose arrival there has not
	// been heard yet, was never away. 1.2 s, so that a leave is seen within 2 s.
	LeaveGrace time.Duration
	// Orders keeps bans and revocations; nil: there are none.
	Orders Orders

	// Fault, if set, is told of what went wrong inside and was survived: a hole
	// that could not be read yet, a reset. It must not block.
	Fault func(room string, err error)
}

func (c *Config) setDefaults() {
	def(&c.Ring, 256)
	def(&c.RoomsPerConn, 500)
	def(&c.TailCheck, 5*time.Second)
	def(&c.PresenceDelay, 200*time.Millisecond)
	def(&c.NamedMax, 1000)
	def(&c.EmptyLinger, 10*time.Second)
	def(&c.HistoryReads, 8)
	def(&c.HistoryWait, 4*time.Second)
	def(&c.LeaveGrace, 1200*time.Millisecond)
	if c.Instance == "" {
		c.Instance = uuid.NewString()
	}
	if c.Fault == nil {
		c.Fault = func(string, error) {}
	}
}

func def[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Hub fans the log out to the members of rooms. Its methods may be called by any
// goroutine.
type Hub struct {
	// static after construction
	cfg     Config
	ctx     context.Context // ends when the hub is closed
	cancel  context.CancelFunc
	life    life.Group
	reads   chan struct{} // a token for each history page under way
	rosters rosterQueue
	others  *others
	control control
	counter counters
	past    *past
	// backlogs is how many bytes of events the rooms' backlogs hold together.
	backlogs atomic.Int64

	mu       sync.Mutex // guards what follows; taken before a liveRoom's
	closed   bool
	rooms    map[string]*liveRoom
	sessions map[string]*Session
}

// New starts a hub. Close ends it.
func New(cfg Config) *Hub {
	cfg.setDefaults()
	h := &Hub{
		cfg:      cfg,
		reads:    make(chan struct{}, cfg.HistoryReads),
		rosters:  newRosterQueue(),
		rooms:    make(map[string]*liveRoom),
		sessions: make(map[string]*Session),
	}
	h.others, h.past = newOthers(cfg.Instance), newPast(time.Now())
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.subscribeOthers()
	h.life.Start(h.keep)
	h.life.Start(h.tellPresence)
	h.life.Start(h.meet)
	h.life.Start(h.speak)
	if cfg.Orders != nil {
		h.life.Start(h.heed)
	}
	return h
}

// Close cuts every session with ReasonShutdown, lets go of every room and waits
// for the hub's goroutines. It leaves the Log and the Bus to whoever made them.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	sessions := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		sessions = append(sessions, s)
	}
	h.mu.Unlock()
	for _, s := range sessions {
		s.Close(ReasonShutdown)
	}
	h.cancel()
	h.life.End()
	h.leaveOthers()
	h.mu.Lock()
	rooms := h.rooms
	h.rooms = map[string]*liveRoom{}
	h.mu.Unlock()
	for _, r := range rooms {
		r.shut()
	}
}

// Connect registers a new peer, who is reached through the outlet, unless the orders
// keep the caller out. The caller of Connect must call Close on the session when the
// peer is gone.
func (h *Hub) Connect(caller room.Caller, outlet Outlet) (*Session, error) {
	s := &Session{hub: h, id: uuid.NewString(), outlet: outlet, caller: caller}
	if err := h.register(s); err != nil {
		return nil, err
	}
	// An order that came before this is seen here, and one that comes after it sees the
	// session.
	admitted, err := h.Admit(caller)
	if err != nil {
		h.mu.Lock()
		delete(h.sessions, s.id)
		h.mu.Unlock()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller = admitted
	return s, nil
}

func (h *Hub) register(s *Session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return room.Errorf(room.CodeUnavailable, "the hub is going down")
	}
	h.sessions[s.id] = s
	return nil
}

// Disconnect cuts the sessions of a user on this instance, with ReasonDisconnected, and
// gives their number.
func (h *Hub) Disconnect(user string) int { return h.cut(cut{User: user}) }

// cut ends the sessions of a user, or one by its id.
func (h *Hub) cut(c cut) int {
	var found []*Session
	h.mu.Lock()
	for _, s := range h.sessions {
		if c.Session != "" && s.id == c.Session || c.Session == "" && s.Caller().User == c.User {
			found = append(found, s)
		}
	}
	h.mu.Unlock()
	for _, s := range found {
		s.Close(ReasonDisconnected)
	}
	return len(found)
}

// Sessions is how many peers are connected.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Presence lists at most limit of the users in a room, sorted by id, and their
// number, as far as this instance knows them. It is the caller's to check that
// whoever asks may see it.
func (h *Hub) Presence(name string, limit int) (members []room.Member, count int) {
	r := h.known(name)
	if r == nil {
		return nil, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roster.Members(limit), r.roster.Count()
}

// Instance is this instance's id.
func (h *Hub) Instance() string { return h.others.id }

// known finds a room, open or about to be.
func (h *Hub) known(name string) *liveRoom {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[name]
}

// Health is nil while the log can store, else the reason why not.
func (h *Hub) Health() error { return h.cfg.Log.Health() }

func (h *Hub) liveRooms() []*liveRoom {
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := make([]*liveRoom, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	return rooms
}

type counters struct {
	published, refused, deliveries, slow, repairs, resets, logReads atomic.Uint64
}

// Stats is a moment's view of the hub, for metrics.
type Stats struct {
	Sessions, Rooms, Members int

	Published  uint64 // events that were stored, each once
	Refused    uint64 // commands that the rules refused, or the log
	Deliveries uint64 // event frames brought to members, each for each
	Slow       uint64 // sessions cut because their peer lagged too far behind
	Repairs    uint64 // holes found and read from the log
	Resets     uint64 // rooms whose epoch changed under their members
	LogReads   uint64 // history pages read from the log, not from a ring

	Others        int    // other instances that are there
	PresenceBytes uint64 // told to other instances for presence
}

// Stats counts.
func (h *Hub) Stats() Stats {
	st := Stats{
		Published: h.counter.published.Load(), Refused: h.counter.refused.Load(),
		Deliveries: h.counter.deliveries.Load(), Slow: h.counter.slow.Load(),
		Repairs: h.counter.repairs.Load(), Resets: h.counter.resets.Load(),
		LogReads: h.counter.logReads.Load(),
		Others:   h.others.count(), PresenceBytes: h.others.sent.Load(),
	}
	h.mu.Lock()
	st.Sessions = len(h.sessions)
	h.mu.Unlock()
	for _, r := range h.liveRooms() {
		r.mu.Lock()
		if n := r.members.size(); n > 0 {
			st.Rooms++
			st.Members += n
		}
		r.mu.Unlock()
	}
	return st
}

// Positions tells where rooms stand, an answer for each, in order.
func (h *Hub) Positions(ctx context.Context, rooms []string) ([]Position, error) {
	if len(rooms) == 0 {
		return nil, nil
	}
	tails, err := h.cfg.Log.Tails(ctx, rooms)
	if err != nil {
		return nil, h.cannot(err)
	}
	return tails, nil
}
