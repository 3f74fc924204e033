package thin

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that never wait go past the scheduler, which would cost more than they
// do: the sockets are non-blocking, and epoll is asked for what it has.

// Read is read(2) on a non-blocking descriptor. b is not empty.
func Read(fd int, b []byte) (int, error) {
	return result(unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// Write is write(2) on a non-blocking descriptor. b is not empty.
func Write(fd int, b []byte) (int, error) {
	return result(unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// WaitEpoll looks without waiting first, and waits up to so many milliseconds if
// there is nothing: under load there is something, and going to sleep is saved.
func WaitEpoll(epoll int, events []unix.EpollEvent, millis int) (int, error) {
	n, err := pollEpoll(epoll, events)
	if n > 0 || err != nil {
		return n, err
	}
	n, err = unix.EpollWait(epoll, events, millis)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return n, err
}

func pollEpoll(epoll int, events []unix.EpollEvent) (int, error) {
	return result(unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0))
}

// sleepShort sleeps on this thread, which holds no lock and runs nothing else.
func sleepShort(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// sharpTimers asks the kernel for timers of this thread that are exact to 1 µs
// instead of the usual 50.
func sharpTimers(on bool) error {
	slack := uintptr(0) // the default again
	if on {
		slack = 1000
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, slack, 0, 0, 0); err != nil {
		return fmt.Errorf("timer slack: %w", err)
	}
	return nil
}

func result(n, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
