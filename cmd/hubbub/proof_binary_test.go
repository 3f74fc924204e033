package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

// built is the program, built once for all tests of a run.
var built struct {
	sync.Once
	path string
	err  error
}

// binary gives the real program. Under the race detector it has it, too.
func binary(t testing.TB) string {
	t.Helper()
	if *binaryFlag != "" {
		return *binaryFlag
	}
	built.Do(func() {
		// TestMain takes the folder away.
		built.path = filepath.Join(os.TempDir(), fmt.Sprint("hubbub-proof-", os.Getpid()), "hubbub")
		args := []string{"build", "-o", built.path}
		if raceDetector {
			args = append(args, "-race")
		}
		out, err := exec.Command("go", append(args, ".")...).CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	require.NoError(t, built.err)
	return built.path
}

// hubProcess is a hub that runs as a process of its own, on one address and one
// folder for as long as it is started anew.
type hubProcess struct {
	// static after newHub
	t    testing.TB
	argv []string
	addr string
	data string
	key  token.Key
	log  *os.File // what it writes to its standard error

	// how it is reached if it serves TLS; nil: it does not
	tls  *tls.Config
	http *http.Client

	// owned by whoever starts and kills it
	cmd    *exec.Cmd
	ready  chan struct{} // closed when it serves
	exited chan struct{} // closed when it is gone, with err set
	err    error
}

// newHub prepares a hub; argv is the program and what comes before the flags.
func newHub(t testing.TB, argv []string, flags ...string) *hubProcess {
	t.Helper()
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(strings.Repeat("secret", 8)), 0o600))
	keys, err := token.LoadKeys(keyFile)
	require.NoError(t, err)
	h := &hubProcess{t: t, addr: freeAddr(t), data: filepath.Join(dir, "data"), key: keys[0]}
	h.argv = append(append(argv, "--addr="+h.addr, "--data="+h.data, "--key="+keyFile), flags...)
	h.log, err = os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	t.Cleanup(func() {
		if h.cmd != nil {
			h.kill()
		}
		h.judgeLog()
		require.NoError(t, h.log.Close())
	})
	return h
}

// freeAddr finds a port below those from which clients' own ports are taken: a
// client that dials while the hub is down could else be given the hub's.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			require.NoError(t, l.Close())
			return addr
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return ""
}

// start starts the process and does not wait for it to be ready.
func (h *hubProcess) start() {
	h.t.Helper()
	h.cmd = exec.Command(h.argv[0], h.argv[1:]...)
	h.cmd.Stderr = h.log
	out, err := h.cmd.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, h.cmd.Start())
	ready, exited, cmd := make(chan struct{}), make(chan struct{}), h.cmd
	h.ready, h.exited = ready, exited
	go func() {
		defer close(exited)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "hubbub ") {
				close(ready)
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
		h.err = cmd.Wait()
	}()
}

// awaitReady waits until the hub says where it serves.
func (h *hubProcess) awaitReady() {
	h.t.Helper()
	select {
	case <-h.ready:
	case <-h.exited:
		h.t.Fatalf("the hub ended instead of starting: %v\n%s", h.err, h.tail())
	case <-time.After(time.Minute):
		h.t.Fatalf("the hub did not start within a minute\n%s", h.tail())
	}
}

// kill is kill -9.
func (h *hubProcess) kill() {
	if err := h.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		h.t.Errorf("kill: %v", err)
	}
	<-h.exited
	h.cmd = nil
}

// pause stops the process for a while, as a machine that swaps or is frozen does.
func (h *hubProcess) pause(d time.Duration) {
	require.NoError(h.t, h.cmd.Process.Signal(syscall.SIGSTOP))
	<-time.After(d)
	require.NoError(h.t, h.cmd.Process.Signal(syscall.SIGCONT))
}

// judgeLog fails the test for what a hub never may say.
func (h *hubProcess) judgeLog() {
	text, err := os.ReadFile(h.log.Name())
	require.NoError(h.t, err)
	for _, never := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if i := strings.Index(string(text), never); i >= 0 {
			h.t.Errorf("the hub said:\n%.6000s", text[max(0, i-200):])
			return
		}
	}
}

// tail gives the end of what the hub said.
func (h *hubProcess) tail() string {
	text, err := os.ReadFile(h.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// stacks asks the hub what it is doing, in its own words, and goes on with a new
// one: whoever is asked this way ends.
func (h *hubProcess) stacks() string {
	text, err := os.ReadFile(h.log.Name())
	require.NoError(h.t, err)
	require.NoError(h.t, h.cmd.Process.Signal(syscall.SIGQUIT))
	<-h.exited
	after, err := os.ReadFile(h.log.Name())
	require.NoError(h.t, err)
	h.start()
	h.awaitReady()
	return string(after[len(text):])
}

// token gives a user's token, good for everything.
func (h *hubProcess) token(user string) string {
	signed, err := token.Sign(h.key, token.Claims{
		User: user, Grants: room.Everything(), IssuedAt: time.Now(), Expires: time.Now().Add(24 * time.Hour),
	})
	if err != nil {
		panic(err) // a constant claim that cannot be signed is a fault of the test
	}
	return signed
}

// wait lets a time pass, or ctx end.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
