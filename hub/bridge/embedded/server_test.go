package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/bridge/embedded"
)

// childKey names, in the environment of a process that a test starts, the folder
// that it is to try.
const childKey = "HUBBUB_TEST_CHILD"

func start(t *testing.T, dir string) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, SyncAlways: true})
	require.NoError(t, err)
	return s
}

// stream makes a connection, and a stream that takes "log.*".
func stream(t *testing.T, s *embedded.Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := s.Connect("test", nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log.*"}})
	require.NoError(t, err)
	return nc, js
}

func TestKeepsWhatIsStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := start(t, dir)
	require.NoError(t, s.Health())
	_, js := stream(t, s)
	_, err := js.Publish(t.Context(), "log.a", []byte("kept"))
	require.NoError(t, err)
	require.NoError(t, s.Shutdown())
	require.NoError(t, s.Shutdown(), "once more does no harm")
	require.ErrorContains(t, s.Health(), "was shut down")
	_, err = s.Connect("late")
	require.ErrorContains(t, err, "was shut down")

	s = start(t, dir)
	_, js = stream(t, s)
	st, err := js.Stream(t.Context(), "LOG")
	require.NoError(t, err)
	msg, err := st.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "kept", string(msg.Data))
	require.NoError(t, s.Shutdown())
}

func TestListensOnNothing(t *testing.T) {
	s := start(t, t.TempDir())
	defer func() { require.NoError(t, s.Shutdown()) }()
	nc, err := s.Connect("test")
	require.NoError(t, err)
	defer nc.Close()
	inodes := make(map[string]bool)
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err, "this test reads Linux's /proc")
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			inodes[link] = true
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6", "/proc/self/net/udp", "/proc/self/net/udp6"} {
		f, err := os.Open(table)
		if os.IsNotExist(err) {
			continue // no IPv6 here
		}
		require.NoError(t, err)
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var inode string
			var skip string
			if n, _ := fmt.Sscan(lines.Text(), &skip, &skip, &skip, &skip, &skip, &skip, &skip, &skip, &skip, &inode); n == 10 {
				require.NotContains(t, inodes, "socket:["+inode+"]", "%s: %s", table, lines.Text())
			}
		}
		require.NoError(t, f.Close())
	}
}

func TestFolderBelongsToOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "another process is using it")
	require.ErrorContains(t, err, fmt.Sprintf("(pid %d)", os.Getpid()))
	out := asChild(t, "TestFolderIsRefusedToASecondProcess", dir)
	require.Contains(t, out, "another process is using it")
	require.Contains(t, out, dir)
	require.NoError(t, s.Health(), "the first one is not disturbed")
	require.NoError(t, s.Shutdown())
	require.NoError(t, start(t, dir).Shutdown(), "and then it is free")
}

// asChild runs one test in a process of its own and gives what it prints.
func asChild(t *testing.T, test, arg string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), childKey+"="+arg)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// TestFolderIsRefusedToASecondProcess is the second process.
func TestFolderIsRefusedToASecondProcess(t *testing.T) {
	dir := os.Getenv(childKey)
	if dir == "" {
		dir = t.TempDir()
		s := start(t, dir)
		defer func() { require.NoError(t, s.Shutdown()) }()
	}
	_, err := embedded.Start(context.Background(), embedded.Options{Dir: dir})
	require.Error(t, err)
	t.Log(err)
}

func TestBadFolders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for dir, want := range map[string]string{
		"":                         "no data folder is given",
		file:                       "is a file; name a folder",
		filepath.Join(file, "sub"): "cannot be made",
		"/proc/hubbub":             "cannot be made",
		"/proc/self":               "cannot be written",
	} {
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
		require.ErrorContains(t, err, want, "%q", dir)
		require.ErrorContains(t, err, dir)
	}
}

func TestFolderThatTheEngineRefuses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600))
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "not a directory")
	require.NoError(t, os.Remove(filepath.Join(dir, "jetstream")))
	require.NoError(t, start(t, dir).Shutdown(), "the lock was given back")
}

func TestStartCanBeCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	s, err := embedded.Start(ctx, embedded.Options{Dir: dir})
	if err == nil {
		require.NoError(t, s.Shutdown(), "it was faster")
	} else {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, start(t, dir).Shutdown())
}
