//go:build linux

package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/checker"
	"github.com/hubbub-im/hubbub/transport/client"
)

// workload says what the clients of a trial do.
type workload struct {
	seed    uint64
	rooms   int
	members int
	speak   int           // of the members, those who publish
	rate    float64       // messages a second, of all together
	settle  time.Duration // how long all may take to be answered and delivered
	part    string        // which parts run beside the chat: presence, docs, bots
}

// trial is a workload under way on a cluster, and what its clients record.
type trial struct {
	// static after newTrial
	load     workload
	cluster  *cluster
	machines []*machine // of the hubs
	begin    time.Time
	ctx      context.Context // ends when the trial is given up, or over
	giveUp   context.CancelFunc

	quiet   context.Context // ends: nothing new is published any more
	hush    context.CancelFunc
	told    context.Context // ends: targets is set, and members end when they are there
	tell    context.CancelFunc
	targets map[string]client.Position

	unsettled []checker.Span // when presence is not judged; owned by the drill

	acked     atomic.Int64
	unknown   atomic.Int64 // answers that the SDK could not give
	linked    atomic.Int64 // connections that members made
	strangers atomic.Int64
	gate      sync.RWMutex // held by whoever wants nothing to be published for a while
	burst     atomic.Int64 // by how much the steady rate is exceeded; 0: not

	mu      sync.Mutex // guards what follows
	history checker.History
	trouble []string // what no client should have met
	worst   time.Duration
}

func newTrial(ctx context.Context, load workload, c *cluster) *trial {
	t := &trial{
		load: load, cluster: c, begin: time.Now(),
		history: checker.History{Final: map[string]checker.Final{}},
	}
	for _, p := range c.hubs {
		t.machines = append(t.machines, p.on)
	}
	t.ctx, t.giveUp = context.WithCancel(ctx)
	t.quiet, t.hush = context.WithCancel(t.ctx)
	t.told, t.tell = context.WithCancel(t.ctx)
	return t
}

// now is the time of the trial's clock.
func (t *trial) now() time.Duration { return time.Since(t.begin) }

// rng gives a client its own source of chance.
func (t *trial) rng(kind string, n, i int) *rand.Rand {
	return rand.New(rand.NewPCG(t.load.seed, uint64(crc32.ChecksumIEEE(fmt.Append(nil, kind, n, "/", i)))))
}

func (t *trial) room(n int) string { return fmt.Sprint("room", n%t.load.rooms) }

// Some rooms have no members: their history comes from the log, and not from what a hub
// has at hand.
const quietRooms = 3

func quietRoom(n int) string { return fmt.Sprint("quiet", n) }

func (t *trial) rooms() []string {
	var names []string
	for i := range quietRooms {
		names = append(names, quietRoom(i))
	}
	for i := range t.load.rooms {
		names = append(names, t.room(i))
	}
	return names
}

// pace is the mean time between the messages of one publisher.
func (t *trial) pace() time.Duration {
	rate := t.load.rate * float64(max(1, t.burst.Load()))
	return time.Duration(float64(t.load.speak) / rate * float64(time.Second))
}

// complain notes what no client should have met.
func (t *trial) complain(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.trouble) < 1000 {
		t.trouble = append(t.trouble, fmt.Sprintf(format, args...))
	}
}

// slowest notes how long an ack took.
func (t *trial) slowest(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.worst = max(t.worst, took)
}

// counting gives what counts the connections of a client.
func (t *trial) counting() func(client.Status) {
	return func(s client.Status) {
		if s.State == client.Connected {
			t.linked.Add(1)
		}
	}
}

// keep adds what a client has recorded.
func (t *trial) keep(publishes []checker.Publish, tracks ...checker.Track) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history.Publishes = append(t.history.Publishes, publishes...)
	t.history.Tracks = append(t.history.Tracks, tracks...)
}

// chatter is the chat part of a trial.
type chatter struct {
	*trial
	members    []*member
	following  sync.WaitGroup
	publishing sync.WaitGroup
}

// chat lets the members in, and then speak.
func (t *trial) chat() (*chatter, error) {
	c := &chatter{trial: t}
	var ready sync.WaitGroup
	for i := range t.load.members {
		m := t.member(i)
		c.members = append(c.members, m)
		ready.Add(len(m.rooms))
		c.following.Go(func() { m.follow(&ready) })
	}
	if !awaitGroup(&ready, t.load.settle) {
		return c, fmt.Errorf("not all of %d members came into their rooms within %v", t.load.members, t.load.settle)
	}
	for i := range t.load.speak {
		c.publishing.Go(t.publisher(i, c.members[i*len(c.members)/t.load.speak]).publish)
	}
	return c, nil
}

