package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// gone reports whether an error says that the other side has closed or reset.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// pour writes b again and again, up to most times, until the hub has had enough.
// It gives how often that was.
func (p *peer) pour(b []byte, most int) int {
	p.t.Helper()
	_ = p.conn.SetWriteDeadline(time.Now().Add(patience))
	for n := range most {
		if _, err := p.conn.Write(b); err != nil {
			require.True(p.t, gone(err), "%v", err)
			return n
		}
	}
	return most
}

// inUse is the memory that the process holds on to, after a collection.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// well makes sure that the hub serves a newcomer.
func (e *edge) well() {
	e.t.Helper()
	p := e.guest()
	ask[wire.Joined](p, &wire.Join{Room: "well"})
	seq := p.post("well", "still here")
	require.Equal(e.t, seq, push[wire.EventPush](p).Seq)
	p.bye()
}

// TestBeforeConnect: who has not said who they are has five seconds, whatever they
// do with them.
func TestBeforeConnect(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	begun := time.Now()
	peers := map[string]*peer{"a byte at a time": e.dial()}
	for name, begin := range map[string][]byte{
		"silent":                nil,
		"half a header":         {fin | opText},
		"a header":              header(fin|opText, 4000),
		"half a frame":          text(connectText)[:20],
		"a fragment":            frame(opText, []byte(connectText)),
		"a header of 2^62":      header(fin|opText, 1<<62),
		"pings":                 repeat(frame(fin|opPing, nil), 60),
		"a fragment, and pings": bytesOf(frame(opText, nil), repeat(frame(fin|opPing, []byte("x")), 60)),
	} {
		peers[name] = e.dial()
		peers[name].write(begin)
	}
	var trickling sync.WaitGroup
	defer trickling.Wait()
	trickling.Go(func() { peers["a byte at a time"].trickle(text(hubConnect(1000))) })
	for name, p := range peers {
		_, text, err := p.untilClose()
		require.NoError(t, err, name)
		require.Equal(t, "disconnect 3006", text, name)
		require.InDelta(t, connectTimeout.Seconds(), time.Since(begun).Seconds(), 3, name)
		require.NoError(t, p.conn.Close())
	}
}

// trickle writes a byte every now and then, to look alive, until nobody is there.
func (p *peer) trickle(b []byte) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range b {
		<-tick.C
		if _, err := p.conn.Write(b[i : i+1]); err != nil {
			return
		}
	}
}

// untilClose reads to the close frame, which is not answered. It gives the code,
// and the text frames as a row has them.
func (p *peer) untilClose() (code int, text string, err error) {
	for {
		h, err := p.read()
		switch {
		case err != nil:
			return 0, text, err
		case h.op == opText:
			text = join(text, brief(h.payload))
		case h.op == opClose:
			return h.closeCode(), text, nil
		}
	}
}

// TestFragmentsWithoutEnd: what is never finished is cut off, and costs little.
func TestFragmentsWithoutEnd(t *testing.T) {
	e := newEdge(t)
	const most = 1_000_000
	for name, parts := range map[string][2]string{"empty": {"", ""}, "of a byte": {"{", " "}} {
		for _, connected := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := e.with(t).dial()
				if connected {
					p = e.with(t).guest()
				}
				p.write(frame(opText, []byte(parts[0])))
				before := inUse()
				var end exchange
				var reading sync.WaitGroup
				reading.Go(func() { end, _ = p.listen() })
				chunk := repeat(frame(0, []byte(parts[1])), 1000)
				require.Less(t, p.pour(chunk, most/1000), most/1000)
				reading.Wait()
				require.Equal(t, closed(int(wire.CloseBadProtocol)), end.end)
				require.Less(t, inUse()-before, int64(4<<20))
			})
		}
	}
	e.well()
}

