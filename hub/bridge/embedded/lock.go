//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// dirLock keeps other processes off a data folder. The kernel lets go of it when
// the process ends, however it ends.
type dirLock struct{ f *os.File }

// lockDir makes the folder if need be, and takes it for this process.
func lockDir(dir string) (*dirLock, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("data folder %s: is a file; name a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s: cannot be made: %w; name one that can be made and written", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: cannot be written: %w; name one that can, or change its owner or mode", dir, err)
	}
	l := &dirLock{f: f}
	if err := l.take(); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: %w", dir, err), f.Close())
	}
	return l, nil
}

func (l *dirLock) take() error {
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("another process is using it%s; stop that one, or give this one a folder of its own", l.owner())
	case err != nil:
		return fmt.Errorf("cannot be locked: %w; it must be on a file system that has locks", err)
	}
	// The number is for whoever comes second; the lock does not hang on it.
	if err := l.f.Truncate(0); err == nil {
		_, _ = l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return nil
}

// owner names the process that holds the lock, if it has left its number.
func (l *dirLock) owner() string {
	buf := make([]byte, 32)
	n, _ := l.f.ReadAt(buf, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

func (l *dirLock) release() error { return l.f.Close() }
