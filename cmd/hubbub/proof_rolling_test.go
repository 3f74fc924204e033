package main_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fleet is hubs that a shell starts and ends by their names, as an operator's does.
type fleet struct {
	t    *testing.T
	dir  string
	hubs map[string]*hubProcess
}

// restartByName ends the hub of a name and starts another in its place; its output
// must not be the shell's, which would wait for its end.
const restartByName = `set -eu
if [ -e "$1.pid" ]; then
	old=$(cat "$1.pid")
	kill -TERM "$old"
	while kill -0 "$old" 2>/dev/null; do sleep 0.05; done
fi
./"$1.sh" >>"$1.log" 2>&1 </dev/null &
echo $! >"$1.pid"
`

func newFleet(t *testing.T, names []string, flags ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), hubs: map[string]*hubProcess{}}
	for _, name := range names {
		h := newHub(t, []string{binary(t), "serve"}, flags...)
		f.hubs[name] = h
		script := "#!/bin/sh\nexec '" + strings.Join(h.argv, "' '") + "'\n"
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, name+".sh"), []byte(script), 0o700))
		t.Cleanup(func() { f.end(name) })
		out, err := f.shell("bash", "-c", restartByName, "restart", name)
		require.NoError(t, err, out)
	}
	for name, h := range f.hubs {
		require.Eventually(t, func() bool {
			resp, err := http.Get("http://" + h.addr + "/readyz")
			if err != nil {
				return false
			}
			defer func() { _ = resp.Body.Close() }()
			return resp.StatusCode == http.StatusOK
		}, time.Minute, 20*time.Millisecond, name)
	}
	return f
}

// end kills the hub of a name, and holds what it said to what hubs may say.
func (f *fleet) end(name string) {
	text, err := os.ReadFile(filepath.Join(f.dir, name+".pid"))
	if err == nil {
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(f.t, err)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	said, err := os.ReadFile(filepath.Join(f.dir, name+".log"))
	require.NoError(f.t, err)
	for _, never := range []string{"DATA RACE", "panic:", "fatal error:"} {
		require.NotContains(f.t, string(said), never)
	}
}

func (f *fleet) shell(argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = f.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Three hubs are restarted one after another while their clients go on.
func TestRollingRestart(t *testing.T) {
	names, clients := []string{"one", "two", "three"}, 60
	flags := append([]string{"--nats=" + startNATS(t), "--drain=2s"}, hubFlagsOfProof...)
	f := newFleet(t, names, flags...)
	script, err := filepath.Abs("../../deploy/rolling-restart")
	require.NoError(t, err)
	argv := []string{script, "--pause", "1", "--restart", restartByName}
	var urls []string
	for _, name := range names {
		argv = append(argv, name+"=http://"+f.hubs[name].addr)
		urls = append(urls, "ws://"+f.hubs[name].addr)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	movers := moversOn(ctx, t, f.hubs["one"], strings.Join(urls, ","), clients)
	work(ctx, movers)
	out, err := f.shell(argv...)
	require.NoError(t, err, out)
	require.Equal(t, 3, strings.Count(out, ": ready"), out)
	wait(t.Context(), time.Second)
	stop()
	for _, m := range movers {
		m.work.Wait()
		require.LessOrEqual(t, m.stays, 1+len(names), "one reconnect at the most for each hub")
	}
	judgeMovers(t, movers)

	argv[4] = "exit 3"
	out, err = f.shell(argv...)
	require.Error(t, err)
	require.Contains(t, out, "one: the command to restart it has failed", out)
}
