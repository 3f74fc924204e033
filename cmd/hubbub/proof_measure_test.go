package main_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
	"github.com/hubbub-im/hubbub/room"
)

// The measurements run through the real binary, on request:
// go test ./cmd/hubbub -run Measure -measure -v -timeout 30m
var (
	measureFlag = flag.Bool("measure", false, "run the measurements")
	storedFlag  = flag.Int("measure.stored", 2_000_000, "messages in the log, for the measurements of start and history")
	forFlag     = flag.Duration("measure.for", 3*time.Second, "how long each load is measured")
)

// spread gives a quantile of times.
func spread(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))].Round(10 * time.Microsecond)
}

// load runs n workers for a while, each doing one thing after the other, and gives
// how long each thing took.
func load(t *testing.T, n int, worker func(i int) (do func() error, end func())) []time.Duration {
	var mu sync.Mutex
	var all []time.Duration
	var workers sync.WaitGroup
	ready, begin := make(chan struct{}, n), make(chan struct{})
	for i := range n {
		workers.Go(func() {
			do, end := worker(i)
			defer end()
			ready <- struct{}{}
			<-begin
			var times []time.Duration
			for stop := time.Now().Add(*forFlag); time.Now().Before(stop); {
				from := time.Now()
				if err := do(); err != nil {
					t.Error(err)
					return
				}
				times = append(times, time.Since(from))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
		})
	}
	for range n {
		<-ready
	}
	close(begin)
	workers.Wait()
	return all
}

// Durable publishes through the hub, beside the engine's plain ones, by turns.
func TestMeasurePublish(t *testing.T) {
	if !*measureFlag {
		t.Skip("a measurement: run with -measure")
	}
	h := newHub(t, []string{binary(t), "serve"}, hubFlagsOfProof...)
	h.start()
	h.awaitReady()
	js := plainEngine(t)
	payload := strings.Repeat("x", 128)
	for _, n := range []int{1, 8, 32, 128, 512} {
		var ours, plain []time.Duration
		for range 2 {
			plain = append(plain, load(t, n, func(i int) (func() error, func()) {
				subject := fmt.Sprint("plain.", i%16)
				return func() error {
					_, err := js.Publish(t.Context(), subject, []byte(payload))
					return err
				}, func() {}
			})...)
			ours = append(ours, load(t, n, func(i int) (func() error, func()) {
				return rawPublishing(t, h, i, payload)
			})...)
		}
		rate := func(times []time.Duration) float64 { return float64(len(times)) / (2 * forFlag.Seconds()) }
		t.Logf("%3d publishers | hub %6.0f/s p50 %v p99 %v | plain %6.0f/s p50 %v p99 %v | ratio %.1f", n,
			rate(ours), spread(ours, 0.5), spread(ours, 0.99), rate(plain), spread(plain, 0.5), spread(plain, 0.99), rate(ours)/rate(plain))
	}
}

func rawPublishing(t *testing.T, h *hubProcess, i int, text string) (func() error, func()) {
	c, err := dialRaw(t.Context(), h.addr, h.token(fmt.Sprint("publisher-", i)))
	if err != nil {
		t.Error(err)
		return func() error { return err }, func() {}
	}
	name, n := fmt.Sprint("room-", i%16), 0
	return func() error {
			n++
			f, err := c.ask(t.Context(), object{"type": "publish", "room": name, "event": object{"id": fmt.Sprint(i, "-", n), "text": text}})
			if err == nil && f.Type != "ack" {
				err = fmt.Errorf("publish: %s %s", f.code(), f.Message)
			}
			return err
		}, func() {
			c.close()
			c.drain()
		}
}

// plainEngine is one stream that syncs each message.
func plainEngine(t *testing.T) jetstream.JetStream {
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), SyncAlways: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Shutdown()) })
	nc, err := engine.Connect("plain")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PLAIN", Subjects: []string{"plain.*"}, Storage: jetstream.FileStorage})
	require.NoError(t, err)
	return js
}

// roomsStored is how many rooms the stored messages are spread over.
const roomsStored = 10_000

// Start to ready after kill -9 with a full log, the memory that the hub then
// holds, and pages of history that nobody has read before.
func TestMeasureStartAndHistory(t *testing.T) {
	if !*measureFlag {
		t.Skip("a measurement: run with -measure")
	}
	h := newHub(t, []string{binary(t), "serve"}, hubFlagsOfProof...)
	began := time.Now()
	fill(t, h.data, *storedFlag)
	t.Logf("%d messages in %d rooms stored in %v", *storedFlag, roomsStored, time.Since(began).Round(time.Second))
	h.start()
	h.awaitReady()
	h.kill()
	began = time.Now()
	h.start()
	h.awaitReady()
	t.Logf("start to ready after kill -9: %v, then %s", time.Since(began).Round(time.Millisecond), rss(t, h))
	c, err := dialRaw(t.Context(), h.addr, h.token("reader"))
	require.NoError(t, err)
	defer c.drain()
	defer c.close()
	for _, where := range []string{"end", "middle"} {
		var times []time.Duration
		for range 100 {
			cmd := object{"type": "history", "room": fmt.Sprint("room-", rand.IntN(roomsStored)), "limit": 50}
			if where == "middle" {
				cmd["before"] = *storedFlag / 32 // half of one partition of 16
			}
			from := time.Now()
			f, err := c.ask(t.Context(), cmd)
			require.NoError(t, err)
			require.Equal(t, "history", f.Type, f.Message)
			times = append(times, time.Since(from))
		}
		t.Logf("page of 50 at the %s, cold: p50 %v p99 %v", where, spread(times, 0.5), spread(times, 0.99))
	}
	t.Logf("after 200 pages: %s", rss(t, h))
}

// fill stores messages without waiting for each, below the hub and without syncing
// them: how they got there is not what is measured.
func fill(t *testing.T, data string, n int) {
	engine, err := embedded.Start(t.Context(), embedded.Options{Dir: data})
	require.NoError(t, err)
	log, err := bridge.Open(t.Context(), bridge.Config{Connect: engine.Connect, Health: engine.Health})
	require.NoError(t, err)
	const atOnce = 5000
	slots := make(chan struct{}, atOnce)
	for i := range n {
		ev := room.Event{Version: room.EventVersion, Kind: room.KindMessage, User: "filler", At: int64(i), Text: strings.Repeat("x", 128)}
		data, err := ev.Encode()
		require.NoError(t, err)
		slots <- struct{}{}
		err = log.Append(fmt.Sprint("room-", rand.IntN(roomsStored)), []hub.Record{{Data: data}}, func(acks []hub.Ack) {
			if acks[0].Err != nil {
				t.Error(acks[0].Err)
			}
			<-slots
		})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, log.Close(ctx))
	require.NoError(t, engine.Shutdown())
}

// rss tells how much memory the hub holds.
func rss(t *testing.T, h *hubProcess) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return "RSS " + strings.TrimSpace(size)
		}
	}
	return "RSS unknown"
}
