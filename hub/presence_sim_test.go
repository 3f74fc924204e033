package hub_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/transport"
	"github.com/hubbub-im/hubbub/transport/wire"
)

var presenceSeeds = flag.Int("presence.seeds", 400, "simulations of presence to run")

// TestPresenceSimulation runs three hubs over a network that goes wrong, under fake
// time, once for each seed: users come, go, and move from one hub to another, hubs are
// killed and cut off. Every observer on every hub must see exactly one join and one
// leave for each stay, and each in time.
func TestPresenceSimulation(t *testing.T) {
	var sum presenceSim
	first, last := int64(0), int64(*presenceSeeds)
	if *simSeed >= 0 {
		first, last = *simSeed, *simSeed+1
	}
	for seed := first; seed < last; seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newPresenceSim(t, uint64(seed))
			s.run()
			sum.seen, sum.moves, sum.killed, sum.cuts = sum.seen+s.seen, sum.moves+s.moves, sum.killed+s.killed, sum.cuts+s.cuts
			sum.dropped, sum.doubled, sum.delayed = sum.dropped+s.net.dropped, sum.doubled+s.net.doubled, sum.delayed+s.net.delayed
		})
		if t.Failed() {
			t.Fatalf("seed %d; repeat it with: go test ./hub -run TestPresenceSimulation -seed %d", seed, seed)
		}
	}
	t.Logf("%d simulations: %d joins and leaves seen, %d moves, %d kills, %d cuts; %d messages lost, %d doubled, %d delayed",
		last-first, sum.seen, sum.moves, sum.killed, sum.cuts, sum.dropped, sum.doubled, sum.delayed)
	if last-first >= 100 {
		for _, n := range []int{sum.moves, sum.killed, sum.cuts, sum.dropped, sum.doubled, sum.delayed} {
			require.NotZero(t, n, "something never happened, so nothing was shown about it")
		}
	}
}

const (
	presenceHubs  = 3
	presenceUsers = 6
	presenceTime  = 40 * time.Second // in which something happens
	presenceRest  = 25 * time.Second // in which nothing does
)

// presenceSim is one simulation.
type presenceSim struct {
	t     *testing.T
	seed  uint64
	net   *network
	log   *hub.Memory
	start time.Time
	plan  struct{ lossy, kills, cutting bool }

	seen, moves, killed, cuts       int
	dropped, doubled, delayed, spot int
	watching                        sync.WaitGroup

	mu        sync.Mutex // guards what follows
	nodes     []*simNode
	old       []*simNode
	truth     map[string]*presenceTruth // of a user
	excused   []span
	observers []*observer
}

// simNode is a hub, and how it ended.
type simNode struct {
	hub  *hub.Hub
	end  *endpoint
	ctx  context.Context // ends with it
	stop context.CancelFunc

	// guarded by the simulation's mu
	dead  bool
	holds map[*simStay]string
	left  map[string]time.Duration // when users left last
	watch *observer
}

// observer is a session that asked for presence.
type observer struct {
	user  string
	began time.Duration
	here  map[string]bool
	until time.Duration
	seen  map[string][]sight
}

func newPresenceSim(t *testing.T, seed uint64) *presenceSim {
	s := &presenceSim{t: t, seed: seed, net: newNetwork(seed), log: hub.NewMemory(), start: time.Now(), truth: map[string]*presenceTruth{}}
	s.plan.lossy, s.plan.kills, s.plan.cutting = seed%4 > 0, seed%4 > 1, seed%4 > 2
	if s.plan.lossy {
		s.net.drop, s.net.double, s.net.slow, s.net.most = 0.03, 0.05, 0.2, 150*time.Millisecond
	}
	return s
}

func (s *presenceSim) now() time.Duration { return time.Since(s.start) }

func (s *presenceSim) newNode(n int) *simNode {
	s.spot++
	node := &simNode{holds: map[*simStay]string{}, left: map[string]time.Duration{}, end: s.net.endpoint(fmt.Sprintf("%d-%d", n, s.spot))}
	node.ctx, node.stop = context.WithCancel(context.Background())
	node.hub = hub.New(hub.Config{Log: s.log, Bus: node.end, Codec: transport.Codec{}, Instance: node.end.id})
	return node
}

func (s *presenceSim) run() {
	var life sync.WaitGroup
	for i := range presenceHubs {
		s.nodes = append(s.nodes, s.newNode(i))
		s.observe(&s.watching, s.nodes[i], i)
	}
	for i := range presenceUsers {
		life.Go(func() { s.roam(i) })
	}
	life.Go(s.mischief)
	life.Wait()
	s.net.set(func() { s.net.quiet = true })
	time.Sleep(presenceRest)
	for _, o := range s.observers {
		if o.until == 0 {
			o.until = s.now()
		}
	}
	s.sameEverywhere()
	for _, n := range append(slices.Clone(s.nodes), s.old...) {
		for stay, user := range n.holds {
			s.note(user, span{stay.from, open})
		}
		n.stop()
		n.hub.Close()
	}
	s.watching.Wait()
	require.NoError(s.t, s.log.Close(context.Background()))
	s.verify()
}