// TestFrameTimes uses the watch beneath the library under fake time.
func TestFrameTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := func(f *frameLimit, b []byte) error {
			_, err := f.watch(b)
			return err
		}
		f := &frameLimit{}
		require.NoError(t, feed(f, frame(opText, []byte("a"))))
		time.Sleep(maxFragmentTime)
		require.NoError(t, feed(f, frame(0, []byte("b"))), "in time, just")
		time.Sleep(time.Millisecond)
		require.ErrorIs(t, feed(f, frame(fin, []byte("c"))), errFragments, "too late")

		f = &frameLimit{}
		for range 5 { // the time is a message's, not a connection's
			require.NoError(t, feed(f, bytesOf(frame(opText, nil), frame(fin, nil), text("whole"))))
			time.Sleep(maxFragmentTime)
		}
		for range 10 { // and the pings are those of a while
			require.NoError(t, feed(f, repeat(frame(fin|opPing, []byte("p")), maxControls)))
			time.Sleep(controlTime + time.Millisecond)
		}
		require.NoError(t, feed(f, repeat(frame(fin|opPong, nil), maxControls)))
		require.ErrorIs(t, feed(f, frame(fin|opPing, nil)), errControls)
	})
}

// TestAnnouncedLengths: a length that is announced costs nothing until bytes come.
func TestAnnouncedLengths(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.Limits.Ping, c.Limits.PongWait = 300*time.Millisecond, 300*time.Millisecond })
	before := inUse()
	var peers []*peer
	for range 50 {
		for _, n := range []uint64{1 << 31, 1 << 40, 1<<63 - 1} {
			p := e.guest()
			p.write(header(fin|opText, n))
			peers = append(peers, p)
		}
	}
	require.Less(t, inUse()-before, int64(16<<20), "for 150 connections that announce 2^31 bytes and more")
	for _, p := range peers { // they have said nothing since
		code, text, err := p.untilClose()
		require.NoError(t, err)
		require.Equal(t, int(wire.CloseNoPong), code)
		require.Equal(t, "ping 0; disconnect 3002", text)
		require.NoError(t, p.conn.Close())
	}
}

// TestStalledGoodbye: a peer that answers the close frame with a frame that never
// ends is not waited for longer than any other.
func TestStalledGoodbye(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	p := e.guest()
	p.write(bytesOf(repeat(text("no JSON"), 3), header(fin|opText, 1<<62)))
	code, _, err := p.untilClose()
	require.NoError(t, err)
	require.Equal(t, int(wire.CloseBadProtocol), code)
	begun := time.Now()
	p.trickle(make([]byte, 1000))
	require.Less(t, time.Since(begun), closeTimeout+lingerTime+3*time.Second)
	p.expectSoon()
	_, err = p.in.ReadByte()
	require.True(t, gone(err), "%v", err)
}

// TestTooLargeIsToldWhy: a client that goes on sending what is too large is not
// reset, which could cost it the close frame, but gets to read it.
func TestTooLargeIsToldWhy(t *testing.T) {
	e := newEdge(t)
	other := e.guest()
	whole := func() bool { // false if the hub's patience was over before we came to it
		p := e.guest()
		p.write(bytesOf(header(fin|opText, 1<<20), blank(500_000)))
		for e.hub.Stats().Sessions > 1 {
			ask[wire.PongReply](other, &wire.Ping{})
		}
		for range 10 { // with time for a reset to arrive in between
			ask[wire.PongReply](other, &wire.Ping{})
			if _, err := p.conn.Write(blank(10_000)); err != nil {
				return false
			}
		}
		code, _, err := p.untilClose()
		if err != nil {
			return false
		}
		require.Equal(t, 1009, code)
		_, err = p.in.ReadByte()
		return errors.Is(err, io.EOF) && p.conn.Close() == nil
	}
	told := 0
	for range 20 {
		if whole() {
			told++
		}
	}
	t.Logf("told %d times of 20", told)
	require.Greater(t, told, 10)
}

