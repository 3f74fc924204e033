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

// heard is what a writer knows to be stored.
type heard struct {
	at   client.Position
	text string
}

// talker says things in a room until stop is closed, and notes what was acknowledged.
type talker struct {
	mu   sync.Mutex
	said []heard
}

func (w *talker) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.said)
}

func (w *talker) write(t *testing.T, room *client.Room, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		text := fmt.Sprintf("%s says %d", room.Name(), n)
		ack, err := room.Send(t.Context(), client.Text(text))
		if err != nil {
			t.Error(err)
			return
		}
		w.mu.Lock()
		w.said = append(w.said, heard{ack.Position, text})
		w.mu.Unlock()
	}
}

// TestBackupWhileClientsWrite takes a backup of a running hub and restores it. All that
// was acknowledged before the backup began is there; of each room there is a beginning,
// without a hole; and a client that has seen more is told that it starts anew.
func TestBackupWhileClientsWrite(t *testing.T) {
	const rooms = 12
	file := filepath.Join(t.TempDir(), "the.backup")
	h := keepHub(t, "--data="+t.TempDir())
	stop := make(chan struct{})
	var writers [rooms]talker
	var writing sync.WaitGroup
	c := h.dial()
	for r := range rooms {
		room := c.Room(fmt.Sprint("room-", r))
		writing.Go(func() { writers[r].write(t, room, stop) })
	}
	more := func() {
		counts := [rooms]int{}
		for r := range rooms {
			counts[r] = writers[r].count()
		}
		require.Eventually(t, func() bool {
			for r := range rooms {
				if writers[r].count() < counts[r]+50 {
					return false
				}
			}
			return true
		}, toolPatience, toolPatience/10000)
	}
	more()
	var before [rooms]int
	for r := range rooms {
		before[r] = writers[r].count()
	}
	status, out, errs := tool(t, "", "backup", "--admin-addr="+h.admin, file)
	require.Zero(t, status, errs)
	t.Log(out)
	more()
	close(stop)
	writing.Wait()
	c.Close()
	h.stop()

	data := t.TempDir()
	status, out, errs = tool(t, "", "restore", "--data="+data, file)
	require.Zero(t, status, errs)
	require.Contains(t, out, "load their rooms again")
	there := keepHub(t, "--data="+data)
	for r := range rooms {
		name, all := fmt.Sprint("room-", r), writers[r].said
		end, err := there.dial().Positions(t.Context(), name)
		require.NoError(t, err)
		got, gaps := there.rest(name, client.Position{}, end[name].Seq)
		require.Empty(t, gaps)
		require.GreaterOrEqual(t, len(got), before[r], "what was acknowledged before the backup began")
		require.Less(t, len(got), len(all), "the test shows nothing if nothing was written behind the backup")
		for i, event := range got {
			require.True(t, strings.HasPrefix(event, fmt.Sprint(all[i].at.Seq, " ")), "%s: event %d is %s, and %v was said", name, i, event, all[i])
			require.Contains(t, event, all[i].text)
		}
		for _, since := range []client.Position{all[len(all)-1].at, all[len(got)-1].at, all[5].at} {
			_, gaps = there.rest(name, since, end[name].Seq)
			require.Equal(t, []client.GapReason{client.GapEpoch}, gaps)
		}
	}
}

// TestRestoreLeavesWhatIsThere refuses a folder that has a log, and one that a restore
// has left unfinished is restored into.
func TestRestoreLeavesWhatIsThere(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "a.hub")
	h := keepHub(t, "--data="+data)
	ack, err := h.dial().Room("lobby").Send(t.Context(), client.Text("something"))
	require.NoError(t, err)
	h.stop()
	status, _, errs := tool(t, "", "export", "--data="+data, file)
	require.Zero(t, status, errs)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)

	status, _, errs = tool(t, "", "restore", "--data="+data, file)
	require.NotZero(t, status)
	require.Contains(t, errs, "there is a log already")

	fresh := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(fresh, guestKeyFile), []byte("a key"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(fresh, importingFolder, "jetstream"), 0o700))
	status, _, errs = tool(t, string(whole[:len(whole)-9]), "restore", "--data="+fresh, "-")
	require.NotZero(t, status)
	require.Contains(t, errs, "cut short")
	require.NoFileExists(t, filepath.Join(fresh, engineFile))
	status, _, errs = tool(t, string(whole), "restore", "--data="+fresh, "-")
	require.Zero(t, status, errs)
	require.NoDirExists(t, filepath.Join(fresh, importingFolder))
	require.FileExists(t, filepath.Join(fresh, guestKeyFile))
	require.NoError(t, os.Remove(filepath.Join(fresh, guestKeyFile)))

	events, _ := keepHub(t, "--data="+fresh).rest("lobby", client.Position{}, ack.Seq)
	require.Len(t, events, 1)
}

// TestDoctorDeep reads a hub's log while it runs and when it does not, and finds a bit
// that was flipped in a block file.
func TestDoctorDeep(t *testing.T) {
	data := t.TempDir()
	h := keepHub(t, "--data="+data, "--partitions=1")
	room := h.dial().Room("lobby")
	for n := range 300 {
		_, err := room.Post(t.Context(), client.Text(fmt.Sprintf("number %05d", n)))
		require.NoError(t, err)
	}
	_, err := room.Send(t.Context(), client.Text("the last"))
	require.NoError(t, err)
	status, out, errs := tool(t, "", "doctor", "--deep", "--admin-addr="+h.admin)
	require.Zero(t, status, out+errs)
	require.Contains(t, out, "301 messages are too new")
	h.stop()
	status, out, errs = tool(t, "", "doctor", "--deep", "--data="+data)
	require.Zero(t, status, out+errs)
	require.Contains(t, out, "301 messages are what they were")

	files, err := filepath.Glob(filepath.Join(data, "jetstream", "*", "streams", "HUBBUB_LOG_00", "msgs", "*.blk"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	block, err := os.ReadFile(files[0])
	require.NoError(t, err)
	at := strings.Index(string(block), "number 00123")
	require.Positive(t, at)
	block[at] ^= 1
	require.NoError(t, os.WriteFile(files[0], block, 0o600))
	status, out, _ = tool(t, "", "doctor", "--deep", "--data="+data)
	require.Equal(t, 1, status)
	require.Contains(t, out, "WRONG  partition 0 of rooms, sequences 124 to 124: 1 messages are gone, or cannot be read, of lobby")
	status, _, errs = tool(t, "", "export", "--data="+data, filepath.Join(t.TempDir(), "a.hub"))
	require.Equal(t, 1, status)
	require.Contains(t, errs, "1 messages up to 301 cannot be read")
	status, _, errs = tool(t, "", "export", "--skip-damaged", "--data="+data, filepath.Join(t.TempDir(), "a.hub"))
	require.Zero(t, status, errs)
	require.Contains(t, errs, "1 messages up to 301 cannot be read")
	status, out, errs = runIn(t, []string{"doctor", "--data=" + data}, "HUBBUB_ADMIN_ADDR=127.0.0.1:1", "HUBBUB_DATA=/elsewhere", "HUBBUB_NATS=nats://127.0.0.1:1")
	require.Zero(t, status, out+errs)
	for _, wrong := range [][]string{{"doctor"}, {"doctor", "--deep", "--url=http://localhost"}} {
		status, _, errs = tool(t, "", wrong...)
		require.Equal(t, 1, status)
		require.Contains(t, errs, "ive ")
	}
}
