package bridge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

var (
	interestNodes     = flag.Int("interest.nodes", 3, "NATS servers of BenchmarkInterest")
	interestInstances = flag.Int("interest.instances", 10, "instances at each of its servers")
	interestMembers   = flag.Int("interest.members", 50_000, "members at each instance, each in one room")
	interestSize      = flag.Int("interest.size", 10, "members of a room, at random instances")
	interestOf        = flag.Int("interest.of", 200, "instances there are in all; those of no server here are not simulated")
)

// BenchmarkInterest measures what the rooms' subscriptions cost the NATS servers of a
// large installation: memory and CPU for those of the instances at a server and for those
// that its peers tell of, for members who come and go, and for a message among so many.
// The servers are real, the instances are connections that subscribe as hubs do.
//
//	go test ./hub/bridge -run '^$' -bench Interest -timeout 30m -args -interest.instances 25
func BenchmarkInterest(b *testing.B) {
	for b.Loop() {
		s := newInterest(b)
		empty := s.look(b)
		s.subscribe(b)
		full := s.look(b)
		local, unique := s.counts()
		fmt.Printf("\n%d servers, %d instances at each of %d in all, %d members each, rooms of %d\n",
			*interestNodes, *interestInstances, *interestOf, *interestMembers, *interestSize)
		fmt.Printf("a server: %d subscriptions of its instances, %d subjects among them, %d told by peers\n",
			local, unique, unique*(*interestNodes-1))
		for i := range full {
			fmt.Printf("server %d: %s\n", i, full[i].since(empty[i], local))
		}
		fmt.Printf("a peer is told in %d bytes on average\n", s.told)

		const changes = 100_000
		s.churn(b, changes)
		after := s.look(b)
		for i := range after {
			what := "hears of it from its peer"
			if i == 0 {
				what = "its instances leave and join"
			}
			fmt.Printf("server %d, %s: %.1f us of CPU for a leave and a join of a room (two subscriptions)\n", i, what,
				float64((after[i].cpu-full[i].cpu).Microseconds())/changes)
		}
		const messages = 100_000
		delivered, took := s.publish(b, messages)
		last := s.look(b)
		for i := range last {
			fmt.Printf("server %d, %d messages published at the last server, %d deliveries at all servers in %v: %.1f us of CPU a message\n", i, messages, delivered, took.Round(time.Millisecond),
				float64((last[i].cpu-after[i].cpu).Microseconds())/messages)
		}
		s.close()
	}
}

// serveNode runs a NATS server among others until it is killed.
func serveNode(args []string) {
	port := func(at string) int { n, _ := strconv.Atoi(at); return n }
	opts := &server.Options{
		ServerName: "n" + args[0], Host: "127.0.0.1", Port: port(args[0]), HTTPHost: "127.0.0.1", HTTPPort: port(args[1]), NoSigs: true, NoLog: true,
		MaxPending: 1 << 30, Cluster: server.ClusterOpts{Name: "interest", Host: "127.0.0.1", Port: port(args[2])},
	}
	for _, route := range args[3:] {
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + route})
	}
	s, err := server.NewServer(opts)
	if err != nil {
		panic(err)
	}
	s.Start()
	s.WaitForShutdown()
}

// node is a NATS server of the simulation.
type node struct {
	cmd       *exec.Cmd
	url       string // of its monitoring
	addr      string
	instances []*member
}

// member is the connection of an instance.
type member struct {
	conn  net.Conn
	in    *bufio.Reader
	rooms []int
}

// interest is the simulation.
type interest struct {
	nodes []*node
	told  int // bytes of a subject that is told to a peer
}

// cost is what a server uses.
type cost struct {
	rss  int64
	cpu  time.Duration
	subs uint32
}

func (c cost) since(before cost, local int) string {
	rss, subs := c.rss-before.rss, int(c.subs-before.subs)
	return fmt.Sprintf("%d subscriptions counted, RSS %d MB, %.0f bytes a subscription; %.1f us of CPU for each (%d of its own)",
		subs, rss>>20, float64(rss)/float64(subs), float64((c.cpu-before.cpu).Microseconds())/float64(subs), local)
}

