//go:build linux

package main

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFaultsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range faults {
		require.False(t, seen[f.name], f.name)
		seen[f.name] = true
		require.NotEmpty(t, f.what, f.name)
		require.NotNil(t, f.strike, f.name)
	}
	_, err := choose("kill-hub,nothing")
	require.ErrorContains(t, err, "--fault nothing: there is none of that name")
}

// TestRouterCutsAndMends has two ends of the router, and packets between them.
func TestRouterCutsAndMends(t *testing.T) {
	r := newRouter()
	a, b := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.1.0.2")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer func() { require.NoError(t, read.Close()) }()
	defer func() { require.NoError(t, write.Close()) }()
	p := &port{file: write, late: make(chan held, heldMost)}
	r.ports[b] = p
	done := make(chan struct{})
	go func() { defer close(done); p.bringLate() }()
	defer func() { close(p.late); <-done }()

	packet := func(mark byte) []byte {
		raw := make([]byte, 21)
		raw[0], raw[20] = 0x45, mark
		copy(raw[12:], a.AsSlice())
		copy(raw[16:], b.AsSlice())
		return raw
	}
	next := func() byte {
		buf := make([]byte, 21)
		require.NoError(t, read.SetReadDeadline(time.Now().Add(5*time.Second)))
		n, err := read.Read(buf)
		require.NoError(t, err)
		require.Equal(t, 21, n)
		return buf[20]
	}
	r.carry(packet(1))
	r.cut(a, b)
	r.carry(packet(2))
	r.mend()
	r.cut(b, a) // the other way
	r.carry(packet(3))
	require.Equal(t, byte(1), next())
	require.Equal(t, byte(3), next(), "2 was cut off")

	r.slow(50*time.Millisecond, 0)
	sent := time.Now()
	r.carry(packet(4))
	r.carry(packet(5))
	require.Equal(t, byte(4), next())
	require.GreaterOrEqual(t, time.Since(sent), 50*time.Millisecond)
	require.Equal(t, byte(5), next())
	r.slow(0, 1)
	r.carry(packet(6))
	r.mend()
	r.carry(packet(7))
	require.Equal(t, byte(7), next(), "6 was lost")
}

func TestFlippedBitIsOneBit(t *testing.T) {
	c := &trial{load: workload{seed: 3}}
	dir := t.TempDir() + "/jetstream/streams/HUBBUB_LOG_03/msgs"
	require.NoError(t, os.MkdirAll(dir, 0o700))
	before := strings.Repeat("x", 1000)
	require.ErrorContains(t, flipBit(dir, c.rng("t", 0, 0)), "no block of messages to damage")
	require.NoError(t, os.WriteFile(dir+"/1.blk", []byte(before), 0o600))
	require.NoError(t, flipBit(dir, c.rng("t", 0, 0)))
	after, err := os.ReadFile(dir + "/1.blk")
	require.NoError(t, err)
	bits := 0
	for i := range after {
		for x := after[i] ^ before[i]; x > 0; x &= x - 1 {
			bits++
		}
	}
	require.Equal(t, 1, bits)
}

func TestTableAddsRunsUp(t *testing.T) {
	path := t.TempDir() + "/results"
	for _, r := range []*result{
		{Fault: "kill-hub", What: "w", Times: 5, OK: true, Acked: 100},
		{Fault: "kill-hub", What: "w", Times: 7, OK: true, Acked: 11, Tail: time.Second},
		{Fault: "kill-node", What: "w", Times: 1, Found: []string{"a hole"}},
	} {
		require.NoError(t, r.keep(path))
	}
	var b strings.Builder
	require.NoError(t, printTable(&b, path))
	require.Contains(t, b.String(), "`--fault kill-hub` | 12 in 2 | 111 |")
	require.Contains(t, b.String(), "the tail within 1s")
	require.Contains(t, b.String(), "**not held**")
	require.Contains(t, b.String(), "`--fault jepsen` | not run |")
}
