package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/dialect"
	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/osstat"
)

// Target is a server that runs and is to be measured.
type Target struct {
	Name    string // as results name it
	URL     *url.URL
	Dialect dialect.Dialect
	PID     int                     // its process; 0: not known, and then there are no figures of the server
	Admin   string                  // http:// address of its /metrics and /debug/pprof; "": none
	Ack     string                  // the ack level of a hub that was started; "": not known
	Token   func(client int) string // what a client comes with; nil: nothing
}

// reading is the processor time that was used so far.
func (t *Target) reading() (s spent, err error) {
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		return s, fmt.Errorf("own processor time: %w", err)
	}
	s.generator = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	s.wall = time.Duration(time.Now().UnixNano())
	if t.PID != 0 {
		s.server, err = osstat.CPU(t.PID)
	}
	return s, err
}

// rss is the memory of the server, 0 if its process is not known.
func (t *Target) rss() (int64, error) {
	if t.PID == 0 {
		return 0, nil
	}
	return osstat.RSS(t.PID)
}

// metric reads one figure of the server's /metrics. It is false if there is none.
func (t *Target) metric(ctx context.Context, name string) (float64, bool, error) {
	if t.Admin == "" {
		return 0, false, nil
	}
	text, err := t.fetch(ctx, "/metrics")
	if err != nil {
		return 0, false, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v, err == nil, err
		}
	}
	return 0, false, nil
}

// fetch reads from the admin address.
func (t *Target) fetch(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Admin+path, nil)
	if err != nil {
		return nil, fmt.Errorf("admin address: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("admin address: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("admin address: GET %s: %s", path, resp.Status)
	}
	return body, err
}

// spareDescriptors are those that a process needs beside its connections.
const spareDescriptors = 100

// checkDescriptors raises this process's limit as far as it may be raised, and says
// what to do if that is not enough, here or at the server.
func (t *Target) checkDescriptors(conns int) error {
	need := uint64(conns + spareDescriptors)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Cur < need {
		wanted := unix.Rlimit{Cur: need, Max: max(limit.Max, need)}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted) != nil {
			return fmt.Errorf("%d connections need %d open files, and this process may have %d: raise the limit as root (ulimit -Hn %d; ulimit -n %d) or measure with at most %d connections",
				conns, need, limit.Max, need, need, limit.Max-spareDescriptors)
		}
	}
	if t.PID == 0 {
		return nil
	}
	var servers unix.Rlimit
	if unix.Prlimit(t.PID, unix.RLIMIT_NOFILE, nil, &servers) == nil && servers.Cur < need {
		return fmt.Errorf("%d connections need %d open files, and the server (process %d) may have %d: raise its limit (prlimit --pid %d --nofile=%d) or measure with at most %d connections",
			conns, need, t.PID, servers.Cur, t.PID, need, servers.Cur-spareDescriptors)
	}
	return nil
}

// checkProcess says early that a process is not there.
func (t *Target) checkProcess() error {
	if t.PID == 0 {
		return nil
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", t.PID)); err != nil {
		return fmt.Errorf("--pid %d: there is no such process", t.PID)
	}
	return nil
}
