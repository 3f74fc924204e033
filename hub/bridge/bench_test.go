package bridge_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

var (
	benchRounds = flag.Int("bridge.rounds", 3, "rounds of BenchmarkPublish")
	benchWays   = flag.String("bridge.way", "", "only the ways of BenchmarkPublish whose name holds this")
	benchMany   = flag.Int("bridge.publishers", 0, "only so many publishers in BenchmarkPublish; 0: 1 to 512")
	benchTime   = flag.Duration("bridge.time", 2*time.Second, "how long each way publishes in a round of BenchmarkPublish")
)

// publishRooms is how many rooms the publishers share.
const publishRooms = 16

// publishWay is one way to store a message and wait until it is on disk.
type publishWay struct {
	name    string
	publish func(writer, n int) error
}

// sample is what one way did in one round.
type sample struct {
	rate      float64
	latencies []time.Duration
}

// BenchmarkPublish measures durable publishes at growing concurrency: the log's own,
// and the engine's plain fsynced publish of the same messages, to one stream and to
// the same number of streams, in turns on one engine.
//
//	go test ./hub/bridge -run '^$' -bench Publish -timeout 30m
func BenchmarkPublish(b *testing.B) {
	for b.Loop() {
		w := start(b, b.TempDir(), bridge.Config{})
		ways := slices.DeleteFunc(w.publishWays(b), func(way publishWay) bool { return !strings.Contains(way.name, *benchWays) })
		lines := []string{fmt.Sprintf("%10s %-22s %9s %9s %9s %7s", "publishers", "way", "per s", "p50 ms", "p99 ms", "ratio")}
		steps := []int{1, 8, 32, 128, 512}
		if *benchMany > 0 {
			steps = []int{*benchMany}
		}
		for _, writers := range steps {
			samples := make([][]sample, len(ways))
			for range *benchRounds {
				for i, way := range ways {
					samples[i] = append(samples[i], publishFor(b, way, writers, *benchTime))
				}
			}
			for i, way := range ways {
				rate, p50, p99 := summary(samples[i])
				plain, _, _ := summary(samples[0])
				lines = append(lines, fmt.Sprintf("%10d %-22s %9.0f %9.2f %9.2f %7.1f", writers, way.name, rate, ms(p50), ms(p99), rate/plain))
			}
			st := w.Stats()
			lines = append(lines, fmt.Sprintf("%10s batches %d of %.1f records", "", st.Batches, float64(st.Batched)/float64(max(st.Batches, 1))))
		}
		fmt.Println("\n" + strings.Join(lines, "\n"))
		w.close(b)
	}
}

// publishWays are the engine's plain publish and the log's.
func (w *world) publishWays(b *testing.B) []publishWay {
	nc, err := w.engine.Connect("plain")
	require.NoError(b, err)
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	for _, stream := range []string{"ONE", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P"} {
		_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
			Name: stream, Subjects: []string{"plain." + stream + ".*"}, AllowDirect: true,
			RePublish: &jetstream.RePublish{Source: "plain." + stream + ".*", Destination: "again." + stream + ".{{wildcard(1)}}"},
		})
		require.NoError(b, err)
	}
	body := make([]byte, 256)
	run := nats.NewInbox()
	plain := func(stream func(writer int) string) func(writer, n int) error {
		return func(writer, n int) error {
			msg := nats.NewMsg(fmt.Sprintf("plain.%s.room-%d", stream(writer), writer%publishRooms))
			msg.Header["Nats-Msg-Id"] = []string{fmt.Sprint(run, stream(writer), writer, "-", n, time.Now().UnixNano())}
			msg.Data = body
			_, err := js.PublishMsg(context.Background(), msg)
			return err
		}
	}
	return []publishWay{
		{"plain, one stream", plain(func(int) string { return "ONE" })},
		{"plain, 16 streams", plain(func(writer int) string { return string(rune('A' + writer%publishRooms)) })},
		{"log", func(writer, n int) error {
			answered := make(chan hub.Ack, 1)
			rec := hub.Record{ID: fmt.Sprint(run, writer, "-", n, time.Now().UnixNano()), Data: body}
			if err := w.Append(fmt.Sprint("room-", writer%publishRooms), []hub.Record{rec}, func(acks []hub.Ack) { answered <- acks[0] }); err != nil {
				return err
			}
			return (<-answered).Err
		}},
	}
}

// publishFor has writers publish one after the other for a while.
func publishFor(b *testing.B, way publishWay, writers int, d time.Duration) sample {
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	start := time.Now()
	for writer := range writers {
		wg.Go(func() {
			var mine []time.Duration
			for n := 0; time.Since(start) < d; n++ {
				at := time.Now()
				if err := way.publish(writer, n); err != nil {
					b.Errorf("%s: %v", way.name, err)
					return
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return sample{rate: float64(len(all)) / time.Since(start).Seconds(), latencies: all}
}

// summary gives the median rate of the rounds, and the latencies of all.
func summary(samples []sample) (rate float64, p50, p99 time.Duration) {
	var rates []float64
	var all []time.Duration
	for _, s := range samples {
		rates = append(rates, s.rate)
		all = append(all, s.latencies...)
	}
	slices.Sort(rates)
	return rates[len(rates)/2], quantile(all, 0.5), quantile(all, 0.99)
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
