package hub_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/hubtest"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

var (
	simSeeds = flag.Int("seeds", 1000, "simulations to run")
	simSeed  = flag.Int64("seed", -1, "run this simulation only")
)

// TestSimulation runs a hub over a log that fails in every way that its contract
// allows, under fake time, once for each seed: publishers that repeat what got no
// answer, members that come and go and resume. In the end everything that was
// acknowledged is in the log once, and every member has seen exactly what the log
// holds from where it began, but for what a reset has announced.
func TestSimulation(t *testing.T) {
	var reached [64]int
	var resets, resumes int
	first, last := int64(0), int64(*simSeeds)
	if *simSeed >= 0 {
		first, last = *simSeed, *simSeed+1
	}
	for seed := first; seed < last; seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newSim(t, uint64(seed))
			s.run()
			for _, f := range hubtest.Faults() {
				reached[f] += s.faulty.Reached(f)
			}
			resets, resumes = resets+s.resets, resumes+s.resumes
		})
		if t.Failed() {
			t.Fatalf("seed %d; repeat it with: go test ./hub -run TestSimulation -seed %d", seed, seed)
		}
	}
	t.Logf("%d simulations, %d resumes, %d resets announced", last-first, resumes, resets)
	if last-first >= 100 {
		for _, f := range hubtest.Faults() {
			require.NotZero(t, reached[f], "the fault %q never happened, so nothing was shown about it", f)
		}
		require.Less(t, resets, resumes/10, "resets are for what cannot be had, not a way out")
	}
}

const (
	simRooms      = 2
	simPublishers = 4
	simMembers    = 4
	simMessages   = 30 // of each publisher
)

// sim is one simulation.
type sim struct {
	*world
	seed   uint64
	faulty *hubtest.Faulty
	memory *hub.Memory

	mu      sync.Mutex // guards what follows
	acked   map[string]hub.Position
	resets  int
	resumes int
}

func newSim(t *testing.T, seed uint64) *sim {
	memory := hub.NewMemory()
	plan := hubtest.EveryFault(0.04)
	plan.MaxDelay = 400 * time.Millisecond // long enough for a ring to move past a reader
	faulty := hubtest.NewFaulty(memory, seed, plan)
	return &sim{
		world:  newWorld(t, faulty, hub.Config{Ring: []int{1, 3, 16}[seed%3], TailCheck: 2 * time.Second}),
		seed:   seed,
		faulty: faulty, memory: memory, acked: make(map[string]hub.Position),
	}
}

func (s *sim) rand(what string, n int) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, uint64(len(what))<<32+uint64(n)))
}

func (s *sim) run() {
	defer s.close()
	ctx, stop := context.WithCancel(context.Background())
	var publishers, members sync.WaitGroup
	list := make([]*simMember, simMembers)
	for i := range list {
		list[i] = &simMember{sim: s, n: i, room: simRoom(i % simRooms), dice: s.rand("member", i)}
		members.Go(func() { list[i].live(ctx) })
	}
	for i := range simPublishers {
		publishers.Go(func() { s.publisher(i) })
	}
	publishers.Wait()
	s.faulty.Quiet()
	time.Sleep(20 * time.Second) // fake: for everything to come to rest
	stop()
	members.Wait()
	s.verify(list)
}

func simRoom(n int) string { return fmt.Sprint("room-", n) }

// publisher posts, and repeats what got no answer until it has one.
func (s *sim) publisher(n int) {
	dice, user := s.rand("publisher", n), fmt.Sprint("user-", n)
	for i := range simMessages {
		time.Sleep(time.Duration(dice.IntN(200)) * time.Millisecond)
		name, id := simRoom(dice.IntN(simRooms)), fmt.Sprint(i)
		for {
			o := s.world.publish(user, name, text(id, user+"/"+id))[0]
			if o.Err == nil {
				s.mu.Lock()
				s.acked[name+" "+user+"/"+id] = o.At
				s.mu.Unlock()
				break
			}
			if !o.Err.Code.Retryable() {
				s.t.Errorf("refused: %v", o.Err)
				return
			}
			time.Sleep(time.Duration(1+dice.IntN(200)) * time.Millisecond)
		}
	}
}

// simMember is a member who comes and goes.
type simMember struct {
	*sim
	n    int
	room string
	dice *rand.Rand

	at    *hub.Position // the last event that was processed
	parts []simPart     // one for each stretch that a reset has begun
}

// simPart is what a member has seen without a reset in between.
type simPart struct {
	from uint64 // exclusive
	seqs []uint64
}