// observe has an observer on a hub.
func (s *presenceSim) observe(group *sync.WaitGroup, n *simNode, i int) {
	o := &observer{user: fmt.Sprintf("watch-%d-%d", i, s.spot), here: map[string]bool{}, seen: map[string][]sight{}}
	s.mu.Lock()
	s.observers, n.watch = append(s.observers, o), o
	s.mu.Unlock()
	queue := hub.NewQueue(1<<20, 4096)
	session, err := n.hub.Connect(caller(o.user), queue)
	require.NoError(s.t, err)
	o.began = s.now()
	require.NoError(s.t, session.Join(context.Background(), hub.JoinRequest{Room: "r", Presence: true}, func(j hub.Joined) {
		for _, m := range j.Members {
			o.here[m.User] = true
		}
	}))
	group.Go(func() {
		for {
			frames, err := queue.Next(n.ctx, nil)
			if err != nil {
				return
			}
			for _, f := range frames {
				reply, err := wire.DecodeReply(f.Data)
				if err != nil {
					s.t.Errorf("frame: %v", err)
					return
				}
				if p, ok := reply.Body.(*wire.PresencePush); ok && n.ctx.Err() == nil {
					o.told(s.now(), p)
				}
			}
		}
	})
}

func (o *observer) told(at time.Duration, p *wire.PresencePush) {
	for _, m := range p.Joined {
		o.seen[m.User] = append(o.seen[m.User], sight{at, true})
	}
	for _, m := range p.Left {
		o.seen[m.User] = append(o.seen[m.User], sight{at, false})
	}
}

// simStay is a connection of a user.
type simStay struct {
	node    *simNode
	session *hub.Session
	from    time.Duration
}

// enter connects a user to some hub that is there.
func (s *presenceSim) enter(user string, dice *rand.Rand, not *simNode) *simStay {
	s.mu.Lock()
	node := s.nodes[dice.IntN(len(s.nodes))]
	for i := 0; node == not || node.dead; i++ {
		node = s.nodes[i%len(s.nodes)]
		if i > 10 {
			s.mu.Unlock()
			return nil
		}
	}
	s.mu.Unlock()
	queue := hub.NewQueue(1<<16, 64)
	session, err := node.hub.Connect(caller(user), queue)
	if err != nil {
		return nil
	}
	joined := false
	err = session.Join(context.Background(), hub.JoinRequest{Room: "r"}, func(hub.Joined) { joined = true })
	if err != nil || !joined || node.ctx.Err() != nil {
		session.Close(hub.ReasonGone)
		return nil
	}
	return &simStay{node, session, s.now()}
}