func newInterest(b *testing.B) *interest {
	s := new(interest)
	var routes []string
	for range *interestNodes {
		routes = append(routes, strconv.Itoa(freePort(b)))
	}
	for i := range *interestNodes {
		client, monitor := strconv.Itoa(freePort(b)), strconv.Itoa(freePort(b))
		cmd := child("node", append([]string{client, monitor, routes[i]}, routes...)...)
		require.NoError(b, cmd.Start())
		b.Cleanup(func() {
			_ = cmd.Process.Kill() // it has been, if all went well
			_ = cmd.Wait()
		})
		s.nodes = append(s.nodes, &node{cmd: cmd, url: "http://127.0.0.1:" + monitor, addr: "127.0.0.1:" + client})
	}
	for _, n := range s.nodes {
		require.Eventually(b, func() bool {
			v, err := n.varz()
			return err == nil && v.Routes > 0 && v.Remotes == *interestNodes-1
		}, time.Minute, 50*time.Millisecond)
	}
	s.seat()
	return s
}

// seat puts the rooms' members at instances at random.
func (s *interest) seat() {
	all := make([]*member, *interestOf)
	for i := range min(*interestOf, *interestNodes**interestInstances) {
		all[i] = new(member)
		n := s.nodes[i%*interestNodes]
		n.instances = append(n.instances, all[i])
	}
	r := rand.New(rand.NewPCG(1, 1))
	for room := range *interestOf * *interestMembers / *interestSize {
		for range *interestSize {
			if m := all[r.IntN(len(all))]; m != nil && (len(m.rooms) == 0 || m.rooms[len(m.rooms)-1] != room) {
				m.rooms = append(m.rooms, room)
			}
		}
	}
}

// subjects are the two of a room, as long as real ones.
func subjects(room int) [2]string {
	return [2]string{fmt.Sprintf("hubbub.live.%d.room-%07d", room%16, room), fmt.Sprintf("hubbub.bus.room-%07d", room)}
}

// counts gives the subscriptions of a server's instances, and the subjects among them.
func (s *interest) counts() (local, unique int) {
	rooms := make(map[int]bool)
	for _, m := range s.nodes[0].instances {
		local += 2 * len(m.rooms)
		for _, room := range m.rooms {
			rooms[room] = true
		}
	}
	return local, 2 * len(rooms)
}

// each calls f for every instance, side by side, and waits.
func (s *interest) each(b *testing.B, f func(n *node, m *member) error) {
	var all sync.WaitGroup
	for _, n := range s.nodes {
		for _, m := range n.instances {
			all.Go(func() {
				if err := f(n, m); err != nil {
					b.Error(err)
				}
			})
		}
	}
	all.Wait()
	require.False(b, b.Failed())
}

