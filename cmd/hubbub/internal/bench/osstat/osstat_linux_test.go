package osstat

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	ticks, err := parseStat([]byte("42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 300 21 0 0 20 0 1 0 5"))
	require.NoError(t, err)
	require.EqualValues(t, 321, ticks)
	for _, bad := range []string{"", "42 no command", "42 (x) S 1 2 3", "42 (x) S 1 2 3 4 5 6 7 8 9 10 many 21"} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestSizeLine(t *testing.T) {
	n, err := sizeLine([]byte("Name:\tx\nVmRSS:\t    12 kB\n"), "VmRSS:")
	require.NoError(t, err)
	require.EqualValues(t, 12<<10, n)
	_, err = sizeLine([]byte("VmRSS:\t12 pages\n"), "VmRSS:")
	require.Error(t, err)
	_, err = sizeLine([]byte("Other: 1 kB\n"), "VmRSS:")
	require.ErrorContains(t, err, "no line VmRSS:")
}

func TestTCPPages(t *testing.T) {
	n, err := tcpPages([]byte("sockets: used 11\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 71\nUDP: inuse 0 mem 3\n"))
	require.NoError(t, err)
	require.EqualValues(t, 71, n)
	_, err = tcpPages([]byte("UDP: inuse 0 mem 3\n"))
	require.Error(t, err)
}

// The kernel's own account of this process is what is read.
func TestThisProcess(t *testing.T) {
	pid := os.Getpid()
	before, err := CPU(pid)
	require.NoError(t, err)
	var used syscall.Rusage
	for busy := 0; used.Utime.Nano()+used.Stime.Nano() < int64(before)+int64(300*time.Millisecond); busy++ {
		require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	}
	after, err := CPU(pid)
	require.NoError(t, err)
	require.InDelta(t, float64(300*time.Millisecond), float64(after-before), float64(60*time.Millisecond))

	small, err := RSS(pid)
	require.NoError(t, err)
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	large, err := RSS(pid)
	require.NoError(t, err)
	require.Greater(t, large-small, int64(50<<20))
	runtime.KeepAlive(block)

	few, err := Descriptors(pid)
	require.NoError(t, err)
	for range 5 {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()); require.NoError(t, w.Close()) }()
	}
	more, err := Descriptors(pid)
	require.NoError(t, err)
	require.Equal(t, few+10, more)

	k, err := KernelMemory()
	require.NoError(t, err)
	require.Positive(t, k.Slab)
	require.Equal(t, k.Slab+k.Buffers, k.Total())
}

func TestAProcessThatIsNotThere(t *testing.T) {
	const none = 1 << 30
	_, err := CPU(none)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = RSS(none)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Descriptors(none)
	require.ErrorIs(t, err, os.ErrNotExist)
}
