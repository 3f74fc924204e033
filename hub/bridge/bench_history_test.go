package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

var (
	historyDir      = flag.String("bridge.dir", "", "folder for BenchmarkHistory, filled once and kept; empty: a new one")
	historyMessages = flag.Int("bridge.messages", 2_000_000, "messages for BenchmarkHistory")
	historyRooms    = flag.Int("bridge.rooms", 10_000, "rooms for BenchmarkHistory")
	historyParts    = flag.Int("bridge.partitions", 16, "partitions of the log of BenchmarkHistory")
	historyReads    = flag.Int("bridge.reads", 200, "reads of each kind in BenchmarkHistory")
	historyLimit    = flag.Int64("bridge.memory", 1<<30, "memory limit of the processes of BenchmarkHistory, as hubbub serve has it")
)

// BenchmarkHistory measures a large log: cold pages, publishing beside a reader,
// memory, and the start after a kill. Each part runs in a process of its own.
//
//	go test ./hub/bridge -run '^$' -bench History -timeout 60m
func BenchmarkHistory(b *testing.B) {
	for b.Loop() {
		dir := *historyDir
		if dir == "" {
			dir = b.TempDir()
		}
		task := historyTask{Dir: dir, Messages: *historyMessages, Rooms: *historyRooms, Reads: *historyReads, Memory: *historyLimit, Partitions: *historyParts}
		if _, err := os.Stat(filepath.Join(dir, "jetstream")); err != nil {
			task.run(b, "fill")
		}
		task.run(b, "start")
		task.run(b, "kill")
		task.run(b, "start")
		for _, part := range []string{"end", "middle", "publish"} {
			task.evict(b)
			task.run(b, part)
		}
	}
}

// historyTask is what a process is to do, and how much of it.
type historyTask struct {
	Dir                    string
	Messages, Rooms, Reads int
	Partitions             int
	Memory                 int64
}

// run does a part in a process of its own, and prints what that prints.
func (h historyTask) run(b *testing.B, part string) {
	args, err := json.Marshal(h)
	require.NoError(b, err)
	cmd := child("history-"+part, string(args))
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, os.Stdout)
	err = cmd.Run()
	if part == "kill" {
		exit, ok := err.(*exec.ExitError)
		require.True(b, ok && !exit.Exited(), "%v", err)
		return
	}
	require.NoError(b, err)
}

// evict has the kernel forget the files of the store, so that they are read from
// the disk.
func (h historyTask) evict(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(h.Dir, "jetstream", "$G", "streams", "*", "msgs", "*"))
	require.NoError(b, err)
	unix.Sync()
	for _, name := range files {
		f, err := os.Open(name)
		require.NoError(b, err)
		require.NoError(b, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
		require.NoError(b, f.Close())
	}
}