func (s *interest) subscribe(b *testing.B) {
	for _, subject := range subjects(1) {
		s.told += len("RS+ $G " + subject + "\r\n")
	}
	s.told /= 2
	s.each(b, func(n *node, m *member) (err error) {
		if m.conn, err = net.Dial("tcp", n.addr); err != nil {
			return err
		}
		m.in = bufio.NewReaderSize(m.conn, 64<<10)
		out := bufio.NewWriter(m.conn)
		_, _ = out.WriteString("CONNECT {\"verbose\":false,\"protocol\":1}\r\n") // a failed write is told by Flush
		for i, room := range m.rooms {
			for j, subject := range subjects(room) {
				_, _ = fmt.Fprintf(out, "SUB %s %d\r\n", subject, 2*i+j+1)
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		return m.sync()
	})
	// The peers know as well once they count as many.
	_, unique := s.counts()
	require.Eventually(b, func() bool {
		v, err := s.nodes[len(s.nodes)-1].varz()
		return err == nil && int(v.Subscriptions) >= (len(s.nodes)-1)*unique
	}, 5*time.Minute, 100*time.Millisecond)
}

// sync waits until the server has done all that it was told.
func (m *member) sync() error {
	if _, err := m.conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	for {
		line, err := m.in.ReadBytes('\n')
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(line, []byte("PONG")):
			return nil
		case bytes.HasPrefix(line, []byte("-ERR")):
			return fmt.Errorf("the server says %q", line)
		}
	}
}

// churn has the last member of rooms leave at the instances of the first server, and join again.
func (s *interest) churn(b *testing.B, changes int) {
	each := changes / len(s.nodes[0].instances)
	s.each(b, func(n *node, m *member) error {
		if n != s.nodes[0] {
			return nil
		}
		out := bufio.NewWriter(m.conn)
		for k := range each {
			i := k % len(m.rooms)
			for j, subject := range subjects(m.rooms[i]) {
				_, _ = fmt.Fprintf(out, "UNSUB %d\r\nSUB %s %d\r\n", 2*i+j+1, subject, 2*i+j+1)
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		return m.sync()
	})
	s.settle(b)
}

// settle waits until no server does anything any more.
func (s *interest) settle(b *testing.B) {
	before := s.look(b)
	require.Eventually(b, func() bool {
		now := s.look(b)
		still := true
		for i := range now {
			still = still && now[i].cpu-before[i].cpu <= 10*time.Millisecond
		}
		before = now
		return still
	}, time.Minute, time.Second)
}

// publish has an instance of the last server publish to rooms at random, and counts what comes.
func (s *interest) publish(b *testing.B, messages int) (delivered int, took time.Duration) {
	rooms := *interestOf * *interestMembers / *interestSize
	r, seen := rand.New(rand.NewPCG(2, 2)), make(map[int]int)
	for _, n := range s.nodes {
		for _, m := range n.instances {
			for _, room := range m.rooms {
				seen[room]++
			}
		}
	}
	n := s.nodes[len(s.nodes)-1]
	from, err := net.Dial("tcp", n.addr)
	require.NoError(b, err)
	publisher := &member{conn: from, in: bufio.NewReader(from)}
	out := bufio.NewWriter(from)
	body := strings.Repeat("x", 128)
	_, _ = out.WriteString("CONNECT {\"verbose\":false,\"protocol\":1}\r\n")
	for range messages {
		room := r.IntN(rooms)
		_, _ = fmt.Fprintf(out, "PUB %s 128\r\n%s\r\n", subjects(room)[0], body)
		delivered += seen[room]
	}
	var wanted sync.WaitGroup
	var mu sync.Mutex
	left, all := delivered, make(chan struct{})
	for _, n := range s.nodes {
		for _, m := range n.instances {
			wanted.Go(func() {
				for {
					line, err := m.in.ReadBytes('\n')
					if err != nil {
						return // it is closed when all is counted
					}
					if !bytes.HasPrefix(line, []byte("MSG")) {
						continue
					}
					mu.Lock()
					if left--; left == 0 {
						close(all)
					}
					mu.Unlock()
				}
			})
		}
	}
	begun := time.Now()
	require.NoError(b, out.Flush())
	require.NoError(b, publisher.sync())
	select {
	case <-all:
	case <-time.After(time.Minute):
		require.FailNow(b, "messages are missing")
	}
	took = time.Since(begun)
	_ = from.Close()
	for _, n := range s.nodes {
		for _, m := range n.instances {
			_ = m.conn.Close()
		}
	}
	wanted.Wait()
	return delivered, took
}

func (s *interest) close() {
	for _, n := range s.nodes {
		_ = n.cmd.Process.Kill() // it is there: it was looked at
		_ = n.cmd.Wait()
	}
	http.DefaultClient.CloseIdleConnections()
}

// look asks the servers and the system what they use.
func (s *interest) look(b *testing.B) []cost {
	costs := make([]cost, len(s.nodes))
	for i, n := range s.nodes {
		v, err := n.varz()
		require.NoError(b, err)
		costs[i] = cost{rss: v.Mem, cpu: cpuOf(b, n.cmd.Process.Pid), subs: v.Subscriptions}
	}
	return costs
}

func (n *node) varz() (v server.Varz, err error) {
	answer, err := http.Get(n.url + "/varz")
	if err != nil {
		return v, err
	}
	defer answer.Body.Close()
	return v, json.NewDecoder(answer.Body).Decode(&v)
}

// cpuOf is what a process has used, in ticks of 10 ms (proc(5), stat's fields 14 and 15).
func cpuOf(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}
