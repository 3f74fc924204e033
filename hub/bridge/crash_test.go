package bridge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// writeForever appends from many goroutines, and prints a line for each ack, until
// it is killed. Its lines are written whole, so a kill tears the last one at most.
func writeForever(args []string) {
	engine, err := embedded.Start(context.Background(), embedded.Options{Dir: args[0], SyncAlways: true})
	if err != nil {
		panic(err)
	}
	l, err := bridge.Open(context.Background(), bridge.Config{Connect: engine.Connect, Health: engine.Health, Partitions: 3})
	if err != nil {
		panic(err)
	}
	lines := make(chan string, 4096)
	for w := range 48 {
		go func() {
			for i := 0; ; i++ {
				room, id := fmt.Sprint("room-", w%5), fmt.Sprint(args[1], "-", w, "-", i)
				records := []hub.Record{{ID: id, Data: []byte(id)}}
				if i%7 == 0 {
					records = append(records, hub.Record{ID: id + "b", Data: []byte(id + "b")})
				}
				answered := make(chan []hub.Ack, 1)
				if err := l.Append(room, records, func(acks []hub.Ack) { answered <- acks }); err != nil {
					panic(err)
				}
				for k, ack := range <-answered {
					if ack.Err != nil {
						panic(ack.Err)
					}
					lines <- fmt.Sprintf("%s %d %s %s\n", room, ack.Seq, ack.Epoch, records[k].Data)
				}
			}
		}()
	}
	for line := range lines {
		if _, err := os.Stdout.WriteString(line); err != nil {
			panic(err)
		}
	}
}

// acked is what a killed process had acknowledged.
type acked struct {
	room, epoch, data string
	seq               uint64
}

// killWriter runs a writer until it has printed some acks, and kills it.
func killWriter(t *testing.T, dir, run string, after int) (all []acked) {
	cmd := child("write", dir, run)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // the end of what a killed process has left in the pipe
			break
		}
		var a acked
		_, err = fmt.Sscan(line, &a.room, &a.seq, &a.epoch, &a.data)
		require.NoError(t, err, "%q", line)
		if all = append(all, a); len(all) == after {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	var exit interface{ ExitCode() int }
	require.True(t, errors.As(cmd.Wait(), &exit))
	require.Equal(t, -1, exit.ExitCode(), "it was killed")
	require.GreaterOrEqual(t, len(all), after)
	return all
}

func TestKilledProcessLosesNothingAcked(t *testing.T) {
	dir := t.TempDir()
	var all []acked
	for run := range 4 {
		all = append(all, killWriter(t, dir, fmt.Sprint("run", run), 400+300*run)...)
		w := start(t, dir, bridge.Config{})
		require.Empty(t, w.Findings())
		checkAcked(t, w, all)
		// A publisher whose ack was lost repeats, and is told the first place.
		for _, a := range all[len(all)-20:] {
			ack := put(t, w, a.room, hub.Record{ID: a.data, Data: []byte("again")})[0]
			require.NoError(t, ack.Err)
			require.True(t, ack.Duplicate)
			require.Equal(t, a.seq, ack.Seq)
		}
		w.close(t)
	}
}

// checkAcked finds everything that was acknowledged, once, at its place, in the
// epoch that was told, and nothing twice.
func checkAcked(t *testing.T, l hub.Log, all []acked) {
	t.Helper()
	stored := make(map[string]map[uint64]string)
	count := make(map[string]int)
	for r := range 5 {
		room := fmt.Sprint("room-", r)
		stored[room] = make(map[uint64]string)
		for _, e := range readAll(t, l, room) {
			stored[room][e.Seq] = string(e.Data)
			count[string(e.Data)]++
		}
	}
	for _, a := range all {
		require.Equal(t, a.data, stored[a.room][a.seq], "%s %d", a.room, a.seq)
		require.Equal(t, tail(t, l, a.room).Epoch, a.epoch)
	}
	for data, n := range count {
		require.Equal(t, 1, n, "%s is there twice", data)
	}
	// What was stored and not acknowledged may be there; an append of two is whole.
	for data := range count {
		if first, second := strings.CutSuffix(data, "b"); second {
			require.Equal(t, 1, count[first], "half of an append")
		}
	}
}