func (m *simMember) live(ctx context.Context) {
	for ctx.Err() == nil {
		queue := hub.NewQueue(1<<20, 4096)
		session, err := m.hub.Connect(caller(fmt.Sprint("member-", m.n)), queue)
		if err != nil {
			m.t.Errorf("connect: %v", err)
			return
		}
		if m.join(ctx, peer{session, queue}) {
			stay, leave := context.WithTimeout(ctx, time.Duration(200+m.dice.IntN(2000))*time.Millisecond)
			m.listen(stay, queue)
			leave()
		}
		session.Close(hub.ReasonGone)
		select {
		case <-time.After(time.Duration(m.dice.IntN(1500)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
	m.lastLook()
}

// lastLook resumes once more, when all is quiet.
func (m *simMember) lastLook() {
	session := m.connect(fmt.Sprint("member-", m.n))
	defer session.Close(hub.ReasonGone)
	if !m.join(context.Background(), session) {
		m.t.Errorf("member %d could not come back when all was well", m.n)
	}
}

// join joins until it is live. It is false when it could not.
func (m *simMember) join(ctx context.Context, session peer) bool {
	for {
		req := hub.JoinRequest{Room: m.room, Since: m.at, History: 3}
		if m.at != nil {
			m.mu.Lock()
			m.resumes++
			m.mu.Unlock()
		}
		var joined hub.Joined
		err := session.Join(ctx, req, func(j hub.Joined) { joined = j })
		if err != nil {
			if !room.AsError(err).Code.Retryable() && ctx.Err() == nil {
				m.t.Errorf("join: %v", err)
			}
			return false
		}
		m.joined(joined)
		if joined.Live {
			return true
		}
	}
}

func (m *simMember) joined(j hub.Joined) {
	if m.at == nil || j.Reset != "" {
		m.restart(j.Reset != "")
		from := j.At.Seq
		if len(j.Events) > 0 {
			from = j.Events[0].Seq - 1
		}
		m.parts = append(m.parts, simPart{from: from})
	}
	for _, it := range j.Events {
		m.saw(it.Seq)
	}
	m.at = &hub.Position{Epoch: j.At.Epoch, Seq: j.At.Seq}
}

func (m *simMember) restart(reset bool) {
	if reset {
		m.mu.Lock()
		m.resets++
		m.mu.Unlock()
	}
}

// saw takes an event; what was processed already is ignored, as the protocol says.
func (m *simMember) saw(seq uint64) {
	part := &m.parts[len(m.parts)-1]
	if n := len(part.seqs); n > 0 && seq <= part.seqs[n-1] {
		return
	}
	part.seqs = append(part.seqs, seq)
}

func (m *simMember) listen(ctx context.Context, queue *hub.Queue) {
	for {
		frames, err := queue.Next(ctx, nil)
		if err != nil {
			return
		}
		for _, f := range frames {
			reply, err := wire.DecodeReply(f.Data)
			if err != nil {
				m.t.Errorf("frame: %v", err)
				return
			}
			switch body := reply.Body.(type) {
			case *wire.EventPush:
				m.saw(body.Seq)
				m.at.Seq = max(m.at.Seq, body.Seq)
			case *wire.ResetPush:
				m.restart(true)
				m.at = &hub.Position{Epoch: body.Epoch, Seq: body.Seq}
				m.parts = append(m.parts, simPart{from: body.Seq})
			}
		}
	}
}

// verify holds what was acknowledged and what was seen against the log.
func (s *sim) verify(members []*simMember) {
	for i := range simRooms {
		name := simRoom(i)
		page, err := s.memory.Read(context.Background(), name, hub.Range{Limit: hub.MaxPage})
		require.NoError(s.t, err)
		found := make(map[string]uint64)
		for _, e := range page.Entries {
			ev, err := room.DecodeEvent(e.Data)
			require.NoError(s.t, err)
			require.Zero(s.t, found[name+" "+ev.Text], "%s is in the log twice", ev.Text)
			found[name+" "+ev.Text] = e.Seq
		}
		for id, at := range s.acked {
			if id[:len(name)] == name {
				require.Equal(s.t, at.Seq, found[id], "acknowledged %s", id)
			}
		}
		for _, m := range members {
			if m.room == name {
				m.verify(page.Entries)
			}
		}
	}
}

// verify holds each stretch that the member has seen against the log: all of it,
// from where it began to where the next one begins.
func (m *simMember) verify(entries []hub.Entry) {
	for i, part := range m.parts {
		var want []uint64
		for _, e := range entries {
			if e.Seq <= part.from {
				continue
			}
			if i < len(m.parts)-1 && (len(part.seqs) == 0 || e.Seq > part.seqs[len(part.seqs)-1]) {
				break // a reset was announced: up to there is what counts
			}
			want = append(want, e.Seq)
		}
		require.Equal(m.t, want, part.seqs, "member %d of %s, stretch %d from %d", m.n, m.room, i, part.from)
	}
}
