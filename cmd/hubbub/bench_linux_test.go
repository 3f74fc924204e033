package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench"
)

// benchOf runs hubbub bench as a process of its own, which starts its servers
// itself, and gives what it found.
func benchOf(t *testing.T, args ...string) (results []bench.Result, status int, said string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"bench"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the status tells
	for dec := json.NewDecoder(&out); dec.More(); {
		var r bench.Result
		require.NoError(t, dec.Decode(&r), errs.String())
		results = append(results, r)
	}
	return results, cmd.ProcessState.ExitCode(), errs.String()
}

// measuredBy runs one scenario that must go well.
func measuredBy(t *testing.T, args ...string) bench.Result {
	t.Helper()
	results, status, said := benchOf(t, append([]string{args[0], "--json", "--duration=300ms", "--warmup=50ms", "--dir=" + t.TempDir()}, args[1:]...)...)
	require.Zero(t, status, said)
	require.Len(t, results, 1)
	r := results[0]
	require.False(t, r.Wrong(), r)
	require.NotNil(t, r.Generator)
	return r
}

// servers are those that a scenario is run against: all, or in a short run the first.
func servers(all ...string) []string {
	if testing.Short() {
		return all[:1]
	}
	return all
}

func TestBenchFanout(t *testing.T) {
	for _, server := range servers("--ack=memory", "--ack=fsync", "--server=floor") {
		r := measuredBy(t, "fanout", server, "--members=40", "--rate=100")
		require.Equal(t, "fanout", r.Scenario)
		require.Positive(t, r.Deliveries)
		require.InDelta(t, 100, r.More["published_per_second"], 50, "an open loop does not wait for the server")
		require.NotNil(t, r.CPU)
		require.NotNil(t, r.RSSPerConn)
		require.Positive(t, *r.P50)
		require.GreaterOrEqual(t, *r.P99, *r.P50)
		require.GreaterOrEqual(t, *r.Max, *r.P99)
		r = measuredBy(t, "fanout", server, "--members=20", "--window=8", "--senders=3")
		require.Greater(t, r.Deliveries, uint64(20*8))
	}
}

func TestBenchScenarios(t *testing.T) {
	for _, server := range servers("--ack=memory", "--server=floor") {
		hub := server != "--server=floor"
		r := measuredBy(t, "rooms", server, "--rooms=20", "--room-size=5", "--rate=200")
		require.Equal(t, 100, r.Conns)
		require.Positive(t, r.Deliveries)

		r = measuredBy(t, "idle", server, "--conns=105", "--room-size=10", "--settle=100ms")
		require.Equal(t, uint64(105), r.Deliveries, "one message in each room reaches everybody")
		require.Contains(t, r.More, "kernel_bytes_per_conn_both_ends")

		r = measuredBy(t, "ack", server, "--publishers=8")
		require.Positive(t, r.Deliveries)
		require.Positive(t, *r.P50)
		r = measuredBy(t, "ack", server, "--publishers=8", "--rate=100")
		require.InDelta(t, 100, r.More["published_per_second"], 50)

		r = measuredBy(t, "resume", server, "--clients=60", "--rooms=3", "--missed=7")
		require.Equal(t, 60.0, r.More["clients"])
		require.Positive(t, r.More["all_back_ms"])
		if hub {
			require.Contains(t, r.More, "log_reads")
		}

		r = measuredBy(t, "slow", server, "--members=20", "--stalled=5", "--rate=50")
		require.Contains(t, r.More, "p99_us_without")

		r = measuredBy(t, "slow", server, "--rooms=5", "--members=4", "--stalled=1", "--rate=50")
		require.Equal(t, 20, r.Conns)

		r = measuredBy(t, "churn", server, "--total=150", "--at-once=20", "--settle=500ms")
		require.Equal(t, uint64(150), r.Deliveries)
		require.Less(t, r.More["descriptors_growth"], 10.0, "of 150 connections none stays; the log may have opened a file")
	}
	r := measuredBy(t, "history", "--ack=memory", "--readers=4", "--stored=120", "--limit=20")
	require.Positive(t, r.Deliveries)
}

