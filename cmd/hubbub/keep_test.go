package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/transport/client"
)

// keptHub is hubbub serve on a folder, within the test.
type keptHub struct {
	t          *testing.T
	url, admin string
	stop       func()
}

func keepHub(t *testing.T, flags ...string) *keptHub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	var errs lockedBuffer
	args := append([]string{"serve", "--addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--log-level=warn", "--rate=1000000", "--burst=1000000"}, flags...)
	go func() {
		ended <- run(ctx, args, nil, streams{strings.NewReader(""), in, &errs})
		_ = in.Close()
	}()
	h := &keptHub{t: t, stop: sync.OnceFunc(func() {
		cancel()
		require.Zero(t, <-ended, errs.String())
	})}
	t.Cleanup(h.stop)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch value = strings.TrimSpace(value); name {
		case "hubbub":
			h.url = strings.Replace(value, "http", "ws", 1)
		case "metrics":
			h.admin = strings.TrimSuffix(strings.TrimPrefix(value, "http://"), "/metrics")
		case "guests":
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return h
		}
	}
	require.Fail(t, "the hub did not start", errs.String())
	return nil
}

func (h *keptHub) dial() *client.Client {
	h.t.Helper()
	c, err := client.Dial(h.t.Context(), client.Options{URL: h.url})
	require.NoError(h.t, err)
	h.t.Cleanup(c.Close)
	return c
}

// rest gives the events of a room from a position up to a sequence, and the gaps that
// were told before them.
func (h *keptHub) rest(room string, since client.Position, upTo uint64) (events []string, gaps []client.GapReason) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), toolPatience)
	defer cancel()
	c := h.dial()
	defer c.Close()
	require.NoError(h.t, c.Room(room).Join(ctx, client.Since(since)))
	for in, err := range c.Room(room).Events(ctx) {
		require.NoError(h.t, err)
		switch in := in.(type) {
		case *client.Gap:
			gaps = append(gaps, in.Reason)
		case *client.Event:
			events = append(events, fmt.Sprintf("%d %s", in.Seq, in.Raw))
			if in.Seq >= upTo {
				return events, gaps
			}
		}
	}
	return events, gaps
}

// insert is an update of Yjs, by a client that inserts once.
func insert(by uint64, text string) []byte {
	b := binary.AppendUvarint([]byte{1, 1}, by)
	b = append(b, 0, 4, 1, 1, 't')
	return append(append(binary.AppendUvarint(b, uint64(len(text))), text...), 0)
}

// natsServerProcess runs a NATS server as its own program, and gives its address.
func natsServerProcess(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "nats-server")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput()
	require.NoError(t, err, string(out))
	conf := filepath.Join(dir, "conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "listen: \"127.0.0.1:-1\"\nports_file_dir: %q\njetstream { store_dir: %q, sync_interval: always }\n", dir, dir), 0o600))
	cmd := exec.Command(bin, "-c", conf)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var url string
	require.Eventually(t, func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("nats-server_%d.ports", cmd.Process.Pid)))
		_, after, found := strings.Cut(string(data), `"nats://`)
		addr, _, _ := strings.Cut(after, `"`)
		if url = "nats://" + addr; !found {
			return false
		}
		nc, err := nats.Connect(url)
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, toolPatience, toolPatience/1000)
	return url
}

// TestMoveToACluster moves a hub that keeps its own log to a NATS server: a client that
// comes with a position of before gets exactly the rest, edits and reactions name the
// messages that they named, and documents are what they were.
func TestMoveToACluster(t *testing.T) {
	const rooms, each = 20, 250
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "moved.hub")
	h := keepHub(t, "--data="+data, "--dedup-window=5s")
	c := h.dial()
	middle, last := make([]client.Position, rooms), make([]client.Position, rooms)
	for r := range rooms {
		room := c.Room(fmt.Sprint("room-", r))
		var acks []*client.Receipt
		for n := range each {
			rec, err := room.Post(t.Context(), client.Text(fmt.Sprintf("%d of room %d", n, r)))
			require.NoError(t, err)
			acks = append(acks, rec)
		}
		first, err := acks[0].Result()
		require.NoError(t, err)
		at, err := acks[each/2].Wait(t.Context())
		require.NoError(t, err)
		middle[r] = at.Position
		for _, d := range []client.Draft{client.Edit(first.Seq, "edited"), client.React(first.Seq, "👍"), client.Delete(at.Seq)} {
			ack, err := room.Send(t.Context(), d)
			require.NoError(t, err)
			last[r] = ack.Position
		}
	}
	doc, err := c.OpenDoc(t.Context(), "room-1/notes")
	require.NoError(t, err)
	for by := range 50 {
		require.NoError(t, doc.Apply(t.Context(), insert(uint64(by+1), "some text")))
	}
	snapshot := doc.Snapshot()
	var before [rooms][2][]string
	for r := range rooms {
		before[r][0], _ = h.rest(fmt.Sprint("room-", r), client.Position{}, last[r].Seq)
		before[r][1], _ = h.rest(fmt.Sprint("room-", r), middle[r], last[r].Seq)
		require.Len(t, before[r][0], each+3)
	}
	c.Close()
	h.stop()

	url := natsServerProcess(t)
	status, out, errs := tool(t, "", "export", "--move", "--data="+data, file)
	require.Zero(t, status, errs)
	t.Log(out)
	status, out, errs = patientTool(t, "import", "--nats="+url, file)
	require.Zero(t, status, errs)
	require.Contains(t, out, "clients resume where they were")

	there := keepHub(t, "--nats="+url, "--data="+t.TempDir())
	for r := range rooms {
		for i, since := range []client.Position{{}, middle[r]} {
			got, gaps := there.rest(fmt.Sprint("room-", r), since, last[r].Seq)
			require.Empty(t, gaps)
			require.Equal(t, before[r][i], got)
		}
	}
	doc, err = there.dial().OpenDoc(t.Context(), "room-1/notes")
	require.NoError(t, err)
	require.Equal(t, snapshot, doc.Snapshot())

	left := keepHub(t, "--data="+data)
	_, gaps := left.rest("room-1", middle[1], last[1].Seq)
	require.Equal(t, []client.GapReason{client.GapEpoch}, gaps, "what was left behind is another log")
}

// patientTool is tool for a command that waits for the dedup window to end.
func patientTool(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs lockedBuffer
	status = run(t.Context(), args, nil, streams{strings.NewReader(""), &out, &errs})
	return status, out.String(), errs.String()
}
