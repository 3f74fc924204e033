package bench

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/token"
)

// startTimeout is how long a server may take to say where it listens.
const startTimeout = 30 * time.Second

// Process is a server that was started to be measured; Stop ends it.
type Process struct {
	Target

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	dir  string        // taken away with it; "": none
	said tail
}

// HubConfig says how a hub is started.
type HubConfig struct {
	Program string   // the hubbub program
	Dir     string   // where a folder for its log is made; "": the system's own for such things
	Ack     string   // fsync or memory
	Flags   []string // further flags of hubbub serve
}

// StartHub starts a hub on loopback with an empty log, limits on commands lifted,
// and a key that only this run knows: every client comes as a user of its own.
func StartHub(ctx context.Context, cfg HubConfig) (*Process, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "hubbub-bench-")
	if err != nil {
		return nil, fmt.Errorf("a folder for the hub's log: %w", err)
	}
	p, err := startHub(ctx, cfg, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.dir = dir
	return p, nil
}

func startHub(ctx context.Context, cfg HubConfig, dir string) (*Process, error) {
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, hex.AppendEncode(nil, token.NewGuestSecret()), 0o600); err != nil {
		return nil, fmt.Errorf("the hub's key: %w", err)
	}
	keys, err := token.LoadKeys(key)
	if err != nil {
		return nil, fmt.Errorf("the hub's key: %w", err)
	}
	args := append([]string{
		"serve", "--addr=127.0.0.1:0", "--admin-addr=127.0.0.1:0", "--data=" + filepath.Join(dir, "data"), "--key=" + key,
		"--rate=1e9", "--burst=1000000000", "--connect-rate=0", "--log-level=warn", "--ack=" + cfg.Ack,
	}, cfg.Flags...)
	p, lines, err := start(ctx, cfg.Program, args, "metrics")
	if err != nil {
		return nil, err
	}
	p.Name, p.Dialect, p.Ack = "hubbub", dialect.Hubbub{}, cfg.Ack
	p.URL, err = websocketURL(lines["hubbub"])
	p.Admin = strings.TrimSuffix(lines["metrics"], "/metrics")
	p.Token = signer(keys[0])
	return p, err
}

// signer makes tokens for users of all rights.
func signer(key token.Key) func(int) string {
	now := time.Now()
	return func(client int) string {
		signed, err := token.Sign(key, token.Claims{
			User: fmt.Sprint("bench-", client), Grants: room.Everything(), IssuedAt: now, Expires: now.Add(24 * time.Hour),
		})
		if err != nil {
			return "" // the hub will say that there is none
		}
		return signed
	}
}

// StartFloor starts the floor.
func StartFloor(ctx context.Context, program string) (*Process, error) {
	p, lines, err := start(ctx, program, []string{"bench", "floor", "--addr=127.0.0.1:0"}, "floor")
	if err != nil {
		return nil, err
	}
	p.Name, p.Dialect = "floor", dialect.Raw{}
	p.URL, err = websocketURL(lines["floor"])
	return p, err
}

func websocketURL(of string) (*url.URL, error) {
	u, err := url.Parse(of)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the server says that it listens on %q", of)
	}
	u.Scheme = "ws"
	return u, nil
}

// start runs a program of ours with an environment of nothing, and reads the lines
// "name   value" that it prints, up to the one of a name.
func start(ctx context.Context, program string, args []string, last string) (*Process, map[string]string, error) {
	p := &Process{done: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = []string{} // what is set for a hub of the user's is not for this one
	p.cmd.Stderr = &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("start the server: %w", err)
	}
	p.PID = p.cmd.Process.Pid
	lines, ready := make(map[string]string), make(chan struct{})
	go func() { // ends with the process, which Stop waits for
		defer close(p.done)
		scanner := bufio.NewScanner(out)
		for told := false; scanner.Scan(); {
			name, value, _ := strings.Cut(scanner.Text(), " ")
			if told {
				continue
			}
			lines[name] = strings.TrimSpace(value)
			if name == last {
				told = true
				close(ready)
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait()
	}()
	select {
	case <-ready:
		return p, lines, nil
	case <-p.done:
		err = fmt.Errorf("the server ended instead of starting: %s", p.said.text())
	case <-time.After(startTimeout):
		err = fmt.Errorf("the server did not start within %s: %s", startTimeout, p.said.text())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, nil, errors.Join(err, p.Stop())
}

// Stop ends the server at once and takes away what it has stored. What it last said
// is part of the error if it had ended before.
func (p *Process) Stop() error {
	var err error
	select {
	case <-p.done:
		err = fmt.Errorf("the server has ended by itself: %s", p.said.text())
	default:
		err = p.cmd.Process.Kill()
		<-p.done
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 4 << 10

// Write is io.Writer's.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
