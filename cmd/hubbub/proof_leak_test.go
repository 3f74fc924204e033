package main_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/osstat"
)

// The whole of it: go test ./cmd/hubbub -run NothingStays -proof.connects 100000 -v
var connectsFlag = flag.Int("proof.connects", 4000, "connections that come and go, of each of which nothing may stay")

const (
	comersAtOnce = 64  // connections that come and go at a time
	comersRooms  = 50  // rooms that they are in
	comersLeft   = 200 // who do not say who they are, nor go: the hub has to end those
)

// waysToLeave gives the ways in which a connection comes to its end.
func waysToLeave() []func(*comer) {
	return []func(*comer){
		// in good order, in rooms or not
		func(c *comer) { c.enter(1); c.write(closeFrame); c.toTheEnd() },
		func(c *comer) { c.hello(); c.write(closeFrame); c.toTheEnd() },
		// without a word, in rooms
		func(c *comer) { c.enter(3) },
		func(c *comer) { c.enter(2); c.reset() },
		func(c *comer) { c.extension = deflateOffer; c.enter(1); c.reset() },
		// amid a frame, or amid the fragments of one
		func(c *comer) { c.enter(1); c.write(clientText(`{"type":"ping","id":9}`)[:11]); c.reset() },
		func(c *comer) { c.enter(1); c.write([]byte{1, 0x81, 0, 0, 0, 0, '{'}) },
		// with answers under way that nobody reads
		func(c *comer) { c.enter(1); c.write(bytes.Repeat(clientText(`{"type":"ping","id":9}`), 50)); c.reset() },
		// before the hub knows who it is
		func(c *comer) { c.open() },
		func(c *comer) { c.open(); c.reset() },
		func(c *comer) { c.open(); c.write(clientText(`{"type":"connect","id":1`)[:9]); c.reset() },
		func(c *comer) {
			c.open()
			c.write(clientText(`{"type":"connect","id":1,"token":"x.y.z"}`))
			c.agree()
		},
		func(c *comer) { c.open(); c.write(clientText(`{"type":"join","id":1,"room":"a"}`)); c.agree() },
		// amid the handshake, and before it
		func(c *comer) { c.write([]byte(c.request()[:60])) },
		func(c *comer) { c.write([]byte(c.request()[:90])); c.reset() },
		func(c *comer) { c.write([]byte(c.request())); c.reset() },
		func(c *comer) {},
		func(c *comer) { c.reset() },
	}
}

// A hub keeps nothing of those who have gone, however they came and went.
func TestNothingStaysOfWhoHasGone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	admin := freeAddr(t)
	h := newHub(t, []string{binary(t), "serve"},
		"--admin-addr="+admin, "--rate=1000000", "--burst=1000000", "--connect-rate=0", "--log-level=warn")
	h.start()
	h.awaitReady()
	w := &wave{t: t, hub: h, token: h.token("comer"), admin: "http://" + admin}
	w.run(1000, 0) // so that what a hub makes once is there
	before := w.settled(residue{goroutines: 1 << 20, descriptors: 1 << 20})
	began := time.Now()
	w.run(*connectsFlag, comersLeft)
	took := time.Since(began)
	after := w.settled(before)
	t.Logf("%d connections in %v: %v before, %v after", *connectsFlag+comersLeft, took.Round(time.Millisecond), before, after)
	// Few bytes for each connection, and what a collector's view varies by.
	require.Less(t, after.heap-before.heap, float64(3<<20+64**connectsFlag), "bytes of heap")
	if !raceDetector { // which keeps shadows
		require.Less(t, after.rss-before.rss, int64(24<<20+64**connectsFlag), "bytes of memory")
	}
}

// residue is what a hub holds on to.
type residue struct {
	goroutines, heap float64
	descriptors      int
	rss              int64
}

func (r residue) String() string {
	return fmt.Sprintf("%.0f goroutines, %d descriptors, %.1f MB of heap, %.1f MB of memory",
		r.goroutines, r.descriptors, r.heap/(1<<20), float64(r.rss)/(1<<20))
}

// wave is many connections that come and go.
type wave struct {
	t     testing.TB
	hub   *hubProcess
	token string
	admin string
	came  atomic.Int64
}

// run lets n come and go in all ways in turn, and beside them some who stay until the
// hub ends them.
func (w *wave) run(n, left int) {
	w.t.Helper()
	var comers sync.WaitGroup
	for range left {
		comers.Go(func() {
			c := w.comer(0)
			defer c.gone()
			c.open()
			c.agree()
		})
	}
	ways, end := waysToLeave(), w.came.Load()+int64(n)
	for range comersAtOnce {
		comers.Go(func() {
			for i := w.came.Add(1); i <= end && !w.t.Failed(); i = w.came.Add(1) {
				c := w.comer(int(i))
				c.way = int(i) % len(ways)
				ways[c.way](c)
				c.gone()
			}
		})
	}
	comers.Wait()
	require.False(w.t, w.t.Failed())
}

