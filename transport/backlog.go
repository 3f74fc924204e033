package transport

import "time"

// maxLatest is how many ephemeral frames wait for one peer that lags: the latest of
// each key.
const maxLatest = 64

// backlog is what a peer has not taken yet. It exists only while there is something,
// and so does the goroutine that writes it. It is guarded by its sender's mu.
type backlog struct {
	buf     []byte      // whole frames, but for the first, of which a part may be gone
	off     int         // what waits is buf[off:]
	begun   int         // so many of its bytes complete a frame of which a part is gone
	asked   int         // so many came as replies, and are no sign of a slow peer
	flying  int         // so many are being written without the lock
	sent    uint64      // bytes written since it began
	ages    []age       // ascending; when what waits came
	latest  []ephemeral // the oldest first
	done    chan struct{}
	lighter chan struct{} // closed when little enough waits, if somebody minds
}

// age says when bytes came, up to some place in all that the backlog has had.
type age struct {
	end   uint64
	since time.Time
}

// ephemeral is a frame of which only the last of its key counts.
type ephemeral struct {
	key  string
	data []byte
}

// newBacklog holds what is left of p, of whose bytes so many were written.
func newBacklog(p []byte, written int, now time.Time) *backlog {
	b := &backlog{done: make(chan struct{})}
	b.buf, b.off = append(b.buf, p[written:]...), 0
	b.ages = append(b.ages, age{uint64(len(b.buf)), now})
	if written > 0 {
		end := 0
		for end < written {
			end += wholeFrame(p[end:])
		}
		b.begun = end - written
	}
	return b
}

// size is how many bytes wait.
func (b *backlog) size() int { return len(b.buf) - b.off }

// excess is how many wait that the peer has not asked for. One frame is none.
func (b *backlog) excess() int {
	if b.size() == b.begun {
		return 0
	}
	return b.size() - b.asked
}

// oldest is since when the first of them has waited.
func (b *backlog) oldest() time.Time { return b.ages[0].since }

// add appends whole frames. Their age is known to an eighth of the longest that
// they may wait.
func (b *backlog) add(p []byte, now time.Time, longest time.Duration) {
	if b.off > len(b.buf)/2 && b.flying == 0 {
		b.buf = append(b.buf[:0], b.buf[b.off:]...)
		b.off = 0
	}
	b.buf = append(b.buf, p...)
	end := b.sent + uint64(b.size())
	if last := len(b.ages) - 1; last >= 0 && now.Sub(b.ages[last].since) < longest/8 {
		b.ages[last].end = end
		return
	}
	b.ages = append(b.ages, age{end, now})
}

// conflate keeps an ephemeral frame in place of an earlier one of its key. In all no
// more than most bytes and maxLatest frames are kept; the oldest go first.
func (b *backlog) conflate(key string, data []byte, most int) {
	kept, bytes := b.latest[:0], len(data)
	for _, e := range b.latest {
		if e.key != key {
			kept, bytes = append(kept, e), bytes+len(e.data)
		}
	}
	kept = append(kept, ephemeral{key, append([]byte(nil), data...)})
	for len(kept) > maxLatest || bytes > most && len(kept) > 0 {
		bytes -= len(kept[0].data)
		kept = kept[1:]
	}
	b.latest = kept
}

// gone notes that n bytes were written. It is true when nothing is left.
func (b *backlog) gone(n int, now time.Time, longest time.Duration) bool {
	b.off += n
	b.sent += uint64(n)
	for b.begun -= n; b.begun < 0; {
		b.begun += wholeFrame(b.buf[b.off+b.begun:])
	}
	for len(b.ages) > 0 && b.ages[0].end <= b.sent {
		b.ages = b.ages[1:]
	}
	b.asked = min(b.asked, b.size())
	if b.size() > 0 {
		return false
	}
	for _, e := range b.latest {
		b.add(e.data, now, longest)
	}
	b.latest = nil
	return b.size() == 0
}

// cut drops all that need not go out: a frame that is begun must be ended.
func (b *backlog) cut() {
	keep := max(b.begun, b.flying)
	b.buf, b.latest = b.buf[:b.off+keep], nil
	for i := range b.ages {
		b.ages[i].end = min(b.ages[i].end, b.sent+uint64(keep))
	}
}

// piece gives whole frames to be written without the lock, about most bytes.
func (b *backlog) piece(most int) []byte {
	n := b.begun
	for n < most && b.off+n < len(b.buf) {
		n += wholeFrame(b.buf[b.off+n:])
	}
	b.flying = n
	return b.buf[b.off : b.off+n : b.off+n]
}
