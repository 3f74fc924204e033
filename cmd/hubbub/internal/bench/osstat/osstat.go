// Package osstat reads what the operating system itself says a process has cost:
// processor time, memory, descriptors, and the kernel's memory for sockets. It
// reads Linux's /proc and nothing else, so that the process that is measured is
// neither asked nor believed.
package osstat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU gives the processor time that a process has used so far, in user space and
// in the kernel, of all its threads. Its resolution is a clock tick, 10 ms as a
// rule.
func CPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	ticks, err := parseStat(stat)
	if err != nil {
		return 0, fmt.Errorf("processor time of %d: %w", pid, err)
	}
	return time.Duration(ticks) * tick(), nil
}

// parseStat gives utime+stime of /proc/PID/stat, in ticks. The command's name, in
// parentheses, may itself hold spaces and parentheses.
func parseStat(stat []byte) (uint64, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, fmt.Errorf("stat: no command in %.40q", stat)
	}
	const utime, stime = 14 - 3, 15 - 3 // numbered from 1 in proc(5); the third comes after the name
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) <= stime {
		return 0, fmt.Errorf("stat: %d fields after the command", len(fields))
	}
	user, err := strconv.ParseUint(fields[utime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("stat: utime: %w", err)
	}
	system, err := strconv.ParseUint(fields[stime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("stat: stime: %w", err)
	}
	return user + system, nil
}

// tick is the length of a clock tick: the kernel tells each process in its
// auxiliary vector how many there are to a second.
func tick() time.Duration {
	const clockTicks = 17 // AT_CLKTCK
	vector, err := os.ReadFile("/proc/self/auxv")
	for ; err == nil && len(vector) >= 16; vector = vector[16:] {
		if binary.NativeEndian.Uint64(vector) == clockTicks {
			if n := binary.NativeEndian.Uint64(vector[8:]); n > 0 {
				return time.Second / time.Duration(n)
			}
		}
	}
	return time.Second / 100
}

// RSS gives the bytes of a process that lie in memory, as smaps_rollup counts them,
// or where that may not be read as status does.
func RSS(pid int) (int64, error) {
	if rollup, err := os.ReadFile(proc(pid, "smaps_rollup")); err == nil {
		if n, err := sizeLine(rollup, "Rss:"); err == nil {
			return n, nil
		}
	}
	status, err := os.ReadFile(proc(pid, "status"))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	return sizeLine(status, "VmRSS:")
}

// sizeLine finds "Name:   12 kB" and gives bytes.
func sizeLine(text []byte, name string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || unit != "kB" {
			return 0, fmt.Errorf("%s is %q, and no size in kB", name, strings.TrimSpace(rest))
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("no line %s", name)
}

// Descriptors counts the open files and sockets of a process.
func Descriptors(pid int) (int, error) {
	entries, err := os.ReadDir(proc(pid, "fd"))
	if err != nil {
		return 0, fmt.Errorf("descriptors: %w", err)
	}
	return len(entries), nil
}

// Kernel is the kernel's memory that sockets count in. It is the whole machine's:
// only a difference over a time in which nothing else happens means something, and
// over loopback it holds both ends.
type Kernel struct {
	Buffers int64 // bytes of TCP buffers, from /proc/net/sockstat
	Slab    int64 // bytes of the kernel's objects, sockets and epoll's entries among them, from /proc/meminfo
}

// Total is both together.
func (k Kernel) Total() int64 { return k.Buffers + k.Slab }

// KernelMemory reads it.
func KernelMemory() (Kernel, error) {
	sockstat, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel memory: %w", err)
	}
	pages, err := tcpPages(sockstat)
	if err != nil {
		return Kernel{}, err
	}
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel memory: %w", err)
	}
	slab, err := sizeLine(meminfo, "Slab:")
	return Kernel{Buffers: pages * int64(os.Getpagesize()), Slab: slab}, err
}

// tcpPages finds mem in "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 71".
func tcpPages(sockstat []byte) (int64, error) {
	for line := range strings.Lines(string(sockstat)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(fields); i += 2 {
			if fields[i] == "mem" {
				return strconv.ParseInt(fields[i+1], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("sockstat: no TCP line with mem")
}

func proc(pid int, file string) string { return fmt.Sprintf("/proc/%d/%s", pid, file) }