// Members whom the hub cuts off for being slow come back and get exactly the rest.
// The kernel keeps some 3 MB for each before the hub has to.
func TestBenchSlowMembersAreCutAndResume(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	r := measuredBy(t, "slow", "--ack=memory", "--members=8", "--stalled=3", "--rate=100", "--size=15000", "--duration=4s", "--serve=--queue-bytes=512KiB")
	require.Equal(t, 3.0, r.More["cut"])
}

func TestBenchCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	results, status, said := benchOf(t, "compare", "--rounds=2", "--rows=ack,idle,resume", "--clients=30", "--duration=200ms", "--json", "--dir="+t.TempDir())
	require.Zero(t, status, said)
	var rows []string
	for _, r := range results {
		rows = append(rows, r.Scenario+" "+r.Server)
		require.False(t, r.Wrong(), r)
		if r.Scenario == "idle" {
			continue // 30 connections may cost the floor no page of memory, and then there is no ratio to it
		}
		require.NotNil(t, r.Ratio, r.Scenario)
		if r.Server == "floor" {
			require.Equal(t, 1.0, *r.Ratio)
		}
	}
	require.Equal(t, []string{
		"ack floor", "ack hubbub", "ack hubbub-fsync", "idle floor", "idle hubbub", "resume floor", "resume hubbub",
	}, rows)
}

func TestBenchProfiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profiles")
	results, status, said := benchOf(t, "fanout", "--ack=memory", "--members=10", "--rate=50", "--json", "--duration=1s", "--profile="+dir)
	require.Zero(t, status, said)
	require.Len(t, results, 1)
	for _, name := range []string{"hubbub-cpu.pprof", "hubbub-heap.pprof", "hubbub-goroutine.pprof"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Positive(t, info.Size())
	}
}

// A hub that runs already is measured over its URL, as any of its clients could.
func TestBenchOfARunningHub(t *testing.T) {
	h := newHub(t, []string{binary(t), "serve"}, append(hubFlagsOfProof, "--rate=100000", "--burst=100000")...)
	h.start()
	h.awaitReady()
	r := measuredBy(t, "fanout", "--url=ws://"+h.addr, "--token="+h.token("bench"), "--members=10", "--rate=50", "--name=mine")
	require.Equal(t, "mine", r.Server)
	require.Nil(t, r.CPU, "its process was not named")

	_, status, said := benchOf(t, "fanout", "--url=ws://"+h.addr, "--token=wrong", "--members=3")
	require.Equal(t, 1, status)
	require.Contains(t, said, "unauthorized")
}

func TestBenchRefuses(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"fanout --members=0", "--members: give 1 or more"},
		{"fanout --members=5 --senders=6", "--senders 6: give 1 to 5"},
		{"fanout --size=8", "--size 8: give 32 to 16384"},
		{"fanout --rate=-1", "--rate -1"},
		{"fanout --url=127.0.0.1:1", "--url"},
		{"fanout --url=ws://127.0.0.1:1", "connection refused"},
		{"fanout --url=ws://127.0.0.1:1 --pid=1073741824", "no such process"},
		{"fanout --protocol=mqtt", "--protocol must be one of"},
		{"fanout --members=100000000", "raise the limit"},
		{"fanout --serve=--no-such-flag", "no-such-flag"},
		{"history --server=floor", "has no history"},
		{"compare --rows=nothing", "known are fanout-saturated, "},
		{"floor --addr=localhost", "give an IPv4 address"},
	} {
		_, status, said := benchOf(t, strings.Fields(c.args)...)
		require.Equal(t, 1, status, c.args)
		require.Contains(t, said, c.says, c.args)
	}
}

// What is lost is told, and the exit status says so.
func TestBenchFailsIfSomethingIsLost(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for { // its publisher hears it, and nobody else
			kind, data, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	}))
	defer s.Close()
	results, status, said := benchOf(t, "fanout", "--url="+strings.Replace(s.URL, "http", "ws", 1), "--protocol=raw",
		"--members=3", "--rate=100", "--duration=200ms", "--warmup=0s", "--json")
	require.Equal(t, 1, status, said)
	require.Len(t, results, 1)
	require.GreaterOrEqual(t, results[0].Lost, int64(2*15))
	require.Zero(t, results[0].Lost%2)
}