// TestDeepJSON: nesting costs no stack.
func TestDeepJSON(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	const levels = 100_000
	for name, s := range map[string]string{
		"arrays":                strings.Repeat("[", levels) + strings.Repeat("]", levels),
		"arrays without an end": strings.Repeat("[", 2*levels),
		"objects":               strings.Repeat(`{"":`, levels/2) + "1" + strings.Repeat("}", levels/2),
		"in a field":            `{"type":"ping","id":1,"x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + "}",
		"in data":               `{"type":"broadcast","id":1,"room":"a","data":` + strings.Repeat("[", 15_000) + strings.Repeat("]", 15_000) + "}",
		"in an event":           `{"type":"publish","id":1,"room":"a","event":{"data":` + strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000) + "}}",
	} {
		p.write(text(s))
		said, ok := p.next().Body.(*wire.Error)
		require.True(t, ok, name)
		require.Equal(t, room.CodeBadRequest, said.Code, "%s: %s", name, said.Message)
		require.Less(t, len(said.Message), 400, "%s", name)
		ask[wire.PongReply](p, &wire.Ping{}) // so that malformed ones are not in a row
	}
	p.bye()
}

func TestPingFlood(t *testing.T) {
	e := newEdge(t)
	for _, op := range []byte{opPing, opPong} {
		p, before := e.guest(), inUse()
		var got exchange
		var reading sync.WaitGroup
		reading.Go(func() { got, _ = p.listen() })
		require.Less(t, p.pour(repeat(frame(fin|op, make([]byte, 125)), 100), 10_000), 10_000, "a million pings")
		reading.Wait()
		require.Less(t, inUse()-before, int64(4<<20))
		require.LessOrEqual(t, strings.Count(got.pongs, "."), maxControls)
		require.Equal(t, closed(int(wire.CloseBadProtocol)), got.end)
	}
	e.well()
}

// TestMalformed: three in a row end the connection, each with an error; a good one
// in between starts the count anew.
func TestMalformed(t *testing.T) {
	e := newEdge(t)
	p := e.guest()
	for range 10 {
		for _, s := range []string{"", "{"} {
			p.write(text(s))
			require.Equal(t, room.CodeBadRequest, p.next().Body.(*wire.Error).Code)
		}
		ask[wire.PongReply](p, &wire.Ping{})
	}
	for _, s := range []string{"null", `{"id":1}`, `{"type":5}`} {
		p.write(text(s))
	}
	frames := p.cut(wire.CloseBadProtocol)
	require.Len(t, frames, 3)
	for i, id := range []int{0, 1, 0} {
		r, err := wire.DecodeReply([]byte(frames[i]))
		require.NoError(t, err)
		require.Equal(t, uint64(id), r.ID)
		require.Equal(t, room.CodeBadRequest, r.Body.(*wire.Error).Code)
	}
}

// TestErrorFlood: refusing is not free, so a peer that does not care for errors is
// read at the pace of the rate limit.
func TestErrorFlood(t *testing.T) {
	for name, flood := range map[string][]byte{
		"commands":          text(`{"type":"ping","id":1}`),
		"unknown commands":  text(`{"type":"nothing","id":1}`),
		"unasked pongs":     text(`{"type":"pong","id":1}`),
		"without an id":     text(`{"type":"ping"}`),
		"malformed, 2 of 3": bytesOf(text("1"), text("2"), text(`{"type":"ping","id":1}`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const perSecond, burst = 200, 50
			e := newEdge(t, func(c *edgeConfig) { c.Limits.Rate, c.Limits.Burst = perSecond, burst })
			p := e.guest()
			begun := time.Now()
			_ = p.conn.SetWriteDeadline(begun.Add(time.Second))
			ctx, stop := context.WithCancel(context.Background())
			heard := make(chan int, 1)
			go func() {
				n := 0
				for ctx.Err() == nil {
					if _, err := p.read(); err != nil {
						break
					}
					n++
				}
				heard <- n
			}()
			sent := 0
			for chunk := repeat(flood, 100); ; sent += 100 {
				if _, err := p.conn.Write(chunk); err != nil {
					break // the hub does not read on, so at some time nothing more fits
				}
			}
			stop()
			require.NoError(t, p.conn.Close())
			n, passed := <-heard, time.Since(begun).Seconds()
			require.LessOrEqual(t, float64(n), 2*(burst+perSecond*passed)+10, "answers in %.1f s", passed)
			require.Greater(t, sent, 2*n, "to a flood")
		})
	}
}
