package thin

import (
	"errors"
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

func result(n, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