// leave ends a connection: its user's, or that of a hub that was killed.
func (s *presenceSim) leave(user string, stay *simStay) {
	stay.session.Close(hub.ReasonGone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if stay.node.dead {
		return // noted by kill
	}
	s.note(user, span{stay.from, s.now()})
	stay.node.left[user] = s.now()
}

// note keeps a stay that is over. mu is held.
func (s *presenceSim) note(user string, stay span) {
	p := s.truth[user]
	if p == nil {
		p = &presenceTruth{}
		s.truth[user] = p
	}
	p.stays = append(p.stays, stay)
}

// roam has a user come and go.
func (s *presenceSim) roam(n int) {
	dice, user := rand.New(rand.NewPCG(s.seed, uint64(n)+77)), fmt.Sprint("user-", n)
	pause := func(least, most int) {
		time.Sleep(time.Duration(least+dice.IntN(most-least)) * time.Millisecond)
	}
	for s.now() < presenceTime {
		pause(100, 4000)
		stay := s.enter(user, dice, nil)
		if stay == nil {
			continue
		}
		s.hold(user, stay)
		pause(200, 8000)
		for dice.IntN(2) == 0 && !s.isDead(stay) { // moves
			if dice.IntN(2) == 0 && !s.plan.lossy {
				s.letGo(user, stay)
				pause(50, 700)
				if stay = s.enter(user, dice, nil); stay == nil {
					break
				}
				s.hold(user, stay)
			} else if next := s.enter(user, dice, stay.node); next != nil {
				s.hold(user, next)
				pause(300, 1000)
				s.letGo(user, stay)
				stay = next
			}
			s.mu.Lock()
			s.moves++
			s.mu.Unlock()
			pause(500, 5000)
		}
		if stay != nil {
			s.letGo(user, stay)
			pause(3000, 9000) // so that it is a leave
		}
	}
	if stay := s.enter(user, dice, nil); stay != nil && n%2 == 0 {
		s.hold(user, stay) // to the end
	} else if stay != nil {
		s.hold(user, stay)
		pause(500, 501)
		s.letGo(user, stay)
	}
}

// mischief ends hubs, and cuts them off.
func (s *presenceSim) mischief() {
	dice := rand.New(rand.NewPCG(s.seed, 5))
	for s.now() < presenceTime {
		time.Sleep(time.Duration(2000+dice.IntN(8000)) * time.Millisecond)
		i := dice.IntN(presenceHubs)
		switch {
		case s.plan.cutting && dice.IntN(2) == 0:
			s.cutOff(i, time.Duration(1000+dice.IntN(14000))*time.Millisecond)
		case s.plan.kills:
			s.endNode(i, true)
		case !s.plan.lossy && dice.IntN(2) == 0:
			s.endNode(i, false)
		}
	}
}

func (s *presenceSim) cutOff(i int, long time.Duration) {
	id := s.nodes[i].end.id
	from := s.now()
	s.net.set(func() { s.net.cut[id] = true })
	time.Sleep(long)
	s.net.set(func() { delete(s.net.cut, id) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts++
	s.excused = append(s.excused, span{from, s.now() + 12*time.Second})
}

// endNode kills a hub, or closes it, and begins another one in its place.
func (s *presenceSim) endNode(i int, kill bool) {
	s.mu.Lock()
	n := s.nodes[i]
	n.dead = true
	n.stop()
	for stay, user := range n.holds {
		if kill {
			s.noteKilled(user, span{stay.from, s.now()})
		} else {
			s.note(user, span{stay.from, s.now()})
		}
	}
	clear(n.holds)
	if kill {
		s.net.set(func() { n.end.dead = true })
		untold := 500 * time.Millisecond // it may not have been told yet, or not heard
		if s.plan.lossy {
			untold = 2500 * time.Millisecond // not once of several times
		}
		for user, at := range n.left {
			if s.now()-at < untold {
				s.truth[user].unsaid = append(s.truth[user].unsaid, at)
			}
		}
		s.killed++
		s.old = append(s.old, n)
	}
	n.watch.until = s.now()
	s.mu.Unlock()
	if !kill {
		n.hub.Close()
	}
	time.Sleep(time.Second)
	fresh := s.newNode(i)
	s.observe(&s.watching, fresh, i)
	s.mu.Lock()
	s.nodes[i] = fresh
	s.mu.Unlock()
}

// sameEverywhere: when all is quiet, every hub knows the same, and it is so.
func (s *presenceSim) sameEverywhere() {
	want := map[string]int{}
	for _, n := range s.nodes {
		want[n.watch.user]++
		for _, user := range n.holds {
			want[user]++
		}
	}
	for _, n := range s.nodes {
		members, count := n.hub.Presence("r", 100)
		got := map[string]int{}
		for _, m := range members {
			got[m.User] = m.Conns
		}
		require.Equal(s.t, want, got, "as %s has it", n.end.id)
		require.Equal(s.t, len(want), count)
		w := n.hub.Whereabouts(context.Background(), "r", 100)
		require.False(s.t, w.Incomplete)
		require.Equal(s.t, members, w.Members)
		require.Len(s.t, w.Shares, presenceHubs)
	}
}

// verify holds what every observer saw against the truth.
func (s *presenceSim) verify() {
	for _, o := range s.observers {
		b := &bounds{clean: 2 * time.Second, dead: 10 * time.Second, come: 2 * time.Second, grace: time.Second, until: o.until, excused: s.excused}
		if s.plan.lossy {
			b.grace, b.clean, b.come = 50*time.Millisecond, 4*time.Second, 4*time.Second
		}
		for user, truth := range s.truth {
			for _, wrong := range b.check(truth, o.here[user], o.began, o.seen[user]) {
				s.t.Errorf("seed %d: %s of %s: %s; it saw %v; the truth is %v", s.seed, o.user, user, wrong, o.seen[user], truth)
			}
			s.seen += len(o.seen[user])
		}
	}
}

// hold notes who is on a hub, should it be killed.
func (s *presenceSim) hold(user string, stay *simStay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stay.node.dead {
		s.noteKilled(user, span{stay.from, s.now()})
		return
	}
	stay.node.holds[stay] = user
}

func (s *presenceSim) noteKilled(user string, stay span) {
	s.note(user, stay)
	s.truth[user].kills = append(s.truth[user].kills, stay.to)
}

func (s *presenceSim) letGo(user string, stay *simStay) {
	s.mu.Lock()
	delete(stay.node.holds, stay)
	s.mu.Unlock()
	s.leave(user, stay)
}

func (s *presenceSim) isDead(stay *simStay) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stay.node.dead
}
