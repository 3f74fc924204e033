package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// ruling is what the watch beneath the library must say of a stream: where the
// frame begins that is wrong, at which byte that shows, and what it is.
type ruling struct {
	start, at int
	err       error
}

// judge is the watch written as the RFC reads, for a stream that is all there.
func judge(b []byte) ruling {
	parts, controls := 0, 0
	for start := 0; ; {
		f := b[start:]
		if len(f) < 2 {
			return ruling{len(b), len(b), nil}
		}
		length, header := uint64(f[1]&0x7f), 6
		if f[1]&0x80 == 0 {
			return ruling{start, start + 1, errUnmasked}
		}
		if length == 127 && len(f) > 2 && f[2]&0x80 != 0 {
			return ruling{start, start + 2, errLength}
		}
		for wide := map[uint64]int{126: 2, 127: 8}[length]; wide > 0; wide = 0 {
			header += wide
			if len(f) >= header {
				length = 0
				for _, digit := range f[2 : 2+wide] {
					length = length<<8 | uint64(digit)
				}
			}
		}
		if len(f) < header {
			return ruling{len(b), len(b), nil}
		}
		switch opcode := f[0] & 0x0f; {
		case opcode == 9 || opcode > 9: // opcodes without a meaning are counted too
			if controls++; controls > maxControls {
				return ruling{start, start + header - 1, errControls}
			}
		case opcode < 8:
			if parts++; parts > maxFragments {
				return ruling{start, start + header - 1, errFragments}
			}
			if f[0]&0x80 != 0 {
				parts = 0
			}
		}
		if length > uint64(len(f)-header) {
			return ruling{len(b), len(b), nil}
		}
		start += header + int(length)
	}
}

// FuzzFrameLimit compares the watch, which sees a stream in pieces, with judge,
// which sees it whole.
func FuzzFrameLimit(f *testing.F) {
	f.Add([]byte{}, uint64(0))
	for i, row := range slicesOf(firstRows(), dataRows(), partRows(), controlRows(), closeRows()) {
		if len(row.send) < 4096 {
			f.Add(row.send, uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		want := judge(stream)
		whole := &frameLimit{}
		good, err := whole.watch(stream)
		require.Equal(t, want.err, err)
		require.Equal(t, want.start, good, "all that comes before the frame that is wrong, and nothing of it")

		pieces, given := &frameLimit{}, 0
		r := rand.New(rand.NewPCG(seed, 0))
		err = nil
		for rest := stream; len(rest) > 0 && err == nil; {
			n := min(len(rest), 1+r.IntN(16))
			good, err = pieces.watch(rest[:n])
			given += good
			rest = rest[n:]
		}
		require.Equal(t, want.err, err)
		require.GreaterOrEqual(t, given, want.start)
		require.LessOrEqual(t, given, want.at, "the library never sees the byte that is wrong")
		require.LessOrEqual(t, cap(pieces.head), 16)
	})
}

// FuzzStream sends bytes to a live hub in the place of frames, before connect or
// after. It must answer with good frames, end, and forget the connection.
func FuzzStream(f *testing.F) {
	e := newEdge(f)
	for _, row := range slicesOf(firstRows(), dataRows(), partRows(), controlRows(), closeRows(), lettersRows()) {
		if len(row.send) < 4096 {
			f.Add(row.send, true)
			f.Add(row.send, false)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, connected bool) {
		p := e.with(t).dial()
		if connected {
			ask[wire.Connected](p, &wire.Connect{})
		}
		_, err := p.conn.Write(stream)
		require.True(t, err == nil || gone(err), "%v", err)
		_ = p.conn.CloseWrite()
		for err = nil; err == nil; {
			_, err = p.read()
		}
		require.True(t, gone(err) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
		_ = p.conn.Close()
		require.Eventually(t, func() bool { return e.hub.Stats().Sessions == 0 }, patience, 50*time.Microsecond)
	})
}

// FuzzClients lets a few clients do at random whatever the protocol has, good and
// bad, in a few rooms at once. Each command has one reply, each room one order, and
// nothing is left of the clients.
func FuzzClients(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	e := newEdge(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		var clients sync.WaitGroup
		faults := make([]error, 4)
		e := e.with(t)
		for i := range faults {
			p := e.as(e.token(fmt.Sprintf("u%d", i%3), room.Everything()))
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			clients.Go(func() { faults[i] = p.behave(r, 60) })
		}
		clients.Wait()
		require.NoError(t, errors.Join(faults...))
		require.Eventually(t, func() bool { return e.hub.Stats().Sessions == 0 }, patience, time.Millisecond)
	})
}

// behave sends n commands at random, reads what comes, and ends. Its error is what
// the hub did wrong.
func (p *peer) behave(r *rand.Rand, n int) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for id := 1; id <= n; id++ {
			if _, err := p.conn.Write(text(fmt.Sprintf(`{"id":%d,%s}`, id+1, anything(r)))); err != nil {
				return
			}
		}
		_, _ = p.conn.Write(ping(probe))
	})
	replies, tails := map[uint64]bool{}, map[string]uint64{}
	for {
		h, err := p.read()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		reply, err := wire.DecodeReply(h.payload)
		if err != nil {
			return fmt.Errorf("frame %.100q: %w", h.payload, err)
		}
		if reply.ID == probe {
			break
		}
		if reply.ID != 0 && replies[reply.ID] {
			return fmt.Errorf("a second reply to %d: %s", reply.ID, h.payload)
		}
		replies[reply.ID] = true
		if err := inOrder(tails, reply.Body); err != nil {
			return err
		}
	}
	_ = p.conn.CloseWrite() // replies of the log may still come, and end with this
	for {
		h, err := p.read()
		if err != nil {
			return nil
		}
		if reply, err := wire.DecodeReply(h.payload); err != nil || (reply.ID != 0 && replies[reply.ID]) {
			return fmt.Errorf("late frame %.100q: %w", h.payload, err)
		}
	}
}