// settled waits until the hub holds no more goroutines and descriptors than it did,
// but for the one or two that a question to it takes, and gives what it then holds.
func (w *wave) settled(before residue) (now residue) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		now = w.held()
		return w.metric("hubbub_hub_sessions") == 0 && now.goroutines <= before.goroutines+2 && now.descriptors <= before.descriptors+2
	}, time.Minute, 250*time.Millisecond, "before %v, and now %v", before, &now)
	return now
}

// held asks the hub, after a collection, and the system.
func (w *wave) held() (r residue) {
	for range 2 { // the second frees what finalizers and pools have held on to
		w.ask("/debug/pprof/heap?gc=1")
	}
	r.goroutines, r.heap = w.metric("go_goroutines"), w.metric("go_memstats_heap_alloc_bytes")
	var err error
	r.descriptors, err = osstat.Descriptors(w.hub.cmd.Process.Pid)
	require.NoError(w.t, err)
	r.rss, err = osstat.RSS(w.hub.cmd.Process.Pid)
	require.NoError(w.t, err)
	return r
}

func (w *wave) metric(name string) float64 {
	for line := range strings.Lines(string(w.ask("/metrics"))) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			require.NoError(w.t, err)
			return v
		}
	}
	w.t.Fatalf("no metric %s", name)
	return 0
}

func (w *wave) ask(path string) []byte {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Get(w.admin + path)
	require.NoError(w.t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, errors.Join(err, res.Body.Close()))
	return body
}

// comer is one connection.
type comer struct {
	wave      *wave
	n, way    int
	conn      *net.TCPConn
	extension string // a header line
}

// comer connects, from one of several addresses, so that there are ports for all.
func (w *wave) comer(n int) *comer {
	from := net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n%100))}
	dialer := net.Dialer{LocalAddr: &from, Timeout: 30 * time.Second}
	conn, err := dialer.Dial("tcp", w.hub.addr)
	if err != nil {
		w.t.Errorf("connection %d: %v", n, err)
		return &comer{wave: w, n: n}
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &comer{wave: w, n: n, conn: conn.(*net.TCPConn)}
}

const deflateOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

// closeFrame and clientText make frames with a mask of zeros.
var closeFrame = []byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8}

func clientText(s string) []byte {
	head := []byte{0x81, 0x80 | byte(len(s)), 0, 0, 0, 0}
	if len(s) > 125 {
		head = []byte{0x81, 0x80 | 126, byte(len(s) >> 8), byte(len(s)), 0, 0, 0, 0}
	}
	return append(head, s...)
}

func (c *comer) request() string {
	return "GET /ws HTTP/1.1\r\nHost: " + c.wave.hub.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: hubbub.v1.json\r\n" + c.extension + "\r\n"
}

// open makes a WebSocket of it.
func (c *comer) open() {
	c.write([]byte(c.request()))
	c.until("\r\n\r\n")
}

// hello says who it is.
func (c *comer) hello() {
	c.open()
	c.write(clientText(`{"type":"connect","id":1,"token":"` + c.wave.token + `"}`))
	c.until(`"connected"`)
}

// enter says hello and joins some rooms.
func (c *comer) enter(rooms int) {
	c.hello()
	for i := range rooms {
		c.write(clientText(fmt.Sprintf(`{"type":"join","id":%d,"room":"room-%d","presence":%t}`, 2+i, (c.n+i)%comersRooms, c.n%3 == 0)))
		c.until(fmt.Sprintf(`"id":%d`, 2+i))
	}
}

func (c *comer) write(b []byte) {
	if c.conn == nil {
		return
	}
	if _, err := c.conn.Write(b); err != nil {
		c.wave.t.Errorf("connection %d, way %d: %v", c.n, c.way, err)
	}
}

// until reads until the hub has said something.
func (c *comer) until(what string) {
	if c.conn == nil {
		return
	}
	var said []byte
	for buf := make([]byte, 4096); !bytes.Contains(said, []byte(what)); {
		n, err := c.conn.Read(buf)
		if said = append(said, buf[:n]...); err != nil {
			c.wave.t.Errorf("connection %d, way %d: waiting for %q: %v; it said %.500q", c.n, c.way, what, err, said)
			return
		}
	}
}

// toTheEnd reads until the hub ends the connection.
func (c *comer) toTheEnd() {
	if c.conn != nil {
		if _, err := io.Copy(io.Discard, c.conn); err != nil {
			c.wave.t.Errorf("connection %d, way %d: waiting for its end: %v", c.n, c.way, err)
		}
	}
}

// agree answers the hub's goodbye, without which the hub would wait some seconds.
func (c *comer) agree() {
	c.until(`"disconnect"`)
	c.write(closeFrame)
	c.toTheEnd()
}

// reset makes the end of the connection a reset.
func (c *comer) reset() {
	if c.conn != nil {
		_ = c.conn.SetLinger(0)
	}
}

func (c *comer) gone() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}
