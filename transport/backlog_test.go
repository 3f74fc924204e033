package transport

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// someFrame is a text frame as the hub writes it.
func someFrame(r *rand.Rand) []byte {
	n := r.IntN(300)
	if r.IntN(20) == 0 {
		n = 65_000 + r.IntN(2000)
	}
	buf, _ := sealFrame(append(openFrame(nil, finText), bytes.Repeat([]byte{byte('a' + r.IntN(26))}, n)...), 0)
	return buf
}

// TestBacklogKeepsFramesWhole: however a peer takes it, and wherever it is cut, what
// goes out is whole frames, in their order.
func TestBacklogKeepsFramesWhole(t *testing.T) {
	const longest = time.Second
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		now := time.Now()
		var all, out []byte
		frames := func() (p []byte) {
			for range 1 + r.IntN(5) {
				p = append(p, someFrame(r)...)
			}
			all = append(all, p...)
			return p
		}
		first := frames()
		written := r.IntN(len(first))
		out = append(out, first[:written]...)
		b := newBacklog(first, written, now)
		isCut := false
		for done := false; !done; {
			now = now.Add(time.Duration(r.IntN(100)) * time.Millisecond)
			switch {
			case r.IntN(3) == 0 && len(all) < 1<<20 && !isCut:
				b.add(frames(), now, longest)
			case r.IntN(30) == 0:
				b.cut()
				isCut = true
				require.Equal(t, b.begun, b.size(), "seed %d", seed)
				fallthrough
			case r.IntN(2) == 0: // as a goroutine does that writes without the lock
				piece := bytes.Clone(b.piece(1 + r.IntN(2000)))
				if r.IntN(10) == 0 && !isCut {
					b.add(frames(), now, longest)
				}
				if r.IntN(10) == 0 {
					b.cut()
					isCut = true
				}
				n := r.IntN(len(piece) + 1)
				out, b.flying = append(out, piece[:n]...), 0
				done = b.gone(n, now, longest)
			default:
				n := r.IntN(b.size() + 1)
				out = append(out, b.buf[b.off:b.off+n]...)
				done = b.gone(n, now, longest)
			}
			if b.size() > 0 {
				require.NotEmpty(t, b.ages, "seed %d", seed)
				require.Equal(t, b.sent+uint64(b.size()), b.ages[len(b.ages)-1].end, "seed %d", seed)
			}
		}
		require.True(t, bytes.HasPrefix(all, out), "seed %d", seed)
		require.True(t, isCut || len(all) == len(out), "seed %d", seed)
		for len(out) > 0 {
			n := wholeFrame(out)
			require.LessOrEqual(t, n, len(out), "seed %d: a part of a frame", seed)
			out = out[n:]
		}
	}
}

func TestBacklogConflates(t *testing.T) {
	now := time.Now()
	first := someFrame(rand.New(rand.NewPCG(1, 1)))
	b := newBacklog(first, 1, now)
	key := func(i int) string { return string(rune('a' + i%100)) }
	for i := range 300 {
		b.conflate(key(i), []byte{0x81, 1, byte(i)}, 1000)
	}
	require.Len(t, b.latest, maxLatest)
	for i, e := range b.latest {
		require.Equal(t, key(300-maxLatest+i), e.key, "the newest stay, in their order")
		require.Equal(t, byte(300-maxLatest+i), e.data[2])
	}
	b.conflate("large", make([]byte, 900), 1000)
	require.Len(t, b.latest, 1+100/3, "no more than there is room for")
	b.conflate("too large", make([]byte, 1001), 1000)
	require.Empty(t, b.latest)
	b.conflate("x", []byte{0x81, 0}, 1000)
	require.False(t, b.gone(len(first)-1, now, time.Second), "they go out behind what was there")
	require.Equal(t, []byte{0x81, 0}, b.buf[b.off:])
	require.True(t, b.gone(2, now, time.Second))
}

func TestBacklogKnowsItsAge(t *testing.T) {
	begun := time.Now()
	frame := []byte{finText, 1, 'x'}
	b := newBacklog(frame, 0, begun)
	for i := range 100 {
		b.add(frame, begun.Add(time.Duration(i)*time.Second/10), 4*time.Second)
	}
	require.Less(t, len(b.ages), 25, "a bounded number of them")
	for i := range 100 {
		require.False(t, b.gone(len(frame), begun, 4*time.Second))
		of := begun.Add(time.Duration(i) * time.Second / 10)
		require.WithinRange(t, b.oldest(), of.Add(-time.Second/2), of)
	}
}

func TestFramesAreWhatTheRFCSays(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65_535, 65_536, 100_000} {
		payload := bytes.Repeat([]byte("p"), n)
		before := []byte("before")
		buf, at := sealFrame(append(openFrame(bytes.Clone(before), finText), payload...), len(before))
		require.Equal(t, before, buf[:len(before)])
		require.Equal(t, payload, buf[at:])
		got := buf[len(before):]
		want := header(fin|opText, uint64(n))
		want = want[:len(want)-len(mask)]
		want[1] &^= 0x80
		require.Equal(t, want, got[:len(got)-n], "%d bytes", n)
		require.Equal(t, len(got), wholeFrame(got))

		whole, at := binaryFrame(payload)
		sealed, _ := sealFrame(append(openFrame(nil, finBinary), payload...), 0)
		require.Equal(t, sealed, whole)
		require.Equal(t, payload, whole[at:])
	}
	for reason, kept := range map[string]int{"": 0, "shutdown": 8, strings.Repeat("x", 200): 123, strings.Repeat("€", 50): 123, "xx" + strings.Repeat("€", 50): 122} {
		got := closeFrame(4401, reason)
		require.Equal(t, append([]byte{finClose, byte(2 + kept), 4401 >> 8, 4401 & 0xff}, reason[:kept]...), got)
	}
}