// historyPart wraps what a process does.
func historyPart(do func(h historyTask)) func([]string) {
	return func(args []string) {
		var h historyTask
		must(json.Unmarshal([]byte(args[0]), &h))
		debug.SetMemoryLimit(h.Memory)
		do(h)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// open opens the log as hubbub serve does.
func (h historyTask) open() (*embedded.Server, *bridge.Log) {
	engine, err := embedded.Start(context.Background(), embedded.Options{Dir: h.Dir, SyncAlways: true})
	must(err)
	l, err := bridge.Open(context.Background(), bridge.Config{Connect: engine.Connect, Health: engine.Health})
	must(err)
	return engine, l
}

func (h historyTask) room(i int) string { return fmt.Sprint("room-", i) }

// fill stores the messages, each in a room by chance, without waiting for the disk.
func (h historyTask) fill() {
	engine, err := embedded.Start(context.Background(), embedded.Options{Dir: h.Dir})
	must(err)
	// A log that is filled in a minute would spend the start after it on reading the
	// ids of the dedup window, which is all of it. Here the window is short.
	l, err := bridge.Open(context.Background(), bridge.Config{
		Connect: engine.Connect, Health: engine.Health, Ack: bridge.AckMemory, Dedup: time.Second, Partitions: h.Partitions,
	})
	must(err)
	r := rand.New(rand.NewPCG(1, 2))
	slots := make(chan struct{}, 2000)
	start := time.Now()
	var failed atomic.Pointer[error]
	for i := range h.Messages {
		slots <- struct{}{}
		body := make([]byte, 256)
		copy(body, fmt.Sprint("message ", i))
		must(l.Append(h.room(r.IntN(h.Rooms)), []hub.Record{{ID: fmt.Sprint(i), Data: body}}, func(acks []hub.Ack) {
			if acks[0].Err != nil {
				failed.Store(&acks[0].Err)
			}
			<-slots
		}))
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	if err := failed.Load(); err != nil {
		panic(*err)
	}
	fmt.Printf("fill      %d messages of 256 bytes in %d rooms, %v\n", h.Messages, h.Rooms, time.Since(start).Round(time.Second))
	must(l.Close(context.Background()))
	must(engine.Shutdown())
}

// start measures the way from nothing to a log that is open.
func (h historyTask) start() {
	at := time.Now()
	engine, l := h.open()
	fmt.Printf("start     ready after %v, RSS %d MB\n", time.Since(at).Round(time.Millisecond), rss())
	must(l.Close(context.Background()))
	must(engine.Shutdown())
}

// kill stores a little in every partition, so that no index on disk is true any
// more, and kills itself.
func (h historyTask) kill() {
	_, l := h.open()
	for i := range 200 {
		storeOne(l, h.room(i))
	}
	must(unix.Kill(os.Getpid(), unix.SIGKILL))
	select {}
}

// storeOne stores a message and waits for it.
func storeOne(l *bridge.Log, room string) {
	answered := make(chan hub.Ack, 1)
	must(l.Append(room, []hub.Record{{Data: make([]byte, 256)}}, func(acks []hub.Ack) { answered <- acks[0] }))
	must((<-answered).Err)
}

// pages reads one page of 50 in each of many rooms that nobody has read before.
func (h historyTask) pages(name string, before func(l *bridge.Log, room string) uint64) {
	engine, l := h.open()
	r := rand.New(rand.NewPCG(3, uint64(len(name))))
	rooms := r.Perm(h.Rooms)[:min(h.Reads, h.Rooms)]
	bounds := make([]uint64, len(rooms))
	for i, room := range rooms {
		bounds[i] = before(l, h.room(room))
	}
	began, used := rss(), cpu()
	var all []time.Duration
	for i, room := range rooms {
		at := time.Now()
		page, err := l.Read(context.Background(), h.room(room), hub.Range{Before: bounds[i], Limit: 50, Newest: true})
		must(err)
		all = append(all, time.Since(at))
		if len(page.Entries) != 50 {
			panic(fmt.Sprintf("%s: %d entries", h.room(room), len(page.Entries)))
		}
	}
	first := slices.Clone(all[:len(all)/4])
	fmt.Printf("%-9s page of 50, %d rooms, cold: p50 %.1f ms, p99 %.1f ms (the first quarter: p50 %.1f, p99 %.1f), CPU %.1f ms each; RSS %d MB before, %d after\n",
		name, len(rooms), ms(quantile(all, 0.5)), ms(quantile(all, 0.99)), ms(quantile(first, 0.5)), ms(quantile(first, 0.99)), ms(cpu()-used)/float64(len(rooms)), began, rss())
	must(l.Close(context.Background()))
	must(engine.Shutdown())
}

// end reads the newest pages.
func (h historyTask) end() {
	h.pages("end", func(*bridge.Log, string) uint64 { return 0 })
}

// middle reads pages that end at half of the log. Where that is, is known without
// reading.
func (h historyTask) middle() {
	half := uint64(h.Messages / h.Partitions / 2)
	h.pages("middle", func(*bridge.Log, string) uint64 { return half })
}

// publish measures one publisher alone, beside one reader of cold rooms, and beside a
// loop that only computes, in turns. The third tells what of the second is the
// machine's: a busy core alone makes a publisher wait for its turn.
func (h historyTask) publish() {
	engine, l := h.open()
	r := rand.New(rand.NewPCG(5, 6))
	rooms := r.Perm(h.Rooms)
	reads := 0
	read := func() {
		_, err := l.Read(context.Background(), h.room(rooms[reads%len(rooms)]), hub.Range{Limit: 50, Newest: true})
		must(err)
		reads++
	}
	var sum uint64
	compute := func() {
		for range 1 << 20 {
			sum += r.Uint64()
		}
	}
	var alone, reading, computing []time.Duration
	for range 3 {
		alone = append(alone, h.publisher(l, 3*time.Second)...)
		reading = append(reading, h.beside(l, read)...)
		computing = append(computing, h.beside(l, compute)...)
	}
	say := func(name string, all []time.Duration) {
		fmt.Printf("publish   %-36s %d, p50 %.2f ms, p90 %.2f, p99 %.2f\n",
			name, len(all), ms(quantile(all, 0.5)), ms(quantile(all, 0.9)), ms(quantile(all, 0.99)))
	}
	say("alone:", alone)
	say(fmt.Sprintf("beside a reader (%d pages):", reads), reading)
	say("beside a loop that only computes:", computing)
	fmt.Printf("publish   RSS %d MB (the loop came to %d)\n", rss(), sum)
	must(l.Close(context.Background()))
	must(engine.Shutdown())
}

// beside publishes for three seconds while something else is done over and over.
func (h historyTask) beside(l *bridge.Log, do func()) []time.Duration {
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			do()
		}
	})
	all := h.publisher(l, 3*time.Second)
	stop.Store(true)
	wg.Wait()
	return all
}

// publisher publishes to a few busy rooms, one message after the other.
func (h historyTask) publisher(l *bridge.Log, d time.Duration) (all []time.Duration) {
	for start, n := time.Now(), 0; time.Since(start) < d; n++ {
		at := time.Now()
		storeOne(l, fmt.Sprint("busy-", n%publishRooms))
		all = append(all, time.Since(at))
	}
	return all
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rss is the memory of this process, in MB.
func rss() int {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	for line := range strings.Lines(string(status)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	panic("no VmRSS in /proc/self/status")
}