// add lets one more member in.
func (c *chatter) add(m *member) {
	var ready sync.WaitGroup
	c.members = append(c.members, m)
	ready.Add(len(m.rooms))
	c.following.Go(func() { m.follow(&ready) })
}

// end lets everything settle, and reads back what there is.
func (c *chatter) end() error {
	c.hush()
	if !awaitGroup(&c.publishing, c.load.settle) {
		return fmt.Errorf("gave up waiting %v for the publishers to be answered", c.load.settle)
	}
	var err error
	if c.targets, err = c.readBack(); err != nil {
		return err
	}
	c.tell()
	if !awaitGroup(&c.following, c.load.settle) {
		return fmt.Errorf("gave up waiting %v for the members to get to the end of their rooms: %s", c.load.settle, c.behind())
	}
	return nil
}

// behind names some members who are not where their rooms end.
func (c *chatter) behind() string {
	var who []string
	for _, m := range c.members {
		for _, f := range m.rooms {
			if at := f.room.Position(); at.Seq < c.targets[f.track.Room].Seq && len(who) < 5 {
				who = append(who, fmt.Sprintf("%s in %s at %d of %d, %s %v", m.user, f.track.Room, at.Seq, c.targets[f.track.Room].Seq, m.c.Status().State, m.c.Status().Err))
			}
		}
	}
	return fmt.Sprint(who)
}

// lateness gives the median member's, the 99th percentile's and the latest one's
// longest wait for a message.
func (c *chatter) lateness() (p50, p99, most time.Duration) {
	var all []time.Duration
	for _, m := range c.members {
		all = append(all, m.late)
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[int(q*float64(len(all)-1))].Round(time.Millisecond) }
	return at(0.5), at(0.99), at(1)
}

// readBack reads every room to its end through each hub in turn. The first reading
// is the final history, which the others must match.
func (t *trial) readBack() (map[string]client.Position, error) {
	ends := map[string]client.Position{}
	for i, hub := range t.machines {
		c := t.clientAt("surveyor", &balance{hubs: []*machine{hub}}, nil)
		for _, name := range t.rooms() {
			read, err := t.readRoom(c, name)
			if err != nil {
				c.Close()
				return nil, fmt.Errorf("read %s back from hub%d: %w", name, i, err)
			}
			read.Who = fmt.Sprint("surveyor at hub", i)
			if i == 0 {
				t.history.Final[name] = checker.Final{Epoch: read.Epoch, Entries: read.Entries}
				if n := len(read.Entries); n > 0 {
					ends[name] = client.Position{Epoch: read.Epoch, Seq: read.Entries[n-1].Seq}
				}
				continue
			}
			t.mu.Lock()
			t.history.Reads = append(t.history.Reads, read)
			t.mu.Unlock()
		}
		c.Close()
	}
	return ends, nil
}

// readRoom reads a room as one long page.
func (t *trial) readRoom(c *client.Client, name string) (checker.Read, error) {
	whole := checker.Read{Room: name, FromStart: true, Limit: 1 << 40, Sent: t.now()}
	ctx, cancel := context.WithTimeout(t.ctx, t.load.settle)
	defer cancel()
	if err := c.WaitConnected(ctx); err != nil {
		return whole, err
	}
	for more, after := true, uint64(0); more; {
		page, err := c.Room(name).History(ctx, client.After(after), client.Limit(200))
		if err != nil {
			if ctx.Err() == nil && pass(ctx, 200*time.Millisecond) {
				continue // refused for a moment
			}
			return whole, err
		}
		whole.Epoch = page.Epoch
		for _, e := range page.Events {
			whole.Entries = append(whole.Entries, entry(e))
			after = e.Seq
		}
		more = page.MoreAfter && len(page.Events) > 0
	}
	whole.Done = t.now()
	return whole, nil
}

// awaitGroup waits for all of a group; it is false if that took too long.
func awaitGroup(g *sync.WaitGroup, patience time.Duration) bool {
	done := make(chan struct{})
	go func() {
		g.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(patience):
		return false
	}
}
