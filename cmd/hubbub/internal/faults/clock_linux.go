package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The clock of one process alone cannot be stepped from outside: Go asks the kernel
// past the C library, and namespaces hold other clocks than this one. So for this fault
// both programs are built with a package time whose Now is shifted by the seconds that
// stand in a file of the process's folder. What is monotonic stays as it is, as it does
// when an operator or NTP sets the clock.
const (
	clockFile = "clock-step"
	clockCode = `package time

import (
	"sync/atomic"
	"syscall"
)

var step atomic.Int64

// clockStep gives the seconds in the file clock-step, as they were at most 50 ms ago. It
// is called by the scheduler too, where nothing may be waited for.
func clockStep() int64 { return step.Load() }

func init() {
	go func() {
		for ; ; Sleep(50 * Millisecond) {
			fd, err := syscall.Open("clock-step", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			var buf [24]byte
			n, _ := syscall.Read(fd, buf[:])
			syscall.Close(fd)
			var sum, sign int64 = 0, 1
			for _, c := range buf[:max(n, 0)] {
				switch {
				case c == '-':
					sign = -1
				case c >= '0' && c <= '9':
					sum = sum*10 + int64(c-'0')
				}
			}
			step.Store(sign * sum)
		}
	}()
}
`
)

// clockOverlay writes what go build -overlay wants, and gives its name.
func clockOverlay(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	from := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	code, err := os.ReadFile(filepath.Join(from, "time.go"))
	if err != nil {
		return "", err
	}
	const as = "func Now() Time {\n"
	before, after, ok := strings.Cut(string(code), as)
	read := "sec, nsec, mono := runtimeNow()\n"
	if i := strings.Index(after, read); !ok || i < 0 {
		return "", errors.New("package time of this Go is not as it was: clock.go must be brought up to it")
	}
	changed := before + as + strings.Replace(after, read, read+"\tsec += clockStep()\n", 1)
	files := map[string]string{}
	for name, text := range map[string]string{"time.go": changed, "clockstep.go": clockCode} {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			return "", err
		}
		files[filepath.Join(from, name)] = at
	}
	overlay, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		return "", err
	}
	at := filepath.Join(dir, "overlay.json")
	return at, os.WriteFile(at, overlay, 0o600)
}

// setClock steps the clock of a process.
func (p *process) setClock(by time.Duration) error {
	name := filepath.Join(p.dir, clockFile)
	if err := os.WriteFile(name+".new", []byte(strconv.Itoa(int(by.Seconds()))), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// clockStep steps one process's clock by an hour, either way, and back.
func clockStep(ctx context.Context, d *drill) error {
	all := d.all()
	p := all[d.rng.IntN(len(all))]
	by := time.Hour
	if d.rng.IntN(2) == 0 {
		by = -by
	}
	if err := p.setClock(by); err != nil {
		return err
	}
	pass(ctx, d.some(d.long()/3, d.long()))
	if err := p.setClock(0); err != nil {
		return err
	}
	return d.await(ctx, time.Minute, all...)
}
