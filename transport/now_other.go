//go:build !linux

package transport

import "syscall"

// writeNow is a write system call on a socket that does not block.
func writeNow(fd uintptr, p []byte) (n int, err error) { return syscall.Write(int(fd), p) }

// readNow is the read system call of the same kind.
func readNow(fd uintptr, p []byte) (n int, err error) { return syscall.Read(int(fd), p) }