// inOrder follows the order of each room that a connection is in.
func inOrder(tails map[string]uint64, body any) error {
	switch b := body.(type) {
	case *wire.EventPush:
		if b.Seq <= tails[b.Room] {
			return fmt.Errorf("%s: %d after %d", b.Room, b.Seq, tails[b.Room])
		}
		tails[b.Room] = b.Seq
	case *wire.Joined:
		if b.Live && b.Seq < tails[b.Room] {
			return fmt.Errorf("%s: joined at %d after %d", b.Room, b.Seq, tails[b.Room])
		}
		if b.Live {
			tails[b.Room] = b.Seq
		}
	case *wire.Error:
		if b.Code == room.CodeInternal {
			return fmt.Errorf("internal: %s", b.Message)
		}
	}
	return nil
}

// anything is a command at random, without its id.
func anything(r *rand.Rand) string {
	name, _ := json.Marshal([]string{"a", "b", "c", "a", "not a room", ""}[r.IntN(6)])
	seq := r.IntN(200)
	switch r.IntN(16) {
	case 0:
		return fmt.Sprintf(`"type":"join","room":%s,"since":{"epoch":"","seq":0}`, name)
	case 1:
		return fmt.Sprintf(`"type":"join","room":%s,"history":%d,"presence":%t`, name, r.IntN(250), r.IntN(2) == 0)
	case 2:
		return fmt.Sprintf(`"type":"leave","room":%s`, name)
	case 3:
		return fmt.Sprintf(`"type":"publish","room":%s,"event":{"kind":"edit","target":%d,"text":"e"}`, name, seq)
	case 4:
		return fmt.Sprintf(`"type":"publish","room":%s,"event":{"kind":%q,"target":%d,"emoji":"👍"}`, name, []string{"react", "unreact"}[r.IntN(2)], seq)
	case 5:
		return fmt.Sprintf(`"type":"publish","room":%s,"event":{"kind":"delete","target":%d}`, name, seq)
	case 6:
		return fmt.Sprintf(`"type":"batch","room":%s,"events":[{"text":"1"},{"id":"k%d","text":"2"},{}]`, name, r.IntN(9))
	case 7:
		return fmt.Sprintf(`"type":"history","room":%s,%q:%d,"limit":%d,"changes":true`, name, []string{"before", "after", "around"}[r.IntN(3)], seq, r.IntN(60))
	case 8:
		return fmt.Sprintf(`"type":"presence","room":%s`, name)
	case 9:
		return fmt.Sprintf(`"type":"typing","room":%s,"typing":%t`, name, r.IntN(2) == 0)
	case 10:
		return fmt.Sprintf(`"type":"broadcast","room":%s,"data":[%d]`, name, seq)
	case 11:
		return fmt.Sprintf(`"type":"positions","rooms":[%s,"b"]`, name)
	case 12:
		return fmt.Sprintf(`"type":"x%d"`, r.IntN(5))
	}
	return fmt.Sprintf(`"type":"publish","room":%s,"event":{"id":"k%d","text":"t%d","reply_to":%d}`, name, r.IntN(50), seq, 1+seq)
}
